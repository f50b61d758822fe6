import Logging
import OCI
import Registry
import RegistryTestSupport
import Synchronization

@testable import ICRSimulation
@testable import RegistryHTTP
@testable import RegistryICR

struct FixedCloudCredential: IBMCloudCredentialProvider {
    var kind: IBMCloudCredential.Kind?

    func credential() async throws(RegistryError) -> IBMCloudCredential? { kind.map { IBMCloudCredential($0, source: "the test") } }
}

/// A simulator in this process, and crplan's client of one of its registries.
struct Cloud: Sendable {
    let simulator: ICRSimulator
    let registry: ICRRegistry
    let host: String

    static let repository = "birds/a"

    @discardableResult
    func seed(_ seed: SimulatedSeed) throws -> [Digest] { try simulator.update { account, now in try account.seed(seed, at: now) } }

    @discardableResult
    func seed(_ repository: String = Self.repository, tags: [String] = [], seed number: UInt64 = 1) throws -> Digest {
        let digests = try seed(SimulatedSeed(repository, host: host, tags: tags, seed: number))
        guard let digest = digests.first else { throw TestSupportError("nothing was seeded") }
        return digest
    }

    func set(_ change: @Sendable (inout ICRSwitches) -> Void) { simulator.update { account, _ in change(&account.switches) } }

    /// The registry as it is now.
    var held: ICRInstance { simulator.update { account, _ in account.registries[host] ?? ICRInstance(host: host) } }

    func tags(_ repository: String = Self.repository) throws -> [String: Digest] {
        let tags = held.contents.repositories[try RepositoryName(repository)]?.tags ?? [:]
        return Dictionary(tags.map { ($0.key.description, $0.value) }) { first, _ in first }
    }

    /// Runs `work`, which must fail, and gives its error.
    func failure(_ work: () async throws(RegistryError) -> Void) async throws -> RegistryError {
        do throws(RegistryError) {
            try await work()
        } catch {
            return error
        }
        throw TestSupportError("it did not fail")
    }

    /// The key of a service ID with these grants.
    func key(_ grants: ICRGrant...) -> String {
        simulator.update { account, _ in
            let key = "key-\(account.identities.count)"
            let identity = ICRIdentity(id: "iam-\(key)", account: account.id, apiKeys: [key], grants: grants)
            account.identities[identity.id] = identity
            return key
        }
    }

    /// Another client of the registry. `key`: nil for no login to the management API; content has the same login.
    func client(key: String?, account: String? = nil, isPrivate: Bool = false) throws -> ICRRegistry {
        try makeClient(simulator, host, key: key, account: account, isPrivate: isPrivate)
    }
}

func makeClient(
    _ simulator: ICRSimulator,
    _ host: String,
    key: String?,
    account: String? = nil,
    isPrivate: Bool = false
) throws -> ICRRegistry {
    let logger = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
    let id = try RegistryID(host: host)
    func service(_ place: ICRSimulator.Place) throws -> HTTPService {
        try HTTPService(settings: HTTPRegistrySettings(id: id, endpoint: simulator.url(place)), logger: logger)
    }
    let provider = FixedCloudCredential(kind: key.map { .apiKey(Secret($0)) })
    let login = IAMLogin(registry: id, provider: provider, iam: try service(.iam))
    let content = try HTTPRegistry(
        settings: HTTPRegistrySettings(id: id, endpoint: simulator.url(isPrivate ? .closed(host) : .open(host))),
        credentials: ICRContentCredentials(stored: key == nil ? FixedCredentials(user: "iamapikey", password: "none") : nil, login: login),
        logger: logger
    )
    let management = isPrivate ? try service(.open(host)) : HTTPService(besides: content)
    return ICRRegistry(content: content, management: management, login: login, account: account, logger: logger)
}

/// A simulator with a client that is Manager of everything.
func withCloud<Result: Sendable>(
    _ host: String = "us.icr.io",
    _ body: @escaping @Sendable (Cloud) async throws -> Result
) async throws -> Result {
    try await withICRSimulator(ICRSimulator.Options(hosts: [host, "de.icr.io"].uniqued)) { simulator in
        let registry = try makeClient(simulator, host, key: simulator.options.apiKey)
        let outcome: Swift.Result<Result, any Error>
        do {
            outcome = .success(try await body(Cloud(simulator: simulator, registry: registry, host: host)))
        } catch {
            outcome = .failure(error)
        }
        await registry.shutdown()
        return try outcome.get()
    }
}

extension [String] {
    var uniqued: [String] { Array(Set(self)).sorted() }
}
