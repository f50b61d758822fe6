internal import OCI
internal import Planning
internal import Registry

/// Reads a change's target after a write until it shows what was written.
struct Proof: Sendable {
    static let putPatience = Duration.seconds(10)
    static let removalPatience = Duration.seconds(30)

    let clock: any Clock<Duration>
    let change: Change
    let events: @Sendable (ExecutionEvent) async -> Void

    /// What still differs from the goal after so long.
    struct Gap: Hashable, Sendable {
        var clause: String
        var waited: Duration
    }

    /// Returns once `goal` is reached. Throws when it still is not after its patience.
    func wait(for goal: Goal) async throws(RegistryError) {
        guard let gap = try await gap(to: goal) else { return }
        throw RegistryError(
            .badAnswer,
            action: "verify",
            object: "\(change.target)",
            registry: change.target.registry,
            reason: "\(gap.waited.components.seconds) seconds after the write \(gap.clause)",
            help: "somebody else may write there too; plan again"
        )
    }

    /// Reads until `goal` is reached (nil), or its patience is over.
    func gap(to goal: Goal) async throws(RegistryError) -> Gap? {
        var pause = Duration.milliseconds(100)
        var waited = Duration.zero
        while true {
            guard let clause = try await goal.gap() else { return nil }
            guard waited < goal.patience else { return Gap(clause: clause, waited: waited) }
            if waited == .zero { await events(.waiting(change.id, reason: "\(change.target.registry) does not show the change yet")) }
            let next = min(pause, goal.patience - waited)
            do {
                try await clock.sleep(for: next)
            } catch {
                throw .cancelledRun
            }
            waited += next
            pause = min(pause * 2, .seconds(2))
        }
    }
}
