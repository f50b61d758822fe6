import OCI
import Registry
import Testing

@testable import RegistryHTTP

@Suite struct TokenTests {
    private let realm: WebAddress

    init() throws {
        realm = try WebAddress("https://auth.example/token?x=1")
    }

    @Test func aGetNamesEachScopeOnItsOwnAndKeepsTheRealmsQuery() {
        let request = TokenRequest(
            realm: realm,
            service: "a b",
            scopes: ["repository:dst:pull,push", "repository:src:pull"],
            credential: .password(user: "robot$x+y", Secret("p:w"))
        )
        let query = "x=1&service=a%20b&scope=repository:dst:pull,push&scope=repository:src:pull&account=robot%24x%2By"
        #expect(request.address.text == "https://auth.example/token?\(query)")
        #expect(request.form == nil)
        #expect(request.basicHeader == "Basic cm9ib3QkeCt5OnA6dw==")
    }

    @Test func anIdentityTokenIsPostedWithAllScopesInOneField() {
        let request = TokenRequest(realm: realm, service: "s", scopes: ["a:b:pull", "c:d:pull"], credential: .identityToken(Secret("r&t")))
        #expect(request.form == "grant_type=refresh_token&refresh_token=r%26t&client_id=crplan&service=s&scope=a:b:pull%20c:d:pull")
        #expect(request.basicHeader == nil)
    }

    @Test func anonymousAsksWithoutAnAccount() throws {
        let request = TokenRequest(realm: try WebAddress("https://auth.example"), service: nil, scopes: [], credential: nil)
        #expect(request.address.text == "https://auth.example/")
    }

    struct Life: Sendable, CustomTestStringConvertible {
        var answer: String
        var expiresAt: Double

        var testDescription: String { answer }
    }

    /// Received at 1,000,000 seconds, which is 1970-01-12T13:46:40Z.
    static let lives: [Life] = [
        Life(answer: #"{"token":"t"}"#, expiresAt: 1_000_054),
        Life(answer: #"{"access_token":"t","expires_in":300}"#, expiresAt: 1_000_290),
        Life(answer: #"{"token":"","access_token":"t","expires_in":2}"#, expiresAt: 1_000_001.8),
        Life(answer: #"{"token":"t","expires_in":300,"issued_at":"1970-01-12T13:46:10Z"}"#, expiresAt: 1_000_260),
        Life(answer: #"{"token":"t","expires_in":300,"issued_at":"1970-01-12T14:46:10+01:00"}"#, expiresAt: 1_000_260),
        Life(answer: #"{"token":"t","expires_in":300,"issued_at":"2030-01-01T00:00:00Z"}"#, expiresAt: 1_000_290),
        Life(answer: #"{"token":"t","expires_in":300,"issued_at":"1970-01-01T00:00:00Z"}"#, expiresAt: 1_000_290),
        Life(answer: #"{"token":"t","expires_in":-5,"issued_at":"junk"}"#, expiresAt: 1_000_054),
    ]

    @Test(arguments: lives)
    func lifeIsCountedOnTheLocalClock(_ life: Life) throws {
        let token = try Token(answer: Array(life.answer.utf8), receivedAt: 1_000_000)
        #expect(token.value.reveal() == "t")
        #expect(abs(token.expiresAt - life.expiresAt) < 0.001)
    }

    @Test(arguments: [#"{}"#, #"{"token":""}"#, #"{"token":"a\nb"}"#, "<html>", "[]", #"{"token":5}"#])
    func anAnswerWithoutAUsableTokenIsRefused(_ answer: String) {
        #expect(throws: Token.Invalid.self) { try Token(answer: Array(answer.utf8), receivedAt: 0) }
    }
}
