internal import OCI
internal import Planning

/// How registries are called in output: a host in full where it stands alone, the alias where several stand together; a layout by its alias.
struct RegistryNames {
    private let aliases: [RegistryID: String]

    init(_ registries: [RegistryDeclaration]) {
        aliases = Dictionary(
            registries.compactMap { declared in declared.alias.map { (declared.id, $0) } },
            uniquingKeysWith: { first, _ in first }
        )
    }

    func short(_ id: RegistryID) -> String { (aliases[id] ?? id.description).withVisibleControls }

    func alone(_ id: RegistryID) -> String { id.isLayout ? short(id) : id.description }

    func place(_ address: RepositoryAddress) -> String { place(address.repository.description, in: [address.registry]) }

    /// What a label that begins with an address says, with the layout's alias for its path.
    func label(_ label: String, from registry: RegistryID) -> String {
        let path = registry.description + "/"
        guard registry.isLayout, aliases[registry] != nil, label.hasPrefix(path) else { return label.withVisibleControls }
        return "\(short(registry))/" + label.dropFirst(path.count).description.withVisibleControls
    }

    /// As `label`, where the text alone tells the registry.
    func label(_ label: String) -> String {
        let layout = aliases.keys.filter { $0.isLayout && label.hasPrefix("\($0)/") }.max { $0.description.count < $1.description.count }
        return layout.map { self.label(label, from: $0) } ?? label.withVisibleControls
    }

    /// `us.icr.io/payments/api:1`, or `de, jp, us  payments/api:1`.
    func place(_ path: String, in registries: [RegistryID]) -> String {
        guard registries.count > 1 else { return (registries.first.map { alone($0) + "/" } ?? "") + path }
        return registries.map(short).sorted(by: NaturalOrder.precedes).joined(separator: ", ") + "  " + path
    }
}
