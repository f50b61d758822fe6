internal import Diagnostics
internal import OCI

extension MoveEntry {
    /// Signatures and the like go along.
    static let rules = TransferRules(referrers: .always)
}

/// `moved`: one repository takes the place of another. Nothing is removed before all of it is in its new place.
extension PlanningRun {
    /// Declares every tag of the old repository in the new one.
    mutating func evaluate(_ entry: MoveEntry) -> Progress {
        let tags: [TagName]
        switch liveTags(of: entry) {
        case .waiting: return .waiting
        case .failed: return .failed
        case .known(nil): return checkMoved(entry)
        case .known(let found?): tags = found
        }
        if let tag = tags.first(where: { !isSelected(entry.from, $0) || !isSelected(entry.to, $0) }) {
            error(
                "filtered-move",
                "--target and --exclude leave out the tag \(tag) of \(entry.from), and a repository is moved whole",
                at: entry.origin,
                help: "select both repositories whole, or neither"
            )
            return .failed
        }
        var progress = Progress.done
        // Companion tags, too: what they hold may be needed, whatever they belong to.
        for tag in tags where declarations[entry.from, tag] == nil {
            switch isRewritten(tag, entry) {
            case .known(false): break
            case .known(true): continue
            case .waiting:
                if progress == .done { progress = .waiting }
                continue
            case .failed:
                progress = .failed
                continue
            }
            switch move(tag, entry) {
            case .done: continue
            case .waiting: if progress == .done { progress = .waiting }
            case .failed: progress = .failed
            }
        }
        return progress
    }

    /// A list of referrers whose image is moved: the referrers go along, and whoever puts them writes such a list anew.
    private mutating func isRewritten(_ tag: TagName, _ entry: MoveEntry) -> Lookup<Bool> {
        guard let companion = tag.companion, companion.kind == .referrers, let subject = companion.digest else { return .known(false) }
        switch head(entry.from, .digest(subject), for: entry.origin) {
        case .waiting: return .waiting
        case .failed: return .failed
        case .known(let head): return .known(head != nil)
        }
    }

    /// `known(nil)`: the old repository is gone.
    private mutating func liveTags(of entry: MoveEntry) -> Lookup<[TagName]?> {
        let tags: [TagName]
        switch self.tags(entry.from, for: entry.origin) {
        case .waiting: return .waiting
        case .failed: return .failed
        case .known(let found): tags = found ?? []
        }
        if !tags.isEmpty { return .known(tags) }
        switch digests(entry.from, for: entry.origin) {
        case .waiting: return .waiting
        case .failed: return .failed
        case .known(let digests): return .known(digests?.isEmpty == false ? [] : nil)
        }
    }

    private mutating func checkMoved(_ entry: MoveEntry) -> Progress {
        if writtenRepositories.contains(entry.to), !declarations.tags(in: entry.to).isEmpty { return .done }
        switch tags(entry.to, for: entry.origin) {
        case .waiting: return .waiting
        case .failed: return .failed
        case .known(let tags):
            if tags?.isEmpty == false { return .done }
            switch digests(entry.to, for: entry.origin) {
            case .waiting: return .waiting
            case .failed: return .failed
            case .known(let digests): if digests?.isEmpty == false { return .done }
            }
            error(
                "source-missing",
                "neither \(entry.from) nor \(entry.to) is there, so nothing can be moved",
                at: entry.origin,
                help: "correct the names, or take the entry out"
            )
            return .failed
        }
    }

    private mutating func move(_ tag: TagName, _ entry: MoveEntry) -> Progress {
        switch isRemoved(entry.from, tag, for: entry.origin) {
        case .waiting: return .waiting
        case .failed: return .failed
        case .known(let removal): if removal != nil { return .done }
        }
        let content: ResolvedContent
        switch resolve(entry.from, .tag(tag), for: entry.origin) {
        case .waiting: return .waiting
        case .failed: return .failed
        // It vanished since the list was made.
        case .known(nil): return .done
        case .known(let found?): content = found
        }
        switch head(entry.to, .tag(tag), for: entry.origin) {
        case .waiting: return .waiting
        case .failed: return .failed
        case .known(let head):
            guard let head, head.digest != content.digest else {
                return declare(content, tags: [tag], in: [entry.to], Declaration.Terms(entry.origin, MoveEntry.rules))
            }
            error(
                "moved-conflict",
                "\(entry.from) and \(entry.to) hold different images under the tag \(tag): \(content.digest.short) and \(head.digest.short)",
                at: entry.origin,
                help: "untag one of the two, or give it another tag, before the repository is moved"
            )
            return .failed
        }
    }

    /// What no moved tag leads to is put by its digest: all that the registry lists; else images that companions name.
    mutating func moveUntagged() {
        for entry in selectedMoves {
            guard case .known(let heads) = headsByTag(in: entry.from, for: entry.origin),
                case .known(let listed) = digests(entry.from, for: entry.origin),
                case .known(let signed) = subjectsOfCompanions(among: heads, in: entry.from, for: entry.origin),
                case .known(let graph) = readGraph(of: entry.from, deleting: [], for: entry.origin)
            else { continue }
            var moved = Set(heads.filter { declarations[entry.to, $0.key] != nil }.values.map(\.digest))
            for (tag, head) in heads { if case .known(true) = isRewritten(tag, entry) { moved.insert(head.digest) } }
            let below = graph.everything(below: moved).union(moved)
            let images = listed ?? Set(heads.values.map(\.digest)).union(signed.map(\.digest)).sorted()
            for digest in images.sorted() where !below.contains(digest) {
                putByDigest(digest, from: entry.from, to: entry.to, entry.origin, reason: "moved with its repository")
            }
        }
    }

    private mutating func putByDigest(
        _ digest: Digest,
        from source: RepositoryAddress,
        to target: RepositoryAddress,
        _ origin: Origin,
        reason: String
    ) {
        guard case .known(nil) = head(target, .digest(digest), for: origin),
            case .known(let content?) = resolve(source, .digest(digest), for: origin)
        else { return }
        let place = ChangeTarget.manifest(target, .digest(digest))
        put(content, at: place, over: nil, origin, reason: reason)
        putsByDigest.insert(Change.id(.put, place))
    }

    /// From an undo: images without a tag, out of where they were moved to or saved.
    mutating func bringBack() {
        for entry in desired.returns {
            putByDigest(entry.digest, from: entry.source, to: entry.target, entry.origin, reason: "brought back")
        }
    }

    /// Everything of the old repository, once it is known whole.
    mutating func removals(of entry: MoveEntry) -> [ImageRemoval] {
        guard case .known(let tags?) = liveTags(of: entry) else { return [] }
        guard !tags.isEmpty || !declarations.tags(in: entry.from).isEmpty || kind(of: entry.from.registry) != .oci else { return [] }
        var moved = contentAfterMove(of: entry)
        for tag in tags {
            guard case .known(true) = isRewritten(tag, entry), case .known(let list?) = head(entry.from, .tag(tag), for: entry.origin)
            else { continue }
            moved.insert(list.digest)
        }
        return everything(in: entry.from, entry.origin).map { digest in
            let isMoved = moved.contains(digest) || isThere(digest, in: entry)
            let reason = isMoved ? "moved to \(entry.to)" : "left behind in a repository that is moved"
            return ImageRemoval(digest, entry.origin, reason: reason, movedTo: isMoved ? entry.to : nil)
        }
    }

    /// An earlier run may have put it there.
    private mutating func isThere(_ digest: Digest, in entry: MoveEntry) -> Bool {
        if case .known(.some) = head(entry.to, .digest(digest), for: entry.origin) { true } else { false }
    }

    /// What the new repository holds then, as far as this plan puts it there.
    private mutating func contentAfterMove(of entry: MoveEntry) -> Set<Digest> {
        var digests: Set<Digest> = []
        for change in changes.values where change.kind == .put && change.target.address == entry.to {
            guard let content = change.content.flatMap({ resolvedContents[$0] }),
                case .known(let documents) = documents(of: content, for: change.origin)
            else { continue }
            digests.formUnion(documents.map(\.digest))
        }
        return digests
    }

    var selectedMoves: [MoveEntry] { desired.moves.filter { isSelected($0.from) && isSelected($0.to) } }
}
