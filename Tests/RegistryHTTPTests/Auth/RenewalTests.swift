import OCI
import Registry
import RegistryTestSupport
import Synchronization
import Testing

@testable import RegistryHTTP

/// Tokens and passwords that run out, are too narrow, or are rejected.
@Suite(.timeLimit(.minutes(5))) struct RenewalTests {
    private static let login = FixedCredentials(user: "u", password: "p")

    private static func bearer(_ change: (inout LoopbackAuthentication.Bearer) -> Void = { _ in }) -> LoopbackRegistryServer.Options {
        var bearer = LoopbackAuthentication.Bearer(user: "u", password: "p")
        change(&bearer)
        return .init(authentication: .bearer(bearer))
    }

    private static func tagsFailure(_ wire: Wire, _ repository: RepositoryName? = nil) async throws -> RegistryError {
        try await wire.failure { () async throws(RegistryError) in _ = try await wire.client.tags(in: repository ?? wire.repository) }
    }

    private static func tokenRequests(_ wire: Wire) -> [LoopbackRequest] { wire.server.log.filter { $0.path == "/token" }.map(\.request) }

    @Test func aTokenThatIsTooNarrowTwiceIsALackOfRight() async throws {
        try await withWire(Self.bearer { $0.grants = { _, _ in [] } }, credentials: Self.login) { wire in
            let error = try await Self.tagsFailure(wire)
            #expect(error.code == .denied && error.status == 401)
            #expect(error.help == "the login for user 'u' (from the test) lacks the right to list the tags of it", "\(error)")
            #expect(wire.server.log.count { $0.path.hasSuffix("/list") } <= 3)
            #expect(Self.tokenRequests(wire).count <= 2)
        }
    }

    /// ICR insists on `delete` or `*`, old registries on `*`.
    @Test(arguments: ["repository:team/app:*", "repository:team/app:pull,push,delete"])
    func whatTheRegistryDemandsForADeleteIsAddedFirst(_ demanded: String) async throws {
        try await withWire(credentials: Self.login) { wire in
            wire.server.script { request in
                if request.path == "/token" {
                    let isEnough = request.parameters("scope").first == demanded
                    return .reply(200, body: Array(#"{"token":"\#(isEnough ? "wide" : "narrow")-\#(request.number)"}"#.utf8))
                }
                guard request.method == "DELETE" else { return .reply(404) }
                if request.headers["authorization"]?.hasPrefix("Bearer wide") == true { return .reply(202) }
                let error = request.headers["authorization"] == nil ? "" : #",error="insufficient_scope""#
                return .reply(401, headers: ["WWW-Authenticate": #"Bearer realm="/token",scope="\#(demanded)"\#(error)"#])
            }
            try await wire.client.deleteTag(try TagName("1"), in: wire.repository)
            #expect(
                Self.tokenRequests(wire).map { $0.parameters("scope") } == [
                    ["repository:team/app:delete"], [demanded, "repository:team/app:delete"],
                ]
            )
            try await wire.client.deleteTag(try TagName("2"), in: wire.repository)
            #expect(Self.tokenRequests(wire).count == 2, "what was learned is kept")
        }
    }

    @Test func aTokenThatRanOutWidensNothing() async throws {
        try await withWire(Self.bearer(), credentials: Self.login) { wire in
            _ = try await wire.client.tags(in: wire.repository)
            let challenge = #"Bearer realm="/token",scope="repository:team/app:pull,push",error="invalid_token""#
            wire.server.answerNext(where: { $0.path.hasSuffix("/list") }, with: .reply(401, headers: ["WWW-Authenticate": challenge]))
            _ = try await wire.client.tags(in: wire.repository)
            #expect(Self.tokenRequests(wire).map { $0.parameters("scope") } == Array(repeating: ["repository:team/app:pull"], count: 2))
        }
    }

    @Test func aMountWhoseSourceMayNotBeReadBecomesAnUpload() async throws {
        let options = Self.bearer { $0.grants = { _, resource in resource.hasSuffix("team/app") ? ["pull", "push"] : [] } }
        try await withWire(options, credentials: Self.login) { wire in
            let bytes: [UInt8] = [1, 2, 3]
            let descriptor = Samples.descriptor(of: bytes)
            #expect(try await wire.client.mountBlob(descriptor, from: try RepositoryName("secret/app"), into: wire.repository) == false)
            try await wire.put(bytes)
            #expect(wire.hasBlob(bytes))
            let scopes = Self.tokenRequests(wire).map { $0.parameters("scope") }
            #expect(scopes.contains(["repository:team/app:pull,push", "repository:secret/app:pull"]))
        }
    }

    @Test func aTokenThatHasRunOutIsRenewedBeforeALargeBodyIsSent() async throws {
        try await withWire(Self.bearer { $0.announcedLifetime = 60 }, credentials: Self.login) { wire in
            let (server, clock) = (wire.server, wire.clock)
            let large = Samples.bytes(1 << 20, seed: 1)
            server.script { request in
                if request.method == "POST", request.path.hasSuffix("/uploads/") { clock.advance(100) }
                return nil
            }
            try await wire.put(large)
            #expect(wire.hasBlob(large) && server.issuedTokens == 2)
            #expect(server.log.filter { $0.method == "PUT" }.map(\.status) == [201])
        }
    }

    @Test func aRefreshTokenStandsInForThePassword() async throws {
        try await withWire(credentials: Self.login) { wire in
            let isDead = Mutex(false)
            wire.server.script { request in
                if request.path == "/token" {
                    if request.method == "GET" {
                        return .reply(200, body: Array(#"{"token":"a","refresh_token":"r","expires_in":60}"#.utf8))
                    }
                    if isDead.withLock({ $0 }) { return .reply(400, body: Array(#"{"error":"invalid_grant"}"#.utf8)) }
                    return .reply(200, body: Array(#"{"access_token":"b","expires_in":"60"}"#.utf8))
                }
                if request.headers["authorization"] == nil { return .reply(401, headers: ["WWW-Authenticate": #"Bearer realm="/token""#]) }
                return .reply(200, body: Array("{}".utf8))
            }
            for _ in 1...3 {
                _ = try await wire.client.tags(in: wire.repository)
                wire.clock.advance(100)
            }
            #expect(Self.tokenRequests(wire).map(\.method) == ["GET", "POST", "POST"])
            isDead.withLock { $0 = true }
            wire.server.forgetLog()
            _ = try await wire.client.tags(in: wire.repository)
            #expect(Self.tokenRequests(wire).map(\.method) == ["POST", "GET"])
            #expect(Self.tokenRequests(wire).last?.headers["authorization"] == "Basic <redacted>")
        }
    }

    @Test func aTokenServerThatDoesNotUnderstandOneScopeHasNotRejectedTheLogin() async throws {
        try await withWire(Self.bearer(), credentials: Self.login) { wire in
            wire.server.script { $0.path == "/token" && $0.query.contains("catalog") ? .reply(400) : nil }
            let error = try await wire.failure { () async throws(RegistryError) in _ = try await wire.client.repositories() }
            #expect(error.code == .rejected)
            _ = try await wire.client.tags(in: wire.repository)
        }
    }

    @Test func a401OfOneRepositoryDoesNotRejectAPasswordThatIsGoodElsewhere() async throws {
        let options = LoopbackRegistryServer.Options(authentication: .basic(user: "u", password: "p"))
        try await withWire(options, credentials: Self.login) { wire in
            wire.server.script { $0.path.contains("/secret/") ? .reply(401, headers: ["WWW-Authenticate": "Basic"]) : nil }
            _ = try await wire.client.tags(in: wire.repository)
            let error = try await Self.tagsFailure(wire, try RepositoryName("secret/app"))
            #expect(error.code == .denied && error.help?.contains("lacks the right") == true, "\(error)")
            #expect(wire.server.log.count { $0.path.contains("/secret/") } == 1)
            _ = try await wire.client.tags(in: wire.repository)
        }
    }

    /// Of registries that log in by Basic (ECR) and of those that give tokens.
    @Test(arguments: [true, false])
    func aPasswordThatRanOutIsReplacedOnceForAllRepositories(_ isBasic: Bool) async throws {
        let provider = ChangingCredentials(["old", "p", "unused"])
        let options = isBasic ? LoopbackRegistryServer.Options(authentication: .basic(user: "u", password: "p")) : Self.bearer()
        try await withWire(options, credentials: provider) { wire in
            try await withThrowingTaskGroup(of: Void.self) { group in
                for number in 0..<8 {
                    let repository = try RepositoryName("team/app\(number)")
                    group.addTask { _ = try await wire.client.tags(in: repository) }
                }
                try await group.waitForAll()
            }
            _ = try await wire.client.tags(in: wire.repository)
            #expect(provider.renewals == 1)
        }
    }

    @Test(arguments: [true, false], ["p", "mistyped"])
    func aLoginThatIsNotKnownYetIsTriedByOneRequestAlone(_ isBasic: Bool, _ password: String) async throws {
        let options = isBasic ? LoopbackRegistryServer.Options(authentication: .basic(user: "u", password: "p")) : Self.bearer()
        try await withWire(options, credentials: FixedCredentials(user: "u", password: password)) { wire in
            let failures = await withTaskGroup(of: Bool.self) { group in
                for number in 0..<12 {
                    group.addTask {
                        do {
                            _ = try await wire.client.tags(in: RepositoryName("team/app\(number)"))
                            return false
                        } catch {
                            return true
                        }
                    }
                }
                return await group.reduce(0) { $0 + ($1 ? 1 : 0) }
            }
            #expect(failures == (password == "p" ? 0 : 12))
            let sent = wire.server.log.filter { $0.request.headers["authorization"]?.hasPrefix("Basic") == true }
            if password != "p" { #expect(sent.count == 1) }
        }
    }

    @Test func aHelperThatNeverHasTheRightPasswordIsAskedOnceMore() async throws {
        for isBasic in [true, false] {
            let provider = ChangingCredentials(["a", "b", "c", "d", "e", "f", "g"])
            let options = isBasic ? LoopbackRegistryServer.Options(authentication: .basic(user: "u", password: "p")) : Self.bearer()
            try await withWire(options, credentials: provider) { wire in
                for _ in 1...3 {
                    let error = try await Self.tagsFailure(wire)
                    #expect(error.code == .unauthorized)
                }
                #expect(provider.renewals == 1)
                #expect(wire.server.log.count { $0.request.headers["authorization"]?.hasPrefix("Basic") == true } == 2)
            }
        }
    }
}

/// Gives the first password until one was rejected, then the next, as a cloud's helper does.
private final class ChangingCredentials: CredentialProvider {
    private let state: Mutex<(passwords: [String], asked: Set<RepositoryName?>, renewals: Int)>

    init(_ passwords: [String]) {
        state = Mutex((passwords, [], 0))
    }

    var renewals: Int { state.withLock { $0.renewals } }

    func credential(for registry: RegistryID, repository: RepositoryName?) async throws(RegistryError) -> Credential? {
        let password = state.withLock { state in
            if !state.asked.insert(repository).inserted {
                state.passwords.removeFirst()
                state.renewals += 1
            }
            return state.passwords.first
        }
        return password.map { Credential(.password(user: "u", Secret($0)), source: "a helper") }
    }
}
