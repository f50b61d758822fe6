package import OCI

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

/// Reads content that is not in a registry: archives, single layouts, and later local engines, builds and assembled files.
package protocol ContentSource: Sendable {
    /// Finds the image, and checks that every manifest and blob it needs is there. Throws `.notFound` when the file, directory or
    /// image is missing, `.corrupt` or `.localFile` otherwise.
    func inspect(_ location: ContentLocation) async throws(RegistryError) -> ContentInspection

    /// The content for reading; the same bytes that `inspect` found, or an error.
    func open(_ location: ContentLocation) async throws(RegistryError) -> any ContentReader
}
