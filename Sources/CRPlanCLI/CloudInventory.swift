internal import OCI
internal import Planning
internal import Registry
internal import Reporting

/// What `crplan list` shows of registries with a management API.
extension Inventory {
    /// The registry's namespaces, those without an image too, and the repositories below `place`; `nil`: it has no management API, or there is
    /// no login for it.
    func managed(
        _ registry: any RegistryWriter,
        below place: RepositoryPrefix
    ) async throws(RegistryError) -> [RepositoryName: [InventoryImage]]? {
        guard let administration = registry.administration, try await administration.isAvailable() else { return nil }
        var found: [RepositoryName: [InventoryImage]] = [:]
        do throws(RegistryError) {
            for namespace in try await namespaces(of: administration, in: place) {
                found.merge(try await administration.inventory(of: namespace)) { first, _ in first }
            }
        } catch {
            guard error.code == .denied else { throw error }
            return nil
        }
        return found.filter { Self.isBelow($0.key, place) }
    }

    func namespaces(of administration: any RegistryAdministration, in place: RepositoryPrefix) async throws(RegistryError) -> [String] {
        if let path = place.path { return [path.namespace] }
        return try await administration.namespaces().map(\.name)
    }

    static func isBelow(_ repository: RepositoryName, _ place: RepositoryPrefix) -> Bool {
        guard let path = place.path else { return true }
        return repository == path || repository.description.hasPrefix("\(path)/")
    }

    /// What was removed and can be restored.
    func readTrash(_ places: [RepositoryPrefix]) async -> Result {
        await reading(places) { place, result throws(RegistryError) in
            var trashed = result.listing.trash ?? []
            let administration = try administration(of: place, for: "list the trash of")
            for namespace in try await namespaces(of: administration, in: place) {
                trashed += try await administration.trash(of: namespace).filter { Self.isBelow($0.repository, place) }
                    .map { Listing.Trashed(place.registry, $0) }
            }
            result.listing.trash = trashed
        }
    }

    /// The images that IBM offers to everybody.
    func readPublicImages(_ places: [RepositoryPrefix]) async -> Result {
        await reading(places) { place, result throws(RegistryError) in
            let images = try await administration(of: place, for: "list the public images of").publicImages()
            result.listing.tags += images.filter { Self.isBelow($0.repository, place) }.map { image in
                let address = RepositoryAddress(place.registry, image.repository)
                return Listing.Tag(address, tag: image.tag, digest: image.digest, size: image.size, created: image.created)
            }
        }
    }

    private func administration(of place: RepositoryPrefix, for action: String) throws(RegistryError) -> any RegistryAdministration {
        if let administration = try registries.registry(place.registry).administration { return administration }
        throw RegistryError(
            .unsupported,
            action: action,
            object: place.description,
            registry: place.registry,
            reason: "only IBM Cloud Container Registry has that"
        )
    }
}
