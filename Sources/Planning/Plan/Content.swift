package import OCI

/// What a tag shall lead to, by the identity that tells whether it already does.
package enum Content: Hashable, Sendable {
    /// These bytes.
    case exact(Digest)
    /// A Docker archive's image: known by its config, whatever the compression of its layers.
    case image(config: Digest)
    /// What a build with these inputs made.
    case built(fingerprint: String)
    /// A manifest that crplan makes from others by a recipe; its bytes travel in the plan.
    case derived(recipe: String, Digest)

    /// The only place that compares wanted content with what is there. `manifest` is read only where the digest alone does not tell.
    package func isSatisfied(by digest: Digest, manifest: ManifestDocument?) -> Bool {
        switch self {
        case .exact(let wanted), .derived(_, let wanted): digest == wanted
        case .image(let config): manifest?.image?.config?.digest == config
        case .built: false
        }
    }

    /// Whether `isSatisfied` needs the manifest to find a difference.
    package var needsManifest: Bool {
        switch self {
        case .exact, .derived, .built: false
        case .image: true
        }
    }
}

/// Where content is read when a plan is applied.
package enum ContentOrigin: Hashable, Sendable {
    case registry(RepositoryAddress)
    case local(ContentLocation)
}

/// One row of the plan's table of contents.
package struct PlannedContent: Hashable, Sendable, Codable {
    package typealias ID = String

    package var identity: Content
    /// What the target must answer after the put.
    package var digest: Digest
    package var mediaType: String
    package var origin: ContentOrigin
    /// The manifest itself, for `derived` content alone; what it leads to is read from `origin`.
    package var manifest: String?
    /// As the spec writes the source, for people.
    package var label: String
    /// Sorted; empty when it is not an index or not known.
    package var platforms: [Platform]

    package init(
        identity: Content,
        digest: Digest,
        mediaType: String,
        origin: ContentOrigin,
        manifest: String? = nil,
        label: String,
        platforms: [Platform] = []
    ) {
        self.identity = identity
        self.digest = digest
        self.mediaType = mediaType
        self.origin = origin
        self.manifest = manifest
        self.label = label
        self.platforms = platforms
    }

    /// Unique in a plan: what, and where it is read.
    package var id: ID { "\(digest) from \(origin)" }
}

extension ContentOrigin: CustomStringConvertible {
    package var description: String {
        switch self {
        case .registry(let address): address.description
        case .local(.layout(let path, let reference)): "layout:\(path)" + (reference.map { ":\($0)" } ?? "")
        case .local(.archive(let path, let image)): "archive:\(path)" + (image.map { ":\($0)" } ?? "")
        }
    }
}
