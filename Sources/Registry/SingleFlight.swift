package import OCI

/// Runs one piece of work per key at a time; whoever asks meanwhile shares its outcome. When the one that works is cancelled, the next
/// one takes over.
package actor SingleFlight<Key: Hashable & Sendable, Value: Sendable> {
    private typealias Outcome = Result<Value, RegistryError>

    private var waiting: [Key: [CheckedContinuation<Outcome, Never>]] = [:]

    package init() {}

    package func run(_ key: Key, _ work: @Sendable () async throws(RegistryError) -> Value) async throws(RegistryError) -> Value {
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
    package func runAlone(_ key: Key, _ work: @Sendable () async throws(RegistryError) -> Value) async throws(RegistryError) -> Value? {
        if waiting[key] != nil {
            _ = await withCheckedContinuation { waiting[key, default: []].append($0) }
            return nil
        }
        return try await run(key, work)
    }
}
