package import OCI
package import Registry

/// Content made by a test: everything that a registry must hold before it holds `root`.
package struct Sample: Hashable, Sendable {
    /// `root` as an index would list it: with its platform and annotations.
    package var descriptor: Descriptor
    /// In the order in which a registry takes them: children before the indexes that name them, `root` last.
    package var manifests: [ManifestDocument]
    package var blobs: [Digest: [UInt8]]
    package var root: ManifestDocument

    package var digest: Digest { root.digest }

    package init(
        root: ManifestDocument,
        platform: Platform? = nil,
        annotations: [String: String]? = nil,
        parts: [Sample] = [],
        blobs: [[UInt8]] = []
    ) {
        self.root = root
        descriptor = root.descriptor
        descriptor.platform = platform
        descriptor.annotations = annotations
        manifests = []
        self.blobs = [:]
        for bytes in blobs { self.blobs[Digest.sha256(of: bytes)] = bytes }
        for part in parts { add(part) }
        manifests.append(root)
    }

    /// Takes over what `other` brings and this sample lacks.
    private mutating func add(_ other: Sample) {
        for document in other.manifests where !manifests.contains(where: { $0.digest == document.digest }) { manifests.append(document) }
        blobs.merge(other.blobs) { known, _ in known }
    }

    /// The bytes as a blob to upload, in pieces of `pieceSize`; announced as `descriptor`, if given.
    package static func body(_ bytes: [UInt8], as descriptor: Descriptor? = nil, pieceSize: Int = 1 << 16) -> BlobBody {
        BlobBody(descriptor ?? Samples.descriptor(of: bytes), at: "sample") { offset in
            BlobStream(bytes, from: offset, pieceSize: pieceSize)
        }
    }
}
