import FoundationEssentials
import OCI
import Registry

/// A link that leads from one thing of a repository to another.
enum Edge: String, CaseIterable {
    /// From an index to an image.
    case child
    /// From an index to an index.
    case nestedIndex
    /// From a signature to what it signs, and back.
    case subject
    /// From the name of a companion tag to its image.
    case companion
    /// From a tag that no entry names to its manifest.
    case tag
}

/// A registry that does not show one kind of edge, as if crplan did not know it. Everything else passes through.
struct BlindRegistry: RegistryWriter {
    let registry: any RegistryWriter
    let hidden: Edge?

    var id: RegistryID { registry.id }

    func tags(in repository: RepositoryName) async throws(RegistryError) -> [TagName]? {
        let tags = try await registry.tags(in: repository)
        switch hidden {
        case .tag: return tags?.filter { !$0.description.hasPrefix("v-") }
        case .companion: return tags?.map(Self.disguised).sorted()
        default: return tags
        }
    }

    func head(_ reference: ManifestReference, in repository: RepositoryName) async throws(RegistryError) -> ManifestHead? {
        try await registry.head(Self.real(reference), in: repository)
    }

    func manifest(_ reference: ManifestReference, in repository: RepositoryName) async throws(RegistryError) -> ManifestDocument? {
        guard let document = try await registry.manifest(Self.real(reference), in: repository) else { return nil }
        return hiding(document)
    }

    func referrers(of digest: Digest, in repository: RepositoryName) async throws(RegistryError) -> Referrers {
        var referrers = try await registry.referrers(of: digest, in: repository)
        if hidden == .subject { referrers.descriptors = [] }
        return referrers
    }

    func deleteTag(_ tag: TagName, in repository: RepositoryName) async throws(RegistryError) {
        try await registry.deleteTag(Self.real(tag), in: repository)
    }

    private static let disguise = "pr-companion-"

    private static func disguised(_ tag: TagName) -> TagName {
        tag.description.hasPrefix("sha256-") ? (try? TagName(disguise + tag.description.dropFirst("sha256-".count))) ?? tag : tag
    }

    private static func real(_ tag: TagName) -> TagName {
        tag.description.hasPrefix(disguise) ? (try? TagName("sha256-" + tag.description.dropFirst(disguise.count))) ?? tag : tag
    }

    private static func real(_ reference: ManifestReference) -> ManifestReference { reference.tag.map { .tag(real($0)) } ?? reference }

    /// The same manifest without the links: other bytes, which only an asking planner sees.
    private func hiding(_ document: ManifestDocument) -> ManifestDocument {
        switch (hidden, document.content) {
        case (.child, .index(let index)):
            rewritten(document, Body(manifests: index.manifests.filter { MediaType.isIndex($0.mediaType) }, subject: index.subject))
        case (.nestedIndex, .index(let index)):
            rewritten(document, Body(manifests: index.manifests.filter { !MediaType.isIndex($0.mediaType) }, subject: index.subject))
        case (.subject, .index(let index)): rewritten(document, Body(manifests: index.manifests))
        case (.subject, .image(let image)): rewritten(document, Body(config: image.config, layers: image.layers))
        default: document
        }
    }

    private struct Body: Encodable {
        var schemaVersion = 2
        var config: Descriptor?
        var layers: [Descriptor]?
        var manifests: [Descriptor]?
        var subject: Descriptor?
    }

    private func rewritten(_ document: ManifestDocument, _ body: Body) -> ManifestDocument {
        let bytes = try? JSONEncoder().encode(body)
        return bytes.flatMap { try? ManifestDocument(bytes: Array($0), mediaType: document.mediaType) } ?? document
    }
}

extension BlindRegistry {
    func repositories() async throws(RegistryError) -> [RepositoryName] { try await registry.repositories() }

    func digests(in repository: RepositoryName) async throws(RegistryError) -> [Digest]? { try await registry.digests(in: repository) }

    func headBlob(_ digest: Digest, in repository: RepositoryName) async throws(RegistryError) -> Int64? {
        try await registry.headBlob(digest, in: repository)
    }

    func blob(_ descriptor: Descriptor, from offset: Int64, in repository: RepositoryName) async throws(RegistryError) -> BlobStream {
        try await registry.blob(descriptor, from: offset, in: repository)
    }

    func capability(_ feature: RegistryFeature, in repository: RepositoryName) async throws(RegistryError) -> Capability {
        try await registry.capability(feature, in: repository)
    }

    func checkLogin() async throws(RegistryError) -> LoginReport { try await registry.checkLogin() }

    func beginWriting(in repository: RepositoryName) async throws(RegistryError) -> any WriteLease {
        try await registry.beginWriting(in: repository)
    }

    func mountBlob(_ descriptor: Descriptor, from source: RepositoryName, into repository: RepositoryName) async throws(RegistryError)
        -> Bool
    {
        try await registry.mountBlob(descriptor, from: source, into: repository)
    }

    func putBlob(_ body: BlobBody, into repository: RepositoryName, isKnownMissing: Bool) async throws(RegistryError) {
        try await registry.putBlob(body, into: repository, isKnownMissing: isKnownMissing)
    }

    func putManifest(_ document: ManifestDocument, at reference: ManifestReference, in repository: RepositoryName)
        async throws(RegistryError)
    {
        try await registry.putManifest(document, at: reference, in: repository)
    }

    func deleteManifest(_ digest: Digest, in repository: RepositoryName) async throws(RegistryError) {
        try await registry.deleteManifest(digest, in: repository)
    }

    func probe(_ feature: RegistryFeature, in repository: RepositoryName) async throws(RegistryError) -> Capability {
        try await registry.probe(feature, in: repository)
    }
}
