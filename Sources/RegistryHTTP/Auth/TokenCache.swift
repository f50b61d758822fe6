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

/// Runs one piece of work per key at a time; whoever asks meanwhile shares its outcome. When the one that works is cancelled, the next
/// one takes over.
actor SingleFlight<Key: Hashable & Sendable, Value: Sendable> {
    private typealias Outcome = Result<Value, RegistryError>

    private var waiting: [Key: [CheckedContinuation<Outcome, Never>]] = [:]

    func run(_ key: Key, _ work: @Sendable () async throws(RegistryError) -> Value) async throws(RegistryError) -> Value {
        while waiting[key] != nil {
            let outcome = await withCheckedContinuation { waiting[key, default: []].append($0) }
            if case .failure(let error) = outcome, error.code == .cancelled, !Task.isCancelled { continue }
            return try outcome.get()
        }
        waiting[key] = []
        let outcome: Outcome
        do throws(RegistryError) {
            outcome = .success(try await work())
        } catch {
            outcome = .failure(error)
        }
        for waiter in waiting.removeValue(forKey: key) ?? [] { waiter.resume(returning: outcome) }
        return try outcome.get()
    }

    /// Like `run`, but for work of one's own: whoever had to wait gets `nil` and asks again.
    func runAlone(_ key: Key, _ work: @Sendable () async throws(RegistryError) -> Value) async throws(RegistryError) -> Value? {
        if waiting[key] != nil {
            _ = await withCheckedContinuation { waiting[key, default: []].append($0) }
            return nil
        }
        return try await run(key, work)
    }
}
