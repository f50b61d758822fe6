import AsyncHTTPClient
import FoundationEssentials
import Logging
import NIOCore
import NIOHTTP1
import OCI
import Registry
import RegistryTestSupport
import Synchronization

@testable import ICRSimulation
@testable import RegistryHTTP
@testable import RegistryICR

/// Sends requests as they are, once.
struct PlainService: ServiceSending {
    let base: String

    func send(_ request: ServiceRequest) async throws(RegistryError) -> ServiceAnswer {
        do {
            var message = HTTPClientRequest(url: base + request.target)
            message.method = HTTPMethod(rawValue: request.method)
            for (name, value) in request.headers { message.headers.add(name: name, value: value) }
            if let authorization = request.authorization { message.headers.add(name: "authorization", value: authorization.reveal()) }
            if let body = request.body { message.body = .bytes(ByteBuffer(bytes: body)) }
            let response = try await HTTPClient.shared.execute(message, timeout: .seconds(30))
            let body = try await response.body.collect(upTo: 64 << 20)
            let headers = Dictionary(response.headers.map { ($0.name.lowercased(), $0.value) }) { first, _ in first }
            return ServiceAnswer(status: Int(response.status.code), headers: headers, body: Array(body.readableBytesView))
        } catch {
            throw RegistryError(.unavailable, action: request.action, object: request.object, reason: "\(error)")
        }
    }
}

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
    let endpoint = simulator.url(isPrivate ? .closed(host) : .open(host))
    let settings = HTTPRegistrySettings(id: try RegistryID(host: host), endpoint: endpoint)
    let login = FixedCredentials(user: "iamapikey", password: key ?? "none")
    let content = try HTTPRegistry(settings: settings, credentials: login, logger: logger)
    return ICRRegistry(
        content: content,
        management: PlainService(base: simulator.url(.open(host))),
        iam: PlainService(base: simulator.url(.iam)),
        account: account,
        credentials: FixedCloudCredential(kind: key.map { .apiKey(Secret($0)) }),
        logger: logger
    )
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

/// IBM's Python SDK, which `Tests/run` installs. Without it these tests fail: what nobody runs proves nothing.
enum PythonSDK {
    static func run(_ script: String, _ input: JSONValue, sourceFile: String = #filePath) async throws -> JSONValue {
        let tests = sourceFile.split(separator: "/").dropLast()
        let root = "/" + tests.dropLast(2).joined(separator: "/")
        let python = "\(root)/.build/test-tools/bin/python3"
        guard FileManager.default.isExecutableFile(atPath: python) else {
            throw TestSupportError("IBM's SDK is not there (\(python)); Tests/run installs it")
        }
        let path = "/" + tests.joined(separator: "/") + "/SDK/\(script).py"
        let environment = ["PATH": "/usr/bin:/bin", "HOME": "/nonexistent", "PYTHONDONTWRITEBYTECODE": "1"]
        let result = try await RegistryTestSupport.run(python, [path], environment: environment, input: input.canonicalText)
        guard result.status == 0 else { throw TestSupportError("\(script).py ended with \(result.status): \(result.stderr)") }
        return try JSONValue(parsing: Array(result.stdout.utf8))
    }
}
