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

    private var tokens: [Key: Token] = [:]
    private let flights = SingleFlight<Key, Token>()
    private let wallSeconds: @Sendable () -> Double

    init(wallSeconds: @escaping @Sendable () -> Double) {
        self.wallSeconds = wallSeconds
    }

    /// A token that has not expired, fetched when there is none.
    func token(
        _ key: Key,
        fetch: @escaping @Sendable () async throws(RegistryError) -> Token
    ) async throws(RegistryError) -> Token {
        if let token = tokens[key], token.expiresAt > wallSeconds() { return token }
        let token = try await flights.run(key, fetch)
        tokens[key] = token
        return token
    }

    /// Forgets a token that the registry rejected, so that the next request fetches another.
    func drop(_ value: Secret) {
        tokens = tokens.filter { $0.value.value != value }
    }
}
