package import Logging
internal import NIOCore
internal import NIOHTTP1
package import OCI
package import Registry
internal import Synchronization

/// A registry over the OCI distribution API. Connections, tokens, limits and what the registry has shown of its abilities are
/// shared by everything that uses one instance. Call `shutdown` once, when the run is over.
package final class HTTPRegistry: RegistryWriter {
    package let id: RegistryID
    let exchange: Exchange
    let memory = Mutex(RegistryMemory())
    let subjects = SingleFlight<SubjectKey, Bool>()
    let firstReferrers = SingleFlight<RegistryID, [Descriptor]?>()
    let firstProbe = SingleFlight<RegistryID, Capability>()
    let logger: Logger

    /// Throws `.localFile` when a certificate or key cannot be read, `.unsupported` when the endpoint is not an address.
    package convenience init(
        settings: HTTPRegistrySettings,
        credentials: any CredentialProvider,
        logger: Logger,
        clock: RegistryClock = .system
    ) throws(RegistryError) {
        try self.init(settings: settings, credentials: credentials, logger: logger, clock: clock) { try await HostAddresses.resolve($0) }
    }

    /// `resolve` finds the addresses that decide how far inside a host lies.
    init(
        settings: HTTPRegistrySettings,
        credentials: any CredentialProvider,
        logger: Logger,
        clock: RegistryClock,
        resolve: @escaping HostResolver
    ) throws(RegistryError) {
        id = settings.id
        self.logger = logger
        exchange = try Exchange(settings: settings, credentials: credentials, logger: logger, clock: clock, resolve: resolve)
    }

    /// Closes all connections. Afterwards every call fails with `.cancelled`.
    package func shutdown() async {
        await exchange.connections.shutdown()
    }

    /// For when rights have changed: a token allows what its holder might do when it was made.
    package func forgetTokens() async { await exchange.authorizer.forgetTokens() }

    package var pulls: PullAllowance? { exchange.pulls.value }

    package func requestExecutor() -> (any TaskExecutor)? { EventLoopExecutor.any }

    package func beginWriting(in repository: RepositoryName) async throws(RegistryError) -> any WriteLease { NoLease() }

    package func digests(in repository: RepositoryName) async throws(RegistryError) -> [Digest]? { nil }

    package func capability(_ feature: RegistryFeature, in repository: RepositoryName) async throws(RegistryError) -> Capability {
        if feature == .listDigests { return .no }
        let known = memory.withLock { $0.capability(feature, in: repository) }
        if known != .unknown { return known }
        switch feature {
        case .referrersAPI: return try await probeReferrers(in: repository)
        case .listRepositories: return try await probeCatalog()
        // Only a write or a deletion would tell.
        case .deleteTag, .deleteManifest, .mountBlob, .listDigests: return .unknown
        }
    }

    package func checkLogin() async throws(RegistryError) -> LoginReport {
        let purpose = Purpose(action: "log in to", object: id.description, registry: id)
        let address = exchange.connections.base.appending(path: "/v2/")
        var request = RegistryRequest(method: .GET, address: address, purpose: purpose, scopes: [])
        request.bodyLimit = ErrorBody.largestSize
        var response = try await exchange.send(request)
        // zot lets everybody in and says all the same how to log in.
        if response.isSuccess, try await exchange.authorizer.takesUp(Authorizer.Offer(response), for: purpose) {
            response = try await exchange.send(request)
        }
        guard response.isSuccess else {
            if response.status == 404 {
                throw purpose.error(.unsupported, status: 404, "it does not speak the OCI distribution API at \(address)")
            }
            throw await exchange.error(for: response, purpose)
        }
        let credential = await exchange.authorizer.knownCredential(for: nil)
        var facts = ["speaks the OCI distribution API"]
        if credential == nil { facts.append("answers without a login") }
        return LoginReport(user: credential?.user, credentialSource: credential?.source, facts: facts)
    }

    /// The address of `/v2/<repository>/<path>`. Names, tags and digests need no escaping.
    func address(_ repository: RepositoryName, _ path: String) -> WebAddress {
        exchange.connections.base.appending(path: "/v2/\(repository)/\(path)")
    }

    func purpose(_ action: String, _ repository: RepositoryName, _ suffix: String = "") -> Purpose {
        Purpose(action: action, object: "\(id)/\(repository)\(suffix)", registry: id, repository: repository)
    }

    /// Over HTTP a stretch of writing needs no preparation.
    private struct NoLease: WriteLease {
        func end() async {}
    }
}

struct SubjectKey: Hashable, Sendable {
    var repository: RepositoryName
    var subject: Digest
}

/// What the registry has shown in this run. Never stored: the next run asks again.
struct RegistryMemory: Sendable {
    struct BlobKey: Hashable, Sendable {
        var repository: RepositoryName
        var digest: Digest
    }

    struct TagKey: Hashable, Sendable {
        var repository: RepositoryName
        var tag: TagName
    }

    /// Upload sessions that a refused mount opened; the upload that follows uses them.
    var sessions: [BlobKey: BlobUpload.Session] = [:]
    /// What each tag was last seen at; an entry with `nil` was seen absent.
    var tags: [TagKey: Digest?] = [:]
    /// The tags that each repository's list named last; it shares its storage with the list that was given out.
    var listed: [RepositoryName: SortedNames<TagName>] = [:]
    /// `HEAD` has found a manifest, so that its 404 can be believed.
    var headFinds = false
    /// How this registry removes a tag.
    var tagDeletionWay: TagDeletionWay?
    private var ofRegistry: [RegistryFeature: Capability] = [:]
    private var ofRepository: [RepositoryName: [RegistryFeature: Capability]] = [:]

    func capability(_ feature: RegistryFeature, in repository: RepositoryName?) -> Capability {
        repository.flatMap { ofRepository[$0]?[feature] } ?? ofRegistry[feature] ?? .unknown
    }

    /// The referrers API and the catalog belong to the registry; the rest may differ by repository.
    mutating func learn(_ feature: RegistryFeature, _ capability: Capability, in repository: RepositoryName?) {
        if let repository, feature != .referrersAPI, feature != .listRepositories {
            ofRepository[repository, default: [:]][feature] = capability
        } else {
            ofRegistry[feature] = capability
        }
    }
}
