internal import OCI

/// Lets at most `limit` holders in at a time, for each key.
final class Gate<Key: Hashable & Sendable>: Sendable {
    private let limit: Int
    private let holders = Watched<[Key: Int]>([:])

    init(limit: Int) {
        self.limit = max(limit, 1)
    }

    /// False: the key is taken, and nothing was done.
    func tryEnter(_ key: Key) -> Bool {
        holders.update { Self.enter(key, &$0, limit) != nil }
    }

    /// Waits for a place. Throws `.cancelled` when the task is cancelled meanwhile.
    func enter(_ key: Key) async throws(RegistryError) {
        let isIn: Bool? = await holders.wait { [limit] in Self.enter(key, &$0, limit) }
        guard isIn != nil else { throw .cancelledRun }
    }

    func leave(_ key: Key) {
        holders.update { holders in
            let left = (holders[key] ?? 1) - 1
            holders[key] = left > 0 ? left : nil
        }
    }

    func holding<Result>(_ key: Key, _ body: () async throws(RegistryError) -> Result) async throws(RegistryError) -> Result {
        try await enter(key)
        defer { leave(key) }
        return try await body()
    }

    private static func enter(_ key: Key, _ holders: inout [Key: Int], _ limit: Int) -> Bool? {
        guard holders[key, default: 0] < limit else { return nil }
        holders[key, default: 0] += 1
        return true
    }
}

extension RegistryError {
    /// What was broken off, without a fault of its own.
    static let cancelledRun = RegistryError(.cancelled, action: "finish", object: "the change", reason: "it was cancelled")
}
