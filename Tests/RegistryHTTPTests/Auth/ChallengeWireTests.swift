import OCI
import Registry
import RegistryTestSupport
import Synchronization
import Testing

@testable import RegistryHTTP

/// What registries offer, as it comes over the wire, with and without a password at hand.
@Suite(.timeLimit(.minutes(5))) struct ChallengeWireTests {
    struct Example: Sendable, CustomTestStringConvertible {
        /// `URL` stands for the registry's own address.
        var fields: [String]
        var hasLogin = false
        /// What the request that succeeds carries; `nil`: none succeeds.
        var sends: String?
        var testDescription: String { fields.joined(separator: " | ") + (hasLogin ? " with a login" : "") }
    }

    static let examples: [Example] = [
        Example(fields: [#"Bearer realm="URL/token",service="s",scope="repository:team/app:pull,push""#], sends: "Bearer"),
        Example(fields: [#"Bearer   realm = "URL/token" , service = "s""#], sends: "Bearer"),
        Example(fields: [#"bearer realm=URL/token,service="s""#], sends: "Bearer"),
        Example(fields: [#"BEARER realm="/token""#], sends: "Bearer"),
        Example(fields: [#"Bearer realm="../../../../token" service=s,"#], sends: "Bearer"),
        Example(fields: [#"Bearer realm="URL/token?x=1",realm="https://other.example/""#], sends: "Bearer"),
        Example(fields: ["Negotiate", #"Basic realm="r""#, #"Bearer realm="URL/token""#], sends: "Bearer"),
        Example(fields: [#"Negotiate YII=, Basic realm="r, \"q\"", Bearer realm="URL/token""#], sends: "Bearer"),
        Example(fields: [#"Basic realm="r", Bearer realm="URL/token",service="s""#], hasLogin: true, sends: "Bearer"),
        Example(fields: [#"Bearer realm="""#, #"Basic realm="r""#], hasLogin: true, sends: "Basic"),
        Example(fields: [#"Bearer service="s", Basic"#], hasLogin: true, sends: "Basic"),
        Example(fields: [#"NTLM, Basic realm="r",charset="UTF-8""#], hasLogin: true, sends: "Basic"),
        Example(fields: [#"Basic realm="r""#], sends: nil), Example(fields: ["Negotiate, NTLM"], hasLogin: true, sends: nil),
        Example(fields: [#"Bearer realm="""#], hasLogin: true, sends: nil),
    ]

    @Test(arguments: examples)
    func eachOfferIsTakenAsItCan(_ example: Example) async throws {
        try await withWire(credentials: example.hasLogin ? FixedCredentials(user: "u", password: "p") : FixedCredentials()) { wire in
            let url = wire.server.url
            // The server's headers are a dictionary; names that differ in case make fields of their own.
            let names = ["WWW-Authenticate", "www-authenticate", "Www-Authenticate"]
            let fields = zip(names, example.fields).map { ($0, $1.replacing("URL", with: url)) }
            let headers = Dictionary(fields) { first, _ in first }
            wire.server.script { request in
                if request.path == "/token" { return .reply(200, body: Array(#"{"token":"t"}"#.utf8)) }
                if request.headers["authorization"] == nil { return .reply(401, headers: headers) }
                return .reply(200, body: Array(#"{"tags":["1"]}"#.utf8))
            }
            let tags = try? await wire.client.tags(in: wire.repository)
            #expect(tags?.count == (example.sends == nil ? nil : 1))
            let sent = wire.server.log.last { $0.path.hasSuffix("/list") }?.request.headers["authorization"]
            #expect(sent == example.sends.map { "\($0) <redacted>" })
            // Without a password none is made up.
            #expect(example.hasLogin || wire.server.log.allSatisfy { $0.request.headers["authorization"]?.hasPrefix("Basic") != true })
        }
    }

    @Test func theRootIsAskedOnceForAChallenge() async throws {
        try await withWire { wire in
            wire.server.script { _ in .reply(401) }
            for _ in 1...3 {
                let error = try await wire.failure { () async throws(RegistryError) in _ = try await wire.client.tags(in: wire.repository) }
                #expect(error.code == .unauthorized)
            }
            #expect(wire.server.log.count { $0.path == "/v2/" } == 1)
        }
    }

    /// As zot does, for everybody to be let in and to log in all the same.
    @Test func aWelcomeWithAChallengeIsTakenUpWhenThereIsALogin() async throws {
        for (login, status) in [(FixedCredentials(user: "u", password: "p"), 200), (FixedCredentials(user: "u", password: "bad"), 401)] {
            try await withWire(credentials: login) { wire in
                wire.server.script { request in
                    let isWelcome = request.headers["authorization"] == nil || status == 200
                    return .reply(isWelcome ? 200 : 401, headers: ["WWW-Authenticate": #"basic realm="zot""#])
                }
                if status == 200 {
                    let report = try await wire.client.checkLogin()
                    #expect(report.user == "u" && report.credentialSource == "the test")
                } else {
                    let error = try await wire.failure { () async throws(RegistryError) in _ = try await wire.client.checkLogin() }
                    #expect(error.code == .unauthorized && error.description.contains("rejected the login for user 'u'"))
                }
            }
        }
    }
}
