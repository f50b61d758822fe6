internal import Crypto
internal import FoundationEssentials
internal import Synchronization

/// A token service for docker-registry (distribution, "Token Authentication Specification"): signs what the registry accepts, gives what of
/// the asked scopes its user has, and keeps what was asked.
package final class TokenService: LoopbackService {
    package struct Asked: Hashable, Sendable {
        package var method: String
        /// `alice`; nil: anonymous.
        package var user: String?
        /// In the order of the request.
        package var scopes: [String]
        package var isRefused: Bool
        package var sentPassword: Bool
    }

    package static let user = "alice"
    package static let password = "correct-horse"
    package static let identityToken = "identity-of-alice"
    package static let service = "test registry"
    static let issuer = "test issuer"
    /// docker-registry takes a token for so much longer than it says.
    private static let registryLeeway = 60.0

    /// Seconds.
    package let lifetime: Int
    package let port: Int
    /// A PEM file with the authority that docker-registry is to trust.
    package let authorityPath: String
    private let key: P256.Signing.PrivateKey
    /// The signing certificate, as base64 of its DER form.
    private let certificate: String
    private let log = Mutex<[Asked]>([])
    private let numbers = Mutex(0)

    fileprivate init(lifetime: Int, port: Int, authorityPath: String, pair: TestCertificates.Pair) throws {
        self.lifetime = lifetime
        self.port = port
        self.authorityPath = authorityPath
        key = try P256.Signing.PrivateKey(pemRepresentation: String(contentsOfFile: pair.keyPath, encoding: .utf8))
        let lines = try String(contentsOfFile: pair.certificatePath, encoding: .utf8).split(separator: "\n")
        certificate = lines.filter { !$0.hasPrefix("-----") }.joined()
    }

    package var realm: String { "http://127.0.0.1:\(port)/token" }
    /// What has been asked so far.
    package var asked: [Asked] { log.withLock { $0 } }
    package func forget() { log.withLock { $0 = [] } }

    package func connectionBegan() {}
    package func received(_ request: LoopbackRequest) -> (request: LoopbackRequest, answer: ScriptedAnswer?) { (request, nil) }
    package func receiver(for request: LoopbackRequest) -> (@Sendable ([UInt8]) -> Void)? { nil }
    package func answered(_ request: LoopbackRequest, bodySize: Int, status: Int?) {}

    package func reply(to request: LoopbackRequest, body: [UInt8]) async -> LoopbackReply {
        guard request.path == "/token" else { return .text(404, "404 page not found\n") }
        var asked = Asked(method: request.method, user: nil, scopes: request.parameters("scope"), isRefused: false, sentPassword: false)
        if request.method == "POST" {
            let form = LoopbackRequest.parameters(String(decoding: body, as: UTF8.self))
            asked.scopes = form.filter { $0.name == "scope" }.flatMap { $0.value.split(separator: " ").map(String.init) }
            asked.isRefused = !form.contains { $0.name == "refresh_token" && $0.value == Self.identityToken }
            asked.user = asked.isRefused ? nil : Self.user
        } else if let header = request.headers["authorization"] {
            asked.sentPassword = true
            asked.isRefused = header != "Basic " + Data("\(Self.user):\(Self.password)".utf8).base64EncodedString()
            asked.user = asked.isRefused ? nil : Self.user
        }
        log.withLock { $0.append(asked) }
        if asked.isRefused { return .error(401, "UNAUTHORIZED", "bad credentials") }
        do {
            let token = try sign(asked)
            return LoopbackReply(200, json: #"{"token":"\#(token)","expires_in":\#(lifetime)}"#)
        } catch {
            return .error(500, "UNKNOWN", "the token cannot be signed")
        }
    }

    private struct Header: Encodable {
        var typ = "JWT"
        var alg = "ES256"
        var x5c: [String]
    }

    private struct Claims: Encodable {
        struct Access: Encodable {
            var type: String
            var name: String
            var actions: [String]
        }

        var iss = TokenService.issuer
        var sub: String
        var aud = TokenService.service
        var exp: Int
        var nbf: Int
        var iat: Int
        var jti: String
        var access: [Access]
    }

    private func sign(_ asked: Asked) throws -> String {
        let now = Date.now.timeIntervalSince1970
        let number = numbers.withLock { number in
            number += 1
            return number
        }
        let claims = Claims(
            sub: asked.user ?? "",
            exp: Int(now + Double(lifetime) - Self.registryLeeway),
            nbf: Int(now - 3600),
            iat: Int(now),
            jti: "\(number)",
            access: asked.scopes.compactMap { Self.access($0, asked.user) }
        )
        let encoder = JSONEncoder()
        let parts = [try encoder.encode(Header(x5c: [certificate])), try encoder.encode(claims)].map(Self.text)
        let signed = parts.joined(separator: ".")
        return signed + "." + Self.text(try key.signature(for: Data(signed.utf8)).rawRepresentation)
    }

    /// Everybody may read below `public/`; the user may do everything.
    private static func access(_ scope: String, _ user: String?) -> Claims.Access? {
        let parts = scope.split(separator: ":").map(String.init)
        guard parts.count == 3 else { return nil }
        let allowed: Set<String> = user != nil ? ["pull", "push", "delete", "*"] : parts[1].hasPrefix("public/") ? ["pull"] : []
        let actions = parts[2].split(separator: ",").map(String.init).filter(allowed.contains)
        return Claims.Access(type: parts[0], name: parts[1], actions: actions)
    }

    /// Base64 as JWT has it (RFC 7515, section 2).
    private static func text(_ data: Data) -> String {
        String(data.base64EncodedString().compactMap { $0 == "=" ? nil : $0 == "+" ? "-" : $0 == "/" ? "_" : $0 })
    }
}

/// Runs a token service while `body` runs.
package func withTokenService<Result: Sendable>(
    lifetime: Int = 5,
    _ body: @escaping @Sendable (TokenService) async throws -> Result
) async throws -> Result {
    try await withTemporaryDirectory { directory in
        let certificates = try await TestCertificates(in: directory)
        let pair = try await certificates.server("signer")
        return try await withLoopbackListeners(1) { ports in
            let service = try TokenService(lifetime: lifetime, port: ports[0], authorityPath: certificates.authorityPath, pair: pair)
            return ([service], service)
        } body: { service in
            try await body(service)
        }
    }
}
