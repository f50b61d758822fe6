internal import FoundationEssentials
internal import OCI
internal import Registry

/// A request to a token server, as a value: the GET with Basic of the distribution token specification, or the OAuth2 POST for an
/// identity token.
struct TokenRequest: Hashable, Sendable {
    var realm: WebAddress
    var service: String?
    /// The one that is needed first: some servers read only the first.
    var scopes: [String]
    var credential: Credential.Kind?
    /// Came along with an earlier token, and stands in for the credential.
    var refreshToken: Secret?

    static let clientID = "crplan"

    /// The GET's address: what the realm's query holds already stays.
    var address: WebAddress {
        var address = realm
        if address.target.isEmpty { address.target = "/" }
        if let service { address = address.appending(query: "service=\(Self.encoded(service))") }
        for scope in scopes { address = address.appending(query: "scope=\(Self.encoded(scope))") }
        if case .password(let user, _) = credential { address = address.appending(query: "account=\(Self.encoded(user))") }
        return address
    }

    /// The POST's form; `nil` where there is neither an identity token nor a refresh token.
    var form: String? {
        guard let secret = refreshToken ?? identityToken else { return nil }
        var items = ["grant_type=refresh_token", "refresh_token=\(Self.encoded(secret.reveal()))", "client_id=\(Self.clientID)"]
        if let service { items.append("service=\(Self.encoded(service))") }
        if !scopes.isEmpty { items.append("scope=\(Self.encoded(scopes.joined(separator: " ")))") }
        return items.joined(separator: "&")
    }

    private var identityToken: Secret? { if case .identityToken(let secret) = credential { secret } else { nil } }

    var basicHeader: String? {
        guard case .password(let user, let password) = credential else { return nil }
        return Self.basic(user: user, password: password)
    }

    static func basic(user: String, password: Secret) -> String {
        "Basic " + Data("\(user):\(password.reveal())".utf8).base64EncodedString()
    }

    /// Percent-encodes all but the characters that RFC 3986 never needs encoded, and `:` `/` `,`, which scopes are full of.
    private static func encoded(_ text: String) -> String {
        var result = ""
        for byte in text.utf8 {
            switch byte {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"), UInt8(ascii: "0")...UInt8(ascii: "9"),
                UInt8(ascii: "-"), UInt8(ascii: "."), UInt8(ascii: "_"), UInt8(ascii: "~"), UInt8(ascii: ":"), UInt8(ascii: "/"),
                UInt8(ascii: ","):
                result.unicodeScalars.append(Unicode.Scalar(byte))
            default:
                let hex = String(byte, radix: 16, uppercase: true)
                result += "%" + (hex.count == 1 ? "0" : "") + hex
            }
        }
        return result
    }
}

/// A bearer token and how long it may be used.
struct Token: Hashable, Sendable {
    var value: Secret
    /// Seconds since 1970, on the local clock.
    var expiresAt: Double
    /// Stands in for the login at the next token request.
    var refreshToken: Secret?

    static let largestAnswer = 1 << 20

    struct Invalid: Error, Hashable, Sendable {
        var description: String
    }

    /// Reads a token server's answer. Life is counted from `issued_at` unless that is in the future or long ago (a wrong clock there or
    /// here), less a margin of a tenth or 10 seconds.
    init(answer: [UInt8], receivedAt now: Double) throws(Invalid) {
        let body: Body
        do {
            body = try JSONDecoder().decode(Body.self, from: Data(answer))
        } catch {
            throw Invalid(description: "its answer is not the JSON of a token")
        }
        let text = [body.token, body.access_token].compactMap(\.self).first { !$0.isEmpty }
        guard let text else { throw Invalid(description: "its answer holds no token") }
        guard text.utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7f }) else { throw Invalid(description: "its token holds control characters") }
        let life = body.expires_in?.value.map { $0 > 0 ? $0 : 60 } ?? 60
        var start = now
        if let issued = body.issued_at.flatMap({ Timestamp.rfc3339($0) }), issued <= now, issued + life > now, now - issued < 60 {
            start = issued
        }
        value = Secret(text)
        expiresAt = start + life - min(10, life / 10)
        refreshToken = body.refresh_token.flatMap { $0.isEmpty ? nil : Secret($0) }
    }

    private struct Body: Decodable {
        var token: String?
        // swift-format-ignore: AlwaysUseLowerCamelCase
        var access_token: String?
        // swift-format-ignore: AlwaysUseLowerCamelCase
        var expires_in: LooseNumber?
        // swift-format-ignore: AlwaysUseLowerCamelCase
        var issued_at: String?
        // swift-format-ignore: AlwaysUseLowerCamelCase
        var refresh_token: String?
    }

    /// Some servers write the number as a text; anything else counts as missing.
    private struct LooseNumber: Decodable {
        var value: Double?

        init(from decoder: any Decoder) throws {
            let container = try decoder.singleValueContainer()
            value = (try? container.decode(Double.self)) ?? (try? container.decode(String.self)).flatMap(Double.init)
        }
    }
}
