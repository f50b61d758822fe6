internal import OCI

extension PlanningRun {
    /// Compares one declared tag with the live one.
    mutating func settle(_ declaration: Declaration, _ address: RepositoryAddress, _ tag: TagName) -> Declaration.State {
        let live: ManifestHead?
        switch head(address, .tag(tag), for: declaration.origin) {
        case .waiting: return .waiting
        case .failed: return .failed
        case .known(let head): live = head
        }
        guard let content = declaration.content else {
            if let live { return .kept(live.digest) }
            error(
                "source-missing",
                "\(address):\(tag) is not there, and the source of this entry is gone, so 'missing: keep' has nothing to keep",
                at: declaration.origin,
                help: "bring the source back, or take the entry out"
            )
            return .failed
        }
        guard let live else { return .toPut(old: nil) }
        var liveManifest: ManifestDocument?
        if content.identity.needsManifest, live.digest != content.digest {
            switch manifest(address, live.digest, for: declaration.origin) {
            case .waiting: return .waiting
            case .failed: return .failed
            case .known(let document): liveManifest = document
            }
        }
        if live.digest == content.digest || content.identity.isSatisfied(by: live.digest, manifest: liveManifest) {
            return .inPlace(live.digest)
        }
        switch declaration.rules.existing {
        case .move: return .toPut(old: live.digest)
        case .keep: return .kept(live.digest)
        case .refuse: return .refused(live.digest)
        }
    }

    /// Makes the puts of everything that is not in place.
    mutating func compareTargets() {
        for (declared, declaration) in declarations.all {
            let name = "\(declared.address):\(declared.tag)"
            switch declaration.state {
            case .waiting, .failed, .inPlace: break
            case .kept(let digest):
                guard declaration.content != nil else { break }
                note("kept", "\(name) stays at \(digest.short), which another push put there (existing: keep)", at: declaration.origin)
            case .refused(let digest):
                refusals.append(
                    Refusal(
                        code: "existing",
                        message:
                            "\(name) holds \(digest.short), another digest than this entry wants, and the entry says 'existing: refuse'",
                        subjects: [name],
                        origin: declaration.origin,
                        help: "Let it move with 'existing: move', or give the new content another tag."
                    )
                )
            case .toPut(let old):
                if let content = declaration.content {
                    put(content, at: .manifest(declared.address, .tag(declared.tag)), over: old, declaration.origin)
                }
            }
        }
        describeMoves()
    }

    /// Adds a put and its row of the contents table.
    mutating func put(_ content: ResolvedContent, at target: ChangeTarget, over old: Digest?, _ origin: Origin, reason: String? = nil) {
        let row = PlannedContent(
            identity: content.identity,
            digest: content.digest,
            mediaType: content.mediaType,
            origin: content.origin,
            manifest: content.identity.isDerived ? content.manifest.map { String(decoding: $0.bytes, as: UTF8.self) } : nil,
            label: content.label
        )
        if content.identity.isDerived {
            note(
                "new-index",
                "'platforms' makes a new index, \(content.digest.short), of \(content.label): signatures of the old one do not carry over",
                at: origin
            )
        }
        contents[row.id] = contents[row.id] ?? row
        resolvedContents[row.id] = resolvedContents[row.id] ?? content
        let method: ChangeMethod
        switch content.origin {
        case .local: method = .push
        case .registry(let address): method = address.registry == target.registry ? .tag : .copy
        }
        var change = Change(
            kind: .put,
            target: target,
            oldDigest: old,
            newDigest: content.digest,
            content: row.id,
            method: method,
            reason: reason ?? (old == nil ? "declared and not there" : "declared with another digest"),
            origin: origin,
            undo: old.map { .retag($0) } ?? .remove,
            preconditions: [old.map { .at($0) } ?? .absent]
        )
        if let source = content.follows, declarations[source.address, source.tag]?.isPut == true {
            change.after = [Change.id(.put, .manifest(source.address, .tag(source.tag)))]
        }
        changes[change.id] = changes[change.id] ?? change
    }

    /// Whether a moved tag's old image keeps another tag. Only looked at in repositories where that costs little.
    private mutating func describeMoves() {
        for change in changes.values.sorted(by: { $0.id < $1.id }) where change.isMove {
            guard let address = change.target.address, let old = change.oldDigest else { continue }
            guard case .known(let remaining?) = tagsThatStay(on: old, in: address, for: change.origin, limit: Self.movesLookAtTags) else {
                continue
            }
            changes[change.id]?.consequences.remainingTags = remaining
        }
    }

    /// Above this many tags in a repository, a move does not ask what each of them holds.
    static let movesLookAtTags = 200

    /// The tags that will lead to a digest after the plan. `known(nil)`: not looked at, as the repository has more than `limit` tags.
    mutating func tagsThatStay(on digest: Digest, in address: RepositoryAddress, for origin: Origin, limit: Int) -> Lookup<[TagName]?> {
        switch digestsByTag(in: address, for: origin, limit: limit) {
        case .waiting: return .waiting
        case .failed: return .failed
        case .known(nil): return .known(nil)
        case .known(var live?):
            for (tag, declaration) in declarations.tags(in: address) {
                if let digest = declaration.digest { live[tag] = digest }
            }
            for tag in absentTags(in: address, among: Array(live.keys)) { live[tag] = nil }
            return .known(live.filter { $0.value == digest && $0.key.companion == nil }.map(\.key).sorted())
        }
    }

    /// What each live tag holds. `known(nil)`: more than `limit` tags.
    mutating func digestsByTag(in address: RepositoryAddress, for origin: Origin, limit: Int) -> Lookup<[TagName: Digest]?> {
        switch tags(address, for: origin) {
        case .waiting: return .waiting
        case .failed: return .failed
        case .known(let tags):
            let tags = tags ?? []
            guard tags.count <= limit else { return .known(nil) }
            var result: [TagName: Digest] = [:]
            var isOpen = false
            for tag in tags {
                switch head(address, .tag(tag), for: origin) {
                case .waiting: isOpen = true
                case .failed: return .failed
                case .known(let head): result[tag] = head?.digest
                }
            }
            return isOpen ? .waiting : .known(result)
        }
    }
}

extension Content {
    var isDerived: Bool { if case .derived = self { true } else { false } }
}
