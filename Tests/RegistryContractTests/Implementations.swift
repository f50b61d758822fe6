import Logging
import OCI
import Registry
import RegistryHTTP
import RegistryLayout
import RegistryTestSupport

/// The table: what each implementation of the seam can do, and, in a second row, what it tells of that before it has tried.
/// The columns: untag, delete, referrers API, list repositories, list digests, mount blobs.
enum Implementations {
    static let local: [RegistryContract] = [
        inMemory("in memory, everything", [.yes, .yes, .yes, .yes, .yes, .yes]),
        inMemory("in memory, nothing", [.no, .no, .no, .no, .no, .no]),
        inMemory("in memory, digests only", [.no, .yes, .no, .yes, .no, .yes]),
        layout("a directory of layouts", [.yes, .yes, .yes, .yes, .yes, .yes]),
    ]

    static let remote: [RegistryContract] = [
        loopback(
            "HTTP, everything",
            [.yes, .yes, .yes, .yes, .no, .yes],
            [.unknown, .unknown, .yes, .yes, .no, .unknown]
        ),
        loopback(
            "HTTP, nothing",
            [.no, .no, .no, .no, .no, .no],
            [.unknown, .unknown, .no, .no, .no, .unknown]
        ),
        loopback(
            "HTTP, digests only, tokens",
            [.no, .yes, .no, .yes, .no, .yes],
            [.unknown, .unknown, .no, .yes, .no, .unknown],
            .bearer(LoopbackAuthentication.Bearer(user: "alice", password: "wonder"))
        ),
        docker(
            "docker-registry",
            [.no, .yes, .no, .yes, .no, .yes],
            [.unknown, .unknown, .no, .yes, .no, .unknown],
            RealRegistry.Options()
        ),
        docker(
            "docker-registry, no deletes, passwords, TLS",
            [.no, .no, .no, .yes, .no, .yes],
            [.unknown, .unknown, .no, .yes, .no, .unknown],
            RealRegistry.Options(deletes: false, user: "alice", password: "wonder", tls: true)
        ),
    ]

    /// Processes of docker-registry at one time.
    private static let places = Places(6)

    private static func capabilities(_ row: [Capability]) -> [RegistryFeature: Capability] {
        let columns: [RegistryFeature] = [.deleteTag, .deleteManifest, .referrersAPI, .listRepositories, .listDigests, .mountBlob]
        return Dictionary(uniqueKeysWithValues: zip(columns, row))
    }

    private typealias Body = @Sendable (any RegistryWriter) async throws -> Void

    private static func contract(
        _ name: String,
        _ row: [Capability],
        told: [Capability]? = nil,
        _ withRegistry: @escaping @Sendable (_ body: @escaping Body) async throws -> Void
    ) -> RegistryContract {
        let capabilities = capabilities(row)
        let source: Referrers.Source = capabilities[.referrersAPI] == .yes ? .api : .fallbackTag
        let told = told.map { Self.capabilities($0) }
        return RegistryContract(name, capabilities: capabilities, told: told, referrersSource: source, withRegistry: withRegistry)
    }

    private static func inMemory(_ name: String, _ row: [Capability]) -> RegistryContract {
        let features = Set(capabilities(row).filter { $0.value == .yes }.keys)
        return contract(name, row) { body in try await body(InMemoryRegistry(features: features)) }
    }

    private static func layout(_ name: String, _ row: [Capability]) -> RegistryContract {
        contract(name, row) { body in
            try await withTemporaryDirectory { directory in
                try await body(LayoutRegistry(id: try RegistryID(layout: directory), root: directory))
            }
        }
    }

    private static func loopback(
        _ name: String,
        _ row: [Capability],
        _ told: [Capability],
        _ authentication: LoopbackAuthentication = .none
    ) -> RegistryContract {
        let features = Set(capabilities(row).filter { $0.value == .yes }.keys)
        return contract(name, row, told: told) { body in
            let options = LoopbackRegistryServer.Options(authentication: authentication)
            try await withLoopbackRegistryServer(try InMemoryRegistry(features: features), options) { server in
                try await withHTTPRegistry(HTTPRegistrySettings(id: try server.id, plainHTTP: true), body)
            }
        }
    }

    private static func docker(_ name: String, _ row: [Capability], _ told: [Capability], _ options: RealRegistry.Options)
        -> RegistryContract
    {
        contract(name, row, told: told) { body in
            try await places.withPlace {
                try await withRealRegistry(options) { real in
                    let settings = HTTPRegistrySettings(id: try real.id, plainHTTP: !options.tls, caFile: real.authorityPath)
                    try await withHTTPRegistry(settings, body)
                }
            }
        }
    }

    private static func withHTTPRegistry(_ settings: HTTPRegistrySettings, _ body: Body) async throws {
        let credentials = FixedCredentials(user: "alice", password: "wonder")
        let registry = try HTTPRegistry(settings: settings, credentials: credentials, logger: Logger(label: "test"))
        do {
            try await body(registry)
        } catch {
            await registry.shutdown()
            throw error
        }
        await registry.shutdown()
    }
}
