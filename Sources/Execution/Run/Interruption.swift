internal import OCI

/// The user's wish to end a run early. Triggered once, from a signal; the run ends what it has begun and returns.
package final class Interruption: Sendable {
    private let triggered = Watched(false)

    package init() {}

    /// Safe to call again.
    package func trigger() { triggered.update { $0 = true } }

    package var isTriggered: Bool { triggered.read { $0 } }

    /// Returns when it is triggered (true), or when the task is cancelled (false).
    func wait() async -> Bool {
        await triggered.wait { $0 ? true : nil } ?? false
    }

    /// Runs `body`, and cancels it when the interruption is older than `grace`. Does not begin once triggered. What `body` returns
    /// counts, even after a cancellation; an error then is `.cancelled`.
    func limiting<Output: Sendable>(
        grace: Duration = .zero,
        clock: any Clock<Duration>,
        _ body: @escaping @Sendable () async throws(RegistryError) -> Output
    ) async throws(RegistryError) -> Output {
        if isTriggered { throw .cancelledRun }
        let result = await withTaskGroup(of: Result<Output, RegistryError>?.self) { group -> Result<Output, RegistryError> in
            group.addTask {
                do throws(RegistryError) {
                    return .success(try await body())
                } catch {
                    return .failure(error)
                }
            }
            group.addTask {
                guard await self.wait() else { return nil }
                if grace > .zero { try? await clock.sleep(for: grace) }
                return nil
            }
            var isCut = false
            for await result in group {
                group.cancelAll()
                guard let result else {
                    isCut = true
                    continue
                }
                if case .failure = result, isCut { return .failure(.cancelledRun) }
                return result
            }
            return .failure(.cancelledRun)
        }
        return try result.get()
    }
}
