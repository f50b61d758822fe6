package import OCI

/// What a registry holds in one namespace. Its lookups are made ready once for each answer, and not for each question or planning step.
package struct NamespaceInventory: Hashable, Sendable {
    /// By repository, in the order of their digests.
    package let images: [RepositoryName: [InventoryImage]]
    /// Positions in `images`.
    private let places: [RepositoryName: [TagName: Int]]

    package init(_ images: [RepositoryName: [InventoryImage]]) {
        self.images = images.mapValues { $0.sorted { $0.digest < $1.digest } }
        places = self.images.mapValues { images in
            var places: [TagName: Int] = [:]
            for (place, image) in images.enumerated() { for tag in image.tags { places[tag] = place } }
            return places
        }
    }

    package func image(_ reference: ManifestReference, in repository: RepositoryName) -> InventoryImage? {
        guard let images = images[repository] else { return nil }
        switch reference {
        case .tag(let tag): return places[repository]?[tag].map { images[$0] }
        case .digest(let digest):
            var (low, high) = (0, images.count)
            while low < high {
                let middle = (low + high) / 2
                if images[middle].digest < digest { low = middle + 1 } else { high = middle }
            }
            return low < images.count && images[low].digest == digest ? images[low] : nil
        }
    }

    /// Sorted; `nil`: the repository is not there.
    package func tags(in repository: RepositoryName) -> [TagName]? { places[repository]?.keys.sorted() }
}
