package import OCI
package import RegistryTestSupport

/// One registry of an account: everything below one host (reference of ICR, section B). A value; nothing in it knows of transport.
package struct ICRInstance: Sendable {
    package struct Namespace: Hashable, Sendable {
        /// `ICRInstance.publicAccount` for those of IBM's public images.
        package var account: String
        package var resourceGroup: String?
        package var created: Double
        package var assigned: Double?
        package var policy = Policy()
    }

    /// A retention policy.
    package struct Policy: Hashable, Sendable {
        /// -1: all.
        package var imagesPerRepository = -1
        package var keepsUntagged = true
        /// 0: none.
        package var thresholdDays = 0
    }

    package struct TrashKey: Hashable, Sendable, Comparable {
        package var repository: RepositoryName
        package var digest: Digest

        package static func < (left: TrashKey, right: TrashKey) -> Bool {
            (left.repository, left.digest) < (right.repository, right.digest)
        }
    }

    package struct Trashed: Hashable, Sendable {
        package var document: ManifestDocument
        package var tags: Set<TagName>
        package var deleted: Double
    }

    package struct Amounts: Hashable, Sendable {
        /// Bytes; -1: no limit.
        package var storage: Int64
        package var traffic: Int64
    }

    static let publicAccount = "ibm"
    static let secondsOfDay = 86_400.0
    static let trashSeconds = 30 * secondsOfDay
    static let freeLimits = Amounts(storage: 512 << 20, traffic: 5120 << 20)
    static let largestNamespaceCount = 100

    package let host: String
    package var namespaces: [String: Namespace] = [:]
    package var contents = RegistryContents()
    package var facts: [Digest: ImageFacts] = [:]
    package var trash: [TrashKey: Trashed] = [:]
    package var plan = "Standard"
    package var limits = Amounts(storage: -1, traffic: -1)
    package var traffic: Int64 = 0
    package var iamAuthz = true
    package var isPrivateOnly = false
    package var platformMetrics = false
    /// A message of the system to everybody.
    package var message: String?
    /// Namespaces of other accounts.
    package var foreignNamespaces: Set<String> = []
    /// Until when the name of a deleted namespace cannot be had.
    package var heldNames: [String: Double] = [:]
    /// Images that a test says cannot be deleted, or tagged.
    package var refusedDeletions: [Digest: ICRProblem] = [:]
    package var refusedTaggings: [Digest: ICRProblem] = [:]
    /// The days and months since 1970 that have begun for it.
    var day: Int?
    var month: String?
    /// What lists and reads of tags still show after a write.
    var staleLists = Stale()
    var staleTags = Stale()

    /// A former state, and how many more readers see it.
    struct Stale: Sendable {
        var contents: RegistryContents?
        var remaining = 0

        mutating func remember(_ contents: RegistryContents, for count: Int) {
            guard count > 0 else { return }
            if remaining == 0 || self.contents == nil { self.contents = contents }
            remaining = count
        }

        mutating func take() -> RegistryContents? {
            guard remaining > 0 else { return nil }
            remaining -= 1
            defer { if remaining == 0 { contents = nil } }
            return contents
        }
    }

    init(host: String) {
        self.host = host
    }

    // MARK: Looking things up

    func scope(_ namespace: String) -> (name: String, resourceGroup: String?) { (namespace, namespaces[namespace]?.resourceGroup) }

    func isPublic(_ namespace: String) -> Bool { namespaces[namespace]?.account == Self.publicAccount }

    func repositories(in namespace: String) -> [RepositoryName] {
        let prefix = namespace + "/"
        return contents.repositories.keys.filter { $0.description.hasPrefix(prefix) }.sorted()
    }

    func name(_ repository: RepositoryName, _ digest: Digest) -> String { "\(host)/\(repository)@\(digest)" }

    func digest(_ reference: ImageReference) -> Digest? { contents.manifest(reference.manifest, in: reference.repository)?.digest }

    /// The tags of each digest of a repository.
    static func tagsByDigest(_ repository: RegistryContents.Repository) -> [Digest: [TagName]] {
        var result: [Digest: [TagName]] = [:]
        for (tag, digest) in repository.tags { result[digest, default: []].append(tag) }
        return result.mapValues { $0.sorted() }
    }

    // MARK: Changing content

    /// What lists show for a while is remembered before each change.
    mutating func willChange(_ switches: ICRSwitches) {
        staleLists.remember(contents, for: switches.staleLists)
        staleTags.remember(contents, for: switches.staleTagReads)
    }

    /// Learns what a manifest that has just come says about itself.
    mutating func learn(_ document: ManifestDocument, in repository: RepositoryName, _ switches: ICRSwitches) {
        guard facts[document.digest] == nil else { return }
        let config = document.image?.config.flatMap { contents.blob($0.digest, in: repository) }
        facts[document.digest] = ImageFacts(document, config: config, indexType: switches.indexTypeName)
    }

    /// Bytes stored: each blob once, however many images and namespaces use it; what only the trash refers to is free (E.4).
    package var storage: Int64 {
        var seen: [Digest: Int64] = [:]
        for (name, repository) in contents.repositories where !isPublic(name.namespace) {
            for digest in repository.manifests.keys { seen.merge(facts[digest]?.blobs ?? [:]) { first, _ in first } }
        }
        return seen.values.reduce(0, +)
    }

    var isStorageUsedUp: Bool { limits.storage >= 0 && storage >= limits.storage }
    var isTrafficUsedUp: Bool { limits.traffic >= 0 && traffic >= limits.traffic }
}
