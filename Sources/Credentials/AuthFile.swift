internal import FoundationEssentials
internal import OCI
internal import Registry

/// A file of docker or podman: `config.json`, `auth.json`, or the old `.dockercfg`, which is a bare map of its entries.
struct AuthFile: Sendable {
    struct Invalid: Error, Hashable, Sendable {
        var reason: String
    }

    /// One entry of `auths`.
    private enum Entry: Sendable {
        case read(Fields)
        /// Of the wrong shape; that concerns nobody but who asks for it.
        case broken
    }

    private struct Fields: Decodable, Sendable {
        var auth: String?
        var username: String?
        var password: String?
        var identitytoken: String?
        var registrytoken: String?
    }

    private var entries: [(key: ServerKey, entry: Entry)]
    private var helpers: [RegistryID: String]
    private var store: String?

    init(_ bytes: [UInt8], isBareMap: Bool = false) throws(Invalid) {
        do {
            if isBareMap {
                let auths = try JSONDecoder().decode([String: LooseEntry].self, from: Data(bytes))
                self.init(auths: auths, helpers: [:], store: nil)
            } else {
                let body = try JSONDecoder().decode(Body.self, from: Data(bytes))
                self.init(auths: body.auths ?? [:], helpers: body.credHelpers ?? [:], store: body.credsStore)
            }
        } catch {
            throw Invalid(reason: "it is not the JSON of a login file")
        }
    }

    private init(auths: [String: LooseEntry], helpers: [String: String], store: String?) {
        // Dictionaries have no order; two keys that mean one host are taken in the order of their text.
        entries = auths.sorted { $0.key < $1.key }.compactMap { key, value in
            ServerKey(key).map { ($0, value.fields.map(Entry.read) ?? .broken) }
        }
        self.helpers = [:]
        for (key, suffix) in helpers.sorted(by: { $0.key < $1.key }) {
            if let server = ServerKey(key) { self.helpers[server.registry] = suffix }
        }
        self.store = store
    }

    /// The helper that answers for a registry: its own, else the store for all. An empty name stands for the file itself.
    func helper(for registry: RegistryID) -> (suffix: String, field: String)? {
        if let own = helpers[registry] { return own.isEmpty ? nil : (own, "credHelpers") }
        guard let store, !store.isEmpty else { return nil }
        return (store, "credsStore")
    }

    /// The login of the entry that fits best: podman's files may name namespaces, and the longest one that holds the repository wins.
    /// `nil`: no entry, or an empty one, which says that the login is with a helper.
    func login(for registry: RegistryID, repository: RepositoryName?) throws(Invalid) -> Credential.Kind? {
        let fitting = entries.filter { $0.key.covers(registry, repository) }
        let longest = fitting.map(\.key.path.count).max()
        for candidate in fitting where candidate.key.path.count == longest {
            guard case .read(let fields) = candidate.entry else { throw Invalid(reason: "its entry for \(registry) has the wrong form") }
            if let login = try Self.login(fields, registry) { return login }
        }
        return nil
    }

    private static func login(_ fields: Fields, _ registry: RegistryID) throws(Invalid) -> Credential.Kind? {
        if let token = fields.identitytoken, !token.isEmpty { return .identityToken(Secret(token)) }
        if let token = fields.registrytoken, !token.isEmpty { return .bearerToken(Secret(token)) }
        if let user = fields.username, let password = fields.password, !user.isEmpty {
            return kind(user: user, secret: password)
        }
        guard let auth = fields.auth, !auth.isEmpty else { return nil }
        guard let data = Data(base64Encoded: auth.filter { !$0.isWhitespace }) else {
            throw Invalid(reason: "the 'auth' of its entry for \(registry) is not base64")
        }
        let text = String(decoding: data, as: UTF8.self)
        guard let colon = text.firstIndex(of: ":") else {
            throw Invalid(reason: "the 'auth' of its entry for \(registry) holds no 'user:password'")
        }
        var password = text[text.index(after: colon)...]
        while password.last == "\0" { password.removeLast() }
        return kind(user: String(text[..<colon]), secret: String(password))
    }

    /// The user name `<token>` says that the secret is an identity token.
    static func kind(user: String, secret: String) -> Credential.Kind {
        user == "<token>" ? .identityToken(Secret(secret)) : .password(user: user, Secret(secret))
    }

    private struct Body: Decodable {
        var auths: [String: LooseEntry]?
        var credHelpers: [String: String]?
        var credsStore: String?
    }

    private struct LooseEntry: Decodable {
        var fields: Fields?

        init(from decoder: any Decoder) throws {
            fields = try? Fields(from: decoder)
        }
    }
}

/// A key of `auths`: `host`, `host:port`, `https://host/v1/`, or with podman `host/namespace/repository`.
struct ServerKey: Hashable, Sendable {
    var registry: RegistryID
    /// The components of a namespace; empty for a whole host.
    var path: [Substring]

    init?(_ text: String) {
        var rest = Substring(text)
        var hasScheme = false
        for scheme in ["https://", "http://"] where rest.hasPrefix(scheme) {
            rest = rest.dropFirst(scheme.count)
            hasScheme = true
        }
        let parts = rest.split(separator: "/")
        guard let host = parts.first, let registry = try? RegistryID(host: host) else { return nil }
        self.registry = registry
        let below = Array(parts.dropFirst())
        path = hasScheme || below == ["v1"] || below == ["v2"] ? [] : below
    }

    func covers(_ other: RegistryID, _ repository: RepositoryName?) -> Bool {
        registry == other && (path.isEmpty || repository?.components.starts(with: path) == true)
    }

    /// What a helper knows the registry by.
    static func helperServer(_ registry: RegistryID) -> String {
        registry == .dockerHub ? "https://index.docker.io/v1/" : registry.description
    }
}
