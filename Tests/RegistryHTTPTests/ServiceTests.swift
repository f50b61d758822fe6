import OCI
import Registry
import RegistryTestSupport
import Testing

@testable import RegistryHTTP

/// APIs beside the distribution API.
@Suite(.timeLimit(.minutes(5))) struct ServiceTests {
    private static func request(_ method: String = "GET", body: [UInt8]? = nil) -> ServiceRequest {
        var request = ServiceRequest(method, "/api/v1/images/a%2Fb?x=1%2C2", action: "list", object: "us.icr.io")
        request.authorization = Secret("Bearer t")
        request.headers = [("account", "0123")]
        request.body = body
        return request
    }

    @Test func requestsGoOutAsTheyAreAndAnswersComeBackWhole() async throws {
        try await withWire { wire in
            wire.server.script { _ in .reply(409, headers: ["X-Request-Id": "7"], body: Array(#"{"code":"C","message":"m"}"#.utf8)) }
            let answer = try await HTTPService(besides: wire.client).send(Self.request("POST", body: [1, 2]))
            #expect(answer.status == 409 && answer.headers["x-request-id"] == "7")
            #expect(String(decoding: answer.body, as: UTF8.self) == #"{"code":"C","message":"m"}"#)
            let sent = wire.server.log.map(\.request)
            #expect(sent.map(\.method) == ["POST"])
            #expect(sent.map(\.target) == ["/api/v1/images/a%2Fb?x=1%2C2"])
            #expect(sent.first?.headers["authorization"] == "Bearer <redacted>")
            #expect(sent.first?.headers["account"] == "0123")
        }
    }

    @Test func whatARequestSaysOfUsStaysAsItIs() async throws {
        try await withWire(credentials: FixedCredentials(user: "u", password: "p")) { wire in
            wire.server.script { _ in .reply(401, headers: ["WWW-Authenticate": #"Basic realm="x""#]) }
            let answer = try await HTTPService(besides: wire.client).send(Self.request())
            #expect(answer.status == 401)
            #expect(wire.server.log.map { $0.request.headers["authorization"] } == ["Bearer <redacted>"])
        }
    }

    @Test func aServiceThatIsBusyIsAskedAgainWhateverTheMethod() async throws {
        for method in ["GET", "POST", "DELETE"] {
            try await withWire { wire in
                wire.server.script { request in
                    switch request.number {
                    case 1: .reply(429, headers: ["Retry-After": "7"])
                    case 2: .reply(503)
                    default: .reply(200, body: Array("[]".utf8))
                    }
                }
                let answer = try await HTTPService(besides: wire.client).send(Self.request(method))
                #expect(answer.status == 200 && answer.body == Array("[]".utf8))
                #expect(wire.server.log.count == 3 && wire.clock.now >= 1_000_007)
            }
        }
    }

    @Test(arguments: [true, false])
    func aWriteThatMayHaveArrivedIsNotSentAgain(_ isWrite: Bool) async throws {
        try await withWire { wire in
            wire.server.script { request in
                guard request.number == 1 else { return .reply(200) }
                var lost = ScriptedAnswer.reply(200)
                lost.delivery = .close
                return lost
            }
            var request = Self.request("POST")
            request.isWrite = isWrite
            let sent = request
            do throws(RegistryError) {
                _ = try await HTTPService(besides: wire.client).send(sent)
                #expect(!isWrite)
            } catch {
                #expect(isWrite && error.code == .unavailable)
            }
            #expect(wire.server.log.count == (isWrite ? 1 : 2))
        }
    }

    @Test func anAnswerThatLeadsElsewhereIsNotFollowed() async throws {
        try await withLoopbackRegistryServer(try InMemoryRegistry()) { other in
            other.script { _ in .reply(200, body: Array("there".utf8)) }
            try await withWire { wire in
                wire.server.script { _ in .reply(307, headers: ["Location": "\(other.url)/x"]) }
                let service = HTTPService(besides: wire.client)
                for method in ["GET", "POST"] {
                    let error = try await wire.failure { () async throws(RegistryError) in _ = try await service.send(Self.request(method))
                    }
                    #expect(error.code == .untrusted, "what another host says is not the service's answer: \(error)")
                }
            }
            #expect(other.log.isEmpty)
        }
    }

    @Test func anAnswerWithoutEndIsRefused() async throws {
        try await withWire { wire in
            wire.server.script { _ in .reply(200, body: [UInt8](repeating: 65, count: 2000)) }
            var request = Self.request()
            request.largestAnswer = 1000
            let small = request
            let error = try await wire.failure { () async throws(RegistryError) in
                _ = try await HTTPService(besides: wire.client).send(small)
            }
            #expect(error.code == .badAnswer && error.description.contains("cannot list us.icr.io"))
        }
    }
}
