internal import FoundationEssentials
internal import OCI
internal import Registry

/// A request for an IAM access token, as a value (reference of ICR, section C.1). A ready access token needs none.
struct IAMTokenRequest: Hashable, Sendable {
    static let path = "/identity/token"

    /// The form to `POST`. It holds the secret.
    let form: Secret

    init?(_ credential: IBMCloudCredential.Kind) {
        var items: [(String, String)]
        switch credential {
        case .apiKey(let key): items = [("grant_type", "urn:ibm:params:oauth:grant-type:apikey"), ("apikey", key.reveal())]
        case .trustedProfile(let profile, let token):
            items = [
                ("grant_type", "urn:ibm:params:oauth:grant-type:cr-token"),
                ("cr_token", token.reveal()),
                (profile.hasPrefix("Profile-") ? "profile_id" : "profile_name", profile),
            ]
        case .accessToken: return nil
        }
        items.append(("response_type", "cloud_iam"))
        form = Secret(items.map { "\($0)=\(ManagementRequest.escaped($1))" }.joined(separator: "&"))
    }
}

/// An IAM access token and how long it may be used.
struct IAMToken: Hashable, Sendable {
    struct Invalid: Error, Hashable, Sendable {
        let description: String
    }

    var value: Secret
    /// From here on a new one is fetched, while this one still serves.
    var renewAt: Double
    /// Seconds since 1970, on the local clock.
    var expiresAt: Double
    /// The account it was made for: 32 hex digits.
    var account: String?

    static let largestAnswer = 1 << 20

    /// Life is an hour at most; it is over 10 seconds early, and four fifths of it are used before a new one is asked for.
    init(answer: [UInt8], receivedAt now: Double) throws(Invalid) {
        let body: Body
        do {
            body = try JSONDecoder().decode(Body.self, from: Data(answer))
        } catch {
            throw Invalid(description: "its answer is not the JSON of a token")
        }
        try self.init(body.access_token ?? "", life: body.expires_in ?? 3600, receivedAt: now)
    }

    /// A token that was given ready made; without a readable date in it, it is tried until it is refused.
    init(given text: String, receivedAt now: Double) throws(Invalid) {
        let claims = Claims(of: text)
        try self.init(text, life: claims?.exp.map { $0 - now } ?? 3600, receivedAt: now)
    }

    private init(_ text: String, life: Double, receivedAt now: Double) throws(Invalid) {
        guard !text.isEmpty else { throw Invalid(description: "its answer holds no token") }
        guard text.utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7f }) else { throw Invalid(description: "its token holds control characters") }
        let life = min(max(life, 0), 3600)
        value = Secret(text)
        renewAt = now + life * 0.8
        expiresAt = now + life - min(10, life / 10)
        account = Claims(of: text)?.account?.bss
    }

    private struct Body: Decodable {
        // swift-format-ignore: AlwaysUseLowerCamelCase
        var access_token: String?
        // swift-format-ignore: AlwaysUseLowerCamelCase
        var expires_in: Double?
    }

    /// What stands in the token itself. It is not verified: the account in it is only sent back to IBM, which verifies it.
    private struct Claims: Decodable {
        struct Account: Decodable {
            var bss: String?
        }

        var account: Account?
        var exp: Double?

        init?(of token: String) {
            let parts = token.split(separator: ".", omittingEmptySubsequences: false)
            guard parts.count == 3 else { return nil }
            var text = String(parts[1].map { $0 == "-" ? "+" : $0 == "_" ? "/" : $0 })
            while text.utf8.count % 4 != 0 { text += "=" }
            guard let data = Data(base64Encoded: text), let claims = try? JSONDecoder().decode(Claims.self, from: data) else { return nil }
            self = claims
        }
    }
}
