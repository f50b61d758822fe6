internal import OCI

/// Namespaces where they are objects of their own (design, section 7): created, assigned to a resource group, given a retention policy,
/// removed. Elsewhere a namespace is a part of the path, and comes and goes with its repositories.
extension PlanningRun {
    /// An ICR account has room for so many in one region.
    private static let mostNamespaces = 100

    mutating func planNamespaces() {
        for entry in desired.namespaces.sorted(by: { $0.origin < $1.origin }) {
            for registry in entry.registries where isSelected(registry, namespace: entry.name) { plan(entry, on: registry) }
        }
        for absence in desired.namespaceAbsences.sorted(by: { $0.origin < $1.origin }) {
            for registry in absence.registries where isSelected(registry, namespace: absence.name) { plan(absence, on: registry) }
        }
        refuseMoreThanFit()
        expectNamespacesOfTargets()
    }

    /// What `extract` finds in the answer; a registry without a management API fails.
    mutating func managed<Value>(
        _ registry: RegistryID,
        _ question: AdministrationQuestion,
        for origin: Origin,
        _ extract: (AdministrationFact) -> Value?
    ) -> Lookup<Value> {
        switch administration(registry, question, for: origin) {
        case .waiting: return .waiting
        case .failed: return .failed
        case .known(let fact):
            if let value = fact.flatMap(extract) { return .known(value) }
            if kind(of: registry) == .icr {
                reportNoLogin(to: registry, for: "this entry", at: origin)
            } else {
                error("no-management", "\(registry) has no management API, which this entry needs", at: origin)
            }
            return .failed
        }
    }

    /// What only the management API can do, and there is no login for it.
    mutating func reportNoLogin(to registry: RegistryID, for what: String, at origin: Origin) {
        error(
            "no-management",
            "\(what) needs the management API of \(registry), and there is no login for it",
            at: origin,
            help: "set IBMCLOUD_API_KEY or 'credentials' of \(registry), or run 'ibmcloud login'"
        )
    }

    private mutating func namespaces(of registry: RegistryID, for origin: Origin) -> Lookup<[NamespaceDetails]> {
        managed(registry, .namespaces, for: origin) { if case .namespaces(let list) = $0 { list } else { nil } }
    }

    /// Everything that is live in the namespace.
    mutating func inventory(
        of namespace: String,
        on registry: RegistryID,
        for origin: Origin
    ) -> Lookup<[RepositoryName: [InventoryImage]]> {
        managed(registry, .inventory(of: namespace), for: origin) {
            if case .inventory(let inventory) = $0 { inventory.repositories.mapValues(\.images) } else { nil }
        }
    }

    // MARK: Declared

    private mutating func plan(_ entry: NamespaceEntry, on registry: RegistryID) {
        guard kind(of: registry) == .icr else {
            guard entry.resourceGroup != nil || entry.retention != nil else { return }
            error(
                "not-icr",
                "\(registry)/\(entry.name) can have neither a resource group nor a retention policy: the registry is not of kind icr",
                at: entry.origin,
                help: "give the registries of kind icr an entry of their own"
            )
            return
        }
        guard case .known(let live) = namespaces(of: registry, for: entry.origin) else { return }
        let details = live.first { $0.name == entry.name }
        if let details {
            assign(details, entry, on: registry)
        } else {
            let change = setting(.create(resourceGroup: entry.resourceGroup), entry.name, on: registry, entry.origin, [.absent], .remove)
            changes[change.id] = change
        }
        planRetention(entry, on: registry, isThere: details != nil)
    }

    /// A namespace gets a resource group once and for all.
    private mutating func assign(_ details: NamespaceDetails, _ entry: NamespaceEntry, on registry: RegistryID) {
        guard let wanted = entry.resourceGroup, details.resourceGroup != wanted else { return }
        if let group = details.resourceGroup {
            error(
                "resource-group",
                "\(registry)/\(entry.name) belongs to the resource group \(group), and no namespace changes its group",
                at: entry.origin,
                help: "name that group, or leave 'resourceGroup' out"
            )
            return
        }
        let change = setting(.assign(resourceGroup: wanted), entry.name, on: registry, entry.origin, [.unassigned], .none)
        changes[change.id] = change
    }

    func setting(
        _ setting: NamespaceSetting,
        _ name: String,
        on registry: RegistryID,
        _ origin: Origin,
        _ preconditions: [Precondition],
        _ undo: UndoWay,
        losing images: [LostImage]? = nil,
        reason: String? = nil
    ) -> Change {
        Change(
            kind: setting.kind,
            target: .namespace(registry, name),
            setting: setting,
            method: .management,
            reason: reason ?? (setting == .remove ? "named under absent" : "declared under namespaces"),
            origin: origin,
            consequences: Consequences(images: images),
            undo: undo,
            preconditions: preconditions
        )
    }

    private mutating func refuseMoreThanFit() {
        let new = sortedChanges { if case .create? = $0.setting { true } else { false } }
        for (registry, created) in Dictionary(grouping: new, by: \.target.registry).sorted(by: { $0.key < $1.key }) {
            guard let origin = created.map(\.origin).min(), case .known(let live) = namespaces(of: registry, for: origin) else { continue }
            let removed = changes.values.count { $0.target.registry == registry && $0.setting == .remove }
            guard live.count + created.count - removed > Self.mostNamespaces else { continue }
            error(
                "too-many-namespaces",
                "\(registry) has room for \(Self.mostNamespaces) namespaces of an account: there are \(live.count), and the specs ask for "
                    + "\(created.count) more",
                at: origin,
                help: "remove some, or use another region"
            )
        }
    }

    /// A put into a namespace that is neither there nor declared would fail after its content was sent.
    private mutating func expectNamespacesOfTargets() {
        var seen: Set<RepositoryPrefix> = []
        for change in sortedChanges(where: { $0.kind == .put }) {
            guard let address = change.target.address, kind(of: address.registry) == .icr else { continue }
            let name = address.repository.namespace
            guard let path = try? RepositoryName(name), seen.insert(RepositoryPrefix(address.registry, path)).inserted,
                // Without a login for the management API the registry itself tells, when the content is pushed.
                case .found(.administration(.namespaces(let live)))? = answer(.administration(address.registry, .namespaces)),
                !live.contains(where: { $0.name == name }), changes[Change.id(.namespace, .namespace(address.registry, name))] == nil
            else { continue }
            error(
                "no-namespace",
                "\(address.registry) has no namespace '\(name)' that this login may see",
                at: change.origin,
                help: "declare it under 'namespaces', or check the account, the region and the login"
            )
        }
    }

    // MARK: Absent

    private mutating func plan(_ absence: NamespaceAbsence, on registry: RegistryID) {
        let (name, origin) = (absence.name, absence.origin)
        guard kind(of: registry) == .icr else {
            error(
                "not-icr",
                "\(registry)/\(name) is no object of its own: the registry is not of kind icr",
                at: origin,
                help: "name its images one by one"
            )
            return
        }
        if let entry = desired.namespaces.first(where: { $0.name == name && $0.registries.contains(registry) }) {
            return reportDeclaredAndAbsent("\(registry)/\(name)", origin, entry.origin)
        }
        for (address, tags) in declarations.byRepository.sorted(by: { $0.key < $1.key })
        where address.registry == registry && address.repository.namespace == name {
            guard let (tag, declaration) = tags.min(by: { $0.key < $1.key }) else { continue }
            return reportDeclaredAndAbsent("\(address):\(tag)", origin, declaration.origin)
        }
        guard case .known(let live) = namespaces(of: registry, for: origin) else { return }
        guard live.contains(where: { $0.name == name }) else {
            alreadyAbsent += 1
            // The list holds what the login may see.
            note("not-visible", "\(registry) has no namespace '\(name)' that this login may see", at: origin)
            return
        }
        let found = inventory(of: name, on: registry, for: origin)
        let trash = managed(registry, .trash(of: name), for: origin) { if case .trash(let list) = $0 { list } else { nil } }
        guard case .known(let images) = found, case .known(let trashed) = trash else { return }
        let lost =
            images.flatMap { repository, images in images.map { LostImage(repository, $0.digest, tags: $0.tags) } }
            + trashed.map { LostImage($0.repository, $0.digest, tags: $0.tags, isTrashed: true) }
        let sorted = lost.sorted()
        guard !refusesOutOfScope(sorted, name, on: registry, origin) else { return }
        let change = setting(.remove, name, on: registry, origin, [.contents(sorted.map(\.description))], .none, losing: sorted)
        changes[change.id] = change
    }

    /// What the filters of this run leave out does not go with its namespace.
    private mutating func refusesOutOfScope(
        _ images: [LostImage],
        _ name: String,
        on registry: RegistryID,
        _ origin: Origin
    ) -> Bool {
        let outside = images.filter { !$0.isTrashed }.flatMap { image -> [String] in
            let address = RepositoryAddress(registry, image.repository)
            let tags = image.tags.filter { tag in
                filteredEntry(declaring: tag, in: address) != nil || options.excludes.contains { $0.matches(address, tag: tag) }
            }
            let isExcluded = options.excludes.contains { $0.matches(address, digest: image.digest) }
            return tags.isEmpty && isExcluded ? ["\(address)@\(image.digest)"] : tags.map { "\(address):\($0)" }
        }
        guard !outside.isEmpty else { return false }
        refusals.append(
            Refusal(
                code: "out-of-scope",
                message: "\(registry)/\(name) cannot be deleted: images in it are excluded, or declared by what this run leaves out",
                subjects: outside.sorted(),
                origin: origin,
                help: "Plan without --target and --exclude."
            )
        )
        return true
    }
}
