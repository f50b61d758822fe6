package import OCI
package import Registry

/// The registries of a test. Any writer can stand in it: in memory, over HTTP, or a wrapper.
package struct InMemoryDirectory: RegistryDirectory {
    private let registries: [RegistryID: any RegistryWriter]

    package init(_ registries: [any RegistryWriter]) {
        self.registries = Dictionary(registries.map { ($0.id, $0) }, uniquingKeysWith: { _, last in last })
    }

    package func registry(_ id: RegistryID) throws(RegistryError) -> any RegistryWriter {
        guard let registry = registries[id] else {
            throw RegistryError(.unsupported, action: "use", object: "\(id)", registry: id, reason: "the run does not know this registry")
        }
        return registry
    }
}
