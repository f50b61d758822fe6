internal import OCI

/// What is in use is neither untagged nor deleted; a move of it is shown as such (design, section 4). Decided on the changes alone, so
/// that a saved plan is held against it like a new one.
extension PlanningRun {
    mutating func checkInUse() {
        guard !policy.inUse.lists.isEmpty else { return }
        describeMovesInUse()
        refuseRemovalsInUse()
    }

    /// Something that a change takes away: tags, an image, or both.
    private struct Removed {
        var address: RepositoryAddress
        var digest: Digest
        var tags: [TagName]
        /// Every tag, and the image by digest where it goes as well.
        var names: [String]
        /// What was removed before cannot be read any more.
        var isTrashed = false
    }

    /// What a manifest leads to.
    private enum Parts {
        case waiting, absent
        case unreadable(String)
        case known(Set<Digest>)
    }

    /// Below one index; whoever publishes more means us harm.
    private static let mostParts = 20_000

    // MARK: Moves

    /// Asks nothing: only what a list itself names is shown. The old image stays whatever it is.
    private mutating func describeMovesInUse() {
        var tags: [RepositoryAddress: [TagName: Set<String>]] = [:]
        var digests: [Digest: Set<String>] = [:]
        for list in policy.inUse.lists {
            for reference in list.references {
                if let address = reference.repository, let tag = reference.tag {
                    tags[address, default: [:]][tag, default: []].insert(list.name)
                }
                if let digest = reference.digest { digests[digest, default: []].insert(list.name) }
            }
        }
        for change in changes.values where change.isMove {
            guard let address = change.target.address, let tag = change.target.reference?.tag, let old = change.oldDigest else { continue }
            let lists = (tags[address]?[tag] ?? []).union(digests[old] ?? [])
            if !lists.isEmpty { changes[change.id]?.consequences.usedBy = lists.sorted() }
        }
    }

    // MARK: Removals

    mutating func refuseRemovalsInUse() {
        let lists = policy.inUse.lists
        guard !lists.isEmpty else { return }
        let removals = sortedChanges { $0.isRemoval || $0.consequences.images?.isEmpty == false }
        let unusable = lists.filter { !$0.problems.isEmpty }
        guard !removals.isEmpty else {
            // Whoever reads this plan sees that the next one with a removal will be refused.
            for list in unusable where !changes.isEmpty {
                note("in-use-unknown", "nothing could be untagged or deleted: \(Self.joined(list.problems))", at: list.origin)
            }
            return
        }
        guard unusable.isEmpty else {
            let help = "Write the list anew, or take it out of policy.inUse; a plan without removals does not need it."
            for list in unusable { refuseAll(removals, because: list.problems, list.origin, help: help) }
            return
        }
        var unknown: Set<String> = []
        if let index = index(for: removals, &unknown) {
            for change in removals { refuse(change, index, &unknown) }
        }
        guard !unknown.isEmpty else { return }
        let help = "Let the login read it, or leave it out of the lists of policy.inUse."
        refuseAll(removals, because: unknown.sorted(), lists.first?.origin, help: help)
    }

    /// Everything in use, with what it leads to; `nil`: something has to be asked.
    private mutating func index(for removals: [Change], _ unknown: inout Set<String>) -> InUseIndex? {
        var index = InUseIndex(policy.inUse.lists.flatMap(\.references))
        let known = policy.inUse.registries.union(desired.registries.keys).union(removals.map(\.target.registry))
        let (asked, elsewhere) = (
            index.tags.filter { known.contains($0.key.registry) }, index.tags.filter { !known.contains($0.key.registry) }
        )
        noteUnasked(elsewhere)
        for (address, tags) in asked.sorted(by: { $0.key < $1.key }) {
            for (tag, places) in tags.sorted(by: { $0.key < $1.key }) {
                switch answer(.head(address, .tag(tag))) {
                case .found(.head(let head))?: index.add(head.digest, in: address, places)
                case .unreadable(let error)?: unknown.insert(error.description)
                case nil, .found?, .absent?: break
                }
            }
        }
        guard needs.isEmpty else { return nil }
        let touched = Set(removals.flatMap { removed(by: $0).map(\.address) }).sorted()
        for digest in index.digests.keys.sorted() {
            let own = (index.addresses[digest] ?? []).filter { known.contains($0.registry) }.sorted()
            // Where something is removed it is looked for last: its parts could go there, wherever it runs from.
            switch parts(of: digest, inFirstOf: own + touched.filter { !own.contains($0) }) {
            case .waiting, .absent: break
            case .unreadable(let reason): unknown.insert(reason)
            case .known(let parts): index.add(parts: parts, of: digest)
            }
        }
        return needs.isEmpty ? index : nil
    }

    private mutating func refuse(_ change: Change, _ index: InUseIndex, _ unknown: inout Set<String>) {
        var used: [(removed: Removed, use: InUseIndex.Use)] = []
        for removed in removed(by: change) {
            if let use = index.use(of: removed.tags, removed.digest, in: removed.address) {
                used.append((removed, use))
                continue
            }
            guard !removed.isTrashed else { continue }
            switch parts(of: removed.digest, in: removed.address, withConfigs: index.hasImageIDs) {
            case .waiting, .absent: break
            case .unreadable(let reason): unknown.insert(reason)
            case .known(let parts): if let use = index.use(ofParts: parts) { used.append((removed, use)) }
            }
        }
        guard let first = used.first else { return }
        let message: String
        if change.consequences.images == nil {
            let verb = change.kind == .untag ? "untagged" : "deleted"
            message = "\(change.target) cannot be \(verb): \(first.use.description)"
        } else {
            message =
                "'\(change.id)' removes what is in use (\(InUseIndex.Use(what: "", places: used.flatMap { $0.use.places }).shownPlaces))"
        }
        refusals.append(
            Refusal(
                code: "in-use",
                message: message,
                subjects: used.flatMap { $0.removed.names },
                origin: change.origin,
                help: "Take the entry out, or wait until nothing runs it and write the lists of policy.inUse anew."
            )
        )
    }

    private func removed(by change: Change) -> [Removed] {
        if let images = change.consequences.images {
            return images.map { image in
                let address = RepositoryAddress(change.target.registry, image.repository)
                let tags = image.tags.map { "\(address):\($0)" }
                let names = tags.isEmpty ? ["\(address)@\(image.digest)"] : tags
                return Removed(address: address, digest: image.digest, tags: image.tags, names: names, isTrashed: image.isTrashed)
            }
        }
        guard change.isRemoval, let address = change.target.address, let digest = change.oldDigest else { return [] }
        let tags = (change.target.reference?.tag).map { [$0] } ?? change.consequences.removedTags
        let names = tags.map { "\(address):\($0)" }
        return [Removed(address: address, digest: digest, tags: tags, names: change.kind == .delete ? ["\(change.target)"] + names : names)]
    }

    // MARK: Reading

    private mutating func parts(of digest: Digest, inFirstOf addresses: [RepositoryAddress]) -> Parts {
        for address in addresses {
            let found = parts(of: digest, in: address)
            if case .absent = found { continue }
            return found
        }
        return .absent
    }

    /// What an index leads to, however deep, as far as it is there; `withConfigs`, the configs of images too.
    private mutating func parts(of root: Digest, in address: RepositoryAddress, withConfigs: Bool = false) -> Parts {
        switch answer(.head(address, .digest(root))) {
        case nil: return .waiting
        case .unreadable(let error)?: return .unreadable(error.description)
        case .absent?: return .absent
        case .found(.head(let head))? where !withConfigs && !Self.mayLeadOn(head.mediaType): return .known([])
        case .found?: break
        }
        var found: Set<Digest> = []
        var seen: Set<Digest> = [root]
        var queue = [root]
        var isOpen = false
        while let digest = queue.popLast() {
            switch answer(.manifest(address, digest)) {
            case nil: isOpen = true
            case .unreadable(let error)?: return .unreadable(error.description)
            case .found(.manifest(let document))?:
                if withConfigs, let config = document.image?.config { found.insert(config.digest) }
                for child in document.index?.manifests ?? [] {
                    found.insert(child.digest)
                    guard withConfigs || Self.mayLeadOn(child.mediaType), seen.insert(child.digest).inserted else { continue }
                    queue.append(child.digest)
                }
            case .found?, .absent?: break
            }
            guard found.count <= Self.mostParts else {
                return .unreadable("\(address)@\(root) leads to more than \(Self.mostParts) manifests")
            }
        }
        return isOpen ? .waiting : .known(found)
    }

    private static func mayLeadOn(_ mediaType: String) -> Bool { MediaType.isIndex(mediaType) || !MediaType.isManifest(mediaType) }

    // MARK: Saying

    /// Tags of registries that the specs do not name protect themselves; no other registry is contacted for them.
    private mutating func noteUnasked(_ tags: [RepositoryAddress: [TagName: [String]]]) {
        guard let origin = policy.inUse.lists.first?.origin, !tags.isEmpty else { return }
        let count = tags.values.reduce(0) { $0 + $1.count }
        let registries = Set(tags.keys.map(\.registry.description)).sorted()
        let names = registries.prefix(5).joined(separator: ", ") + (registries.count > 5 ? " and \(registries.count - 5) more" : "")
        note(
            "in-use-elsewhere",
            "\(count) tag\(count == 1 ? "" : "s") in use \(count == 1 ? "is" : "are") of registries that the specs do not name (\(names)); "
                + "which images they hold was not asked",
            at: origin,
            help: "declare the registry, or list the images by digest, if an image of the same digest must stay here"
        )
    }

    /// What is in use is not known, so nothing goes.
    private mutating func refuseAll(_ removals: [Change], because problems: [String], _ origin: Origin?, help: String) {
        refusals.append(
            Refusal(
                code: "in-use-unknown",
                message: "nothing can be untagged or deleted, since it is not known what is in use: \(Self.joined(problems))",
                subjects: removals.flatMap { removed(by: $0).flatMap(\.names) },
                origin: origin,
                help: help
            )
        )
    }

    /// The first ten.
    private static func joined(_ problems: [String]) -> String {
        problems.prefix(10).joined(separator: "; ") + (problems.count > 10 ? "; and \(problems.count - 10) more" : "")
    }
}
