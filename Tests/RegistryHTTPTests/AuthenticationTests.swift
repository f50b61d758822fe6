import OCI
import Registry
import RegistryTestSupport
import Synchronization
import Testing

@testable import RegistryHTTP

@Suite(.timeLimit(.minutes(5))) struct AuthenticationTests {
    private typealias Bearer = LoopbackAuthentication.Bearer

    private static func options(_ change: (inout Bearer) -> Void = { _ in }) -> LoopbackRegistryServer.Options {
        var bearer = Bearer(user: "u", password: "p")
        change(&bearer)
        return .init(authentication: .bearer(bearer))
    }

    private static let login = FixedCredentials(user: "u", password: "p")

    private static func pushAndRead(_ wire: Wire) async throws {
        let image = try Samples.image()
        for (digest, bytes) in image.blobs {
            let descriptor = Descriptor(mediaType: "x", digest: digest, size: Int64(bytes.count))
            try await wire.client.putBlob(Sample.body(bytes, as: descriptor), into: wire.repository)
        }
        try await wire.client.putManifest(image.root, at: .tag(try TagName("1")), in: wire.repository)
        #expect(try await wire.client.tags(in: wire.repository)?.count == 1)
    }

    @Test func basicIsSentOnceItIsAskedFor() async throws {
        let options = LoopbackRegistryServer.Options(authentication: .basic(user: "u", password: "p"))
        try await withWire(options, credentials: Self.login) { wire in
            try await Self.pushAndRead(wire)
            #expect(wire.server.log.count { $0.status == 401 } == 1)
        }
    }

    @Test func aWrongPasswordIsTriedOnceAndNamed() async throws {
        let options = LoopbackRegistryServer.Options(authentication: .basic(user: "u", password: "p"))
        try await withWire(options, credentials: FixedCredentials(user: "bot", password: "wrong-secret")) { wire in
            for _ in 1...3 {
                let error = try await wire.failure { () async throws(RegistryError) in _ = try await wire.client.tags(in: wire.repository) }
                #expect(error.code == .unauthorized)
                #expect(error.description.contains("\(wire.client.id) rejected the login for user 'bot' (from the test)"))
                #expect(!error.description.contains("wrong-secret"))
            }
            #expect(wire.server.log.count { $0.request.headers["authorization"] != nil } == 1)
        }
    }

    @Test func withoutALoginTheErrorSaysHowToGetOne() async throws {
        let options = LoopbackRegistryServer.Options(authentication: .basic(user: "u", password: "p"))
        try await withWire(options) { wire in
            let error = try await wire.failure { () async throws(RegistryError) in _ = try await wire.client.tags(in: wire.repository) }
            #expect(error.code == .unauthorized && error.help?.contains("needs a login") == true)
        }
    }

    @Test func oneTokenServesManyRequests() async throws {
        try await withWire(Self.options(), credentials: Self.login) { wire in
            try await withThrowingTaskGroup(of: Void.self) { group in
                for _ in 0..<20 { group.addTask { _ = try await wire.client.tags(in: wire.repository) } }
                try await group.waitForAll()
            }
            #expect(wire.server.issuedTokens == 1)
        }
    }

    @Test func readingAsksForNoMoreThanPull() async throws {
        try await withWire(Self.options { $0.allowsAnonymous = true }) { wire in
            _ = try await wire.client.tags(in: wire.repository)
            let token = wire.server.log.first { $0.path == "/token" }
            #expect(token?.request.parameters("scope") == ["repository:team/app:pull"])
            #expect(token?.request.headers["authorization"] == nil)
        }
    }

    @Test func pushUntagAndMountAskForWhatTheyNeed() async throws {
        try await withWire(Self.options(), credentials: Self.login) { wire in
            try await Self.pushAndRead(wire)
            try await wire.client.deleteTag(try TagName("1"), in: wire.repository)
            let other = try RepositoryName("team/other")
            _ = try await wire.client.mountBlob(Samples.descriptor(of: [1]), from: wire.repository, into: other)
            let scopes = Set(wire.server.log.filter { $0.path == "/token" }.map { $0.request.parameters("scope") })
            #expect(scopes.contains(["repository:team/app:pull,push"]) && scopes.contains(["repository:team/app:delete"]))
            #expect(scopes.contains(["repository:team/other:pull,push", "repository:team/app:pull"]))
        }
    }

    @Test func tokensThatLiveTwoSecondsAreRenewed() async throws {
        try await withWire(Self.options { $0.announcedLifetime = 2 }, credentials: Self.login) { wire in
            for _ in 1...3 {
                _ = try await wire.client.tags(in: wire.repository)
                wire.clock.advance(3)
            }
            #expect(wire.server.issuedTokens == 3)
            #expect(wire.server.log.count { $0.status == 401 } == 1, "an expired token is not sent")
        }
    }

    @Test func aTokenThatEndsEarlyIsReplaced() async throws {
        try await withWire(Self.options(), credentials: Self.login) { wire in
            _ = try await wire.client.tags(in: wire.repository)
            wire.server.expireTokens()
            _ = try await wire.client.tags(in: wire.repository)
            #expect(wire.server.issuedTokens == 2)
        }
    }

    @Test func aTokenThatEndsWithinAnUploadOnlyCostsANewSession() async throws {
        try await withWire(Self.options(), credentials: Self.login) { wire in
            let server = wire.server
            let expire = Once()
            wire.server.script { request in
                if request.method == "PUT", expire.take() { server.expireTokens() }
                return nil
            }
            try await wire.put([1, 2, 3])
            #expect(wire.hasBlob([1, 2, 3]))
        }
    }

    @Test(arguments: [false, true])
    func identityTokensArePosted(_ refusesPost: Bool) async throws {
        let options = Self.options {
            $0.identityTokens = ["refresh-secret"]
            $0.refusesPost = refusesPost
            $0.allowsAnonymous = true
        }
        let credential = Credential(.identityToken(Secret("refresh-secret")), source: "the test")
        try await withWire(options, credentials: FixedCredentials(credential)) { wire in
            _ = try await wire.client.tags(in: wire.repository)
            #expect(wire.server.log.filter { $0.path == "/token" }.map(\.method) == (refusesPost ? ["POST", "GET"] : ["POST"]))
        }
    }

    @Test func aRejectedPasswordIsNotSentTwice() async throws {
        try await withWire(Self.options(), credentials: FixedCredentials(user: "u", password: "old-secret")) { wire in
            for _ in 1...3 {
                let error = try await wire.failure { () async throws(RegistryError) in _ = try await wire.client.tags(in: wire.repository) }
                #expect(error.code == .unauthorized)
                #expect(error.description.contains("rejected the login for user 'u' (from the test)"))
            }
            #expect(wire.server.log.count { $0.path == "/token" } == 1)
        }
    }

    @Test func aHelpersFreshPasswordIsTried() async throws {
        let provider = TurningCredentials(["old", "p"])
        try await withWire(Self.options(), credentials: provider) { wire in
            _ = try await wire.client.tags(in: wire.repository)
            #expect(wire.server.issuedTokens == 1)
        }
    }

    @Test func aScopeThatTheRegistryDemandsIsAdded() async throws {
        try await withWire(Self.options(), credentials: Self.login) { wire in
            let challenge = #"Bearer realm="\#(wire.server.url)/token",scope="repository:team/app:*",error="insufficient_scope""#
            let once = Once()
            wire.server.script { request in
                guard request.path.hasSuffix("/tags/list"), request.headers["authorization"] != nil, once.take() else { return nil }
                return .reply(401, headers: ["WWW-Authenticate": challenge])
            }
            _ = try await wire.client.tags(in: wire.repository)
            let last = wire.server.log.last { $0.path == "/token" }
            #expect(last?.request.parameters("scope") == ["repository:team/app:*", "repository:team/app:pull"])
        }
    }

    @Test(arguments: ["http://169.254.169.254/token", "http://[fe80::1]/token", "ftp://127.0.0.1/token", "http://u:p@127.0.0.1/token"])
    func aTokenServerFurtherInsideIsRefused(_ realm: String) async throws {
        try await withWire(Self.options { $0.realm = realm }, credentials: Self.login) { wire in
            let error = try await wire.failure { () async throws(RegistryError) in _ = try await wire.client.tags(in: wire.repository) }
            #expect(error.code == .untrusted)
        }
    }

    @Test func aTokenServerOnAnotherPortIsAsked() async throws {
        try await withWire(Self.options { $0.hasOwnPort = true }, credentials: Self.login) { wire in
            _ = try await wire.client.tags(in: wire.repository)
            #expect(wire.server.issuedTokens == 1)
        }
    }

    @Test func theLoginIsReported() async throws {
        try await withWire(Self.options(), credentials: Self.login) { wire in
            let report = try await wire.client.checkLogin()
            #expect(report.user == "u" && report.credentialSource == "the test")
        }
        try await withWire { wire in
            let report = try await wire.client.checkLogin()
            #expect(report.user == nil && report.facts.contains("answers without a login"))
        }
    }

    @Test func schemesThatAreUnknownAreNamed() async throws {
        try await withWire { wire in
            wire.server.script { _ in .reply(401, headers: ["WWW-Authenticate": "Negotiate, NTLM"]) }
            let error = try await wire.failure { () async throws(RegistryError) in _ = try await wire.client.tags(in: wire.repository) }
            #expect(error.reason.contains("negotiate, ntlm"))
        }
    }

    @Test func a401WithoutAChallengeAsksTheRoot() async throws {
        let options = LoopbackRegistryServer.Options(authentication: .basic(user: "u", password: "p"))
        try await withWire(options, credentials: Self.login) { wire in
            wire.server.script { $0.path.contains("/tags/") && $0.headers["authorization"] == nil ? .reply(401) : nil }
            _ = try await wire.client.tags(in: wire.repository)
            #expect(wire.server.log.map(\.path) == ["/v2/team/app/tags/list", "/v2/", "/v2/team/app/tags/list"])
        }
    }
}

/// True the first time.
private final class Once: Sendable {
    private let isLeft = Mutex(true)

    func take() -> Bool {
        isLeft.withLock { isLeft in
            defer { isLeft = false }
            return isLeft
        }
    }
}

/// Gives another password each time, as a helper of a cloud does.
private final class TurningCredentials: CredentialProvider {
    private let passwords: Mutex<[String]>

    init(_ passwords: [String]) {
        self.passwords = Mutex(passwords.reversed())
    }

    func credential(for registry: RegistryID, repository: RepositoryName?) async throws(RegistryError) -> Credential? {
        passwords.withLock { $0.popLast() }.map { Credential(.password(user: "u", Secret($0)), source: "a helper") }
    }
}
