internal import OCI
internal import Registry

/// The tokens of one registry. Many requests that want the same token cause one request for it.
actor TokenCache {
    struct Key: Hashable, Sendable {
        var realm: WebAddress
        var service: String?
        var scopes: Set<String>
        var credential: Credential.Kind?
    }

    /// Whose refresh token it is.
    private struct Account: Hashable, Sendable {
        var realm: WebAddress
        var service: String?
        var credential: Credential.Kind?

        init(_ key: Key) {
            (realm, service, credential) = (key.realm, key.service, key.credential)
        }
    }

    private var tokens: [Key: Token] = [:]
    /// What came along with tokens; it stands in for the login at the next request.
    private var refreshTokens: [Account: Secret] = [:]
    private let flights = SingleFlight<Key, Token>()
    private let wallSeconds: @Sendable () -> Double

    init(wallSeconds: @escaping @Sendable () -> Double) {
        self.wallSeconds = wallSeconds
    }

    /// A token that has not expired, fetched when there is none. `fetch` is given a refresh token to use, where there is one.
    func token(
        _ key: Key,
        fetch: @escaping @Sendable (_ refresh: Secret?) async throws(RegistryError) -> Token
    ) async throws(RegistryError) -> Token {
        if let token = tokens[key], token.expiresAt > wallSeconds() { return token }
        let refresh = refreshTokens[Account(key)]
        let token: Token
        do throws(RegistryError) {
            token = try await flights.run(key) { () async throws(RegistryError) in try await fetch(refresh) }
        } catch {
            guard error.code == .unauthorized, refresh != nil else { throw error }
            // It has run out: the login itself counts.
            refreshTokens[Account(key)] = nil
            token = try await flights.run(key) { () async throws(RegistryError) in try await fetch(nil) }
        }
        tokens[key] = token
        if key.credential != nil, let next = token.refreshToken { refreshTokens[Account(key)] = next }
        return token
    }

    func dropAll() { tokens = [:] }

    /// Forgets a token that the registry rejected, so that the next request fetches another.
    func drop(_ value: Secret) {
        tokens = tokens.filter { $0.value.value != value }
    }
}
