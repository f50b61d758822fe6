package import OCI
package import RegistryTestSupport

/// An account of IBM Cloud with its registries, and everybody who may use them. A value: each function takes the time, and changes the
/// state or answers from it.
package struct ICRAccount: Sendable {
    package let id: String
    package var registries: [String: ICRInstance]
    package var identities: [String: ICRIdentity] = [:]
    package var switches = ICRSwitches()
    /// Access and refresh tokens of IAM.
    var iamTokens: [String: IAMSession] = [:]
    /// Tokens for content.
    var registryTokens: [String: RegistrySession] = [:]
    private var issued = 0

    struct IAMSession: Hashable, Sendable {
        var identity: String
        var expires: Double
        var isRefresh = false
    }

    struct RegistrySession: Hashable, Sendable {
        /// Nil: nobody has logged in.
        var identity: String?
        var host: String
        var access: [String: Set<String>]
        var expires: Double
    }

    package init(id: String, hosts: [String]) {
        self.id = id
        registries = Dictionary(hosts.map { ($0, ICRInstance(host: $0)) }) { first, _ in first }
    }

    /// A new number, for tokens and requests.
    mutating func nextNumber() -> Int {
        issued += 1
        return issued
    }

    /// What time alone does everywhere.
    package mutating func advance(to now: Double) {
        for host in registries.keys { registries[host]?.advance(to: now, switches) }
        iamTokens = iamTokens.filter { $0.value.expires > now }
        registryTokens = registryTokens.filter { $0.value.expires > now }
    }

    package mutating func expireTokens() {
        iamTokens = [:]
        registryTokens = [:]
    }

    /// Whoever shows an access token that lives.
    func identity(accessToken: String, at now: Double) -> ICRIdentity? {
        guard let session = iamTokens[accessToken], !session.isRefresh, session.expires > now else { return nil }
        return identities[session.identity].flatMap { $0.condition == .active ? $0 : nil }
    }

    /// Puts content there, and learns what it is; the namespace comes into being. `created`: instead of the image's own date.
    package mutating func seed(
        _ sample: Sample,
        tags: [TagName],
        in repository: RepositoryName,
        of host: String,
        at now: Double,
        isPublic: Bool = false,
        withBlobs: Bool = true
    ) {
        guard var registry = registries.removeValue(forKey: host) else { return }
        let account = isPublic ? ICRInstance.publicAccount : id
        if registry.namespaces[repository.namespace] == nil {
            registry.namespaces[repository.namespace] = .init(account: account, created: now)
        }
        registry.contents.seed(sample, tags: tags, in: repository)
        for document in sample.manifests { registry.learn(document, in: repository, switches) }
        if !withBlobs { registry.contents.repositories[repository]?.blobs = [:] }
        registries[host] = registry
    }
}
