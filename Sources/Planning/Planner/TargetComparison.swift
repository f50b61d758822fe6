internal import OCI

extension PlanningRun {
    /// Compares one declared tag with the live one.
    mutating func settled(_ declaration: consuming Declaration, _ address: RepositoryAddress, _ tag: TagName) -> Declaration {
        let state = state(of: declaration, address, tag)
        declaration.state = state
        return declaration
    }

    private mutating func state(of declaration: Declaration, _ address: RepositoryAddress, _ tag: TagName) -> Declaration.State {
        guard !declaration.isLeftOut else { return .failed }
        let live: Digest?
        switch answer(.head(address, .tag(tag))) {
        case nil: return .waiting
        case .unreadable(let error)?: return .unreadable(error)
        case .found(.head(let head))?: live = head.digest
        case .found?, .absent?: live = nil
        }
        guard let content = declaration.content else { return live.map { .kept($0) } ?? .missing }
        guard let live else { return .toPut(old: nil) }
        if live == content.digest { return .inPlace(live) }
        var manifest: ManifestDocument?
        if content.identity.needsManifest {
            switch answer(.manifest(address, live)) {
            case nil: return .waiting
            case .unreadable(let error)?: return .unreadable(error)
            case .found(.manifest(let document))?: manifest = document
            case .found?, .absent?: break
            }
        }
        if content.identity.isSatisfied(by: live, manifest: manifest) { return .inPlace(live) }
        switch declaration.rules.existing {
        case .move: return .toPut(old: live)
        case .keep: return .kept(live)
        case .refuse: return .refused(live)
        }
    }

    /// Makes the puts of everything that is not in place.
    mutating func compareTargets() {
        for (address, tags) in declarations.names(where: \.isToCompare) {
            for tag in tags { if let declaration = declarations[address, tag] { compare(declaration, address, tag) } }
        }
    }

    private mutating func compare(_ declaration: Declaration, _ address: RepositoryAddress, _ tag: TagName) {
        var name: String { "\(address):\(tag)" }
        switch declaration.state {
        case .waiting, .inPlace: break
        case .failed:
            guard declaration.origins.count > 1 else { break }
            for origin in declaration.origins { leaveOut(origin, because: "another entry declares \(name) too, and is left out") }
        case .unreadable(let error):
            for origin in declaration.origins { fail(error, in: address.registry, for: origin) }
        case .missing: reportNothingToKeep(name, declaration)
        case .kept(let digest):
            guard declaration.content != nil else { break }
            note("kept", "\(name) stays at \(digest.short), which another push put there (existing: keep)", at: declaration.origin)
        case .refused(let digest): refuseExisting(name, digest, declaration)
        case .toPut(let old):
            guard let content = declaration.content else { break }
            put(content, at: .manifest(address, .tag(tag)), over: old, declaration.origin)
        }
    }

    private mutating func reportNothingToKeep(_ name: String, _ declaration: Declaration) {
        error(
            "source-missing",
            "\(name) is not there, and the source of this entry is gone, so 'missing: keep' has nothing to keep",
            at: declaration.origin,
            help: "bring the source back, or take the entry out"
        )
    }

    private mutating func refuseExisting(_ name: String, _ digest: Digest, _ declaration: Declaration) {
        refusals.append(
            Refusal(
                code: "existing",
                message: "\(name) holds \(digest.short), another digest than this entry wants, and the entry says 'existing: refuse'",
                subjects: [name],
                origin: declaration.origin,
                help: "Let it move with 'existing: move', or give the new content another tag."
            )
        )
    }

    /// Adds a put and its row of the contents table.
    mutating func put(_ content: ResolvedContent, at target: ChangeTarget, over old: Digest?, _ origin: Origin, reason: String? = nil) {
        let row = PlannedContent(
            identity: content.identity,
            digest: content.digest,
            mediaType: content.mediaType,
            origin: content.origin,
            manifest: content.identity.isDerived ? content.held.map { String(decoding: $0.manifest.bytes, as: UTF8.self) } : nil,
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

    /// Above this many tags in a repository, a change does not ask what each of them holds.
    static let largestLook = 200

    /// Says of each move and untag which other tags keep the old image. It is for people, so it never fails the plan.
    mutating func describeRemainingTags() {
        let removed = changes.values.filter { $0.isMove || $0.kind == .untag }
        for (address, changes) in Dictionary(grouping: removed, by: \.target.address) {
            let leaving = Set(changes.filter { $0.kind == .untag }.compactMap(\.target.reference?.tag))
            guard let address, let staying = tagsThatStay(in: address, without: leaving) else { continue }
            for change in changes { self.changes[change.id]?.consequences.remainingTags = change.oldDigest.map { staying[$0] ?? [] } }
        }
    }

    /// The tags that will lead to each digest after the plan, sorted; `nil`: not looked at, as the repository has many tags of which each
    /// has to be asked, or cannot be read.
    private mutating func tagsThatStay(in address: RepositoryAddress, without leaving: Set<TagName>) -> [Digest: [TagName]]? {
        guard case .found(.tags(let tags))? = answer(.tags(address)) else { return nil }
        if case .known = list(of: address) {} else if tags.count > Self.largestLook { return nil }
        var staying: [Digest: [TagName]] = [:]
        var isKnown = true
        for tag in tags where tag.companion == nil && declarations[address, tag] == nil && !leaving.contains(tag) {
            switch answer(.head(address, .tag(tag))) {
            case .found(.head(let head))?: staying[head.digest, default: []].append(tag)
            case .absent?: break
            case nil, .found?, .unreadable?: isKnown = false
            }
        }
        for (tag, declaration) in declarations.tags(in: address) where tag.companion == nil {
            if let digest = declaration.digest { staying[digest, default: []].append(tag) }
        }
        return isKnown ? staying.mapValues { $0.sorted() } : nil
    }

    /// What each live tag holds.
    mutating func headsByTag(in address: RepositoryAddress, for origin: Origin) -> Lookup<[TagName: ManifestHead]> {
        switch tags(address, for: origin) {
        case .waiting: return .waiting
        case .failed: return .failed
        case .known(let tags):
            var result: [TagName: ManifestHead] = [:]
            var outcome = Progress.done
            for tag in tags ?? [] {
                switch head(address, .tag(tag), for: origin) {
                case .waiting: if outcome == .done { outcome = .waiting }
                case .failed: outcome = .failed
                case .known(let head): result[tag] = head
                }
            }
            return outcome == .failed ? .failed : outcome == .waiting ? .waiting : .known(result)
        }
    }
}

extension Content {
    var isDerived: Bool { if case .derived = self { true } else { false } }
}
