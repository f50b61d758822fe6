import OCI
import Planning

extension World {
    /// What the management API of a registry tells about what it holds.
    func managedFact(_ question: AdministrationQuestion, _ registry: RegistryID) -> AdministrationFact? {
        guard managed.contains(registry) else { return nil }
        let held = repositories.filter { $0.key.registry == registry && !$0.value.manifests.isEmpty }
        switch question {
        case .namespaces:
            return .namespaces(Set(held.keys.map(\.repository.namespace)).sorted().map { NamespaceDetails(name: $0, resourceGroup: nil) })
        case .inventory(let name):
            var images: [RepositoryName: [InventoryImage]] = [:]
            for (address, repository) in held where address.repository.namespace == name {
                images[address.repository] = repository.manifests.values.map { document in
                    InventoryImage(
                        digest: document.digest,
                        tags: repository.tags.filter { $0.value == document.digest }.keys.sorted(),
                        mediaType: untyped.contains(address) ? nil : document.mediaType,
                        created: nil,
                        size: nil
                    )
                }
            }
            return .inventory(NamespaceInventory(images))
        case .trash(let name):
            return .trash(
                trash.filter { $0.key.registry == registry && $0.key.repository.namespace == name }
                    .flatMap { address, images in
                        images.map { TrashedImage(repository: address.repository, digest: $0.key, tags: $0.value, daysLeft: 30) }
                    }
                    .sorted { $0.digest < $1.digest }
            )
        case .retention, .retentionVictims, .quota: return nil
        }
    }

    /// Takes an image out of the repository, with its tags, and keeps it in the trash.
    mutating func discard(_ digest: Digest, from address: RepositoryAddress) {
        guard let document = repositories[address]?.manifests.removeValue(forKey: digest) else { return }
        let tags = repositories[address]?.tags.filter { $0.value == digest }.keys.sorted() ?? []
        for tag in tags { repositories[address]?.tags[tag] = nil }
        trash[address, default: [:]][digest] = tags
        trashedManifests[address, default: [:]][digest] = document
    }

    /// With `tag`, only that tag comes back; else all that are not taken.
    mutating func restore(_ digest: Digest, in address: RepositoryAddress, tag: TagName?) throws {
        guard let document = trashedManifests[address]?[digest], let tags = trash[address]?[digest] else {
            throw ApplyFailure(description: "\(address)@\(digest) is not in the trash")
        }
        try put(document, into: address)
        for tag in tag.map({ [$0] }) ?? tags where repositories[address]?.tags[tag] == nil { repositories[address]?.tags[tag] = digest }
    }
}
