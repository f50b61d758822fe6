import Logging
import OCI
import Registry
import RegistryTestSupport
import Testing

@testable import RegistryHTTP

/// Where a login goes, and where it never does (reference, section 2.4).
@Suite(.timeLimit(.minutes(5))) struct CredentialTrustTests {
    private static let login = FixedCredentials(user: "u", password: "p")
    private static let basic = LoopbackRegistryServer.Options(authentication: .basic(user: "u", password: "p"))

    private static func tags(_ wire: Wire) async throws -> RegistryError? {
        do throws(RegistryError) {
            _ = try await wire.client.tags(in: wire.repository)
            return nil
        } catch {
            return error
        }
    }

    /// Gives tokens to whoever asks, over TLS at `localhost`, which is not the registry's name.
    private static func withForeignTokenServer(
        _ body: @escaping @Sendable (_ tokens: LoopbackRegistryServer, _ realm: String, _ authority: String) async throws -> Void
    ) async throws {
        try await withTemporaryDirectory { directory in
            let certificates = try await TestCertificates(in: directory)
            let pair = try await certificates.server()
            let options = LoopbackRegistryServer.Options(authentication: .bearer(.init(user: "u", password: "p")), certificate: pair)
            let authority = certificates.authorityPath
            try await withLoopbackRegistryServer(try InMemoryRegistry(), options) { tokens in
                try await body(tokens, "https://localhost:\(tokens.port)/token", authority)
            }
        }
    }

    private static func demand(_ realm: String, at server: LoopbackRegistryServer) {
        server.script { request in
            if request.headers["authorization"] != nil { return .reply(200, body: Array(#"{"tags":["1"]}"#.utf8)) }
            return .reply(401, headers: ["WWW-Authenticate": "Bearer realm=\"\(realm)\""])
        }
    }

    @Test func aForeignTokenServerGetsTheLoginOverTLSAndTheUserIsToldOnce() async throws {
        try await Self.withForeignTokenServer { tokens, realm, authority in
            let capture = LogCapture()
            try await withWire(credentials: Self.login, settings: { $0.caFile = authority }, logger: capture.logger) { wire in
                Self.demand(realm, at: wire.server)
                for repository in ["a", "b", "c"] { _ = try await wire.client.tags(in: try RepositoryName(repository)) }
                #expect(
                    tokens.log.map { $0.request.headers["authorization"] } == ["Basic <redacted>", "Basic <redacted>", "Basic <redacted>"]
                )
                let told = capture.lines(at: .warning)
                #expect(told.count == 1, "\(told)")
                let words = "the login for \(wire.client.id) is sent to its token server localhost:\(tokens.port)"
                #expect(told.first?.contains(words) == true)
            }
        }
    }

    @Test func aForeignTokenServerOverPlainHTTPGetsNothing() async throws {
        try await withLoopbackRegistryServer(try InMemoryRegistry()) { tokens in
            try await withWire(credentials: Self.login) { wire in
                Self.demand("http://localhost:\(tokens.port)/token", at: wire.server)
                let error = try await Self.tags(wire)
                #expect(
                    error?.code == .untrusted && error?.reason.contains("another host, over plain http") == true,
                    "\(String(describing: error))"
                )
                #expect(tokens.log.isEmpty)
            }
        }
    }

    @Test func aTokenServersRedirectIsNotFollowed() async throws {
        try await withLoopbackRegistryServer(try InMemoryRegistry()) { other in
            try await withWire(credentials: Self.login) { wire in
                Self.demand("/token", at: wire.server)
                let target = "\(other.url)/token"
                wire.server.script { $0.path == "/token" ? .reply(307, headers: ["Location": target]) : nil }
                let error = try await Self.tags(wire)
                #expect(error?.code == .untrusted)
                #expect(other.log.isEmpty)
            }
        }
    }

    @Test func aReadyTokenGoesToNoTokenServer() async throws {
        try await Self.withForeignTokenServer { tokens, realm, authority in
            let ready = FixedCredentials(Credential(.bearerToken(Secret("ready")), source: "the test"))
            try await withWire(credentials: ready, settings: { $0.caFile = authority }) { wire in
                Self.demand(realm, at: wire.server)
                let error = try await Self.tags(wire)
                #expect(error == nil)
                #expect(wire.server.log.last?.request.headers["authorization"] == "Bearer <redacted>")
                #expect(tokens.log.isEmpty)
            }
        }
    }

    @Test func aRedirectBackFromAnotherHostCarriesNoLogin() async throws {
        try await withWire(Self.basic, credentials: Self.login) { wire in
            try await wire.put([1, 2, 3])
            try await withLoopbackRegistryServer(try InMemoryRegistry()) { storage in
                let (there, back) = ("\(storage.url)/blob", "\(wire.server.url)/v2/team/app/blobs/back")
                storage.script { _ in .reply(307, headers: ["Location": back]) }
                wire.server.script { request in
                    request.method == "GET" && !request.path.hasSuffix("/back") && request.headers["authorization"] != nil
                        ? .reply(307, headers: ["Location": there]) : nil
                }
                let error = try await wire.failure { () async throws(RegistryError) in
                    _ = try await wire.client.blob(Samples.descriptor(of: [1, 2, 3]), from: 0, in: wire.repository)
                }
                #expect(error.status == 401)
                let returned = wire.server.log.filter { $0.path.hasSuffix("/back") }
                #expect(!returned.isEmpty && returned.allSatisfy { $0.request.headers["authorization"] == nil })
                #expect(storage.log.allSatisfy { $0.request.headers["authorization"] == nil })
            }
        }
    }

    @Test func anotherPortOfTheSameHostGetsNoLogin() async throws {
        try await withWire(Self.basic, credentials: Self.login) { wire in
            try await withLoopbackRegistryServer(try InMemoryRegistry()) { neighbour in
                let target = "\(neighbour.url)/v2/team/app/tags/list"
                wire.server.script { $0.headers["authorization"] == nil ? nil : .reply(302, headers: ["Location": target]) }
                _ = try await Self.tags(wire)
                #expect(neighbour.log.count == 1 && neighbour.log[0].request.headers["authorization"] == nil)
            }
        }
    }

    @Test func cookiesAreNeverSentBack() async throws {
        try await withWire(Self.basic, credentials: Self.login) { wire in
            wire.server.script { _ in .changed { $0.headers["Set-Cookie"] = "session=1; Path=/" } }
            try await wire.put([1, 2, 3])
            _ = try await Self.tags(wire)
            #expect(wire.server.log.count > 3 && wire.server.log.allSatisfy { $0.request.headers["cookie"] == nil })
        }
    }

    @Test func aStoresRefusalIsNotTheLoginsFault() async throws {
        try await withWire(Self.basic, credentials: Self.login) { wire in
            try await wire.put([1, 2, 3])
            try await withLoopbackRegistryServer(try InMemoryRegistry()) { storage in
                storage.script { _ in .reply(403, body: Array("<Error><Code>AccessDenied</Code></Error>".utf8)) }
                let target = "\(storage.url)/blob"
                wire.server.script { $0.method == "GET" ? .reply(307, headers: ["Location": target]) : nil }
                let error = try await wire.failure { () async throws(RegistryError) in
                    _ = try await wire.client.blob(Samples.descriptor(of: [1, 2, 3]), from: 0, in: wire.repository)
                }
                #expect(error.reason.hasPrefix("127.0.0.1:\(storage.port), where the registry leads, answers: ") && error.help == nil)
            }
        }
    }
}
