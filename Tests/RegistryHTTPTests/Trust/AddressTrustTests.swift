import Logging
import OCI
import Registry
import RegistryTestSupport
import Synchronization
import Testing

@testable import RegistryHTTP

/// Answers never lead further inside than the registry itself lies (design, "What it must never do"). The loopback server plays a registry on
/// the internet here: what resolves names says so.
@Suite(.timeLimit(.minutes(5))) struct AddressTrustTests {
    /// What an answer can name.
    enum Vector: String, CaseIterable, Sendable, CustomTestStringConvertible {
        case blobRedirect, manifestRedirect, uploadLocation, realm, page

        var testDescription: String { rawValue }
    }

    /// Every class of address further inside, in the ways to write it. `inside.example` and the last two are names that lead there.
    static let inside = [
        "127.0.0.1", "127.1", "2130706433", "0x7f000001", "0x7f.1", "017700000001", "0177.0.0.1", "0.0.0.0", "[::1]", "[::]",
        "[::ffff:127.0.0.1]", "[::ffff:7f00:1]", "[::ffff:a9fe:a9fe]", "[::127.0.0.1]", "[64:ff9b::7f00:1]", "[64:ff9b::a00:1]",
        "[2002:7f00:1::1]", "169.254.169.254", "2852039166", "0xa9fea9fe", "[fe80::1]", "[fd00:ec2::254]", "[fc00::1]", "10.0.0.1",
        "172.16.0.1", "192.168.1.1", "100.100.100.200", "168.63.129.16", "192.0.0.192", "224.0.0.1", "255.255.255.255", "localhost",
        "inside.example", "metadata.example",
    ]

    private static func resolver(for server: LoopbackRegistryServer) -> HostResolver {
        let port = server.port
        return { address in
            if address.host == "127.0.0.1", address.port == port { return ["198.51.100.7"] }
            if address.host == "inside.example" { return ["10.1.2.3"] }
            if address.host == "metadata.example" { return ["fd00:ec2::254"] }
            return try await HostAddresses.resolve(address)
        }
    }

    /// What the client says when the registry leads it to `url`.
    private static func failure(
        _ vector: Vector,
        to url: String,
        at server: LoopbackRegistryServer,
        _ resolve: @escaping HostResolver
    ) async throws -> RegistryError? {
        let answer: ScriptedAnswer =
            switch vector {
            case .blobRedirect, .manifestRedirect: .reply(307, headers: ["Location": url])
            case .uploadLocation: .reply(202, headers: ["Location": url])
            case .realm: .reply(401, headers: ["WWW-Authenticate": "Bearer realm=\"\(url)\""])
            case .page: .reply(200, headers: ["Link": "<\(url)>; rel=\"next\""], body: Array(#"{"tags":["1"]}"#.utf8))
            }
        server.forgetScripts()
        server.script { request in vector == .uploadLocation && request.method == "HEAD" ? nil : answer }
        let client = try HTTPRegistry(
            settings: HTTPRegistrySettings(id: try server.id, plainHTTP: true),
            credentials: FixedCredentials(),
            logger: Logger(label: "test"),
            clock: TestClock().clock,
            resolve: resolve
        )
        let failure = try await failure(vector, client)
        await client.shutdown()
        return failure
    }

    private static func failure(_ vector: Vector, _ client: HTTPRegistry) async throws -> RegistryError? {
        let repository = try RepositoryName("team/app")
        let content: [UInt8] = [1, 2, 3]
        let descriptor = Samples.descriptor(of: content)
        do throws(RegistryError) {
            switch vector {
            case .blobRedirect: _ = try await client.blob(descriptor, from: 0, in: repository)
            case .manifestRedirect: _ = try await client.manifest(.digest(descriptor.digest), in: repository)
            case .uploadLocation: try await client.putBlob(Sample.body(content, as: descriptor), into: repository)
            case .realm, .page: _ = try await client.tags(in: repository)
            }
            return nil
        } catch {
            return error
        }
    }

    @Test(arguments: Vector.allCases)
    func noAnswerOfAPublicRegistryLeadsInside(_ vector: Vector) async throws {
        try await withLoopbackRegistryServer(try InMemoryRegistry()) { victim in
            try await withLoopbackRegistryServer(try InMemoryRegistry()) { server in
                let resolve = Self.resolver(for: server)
                for host in Self.inside {
                    let url = "http://\(host):\(victim.port)/latest/meta-data"
                    let error = try await Self.failure(vector, to: url, at: server, resolve)
                    let code = vector == .page ? RegistryError.Code.badAnswer : .untrusted
                    #expect(error?.code == code, "\(host): \(error?.description ?? "it was followed")")
                }
                #expect(victim.connections == 0)
            }
        }
    }

    @Test(
        arguments: [Vector.blobRedirect, .uploadLocation, .realm],
        ["ftp://127.0.0.1/x", "file:///etc/passwd", "http://u:p@127.0.0.1/x"]
    )
    func onlyPlainWebAddressesAreFollowed(_ vector: Vector, _ url: String) async throws {
        try await withLoopbackRegistryServer(try InMemoryRegistry()) { server in
            let error = try await Self.failure(vector, to: url, at: server) { try await HostAddresses.resolve($0) }
            #expect(error?.code == .untrusted, "\(error?.description ?? "it was followed")")
        }
    }

    /// The system knows no `storage.example`: whoever connected to it without the address that was checked would fail.
    @Test func theAddressThatWasCheckedIsTheOneConnectedTo() async throws {
        let content: [UInt8] = [1, 2, 3]
        try await withLoopbackRegistryServer(try InMemoryRegistry()) { storage in
            storage.script { _ in .reply(200, body: content) }
            // The name's owner changes where it leads between two looks.
            let answers = Mutex([["127.0.0.1"], ["169.254.169.254"], ["169.254.169.254", "127.0.0.1"]])
            try await withWire(resolve: { address in
                guard address.host == "storage.example" else { return try await HostAddresses.resolve(address) }
                return answers.withLock { $0.isEmpty ? [] : $0.removeFirst() }
            }) { wire in
                let location = "http://storage.example:\(storage.port)/blob"
                wire.server.script { _ in .reply(307, headers: ["Location": location]) }
                for isAllowed in [true, false, true] {
                    do throws(RegistryError) {
                        let stream = try await wire.client.blob(Samples.descriptor(of: content), from: 0, in: wire.repository)
                        let bytes = try await stream.collected()
                        #expect(isAllowed && bytes == content)
                    } catch {
                        #expect(!isAllowed && error.code == .untrusted, "\(error)")
                        #expect(error.reason == "the registry leads to storage.example, which is a link-local address (169.254.169.254)")
                    }
                }
                #expect(storage.log.count == 2)
            }
        }
    }

    @Test func eachHopIsChecked() async throws {
        try await withLoopbackRegistryServer(try InMemoryRegistry()) { storage in
            storage.script { _ in .reply(307, headers: ["Location": "http://169.254.169.254/latest"]) }
            try await withWire { wire in
                let location = "\(storage.url)/blob"
                wire.server.script { _ in .reply(307, headers: ["Location": location]) }
                let error = try await wire.failure { () async throws(RegistryError) in
                    _ = try await wire.client.blob(Samples.descriptor(of: [1]), from: 0, in: wire.repository)
                }
                #expect(error.code == .untrusted && storage.log.count == 1)
            }
        }
    }
}
