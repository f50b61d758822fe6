package import OCI

/// What a registry holds in one namespace. Its lookups are made ready once for each answer, and not for each question or planning step.
package struct NamespaceInventory: Hashable, Sendable {
    package let repositories: [RepositoryName: RepositoryInventory]

    package init(_ images: [RepositoryName: [InventoryImage]]) {
        repositories = images.mapValues(RepositoryInventory.init)
    }

    /// A repository that is not there holds nothing.
    package subscript(_ repository: RepositoryName) -> RepositoryInventory { repositories[repository] ?? .nothing }
}

/// The images of one repository, tagged and untagged.
package struct RepositoryInventory: Hashable, Sendable {
    package static let nothing = RepositoryInventory([])

    /// In the order of their digests.
    package let images: [InventoryImage]
    /// Sorted.
    package let tags: [TagName]
    /// Which of the images each tag is on.
    private let places: [Int32]

    package init(_ images: [InventoryImage]) {
        self.images = images.sorted { $0.digest < $1.digest }
        let tagged = self.images.enumerated()
            .flatMap { place, image in image.tags.map { (tag: $0, place: Int32(place)) } }
            .sorted { $0.tag < $1.tag }
        tags = tagged.map(\.tag)
        places = tagged.map(\.place)
    }

    package func image(_ reference: ManifestReference) -> InventoryImage? {
        switch reference {
        case .tag(let tag):
            let place = Self.place(of: tag, in: tags, by: { $0 })
            return place < tags.count && tags[place] == tag ? images[Int(places[place])] : nil
        case .digest(let digest):
            let place = Self.place(of: digest, in: images, by: { $0.digest })
            return place < images.count && images[place].digest == digest ? images[place] : nil
        }
    }

    /// The first that is not below `value`.
    private static func place<Element, Value: Comparable>(of value: Value, in list: [Element], by key: (Element) -> Value) -> Int {
        var (low, high) = (0, list.count)
        while low < high {
            let middle = (low + high) / 2
            if key(list[middle]) < value { low = middle + 1 } else { high = middle }
        }
        return low
    }
}
