import Logging
import OCI
import Registry
import RegistryTestSupport
import Synchronization

@testable import RegistryHTTP

/// A clock on which sleeping takes no time; it keeps what was slept.
final class TestClock: Sendable {
    private let state = Mutex((now: 1_000_000.0, sleeps: [Double]()))
    /// Runs instead of sleeping.
    private let asleep: @Sendable () -> Void

    init(asleep: @escaping @Sendable () -> Void = {}) { self.asleep = asleep }

    var sleeps: [Double] { state.withLock { $0.sleeps.filter { $0 > 0 } } }

    var now: Double { state.withLock { $0.now } }

    func advance(_ seconds: Double) { state.withLock { $0.now += seconds } }

    var clock: RegistryClock {
        RegistryClock(
            wallSeconds: { self.state.withLock { $0.now } },
            uptime: { self.state.withLock { $0.now } },
            sleep: { seconds throws(CancellationError) in
                if Task.isCancelled { throw CancellationError() }
                self.state.withLock {
                    $0.now += seconds
                    $0.sleeps.append(seconds)
                }
                self.asleep()
            },
            jitter: { 1 }
        )
    }
}

/// A loopback server and a client of it.
struct Wire: Sendable {
    let server: LoopbackRegistryServer
    let client: HTTPRegistry
    let clock: TestClock
    let credentials: any CredentialProvider
    let repository: RepositoryName

    var held: InMemoryRegistry { server.registry }

    /// Runs `work`, which must fail, and gives its error.
    func failure(_ work: () async throws(RegistryError) -> Void) async throws -> RegistryError {
        do throws(RegistryError) {
            try await work()
        } catch {
            return error
        }
        throw TestSupportError("it did not fail")
    }

    func put(_ bytes: [UInt8], as descriptor: Descriptor? = nil, pieceSize: Int = 1 << 16) async throws(RegistryError) {
        try await client.putBlob(Sample.body(bytes, as: descriptor, pieceSize: pieceSize), into: repository)
    }

    func hasBlob(_ bytes: [UInt8]) -> Bool {
        held.snapshot().repositories[repository]?.blobs[Digest.sha256(of: bytes)] != nil
    }
}

func withWire(
    features: Set<RegistryFeature> = Set(RegistryFeature.allCases),
    _ options: LoopbackRegistryServer.Options = .init(),
    credentials: any CredentialProvider = FixedCredentials(),
    settings change: @escaping @Sendable (inout HTTPRegistrySettings) -> Void = { _ in },
    logger: Logger = Logger(label: "test"),
    resolve: @escaping HostResolver = { try await HostAddresses.resolve($0) },
    _ body: @escaping @Sendable (Wire) async throws -> Void
) async throws {
    try await withLoopbackRegistryServer(try InMemoryRegistry(features: features), options) { server in
        var settings = HTTPRegistrySettings(id: try server.id, plainHTTP: options.certificate == nil)
        change(&settings)
        let clock = TestClock()
        let client = try HTTPRegistry(
            settings: settings,
            credentials: credentials,
            logger: logger,
            clock: clock.clock,
            resolve: resolve
        )
        let wire = Wire(server: server, client: client, clock: clock, credentials: credentials, repository: try RepositoryName("team/app"))
        do {
            try await body(wire)
        } catch {
            await client.shutdown()
            throw error
        }
        await client.shutdown()
    }
}

/// A client of what listens on a port of loopback, such as a proxy.
func withClient(
    ofPort port: Int,
    clock: TestClock = TestClock(),
    _ body: @escaping @Sendable (HTTPRegistry, TestClock) async throws -> Void
) async throws {
    let settings = HTTPRegistrySettings(id: try RegistryID(host: "127.0.0.1:\(port)"), plainHTTP: true)
    let credentials = FixedCredentials()
    let client = try HTTPRegistry(settings: settings, credentials: credentials, logger: Logger(label: "test"), clock: clock.clock)
    do {
        try await body(client, clock)
    } catch {
        await client.shutdown()
        throw error
    }
    await client.shutdown()
}
