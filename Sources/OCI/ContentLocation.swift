/// Content that is not in a registry. Paths are relative to the workspace's root unless written absolute.
package enum ContentLocation: Hashable, Sendable, Comparable {
    /// One image layout directory; `reference` picks an entry by `org.opencontainers.image.ref.name` or digest.
    case layout(path: String, reference: String?)
    /// A `docker save` or OCI archive; `image` picks an entry by its name.
    case archive(path: String, image: String?)

    package static func < (left: ContentLocation, right: ContentLocation) -> Bool { left.sortKey.lexicographicallyPrecedes(right.sortKey) }

    private var sortKey: [String] {
        switch self {
        case .layout(let path, let reference): ["layout", path, reference ?? ""]
        case .archive(let path, let image): ["archive", path, image ?? ""]
        }
    }

    package var path: String {
        switch self {
        case .layout(let path, _), .archive(let path, _): path
        }
    }
}

/// What a location holds, found without any write.
package struct ContentInspection: Hashable, Sendable {
    /// The manifest or index that would be pushed.
    package var root: ManifestDocument
    /// Every manifest below `root` that is present, by digest; `root` included.
    package var manifests: [Digest: ManifestDocument]
    /// For a Docker archive: the config's digest, by which the image is known whatever its layers' compression.
    package var imageID: Digest?

    package init(root: ManifestDocument, manifests: [Digest: ManifestDocument], imageID: Digest?) {
        self.root = root
        self.manifests = manifests
        self.imageID = imageID
    }
}
