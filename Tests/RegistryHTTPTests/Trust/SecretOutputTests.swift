import Logging
import OCI
import Registry
import RegistryTestSupport
import Testing

@testable import RegistryHTTP

/// No log line of any level and no error holds a secret, even where a registry repeats it.
@Suite(.timeLimit(.minutes(5))) struct SecretOutputTests {
    /// The password, its Basic form, an identity token, a token, an upload's session and state, and a store's signature.
    private static let secrets = [
        "hunter-2", "Ym90Omh1bnRlci0y", "identity-3", "token-", "5e55-10n", "5tate", "516nature", "AKIA7", "longpath",
    ]

    private static func expectNoSecret(in texts: [String], sourceLocation: SourceLocation = #_sourceLocation) {
        #expect(!texts.isEmpty, sourceLocation: sourceLocation)
        for secret in secrets {
            #expect(texts.filter { $0.contains(secret) } == [], "\(secret)", sourceLocation: sourceLocation)
        }
    }

    private static func errors(_ works: [@Sendable () async throws -> Void]) async -> [String] {
        var errors: [String] = []
        for work in works {
            do {
                try await work()
                Issue.record("it did not fail")
            } catch {
                errors.append("\(error)")
            }
        }
        return errors
    }

    static let logins = [
        Credential(.password(user: "bot", Secret("hunter-2")), source: "the test"),
        Credential(.identityToken(Secret("identity-3")), source: "the test"),
    ]

    @Test(arguments: logins)
    func nothingThatIsSaidHoldsASecret(_ login: Credential) async throws {
        var bearer = LoopbackAuthentication.Bearer(user: "bot", password: "hunter-2")
        bearer.identityTokens = ["identity-3"]
        let capture = LogCapture()
        let options = LoopbackRegistryServer.Options(authentication: .bearer(bearer))
        try await withWire(options, credentials: FixedCredentials(login), logger: capture.logger) { wire in
            let content: [UInt8] = [1, 2, 3]
            try await withLoopbackRegistryServer(try InMemoryRegistry()) { storage in
                let path = String(repeating: "longpath", count: 10)
                let signed = "\(storage.url)/\(path)/b?X-Amz-Credential=AKIA7&X-Amz-Signature=516nature"
                let session = "/v2/team/app/blobs/uploads/5e55-10n?_state=5tate"
                // Whoever fails repeats what it knows.
                let words = "PUT \(session) with Bearer token-1 and password=hunter-2, https://bot:hunter-2@r.example/, \(signed)"
                storage.script { _ in .reply(403, body: Array("see \(signed)".utf8)) }
                wire.server.script { request in
                    switch request.method {
                    case "POST" where request.path.hasSuffix("/uploads/"): .reply(202, headers: ["Location": session])
                    case "PUT": .error(403, "DENIED", words)
                    case "GET" where request.path.contains("/blobs/"): .reply(307, headers: ["Location": signed])
                    default: nil
                    }
                }
                let errors = await Self.errors([
                    { try await wire.put(content) },
                    { _ = try await wire.client.blob(Samples.descriptor(of: content), from: 0, in: wire.repository) },
                    { try await wire.client.putManifest(try Samples.image().root, at: .tag(try TagName("1")), in: wire.repository) },
                ])
                Self.expectNoSecret(in: errors)
                Self.expectNoSecret(in: capture.lines)
                #expect(capture.lines.contains { $0.contains("/blobs/uploads/…") })
            }
        }
    }

    @Test func aRejectedLoginIsNamedWithoutItsSecret() async throws {
        for method in [LoopbackAuthentication.basic(user: "bot", password: "other"), .bearer(.init(user: "bot", password: "other"))] {
            let capture = LogCapture()
            let credentials = FixedCredentials(user: "bot", password: "hunter-2")
            try await withWire(.init(authentication: method), credentials: credentials, logger: capture.logger) { wire in
                let words = "unknown: Basic Ym90Omh1bnRlci0y; password=hunter-2"
                wire.server.script { request in
                    guard request.path == "/token" else { return nil }
                    return .error(401, "UNAUTHORIZED", words)
                }
                let errors = await Self.errors([{ _ = try await wire.client.tags(in: wire.repository) }])
                #expect(errors[0].contains("user 'bot' (from the test)"))
                Self.expectNoSecret(in: errors + capture.lines)
            }
        }
    }
}
