internal import FoundationEssentials
internal import OCI
internal import Synchronization

/// How a loopback server knows its clients.
package enum LoopbackAuthentication: Sendable {
    case none
    case basic(user: String, password: String)
    case bearer(Bearer)

    /// A token service (distribution's token authentication) at `/token`.
    package struct Bearer: Sendable {
        package var user: String
        package var password: String
        /// Tokens for reading are given without a login too.
        package var allowsAnonymous = false
        /// What the service says about a token's life, in seconds; nil leaves it out. Tokens end by `expireTokens` alone.
        package var announcedLifetime: Int? = 300
        /// Refresh tokens that `POST /token` takes.
        package var identityTokens: Set<String> = []
        /// `POST /token` answers 405, as simple services do.
        package var refusesPost = false
        /// Which actions a scope such as `repository:a/b` gives to a user (nil: anonymous).
        package var grants: @Sendable (_ user: String?, _ resource: String) -> Set<String>
        /// Where the challenge points; nil: `/token` of the same server, or of the second port.
        package var realm: String?
        /// The token service listens on a port of its own.
        package var hasOwnPort = false

        package init(user: String = "user", password: String = "secret") {
            self.user = user
            self.password = password
            grants = { user, resource in
                if resource.hasPrefix("registry:") { return user == nil ? [] : ["*"] }
                return user == nil ? ["pull"] : ["pull", "push", "delete"]
            }
        }
    }
}

/// Checks requests, and gives tokens.
final class Authenticator: Sendable {
    private struct Token: Sendable {
        var user: String?
        var grants: [String: Set<String>]
    }

    private struct State: Sendable {
        var next = 0
        var tokens: [String: Token] = [:]
    }

    private let method: LoopbackAuthentication
    private let state = Mutex(State())

    init(_ method: LoopbackAuthentication) {
        self.method = method
    }

    func expireTokens() { state.withLock { $0.tokens = [:] } }

    var issuedTokens: Int { state.withLock { $0.next } }

    /// Nil: the request may go on.
    func refusal(of request: LoopbackRequest, tokenURL: String) -> LoopbackReply? {
        switch method {
        case .none: return nil
        case .basic(let user, let password):
            guard Self.basic(request) == "\(user):\(password)" else {
                return .error(401, "UNAUTHORIZED", "authentication required", headers: ["WWW-Authenticate": #"Basic realm="loopback""#])
            }
            return nil
        case .bearer(let bearer): return refusal(of: request, bearer.realm ?? tokenURL)
        }
    }

    /// Whether the request's token allows reading `repository`: what a mount from there needs.
    func mayPull(_ repository: String, _ request: LoopbackRequest) -> Bool {
        guard case .bearer = method else { return true }
        guard let presented = request.headers["authorization"]?.dropFirst("Bearer ".count) else { return false }
        return state.withLock { $0.tokens[String(presented)]?.grants["repository:\(repository)"]?.contains("pull") ?? false }
    }

    private func refusal(of request: LoopbackRequest, _ realm: String) -> LoopbackReply? {
        let needed = Route(request.path)?.scope(for: request.method)
        let presented = request.headers["authorization"].flatMap { $0.hasPrefix("Bearer ") ? String($0.dropFirst(7)) : nil }
        let token = presented.flatMap { presented in state.withLock { $0.tokens[presented] } }
        var challenge = #"Bearer realm="\#(realm)",service="loopback""#
        if let needed {
            if let token, token.grants[needed.resource]?.contains(needed.action) == true { return nil }
            let actions = needed.action == "push" ? "pull,push" : needed.action
            challenge += #",scope="\#(needed.resource):\#(actions)""#
        } else if token != nil {
            return nil
        }
        if presented != nil { challenge += #",error="\#(token == nil ? "invalid_token" : "insufficient_scope")""# }
        return .error(401, token == nil ? "UNAUTHORIZED" : "DENIED", "access refused", headers: ["WWW-Authenticate": challenge])
    }

    /// The token endpoint.
    func token(_ request: LoopbackRequest, body: [UInt8]) -> LoopbackReply {
        guard case .bearer(let bearer) = method else { return .text(404, "404 page not found\n") }
        let user: String?
        let scopes: [String]
        if request.method == "POST" {
            guard !bearer.refusesPost else { return .error(405, "UNSUPPORTED", "use GET") }
            let form = LoopbackRequest.parameters(String(decoding: body, as: UTF8.self))
            func field(_ name: String) -> String? { form.first { $0.name == name }?.value }
            guard let found = Self.login(field, bearer) else { return .error(401, "UNAUTHORIZED", "bad credentials") }
            user = found
            scopes = form.filter { $0.name == "scope" }.map(\.value)
        } else {
            let presented = Self.basic(request)
            guard presented == nil || presented == "\(bearer.user):\(bearer.password)" else {
                return .error(401, "UNAUTHORIZED", "bad credentials")
            }
            guard presented != nil || bearer.allowsAnonymous else { return .error(401, "UNAUTHORIZED", "log in first") }
            user = presented == nil ? nil : bearer.user
            scopes = request.parameters("scope")
        }
        let value = issue(user: user, scopes.flatMap { $0.split(separator: " ").map(String.init) }, bearer)
        let lifetime = bearer.announcedLifetime.map { #","expires_in":\#($0)"# } ?? ""
        return LoopbackReply(200, json: #"{"token":"\#(value)","access_token":"\#(value)"\#(lifetime)}"#)
    }

    private static func login(_ field: (String) -> String?, _ bearer: LoopbackAuthentication.Bearer) -> String? {
        switch field("grant_type") {
        case "refresh_token": field("refresh_token").flatMap { bearer.identityTokens.contains($0) ? bearer.user : nil }
        case "password": field("username") == bearer.user && field("password") == bearer.password ? bearer.user : nil
        default: nil
        }
    }

    /// Gives what of `scopes` the user has; the rest is left out silently, as token services do.
    private func issue(user: String?, _ scopes: [String], _ bearer: LoopbackAuthentication.Bearer) -> String {
        var grants: [String: Set<String>] = [:]
        for scope in scopes {
            guard let colon = scope.lastIndex(of: ":") else { continue }
            let resource = String(scope[..<colon])
            let asked = Set(scope[scope.index(after: colon)...].split(separator: ",").map(String.init))
            grants[resource, default: []].formUnion(asked.intersection(bearer.grants(user, resource)))
        }
        return state.withLock { state in
            state.next += 1
            let value = "token-\(state.next)"
            state.tokens[value] = Token(user: user, grants: grants)
            return value
        }
    }

    /// `user:password`, as the header holds it.
    private static func basic(_ request: LoopbackRequest) -> String? {
        guard let header = request.headers["authorization"], header.hasPrefix("Basic ") else { return nil }
        return Data(base64Encoded: String(header.dropFirst(6))).map { String(decoding: $0, as: UTF8.self) }
    }
}
