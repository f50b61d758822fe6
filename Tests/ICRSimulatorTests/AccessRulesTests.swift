import FoundationEssentials
import OCI
import RegistryTestSupport
import Testing

@testable import ICRSimulation

/// Logins, tokens and refusals as sections C.1 to C.6 of the reference of ICR say, on the simulator's values alone.
@Suite struct AccessRulesTests {
    private static let host = "us.icr.io"
    private static let now = 1_788_000_000.0

    private var account = ICRAccount(id: "account", hosts: [host, "de.icr.io"])

    init() throws {
        var service = ICRIdentity(id: "iam-ServiceId-1", account: "account", apiKeys: ["key"], grants: [ICRGrant(.writer)])
        service.profiles = ["Profile-1"]
        var profile = ICRIdentity(id: "Profile-1", name: "deployer", account: "account", grants: [ICRGrant(.reader)])
        profile.computeTokens = ["compute"]
        account.identities = [service.id: service, profile.id: profile]
        try account.seed(SimulatedSeed("birds/a", tags: ["1"]), at: Self.now)
        var publicSeed = SimulatedSeed("ibm/b", tags: ["1"])
        publicSeed.isPublic = true
        try account.seed(publicSeed, at: Self.now)
    }

    private func request(_ method: String, _ target: String, _ headers: [String: String] = [:]) -> LoopbackRequest {
        LoopbackRequest(number: 1, method: method, target: target, headers: headers)
    }

    private func json(_ reply: LoopbackReply) throws -> JSONValue { try JSONValue(parsing: reply.body) }

    private mutating func iam(_ form: String) throws -> (status: Int, body: JSONValue) {
        let reply = account.iamToken(request("POST", "/identity/token"), body: Array(form.utf8), at: Self.now)
        return (reply.status, try json(reply))
    }

    private static let grant = "grant_type=urn%3Aibm%3Aparams%3Aoauth%3Agrant-type%3A"

    @Test(
        "IAM gives tokens for keys and profiles, and refuses the rest with its codes",
        arguments: [
            ("\(grant)apikey&apikey=key", nil), ("\(grant)apikey&apikey=wrong", "BXNIM0415E"),
            ("\(grant)cr-token&cr_token=compute&profile_id=Profile-1", nil),
            ("\(grant)cr-token&cr_token=compute&profile_name=deployer", nil),
            ("\(grant)cr-token&cr_token=other&profile_id=Profile-1", "BXNIM0437E"), ("grant_type=password", "BXNIM0109E"),
            ("", "BXNIM0109E"),
        ] as [(String, String?)]
    )
    mutating func grants(_ form: String, _ code: String?) throws {
        let (status, body) = try iam(form)
        #expect(status == (code == nil ? 200 : 400))
        #expect(body["errorCode"]?.string == code)
        #expect(body["expires_in"] == (code == nil ? .integer(3600) : nil))
        #expect(body["expiration"] == (code == nil ? .integer(Int64(Self.now) + 3600) : nil))
    }

    @Test("an access token names its account, and ends after its hour")
    mutating func life() throws {
        let token = try #require(try iam("\(Self.grant)apikey&apikey=key").body["access_token"]?.string)
        #expect(token.split(separator: ".").count == 3)
        #expect(account.identity(accessToken: token, at: Self.now + 3599)?.id == "iam-ServiceId-1")
        #expect(account.identity(accessToken: token, at: Self.now + 3600) == nil)
    }

    private mutating func contentToken(_ user: String, _ password: String, _ scope: String = "repository:birds/a:pull,push")
        -> LoopbackReply
    {
        let login = Data("\(user):\(password)".utf8).base64EncodedString()
        let target = "/oauth/token?service=registry&scope=\(scope)"
        return account.registryToken(request("GET", target, ["authorization": "Basic \(login)"]), body: [], host: Self.host, at: Self.now)
    }

    @Test("each user name takes its own kind of password, and another kind is a bad request")
    mutating func logins() throws {
        let answer = try iam("\(Self.grant)apikey&apikey=key").body
        let (access, refresh) = (answer["access_token"]?.string ?? "", answer["refresh_token"]?.string ?? "")
        let rows = [
            ("iamapikey", "key", 200), ("iamapikey", "wrong", 401), ("iambearer", access, 200), ("iambearer", "key", 400),
            ("iamrefresh", refresh, 200), ("iamrefresh", access, 400), ("Profile-1", "key", 200), ("Profile-2", "key", 400),
            ("token", "key", 400),
        ]
        for (user, password, status) in rows { #expect(contentToken(user, password).status == status, "\(user)") }
    }

    @Test("a token opens what the role allows, in its own registry alone")
    mutating func scopes() throws {
        let token = try #require(try json(contentToken("iamapikey", "key"))["token"]?.string)
        let bearer = ["authorization": "Bearer \(token)"]
        func status(_ method: String, _ path: String, _ host: String = Self.host) -> Int? {
            account.contentRefusal(of: request(method, path, bearer), host: host, realm: "r", isPrivateNetwork: false)?.status
        }
        #expect(status("GET", "/v2/birds/a/manifests/1") == nil)
        #expect(status("PUT", "/v2/birds/a/manifests/1") == nil)
        #expect(status("GET", "/v2/birds/a/manifests/1", "de.icr.io") == 401)
        #expect(status("GET", "/v2/bees/a/manifests/1") == 401)
        #expect(status("DELETE", "/v2/birds/a/manifests/1") == 405)
        #expect(status("GET", "/v2/_catalog") == 401)
    }

    @Test("the challenge has a space after each comma, and the detail is a string")
    func challenge() throws {
        let refusal = account.contentRefusal(
            of: request("GET", "/v2/birds/a/manifests/1"),
            host: Self.host,
            realm: "https://us.icr.io/oauth/token",
            isPrivateNetwork: false
        )
        let expected = #"Bearer realm="https://us.icr.io/oauth/token", service="registry", scope="repository:birds/a:pull""#
        #expect(refusal?.headers["WWW-Authenticate"] == expected)
        let error = try #require(try refusal.map(json)?["errors"]?.array?.first)
        #expect(error["code"]?.string == "UNAUTHORIZED")
        #expect(error["detail"]?.string == ICRAccount.authorizationRequired)
    }

    @Test("public images need no token, to read")
    func publicImages() {
        func status(_ method: String) -> Int? {
            account.contentRefusal(of: request(method, "/v2/ibm/b/manifests/1"), host: Self.host, realm: "r", isPrivateNetwork: false)?
                .status
        }
        #expect(status("GET") == nil)
        #expect(status("PUT") == 401)
    }

    struct Limit: Sendable, CustomTestStringConvertible {
        var testDescription: String
        var request: (method: String, path: String)
        var isPrivateNetwork = false
        var status: Int?
    }

    private static let blob = "/v2/birds/a/blobs/sha256:\(String(repeating: "a", count: 64))"

    static let limits: [Limit] = [
        Limit(testDescription: "a push begins no more", request: ("POST", "/v2/birds/a/blobs/uploads/"), status: 403),
        Limit(testDescription: "a push under way goes on", request: ("PATCH", "/v2/birds/a/blobs/uploads/1"), status: nil),
        Limit(testDescription: "a pull is refused", request: ("GET", blob), status: 403),
        Limit(testDescription: "a pull over the private network is not", request: ("GET", blob), isPrivateNetwork: true, status: nil),
        Limit(testDescription: "looking is not", request: ("HEAD", blob), status: nil),
    ]

    @Test("what used-up quotas refuse", arguments: limits)
    mutating func quotas(_ row: Limit) throws {
        account.registries[Self.host]?.limits = .init(storage: 0, traffic: 0)
        let token = try #require(try json(contentToken("iamapikey", "key"))["token"]?.string)
        let refusal = account.contentRefusal(
            of: request(row.request.method, row.request.path, ["authorization": "Bearer \(token)"]),
            host: Self.host,
            realm: "r",
            isPrivateNetwork: row.isPrivateNetwork
        )
        #expect(refusal?.status == row.status)
    }
}
