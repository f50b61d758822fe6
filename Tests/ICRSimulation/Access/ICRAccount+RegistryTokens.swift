internal import FoundationEssentials
internal import OCI
package import RegistryTestSupport

/// The token service for content, and what its tokens open (reference of ICR, sections C.3 to C.5).
extension ICRAccount {
    private enum Login {
        case nobody
        case identity(ICRIdentity)
        case refused(LoopbackReply)
    }

    /// `/oauth/token`: a `GET` with a login in its header, or a `POST` with one in its form.
    package mutating func registryToken(_ request: LoopbackRequest, body: [UInt8], host: String, at now: Double) -> LoopbackReply {
        let form = LoopbackRequest.parameters(request.method == "POST" ? String(decoding: body, as: UTF8.self) : request.query)
        func field(_ name: String) -> String? { form.first { $0.name == name }?.value }
        let login: Login
        if request.method == "POST" {
            guard field("grant_type") == "password", let user = field("username"), let password = field("password") else {
                return Self.badRequest("The grant type is not supported.")
            }
            login = self.login(user, password, at: now)
        } else if let (user, password) = Self.basic(request) {
            login = self.login(user, password, at: now)
        } else {
            login = .nobody
        }
        let identity: ICRIdentity?
        switch login {
        case .refused(let reply): return reply
        case .identity(let found): identity = found
        case .nobody:
            guard switches.hasAnonymousTokens else { return Self.unauthorized }
            identity = nil
        }
        let scopes = form.filter { $0.name == "scope" }.flatMap { $0.value.split(separator: " ").map(String.init) }
        return token(for: identity, scopes, host, now)
    }

    private func login(_ user: String, _ password: String, at now: Double) -> Login {
        switch user {
        case "iamapikey":
            guard let owner = owner(ofKey: password), owner.condition == .active else { return .refused(Self.unauthorized) }
            return .identity(owner)
        case "iambearer", "iamrefresh":
            guard let session = iamTokens[password], session.isRefresh == (user == "iamrefresh"), session.expires > now else {
                let isOfOtherKind = iamTokens[password] != nil || owner(ofKey: password) != nil
                return .refused(isOfOtherKind ? Self.badRequest("The user name does not match the password.") : Self.unauthorized)
            }
            return identities[session.identity].map { .identity($0) } ?? .refused(Self.unauthorized)
        default:
            guard let profile = identities[user], let owner = owner(ofKey: password), owner.profiles.contains(profile.id) else {
                return .refused(Self.badRequest("The user name does not match the password."))
            }
            return .identity(profile)
        }
    }

    /// Gives what of `scopes` the identity has; the rest is left out without a word.
    private mutating func token(for identity: ICRIdentity?, _ scopes: [String], _ host: String, _ now: Double) -> LoopbackReply {
        var access: [String: Set<String>] = [:]
        for scope in scopes {
            let parts = scope.split(separator: ":", omittingEmptySubsequences: false).map(String.init)
            guard parts.count == 3, parts[0] == "repository" else { continue }
            let allowed = actions(identity, on: parts[1], of: host)
            access[parts[1], default: []].formUnion(allowed.intersection(parts[2].split(separator: ",").map(String.init)))
        }
        let life = switches.registryTokenSeconds
        let claims = access.sorted { $0.key < $1.key }.map { repository, actions in
            JSONValue.object([
                "type": .string("repository"), "name": .string(repository), "actions": .array(actions.sorted().map(JSONValue.string)),
            ])
        }
        let value = newToken(["access": .array(claims), "exp": .integer(Int64(now) + Int64(life))])
        registryTokens[value] = RegistrySession(identity: identity?.id, host: host, access: access, expires: now + Double(life))
        var answer: [String: JSONValue] = ["token": .string(value)]
        if switches.hasAccessTokenMember { answer["access_token"] = .string(value) }
        if switches.announcesTokenLife {
            answer["expires_in"] = .integer(Int64(life))
            answer["issued_at"] = .string(isoDate(now))
        }
        return .value(.object(answer))
    }

    private func actions(_ identity: ICRIdentity?, on name: String, of host: String) -> Set<String> {
        guard let registry = registries[host], let repository = try? RepositoryName(name) else { return [] }
        let namespace = repository.namespace
        if registry.isPublic(namespace) { return ["pull"] }
        guard let identity, identity.condition == .active, identity.account == id, registry.namespaces[namespace] != nil else { return [] }
        var actions: Set<String> = []
        if identity.may(.imagePull, host: host, namespace: registry.scope(namespace)) { actions.insert("pull") }
        if identity.may(.imagePush, host: host, namespace: registry.scope(namespace)) { actions.insert("push") }
        return actions
    }

    /// `user:password`, as the header holds it.
    private static func basic(_ request: LoopbackRequest) -> (user: String, password: String)? {
        guard let header = request.headers["authorization"], header.hasPrefix("Basic "),
            let data = Data(base64Encoded: String(header.dropFirst(6)))
        else { return nil }
        let parts = String(decoding: data, as: UTF8.self).split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false)
        return parts.count == 2 ? (String(parts[0]), String(parts[1])) : nil
    }

    // MARK: Refusals

    static let authorizationRequired =
        "Authorization required. See https://cloud.ibm.com/docs/Registry?topic=Registry-troubleshoot-auth-req"

    /// The `detail` of these is a string, not an object.
    static func refusal(_ status: Int, _ code: String, _ message: String, headers: [String: String] = [:]) -> LoopbackReply {
        let json = #"{"errors":[{"code":\#(quoted(code)),"message":\#(quoted(message)),"detail":\#(quoted(message))}]}"#
        return LoopbackReply(status, headers: headers, json: json)
    }

    private static let unauthorized = refusal(401, "UNAUTHORIZED", authorizationRequired)
    private static func badRequest(_ message: String) -> LoopbackReply { refusal(400, "BAD_REQUEST", message) }
}
