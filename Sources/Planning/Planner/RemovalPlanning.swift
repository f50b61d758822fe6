internal import OCI

extension PlanningRun {
    /// Where this spec removes a tag. `known(nil)`: it does not.
    mutating func isRemoved(_ address: RepositoryAddress, _ tag: TagName, for origin: Origin) -> Lookup<Origin?> {
        if absences.isEmpty, desired.namespaceAbsences.isEmpty { return .known(nil) }
        if let whole = removalOfNamespace(of: address) { return .known(whole) }
        let absent = absences[address]
        if isSelected(address, tag), let removal = absent.origin(of: tag) { return .known(removal) }
        guard !absent.digests.isEmpty else { return .known(nil) }
        switch head(address, .tag(tag), for: origin) {
        case .waiting: return .waiting
        case .failed: return .failed
        case .known(let head):
            guard let digest = head?.digest, isSelected(address, digest) else { return .known(nil) }
            return .known(absent.digests[digest])
        }
    }

    private func removalOfNamespace(of address: RepositoryAddress) -> Origin? {
        guard !desired.namespaceAbsences.isEmpty else { return nil }
        let name = address.repository.namespace
        guard isSelected(address.registry, namespace: name) else { return nil }
        return desired.namespaceAbsences.first { $0.name == name && $0.registries.contains(address.registry) }?.origin
    }

    /// Turns every entry that removes something into untags and deletes.
    mutating func planRemovals() {
        var deletes: [RepositoryAddress: [ImageRemoval]] = [:]
        // What is named one by one comes first: a glob that matches it too is not why it goes.
        for entry in desired.absences.sorted(by: { ($0.isGlob ? 1 : 0, $0.origin) < ($1.isGlob ? 1 : 0, $1.origin) }) {
            guard case .known(let addresses) = repositories(of: entry) else { continue }
            for address in addresses where !isInNoNamespace(address, entry.origin) && !isMovedAway(address, entry.origin) {
                switch entry.what {
                case .tag(let tag): if isSelected(address, tag) { untag(tag, in: address, entry.origin) }
                case .tags(let glob): untagAll(matching: glob, in: address, entry.origin)
                case .digest(let digest):
                    if isSelected(address, digest) { deletes[address, default: []].append(ImageRemoval(digest, entry.origin)) }
                case .repository:
                    let digests = everything(in: address, entry.origin).filter { isSelected(address, $0) }
                    deletes[address, default: []] += digests.map { ImageRemoval($0, entry.origin) }
                }
            }
        }
        for entry in selectedMoves { deletes[entry.from, default: []] += removals(of: entry) }
        for (address, removals) in deletes.sorted(by: { $0.key < $1.key }) { delete(removals, in: address) }
        removeByRules()
        describeRemainingTags()
        dropUnreadableRemovals()
    }

    /// What goes and what is moved cannot be told apart any more once both are done.
    private mutating func isMovedAway(_ address: RepositoryAddress, _ origin: Origin) -> Bool {
        guard let move = selectedMoves.first(where: { $0.from == address }), case .known(let tags?) = tags(address, for: origin),
            !tags.isEmpty
        else { return false }
        error(
            "moved-and-absent",
            "\(address) is moved to \(move.to), and this entry removes from it",
            at: origin,
            help: "apply one of the two first",
            related: [("moved here", move.origin)]
        )
        return true
    }

    /// Content below a namespace that is not there is denied, not absent; the list of namespaces tells.
    private mutating func isInNoNamespace(_ address: RepositoryAddress, _ origin: Origin) -> Bool {
        guard kind(of: address.registry) == .icr, case .none = list(of: address),
            case .found(.administration(.namespaces(let live)))? = ask(.administration(address.registry, .namespaces)),
            !live.contains(where: { $0.name == address.repository.namespace })
        else { return false }
        alreadyAbsent += 1
        let name = address.repository.namespace
        note("not-visible", "\(address.registry) has no namespace '\(name)' that this login may see", at: origin)
        return true
    }

    private mutating func repositories(of entry: AbsenceEntry) -> Lookup<[RepositoryAddress]> {
        repositories(in: entry.scopes, for: entry.origin)
    }

    /// The repositories that patterns mean; a glob over them needs a registry that lists them.
    mutating func repositories(in scopes: [RepositoryPattern], for origin: Origin) -> Lookup<[RepositoryAddress]> {
        var addresses: Set<RepositoryAddress> = []
        var isOpen = false
        for scope in scopes {
            if let literal = scope.literal {
                if isSelected(literal) { addresses.insert(literal) }
                continue
            }
            for registry in scope.registry.map({ [$0] }) ?? desired.registries.keys.sorted() {
                switch repositories(registry, for: origin) {
                case .waiting: isOpen = true
                case .failed: return .failed
                case .known(let names):
                    let matching = (names ?? []).map { RepositoryAddress(registry, $0) }.filter { scope.matches($0) && isSelected($0) }
                    addresses.formUnion(matching)
                }
            }
        }
        return isOpen ? .waiting : .known(addresses.sorted())
    }

    /// All images of a repository that shall go: every manifest where the registry lists them, else what tags (companions also by their
    /// names) and indexes lead to.
    mutating func everything(in address: RepositoryAddress, _ origin: Origin) -> [Digest] {
        if let (tag, declaration) = declarations.tags(in: address).min(by: { $0.key < $1.key }) {
            reportDeclaredAndAbsent("\(address):\(tag)", origin, declaration.origin)
            return []
        }
        guard case .known(let heads) = headsByTag(in: address, for: origin), case .known(let listed) = digests(address, for: origin) else {
            return []
        }
        var found = Set(listed ?? []).union(heads.values.map(\.digest))
        if found.isEmpty { alreadyAbsent += 1 }
        guard listed == nil else { return found.sorted() }
        guard case .known(let signed) = subjectsOfCompanions(among: heads, in: address, for: origin) else { return [] }
        found.formUnion(signed.map(\.digest))
        var queue = (heads.values + signed).filter { MediaType.isIndex($0.mediaType) || !MediaType.isManifest($0.mediaType) }.map(\.digest)
        var isWhole = true
        while let digest = queue.popLast() {
            guard case .known(let document) = manifest(address, digest, for: origin) else {
                isWhole = false
                continue
            }
            for child in document?.index?.manifests ?? [] where !found.contains(child.digest) {
                switch head(address, .digest(child.digest), for: origin) {
                case .waiting, .failed: isWhole = false
                case .known(nil): continue
                case .known: found.insert(child.digest)
                }
                if !MediaType.isManifest(child.mediaType) || MediaType.isIndex(child.mediaType) { queue.append(child.digest) }
            }
        }
        return isWhole ? found.sorted() : []
    }

    /// The images without a tag that companion tags are about.
    mutating func subjectsOfCompanions(
        among heads: [TagName: ManifestHead],
        in address: RepositoryAddress,
        for origin: Origin
    ) -> Lookup<[ManifestHead]> {
        let tagged = Set(heads.values.map(\.digest))
        var found: [ManifestHead] = []
        var outcome = Progress.done
        for subject in Set(heads.keys.compactMap { $0.companion?.digest }).subtracting(tagged).sorted() {
            switch head(address, .digest(subject), for: origin) {
            case .waiting: if outcome == .done { outcome = .waiting }
            case .failed: outcome = .failed
            case .known(let head): if let head { found.append(head) }
            }
        }
        return outcome == .failed ? .failed : outcome == .waiting ? .waiting : .known(found)
    }

    private mutating func untagAll(matching glob: Glob, in address: RepositoryAddress, _ origin: Origin) {
        guard case .known(let tags) = tags(address, for: origin) else { return }
        let matching = (tags ?? []).filter { $0.companion == nil && glob.matches($0.description) && isSelected(address, $0) }
        for tag in matching { untag(tag, in: address, origin, byRule: "matched by a glob under absent") }
        // A tag that is declared but not there yet must not be matched either.
        for (tag, declaration) in declarations.tags(in: address).sorted(by: { $0.key < $1.key })
        where tag.companion == nil && glob.matches(tag.description) && !matching.contains(tag) {
            reportDeclaredAndAbsent("\(address):\(tag)", origin, declaration.origin)
        }
        if matching.isEmpty { alreadyAbsent += 1 }
    }

    mutating func reportDeclaredAndAbsent(_ name: String, _ absent: Origin, _ declared: Origin) {
        error(
            "declared-and-absent",
            "\(name) is both declared and absent",
            at: absent,
            help: "take it out of one of the two entries",
            related: [("declared here", declared)]
        )
    }

    /// `rule`: why, when no entry names the tag itself.
    mutating func untag(_ tag: TagName, in address: RepositoryAddress, _ origin: Origin, byRule rule: String? = nil) {
        var name: String { "\(address):\(tag)" }
        if let declaration = declarations[address, tag] {
            reportDeclaredAndAbsent(name, origin, declaration.origin)
            return
        }
        guard case .known(let head) = head(address, .tag(tag), for: origin) else { return }
        guard let head else {
            alreadyAbsent += 1
            return
        }
        // It goes with its image already.
        let deletion = changes[Change.id(.delete, .manifest(address, .digest(head.digest)))]
        if deletion?.consequences.removedTags.contains(tag) == true { return }
        guard case .known(let method?) = untagMethod(name, in: address, for: origin) else { return }
        let change = Change(
            kind: .untag,
            target: .manifest(address, .tag(tag)),
            oldDigest: head.digest,
            method: method,
            reason: rule ?? "named under absent",
            origin: origin,
            undo: .retag(head.digest),
            preconditions: [.at(head.digest)]
        )
        guard changes[change.id] == nil else { return }
        changes[change.id] = change
        if rule != nil { ruleChanges.insert(change.id) }
    }

    /// With `--keep-going`, a registry that could not be read whole loses nothing, nor does a repository that an entry which was
    /// left out writes.
    private mutating func dropUnreadableRemovals() {
        guard options.keepGoing else { return }
        for change in changes.values where change.isRemoval || change.consequences.images != nil {
            guard let reason = change.target.address.map(reasonToLeaveOut) ?? reasonToLeaveOut(change.target) else { continue }
            changes[change.id] = nil
            leftOut.insert(Plan.LeftOut(what: change.id.description, reason: reason, origin: change.origin))
        }
    }

    /// A namespace, when something in its registry, or what an entry writes into it, is not known in full.
    private func reasonToLeaveOut(_ target: ChangeTarget) -> String? {
        guard case .namespace(let registry, let name) = target else { return nil }
        if unreadableRegistries.contains(registry) { return "something in \(registry) could not be read" }
        let isIncomplete =
            incompleteRepositories.contains { $0.registry == registry && $0.repository.namespace == name }
            || incompletePrefixes.contains { $0.registry == registry && ($0.path.map { $0.namespace == name } ?? true) }
        return isIncomplete ? "an entry that writes into \(registry)/\(name) is left out" : nil
    }

    private func reasonToLeaveOut(_ address: RepositoryAddress) -> String? {
        if unreadableRegistries.contains(address.registry) { return "something in \(address.registry) could not be read" }
        return isIncomplete(address) ? "an entry that writes \(address) is left out" : nil
    }

    /// Whether an entry that writes the repository could not say in full what it shall hold.
    func isIncomplete(_ address: RepositoryAddress) -> Bool {
        incompleteRepositories.contains(address)
            || incompletePrefixes.contains { prefix in
                prefix.registry == address.registry && prefix.path.map { address.repository.description.hasPrefix("\($0)/") } ?? true
            }
    }
}

extension AbsenceEntry {
    fileprivate var isGlob: Bool { if case .tags = what { true } else { false } }
}
