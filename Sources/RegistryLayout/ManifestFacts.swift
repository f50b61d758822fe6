internal import OCI

/// What a manifest leads to, kept in memory so that a graph is read from disk once. It depends on the digest alone.
struct ManifestFacts: Hashable, Sendable {
    /// As a referrers list or an index names it.
    let descriptor: Descriptor
    /// Manifests below an index.
    let children: [Descriptor]
    /// Config and layers, foreign ones included.
    let blobs: [Descriptor]
    let subject: Digest?

    init(_ document: ManifestDocument) {
        var descriptor = document.descriptor
        switch document.content {
        case .image(let image):
            children = []
            blobs = (image.config.map { [$0] } ?? []) + image.layers
            descriptor.artifactType = image.artifactType
            descriptor.annotations = image.annotations.isEmpty ? nil : image.annotations
        case .index(let index):
            children = index.manifests
            blobs = []
            descriptor.artifactType = index.artifactType
            descriptor.annotations = index.annotations.isEmpty ? nil : index.annotations
        }
        self.descriptor = descriptor
        subject = document.subject?.digest
    }
}
