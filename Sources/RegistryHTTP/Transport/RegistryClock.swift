/// Time and chance, injected so that tests need neither.
package struct RegistryClock: Sendable {
    /// Seconds since 1970, for `Retry-After` dates and tokens.
    package var wallSeconds: @Sendable () -> Double
    /// Seconds that only grow, for waits and budgets.
    package var uptime: @Sendable () -> Double
    package var sleep: @Sendable (_ seconds: Double) async throws(CancellationError) -> Void
    /// A number from 0 to 1.
    package var jitter: @Sendable () -> Double

    package init(
        wallSeconds: @escaping @Sendable () -> Double,
        uptime: @escaping @Sendable () -> Double,
        sleep: @escaping @Sendable (_ seconds: Double) async throws(CancellationError) -> Void,
        jitter: @escaping @Sendable () -> Double
    ) {
        self.wallSeconds = wallSeconds
        self.uptime = uptime
        self.sleep = sleep
        self.jitter = jitter
    }

    package static let system = RegistryClock(
        wallSeconds: { Timestamp.now() },
        uptime: {
            let time = ContinuousClock.now - start
            return Double(time.components.seconds) + Double(time.components.attoseconds) / 1e18
        },
        sleep: { seconds throws(CancellationError) in
            do {
                try await Task.sleep(for: .seconds(seconds))
            } catch {
                throw CancellationError()
            }
        },
        jitter: { Double.random(in: 0...1) }
    )

    private static let start = ContinuousClock.now
}
