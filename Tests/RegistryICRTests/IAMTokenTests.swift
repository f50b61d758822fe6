import FoundationEssentials
import Registry
import Testing

@testable import RegistryICR

@Suite struct IAMTokenTests {
    static let secret = Secret("k/e+y=")

    @Test("a key and a profile are asked for with their own grants, and a ready token with none")
    func forms() {
        #expect(
            IAMTokenRequest(.apiKey(Self.secret))?.form.reveal()
                == "grant_type=urn%3Aibm%3Aparams%3Aoauth%3Agrant-type%3Aapikey&apikey=k%2Fe%2By%3D&response_type=cloud_iam"
        )
        let byID = IAMTokenRequest(.trustedProfile(idOrName: "Profile-1", token: Self.secret))?.form.reveal() ?? ""
        #expect(byID.contains("cr_token=k%2Fe%2By%3D&profile_id=Profile-1"))
        let byName = IAMTokenRequest(.trustedProfile(idOrName: "deployer", token: Self.secret))?.form.reveal() ?? ""
        #expect(byName.contains("profile_name=deployer"))
        #expect(IAMTokenRequest(.accessToken(Self.secret)) == nil)
    }

    @Test("a request does not show its secret")
    func redaction() throws {
        let request = try #require(IAMTokenRequest(.apiKey(Self.secret)))
        #expect(!"\(request)".contains("e+y") && !"\(request)".contains("e%2By"))
    }

    private func jwt(_ claims: String) -> String {
        let encoded = Data(claims.utf8).base64EncodedString().map { $0 == "+" ? "-" : $0 == "/" ? "_" : $0 }.filter { $0 != "=" }
        return "e30.\(String(encoded)).c2ln"
    }

    @Test("a token is renewed after four fifths of its life, and names its account")
    func life() throws {
        let text = jwt(#"{"account":{"bss":"0123456789abcdef0123456789abcdef","x":"???>>>"}}"#)
        let token = try IAMToken(answer: Array(#"{"access_token":"\#(text)","expires_in":1000}"#.utf8), receivedAt: 50)
        #expect(token.renewAt == 850)
        #expect(token.expiresAt == 1040)
        #expect(token.account == "0123456789abcdef0123456789abcdef")
    }

    @Test("a ready token lives as long as it says itself, and an hour where it says nothing")
    func givenTokens() throws {
        #expect(try IAMToken(given: jwt(#"{"exp":600}"#), receivedAt: 100).expiresAt == 590)
        #expect(try IAMToken(given: "opaque", receivedAt: 100).expiresAt == 3690)
        #expect(try IAMToken(given: jwt(#"{"exp":50}"#), receivedAt: 100).expiresAt == 100)
    }

    @Test("an answer without a usable token is refused", arguments: ["", "{}", #"{"access_token":""}"#, #"{"access_token":"a\nb"}"#])
    func unusable(_ text: String) {
        #expect(throws: IAMToken.Invalid.self) { try IAMToken(answer: Array(text.utf8), receivedAt: 0) }
    }
}
