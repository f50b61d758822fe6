internal import OCI

/// Retention policies. To set one runs it at once, so what the registry's own analysis says would go is a removal like any other.
extension PlanningRun {
    mutating func planRetention(_ entry: NamespaceEntry, on registry: RegistryID, isThere: Bool) {
        guard let rule = entry.retention else { return }
        var before = RetentionPolicy.none
        if isThere {
            let found = managed(registry, .retention(of: entry.name), for: entry.origin) {
                if case .retention(let policy) = $0 { policy } else { nil }
            }
            guard case .known(let policy) = found else { return }
            before = policy
        }
        let after = before.following(rule)
        guard !after.hasSameEffect(as: before) else { return }
        var victims: [RetentionVictim] = []
        var images: [RepositoryName: [InventoryImage]] = [:]
        if isThere, !after.removesNothing {
            let analysis = managed(registry, .retentionVictims(after, of: entry.name), for: entry.origin) {
                if case .retentionVictims(let list) = $0 { list } else { nil }
            }
            let found = inventory(of: entry.name, on: registry, for: entry.origin)
            guard case .known(let list) = analysis, case .known(let inventory) = found else { return }
            images = inventory
            guard let named = withTheirTags(list, inventory, entry, on: registry) else { return }
            victims = named
        }
        guard !refusesFewerThanDeclared(after, entry, on: registry),
            !refusesLossOfChildren(after, rule, images, entry, on: registry),
            case .known(false) = refusesNeeded(victims, images, entry, on: registry)
        else { return }
        let lost = victims.map { LostImage($0.image.repository, $0.image.digest, tags: $0.tags) }.sorted()
        let change = setting(
            .retention(before: before, after: after),
            entry.name,
            on: registry,
            entry.origin,
            [.retention(before), .retentionVictims(lost.map(\.description))],
            .setBack,
            losing: lost,
            reason: after.words
        )
        changes[change.id] = change
    }

    /// The tags that guards are held against are those of the list: the analysis may name fewer. What it names must be there.
    private mutating func withTheirTags(
        _ victims: [RetentionVictim],
        _ images: [RepositoryName: [InventoryImage]],
        _ entry: NamespaceEntry,
        on registry: RegistryID
    ) -> [RetentionVictim]? {
        var result: [RetentionVictim] = []
        for victim in victims {
            guard let listed = images[victim.image.repository]?.first(where: { $0.digest == victim.image.digest }) else {
                error(
                    "analysis-unclear",
                    "the analysis of retention in \(registry)/\(entry.name) names \(victim.image.repository)@\(victim.image.digest.short), which "
                        + "the list of its images does not show",
                    at: entry.origin,
                    help: "plan again; the list may be behind"
                )
                return nil
            }
            result.append(RetentionVictim(image: victim.image, tags: Set(victim.tags).union(listed.tags).sorted()))
        }
        return result
    }

    private mutating func refuse(_ code: String, _ message: String, _ subjects: [String], _ origin: Origin, help: String) {
        refusals.append(Refusal(code: code, message: message, subjects: subjects.sorted(), origin: origin, help: help))
    }

    /// The registry would go on removing what the spec goes on declaring.
    private mutating func refusesFewerThanDeclared(_ policy: RetentionPolicy, _ entry: NamespaceEntry, on registry: RegistryID) -> Bool {
        guard let most = policy.imagesPerRepository else { return false }
        var over: [String] = []
        for (address, tags) in declarations.byRepository
        where address.registry == registry && address.repository.namespace == entry.name {
            let images = Set(tags.compactMap { $0.value.digest ?? $0.value.content?.digest })
            if images.count > most { over.append("\(address) (\(images.count) images declared)") }
        }
        guard !over.isEmpty else { return false }
        refuse(
            "retention-declared",
            "retention would keep \(most) images of each repository in \(registry)/\(entry.name), fewer than the specs declare",
            over,
            entry.origin,
            help: "Raise 'imagesPerRepository', or declare fewer images."
        )
        return true
    }

    /// Children of an index are untagged as a rule, and the registry does not spare them.
    private mutating func refusesLossOfChildren(
        _ policy: RetentionPolicy,
        _ rule: NamespaceEntry.RetentionRule,
        _ images: [RepositoryName: [InventoryImage]],
        _ entry: NamespaceEntry,
        on registry: RegistryID
    ) -> Bool {
        guard !policy.keepUntagged, case .policy(let retention) = rule, !retention.acceptChildLoss else { return false }
        let live = images.flatMap { repository, images in
            images.filter { $0.isIndex != false }.map { "\(registry)/\(repository)\($0.tags.first.map { ":\($0)" } ?? "@\($0.digest)")" }
        }
        let declared = declarations.byRepository.filter { $0.key.registry == registry && $0.key.repository.namespace == entry.name }
            .flatMap { address, tags in
                tags.filter { MediaType.isIndex($0.value.content?.mediaType ?? "") }.map { "\(address):\($0.key)" }
            }
        let indexes = Set(live + declared)
        guard !indexes.isEmpty else { return false }
        refuse(
            "retention-children",
            "retention without 'keepUntagged' removes untagged images, and the images of an index are untagged: those of "
                + "\(registry)/\(entry.name) would lose their platforms in time",
            Array(indexes),
            entry.origin,
            help: "Set 'keepUntagged: true', or 'acceptChildLoss: true' if that is meant."
        )
        return true
    }

    /// Whether the analysis names what is declared, what a kept index needs, or a signature of what stays.
    private mutating func refusesNeeded(
        _ victims: [RetentionVictim],
        _ images: [RepositoryName: [InventoryImage]],
        _ entry: NamespaceEntry,
        on registry: RegistryID
    ) -> Lookup<Bool> {
        var needed: [String] = []
        var isOpen = false
        for (repository, lost) in Dictionary(grouping: victims, by: \.image.repository).sorted(by: { $0.key < $1.key }) {
            let address = RepositoryAddress(registry, repository)
            let gone = Set(lost.map(\.image.digest))
            switch childrenOfIndexes(among: images[repository] ?? [], butNot: gone, in: address, entry.origin) {
            case .waiting: isOpen = true
            case .failed: return .failed
            case .known(let children):
                let stay = Set((images[repository] ?? []).map(\.digest)).subtracting(gone)
                for victim in lost {
                    guard let reason = reasonToStay(victim, in: address, children, stay) else { continue }
                    needed.append("\(address)\(victim.tags.first.map { ":\($0)" } ?? "@\(victim.image.digest)") (\(reason))")
                }
            }
        }
        if isOpen { return .waiting }
        guard !needed.isEmpty else { return .known(false) }
        refuse(
            "retention-needed",
            "retention in \(registry)/\(entry.name) would remove images that are needed",
            needed,
            entry.origin,
            help: "Raise 'imagesPerRepository' or 'minimumAgeDays', or take out what needs them."
        )
        return .known(true)
    }

    private func reasonToStay(
        _ victim: RetentionVictim,
        in address: RepositoryAddress,
        _ children: Set<Digest>,
        _ stay: Set<Digest>
    ) -> String? {
        let digest = victim.image.digest
        if let tag = victim.tags.first(where: { tag in declarations[address, tag].map { ($0.digest ?? digest) == digest } ?? false }) {
            return "its tag \(tag) is declared"
        }
        if let tag = victim.tags.first(where: { filteredEntry(declaring: $0, in: address) != nil }) { return "its tag \(tag) is declared" }
        if let tag = victim.tags.first(where: { tag in options.excludes.contains { $0.matches(address, tag: tag) } }) {
            return "its tag \(tag) is excluded"
        }
        if options.excludes.contains(where: { $0.matches(address, digest: digest) }) { return "excluded" }
        // Without it the next plan would lack its source.
        if namedSources.contain(.digest(digest), in: address)
            || victim.tags.contains(where: { namedSources.contain(.tag($0), in: address) })
        {
            return "an entry copies it from there"
        }
        // Declared under a tag that is not there yet.
        if declarations.tags(in: address).contains(where: { $0.value.digest == digest }) { return "declared" }
        if children.contains(digest) { return "an index that stays needs it" }
        let signed = victim.tags.compactMap(\.companion).first { companion in
            stay.contains { TagName.companion(of: $0, companion.kind).companion?.subject == companion.subject }
        }
        return signed == nil ? nil : "a signature of an image that stays"
    }

    /// Retention never removes an index, but its children.
    private mutating func childrenOfIndexes(
        among images: [InventoryImage],
        butNot gone: Set<Digest>,
        in address: RepositoryAddress,
        _ origin: Origin
    ) -> Lookup<Set<Digest>> {
        var children: Set<Digest> = []
        var queue = images.filter { $0.isIndex != false && !gone.contains($0.digest) }.map(\.digest).sorted()
        var seen = Set(queue)
        var isOpen = false
        while let digest = queue.popLast() {
            switch manifest(address, digest, for: origin) {
            case .waiting: isOpen = true
            case .failed: return .failed
            case .known(nil):
                switch isReallyAbsent(digest, in: address, for: origin) {
                case .waiting: isOpen = true
                case .failed: return .failed
                case .known: continue
                }
            case .known(let document?):
                for child in document.index?.manifests ?? [] {
                    children.insert(child.digest)
                    if MediaType.isIndex(child.mediaType), seen.insert(child.digest).inserted { queue.append(child.digest) }
                }
            }
        }
        return isOpen ? .waiting : .known(children)
    }
}

extension RetentionPolicy {
    var removesNothing: Bool { imagesPerRepository == nil && keepUntagged }

    /// Two policies that remove nothing are alike, whatever they would spare.
    func hasSameEffect(as other: RetentionPolicy) -> Bool { self == other || (removesNothing && other.removesNothing) }

    /// What is left out stays as it is; untagged images stay unless a policy says otherwise.
    func following(_ rule: NamespaceEntry.RetentionRule) -> RetentionPolicy {
        guard case .policy(let wanted) = rule else { return .none }
        return RetentionPolicy(
            imagesPerRepository: wanted.imagesPerRepository ?? imagesPerRepository,
            keepUntagged: wanted.keepUntagged ?? keepUntagged,
            minimumAgeDays: wanted.minimumAgeDays ?? minimumAgeDays
        )
    }

    /// For people.
    fileprivate var words: String {
        guard !removesNothing else { return "none" }
        var parts = [imagesPerRepository.map { "\($0) images per repository" } ?? "all tagged images"]
        parts.append(keepUntagged ? "untagged kept" : "untagged not kept")
        if minimumAgeDays > 0 { parts.append("at least \(minimumAgeDays) days") }
        return parts.joined(separator: ", ")
    }
}
