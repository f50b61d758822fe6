import OCI
import Planning
import RegistryTestSupport

/// Registries and local files as a value that answers questions.
struct World {
    struct Repository: Equatable {
        var tags: [TagName: Digest] = [:]
        var manifests: [Digest: ManifestDocument] = [:]
    }

    var repositories: [RepositoryAddress: Repository] = [:]
    var contents: [ContentLocation: ContentInspection] = [:]
    var configs: [Digest: ImageConfiguration] = [:]
    /// Registries that list every manifest, untagged ones too.
    var listsDigests: Set<RegistryID> = []
    /// Registries without the referrers API: they keep fallback tags.
    var lacksReferrersAPI: Set<RegistryID> = []
    /// What the management APIs of registries answer.
    var administration: [RegistryID: [AdministrationQuestion: AdministrationFact]] = [:]
    /// Registries whose management API lists, by namespace, what `repositories` holds.
    var managed: Set<RegistryID> = []
    /// What the trash of each repository holds, with the tags that went along.
    var trash: [RepositoryAddress: [Digest: [TagName]]] = [:]
    var trashedManifests: [RepositoryAddress: [Digest: ManifestDocument]] = [:]
    /// Repositories whose images the management API lists without a type.
    var untyped: Set<RepositoryAddress> = []
    var cannotDeleteTags: Set<RegistryID> = []
    var cannotDeleteManifests: Set<RegistryID> = []
    /// Registries that tell what they can remove only to a probe.
    var unprobed: Set<RegistryID> = []
    var unreadableRegistries: Set<RegistryID> = []
    var unreadable: Set<Question> = []
    /// What registries deny, whatever is there.
    var denied: Set<Question> = []

    func answer(_ question: Question) -> Answer {
        if unreadable.contains(question) || question.registry.map(unreadableRegistries.contains) == true {
            return .unreadable(
                RegistryError(.denied, action: "read", object: "something", registry: question.registry, reason: "the test says so")
            )
        }
        return denied.contains(question) ? .absent : fact(question).map { .found($0) } ?? .absent
    }

    private func fact(_ question: Question) -> Fact? {
        switch question {
        case .head(let address, let reference):
            return document(address, reference).map {
                .head(ManifestHead(digest: $0.digest, mediaType: $0.mediaType, size: Int64($0.bytes.count)))
            }
        case .tags(let address): return repositories[address].map { .tags($0.tags.keys.sorted()) }
        case .repositories(let registry):
            return .repositories(repositories.keys.filter { $0.registry == registry }.map(\.repository).sorted())
        case .digests(let address):
            guard listsDigests.contains(address.registry) else { return nil }
            return repositories[address].map { .digests($0.manifests.keys.sorted()) }
        case .manifest(let address, let digest): return document(address, .digest(digest)).map { .manifest($0) }
        case .config(_, let descriptor): return configs[descriptor.digest].map { .config($0) }
        case .referrers(let address, let digest): return .referrers(referrers(of: digest, in: address))
        case .capability(let feature, let address):
            return .capability(unprobed.contains(address.registry) ? .unknown : capability(feature, address))
        case .probe(let feature, let address): return .capability(capability(feature, address))
        case .administration(let registry, let question):
            return (administration[registry]?[question] ?? managedFact(question, registry)).map { .administration($0) }
        case .content(let location): return contents[location].map { .content($0) }
        }
    }

    private func capability(_ feature: RegistryFeature, _ address: RepositoryAddress) -> Capability {
        switch feature {
        case .referrersAPI: lacksReferrersAPI.contains(address.registry) ? .no : repositories[address] == nil ? .unknown : .yes
        case .deleteTag: cannotDeleteTags.contains(address.registry) ? .no : .yes
        case .deleteManifest: cannotDeleteManifests.contains(address.registry) ? .no : .yes
        default: .unknown
        }
    }

    func document(_ address: RepositoryAddress, _ reference: ManifestReference) -> ManifestDocument? {
        guard let repository = repositories[address] else { return nil }
        switch reference {
        case .digest(let digest): return repository.manifests[digest]
        case .tag(let tag): return repository.tags[tag].flatMap { repository.manifests[$0] }
        }
    }

    func referrers(of digest: Digest, in address: RepositoryAddress) -> [Descriptor] {
        if lacksReferrersAPI.contains(address.registry) {
            return document(address, .tag(.companion(of: digest, .referrers)))?.index?.manifests ?? []
        }
        return (repositories[address]?.manifests.values.filter { $0.subject?.digest == digest } ?? []).map(\.descriptor)
            .sorted { $0.digest < $1.digest }
    }

    // MARK: Filling

    /// Holds the sample under the tags; `created` is for its images, in seconds since 1970.
    mutating func add(_ sample: Sample, to name: String, tags: [String] = [], created: Int64? = nil) throws {
        let address = try Names.repository(name)
        for document in sample.manifests {
            try put(document, into: address)
            guard let config = document.image?.config, let bytes = sample.blobs[config.digest] else { continue }
            let body = try JSONValue(parsing: bytes)
            var platform: Platform?
            if let os = body["os"]?.string, let architecture = body["architecture"]?.string {
                platform = Platform(os: os, architecture: architecture)
            }
            configs[config.digest] = ImageConfiguration(platform: platform, created: created ?? configs[config.digest]?.created)
        }
        for tag in tags { repositories[address]?.tags[try TagName(tag)] = sample.digest }
    }

    mutating func put(_ document: ManifestDocument, into address: RepositoryAddress) throws {
        repositories[address, default: Repository()].manifests[document.digest] = document
        guard let subject = document.subject, lacksReferrersAPI.contains(address.registry) else { return }
        let tag = TagName.companion(of: subject.digest, .referrers)
        var entries = self.document(address, .tag(tag))?.index?.manifests ?? []
        guard !entries.contains(where: { $0.digest == document.digest }) else { return }
        entries.append(document.descriptor)
        let list = entries.sorted { $0.digest < $1.digest }.map {
            #"{"mediaType":"\#($0.mediaType)","digest":"\#($0.digest)","size":\#($0.size)}"#
        }
        let text = #"{"schemaVersion":2,"mediaType":"\#(MediaType.ociIndex)","manifests":[\#(list.joined(separator: ","))]}"#
        let index = try ManifestDocument(bytes: Array(text.utf8), mediaType: MediaType.ociIndex)
        repositories[address]?.manifests[index.digest] = index
        repositories[address]?.tags[tag] = index.digest
    }

    mutating func addLayout(_ sample: Sample, at path: String) {
        let manifests = Dictionary(sample.manifests.map { ($0.digest, $0) }, uniquingKeysWith: { first, _ in first })
        contents[.layout(path: path, reference: nil)] = ContentInspection(root: sample.root, manifests: manifests, imageID: nil)
    }

    mutating func addArchive(_ sample: Sample, at path: String) {
        let manifests = Dictionary(sample.manifests.map { ($0.digest, $0) }, uniquingKeysWith: { first, _ in first })
        contents[.archive(path: path, image: nil)] = ContentInspection(
            root: sample.root,
            manifests: manifests,
            imageID: sample.root.image?.config?.digest
        )
    }

    mutating func untag(_ name: String, _ tag: String) throws {
        try repositories[Names.repository(name)]?.tags[TagName(tag)] = nil
    }

    func digest(_ name: String, _ tag: String) throws -> Digest? { try repositories[Names.repository(name)]?.tags[TagName(tag)] }

    func tags(_ name: String) throws -> [String] {
        (try repositories[Names.repository(name)]?.tags.keys.sorted() ?? []).map(\.description)
    }
}
