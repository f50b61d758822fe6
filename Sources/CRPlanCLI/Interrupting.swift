internal import Execution
internal import Glibc
internal import UnixSignals

/// The first Ctrl-C or SIGTERM ends an apply in order; the second ends the process.
enum InterruptHandling {
    static func run<Value: Sendable>(_ body: @Sendable @escaping (Interruption) async throws -> Value) async throws -> Value {
        // Whoever reads the output may go away; the run goes on to its end all the same.
        signal(SIGPIPE, SIG_IGN)
        let interruption = Interruption()
        let signals = await UnixSignalsSequence(trapping: .sigint, .sigterm)
        return try await withThrowingTaskGroup(of: Value?.self) { group in
            group.addTask { try await body(interruption) }
            group.addTask {
                var count = 0
                for await _ in signals {
                    count += 1
                    if count > 1 { _exit(ExitStatus.interrupted.rawValue) }
                    interruption.trigger()
                }
                return nil
            }
            defer { group.cancelAll() }
            while let value = try await group.next() {
                if let value { return value }
            }
            throw CommandFailure("interrupted")
        }
    }
}
