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

/// The manifests of a layout, and what refers to what.
struct ListedManifests: Sendable {
    let digests: [Digest]
    private let referrers: [Digest: [Descriptor]]

    /// `facts`: of everything that the entries lead to and that is there. Some names are no tags, such as full references. crplan can neither
    /// show nor keep such a name, so what it alone leads to is not offered to anyone who looks for untagged images.
    init(_ entries: [LayoutIndex.Entry], _ facts: [Digest: ManifestFacts]) {
        func reached(from roots: [LayoutIndex.Entry]) -> Set<Digest> {
            var reached: Set<Digest> = []
            var open = roots.map(\.digest)
            while let next = open.popLast() {
                guard let found = facts[next], reached.insert(next).inserted else { continue }
                open += found.children.map(\.digest)
            }
            return reached
        }
        let all = facts.keys.sorted()
        let namedElsewise = reached(from: entries.filter { $0.name != nil && !$0.isTag })
        let named = namedElsewise.isEmpty ? [] : reached(from: entries.filter(\.isTag))
        digests = all.filter { !namedElsewise.contains($0) || named.contains($0) }
        referrers = all.reduce(into: [:]) { referrers, digest in
            guard let found = facts[digest], let subject = found.subject else { return }
            referrers[subject, default: []].append(found.descriptor)
        }
    }

    func referrers(of digest: Digest) -> [Descriptor] { referrers[digest] ?? [] }
}
