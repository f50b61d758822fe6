internal import OCI
internal import Planning
internal import Registry

/// Reads a target after a write until it shows what was written.
struct Proof: Sendable {
    static let putPatience = Duration.seconds(10)
    static let removalPatience = Duration.seconds(30)

    let clock: any Clock<Duration>
    let change: ChangeID
    let events: @Sendable (ExecutionEvent) async -> Void

    /// Returns once `target` holds `wanted` (nil: nothing). Throws when it still does not after `patience`.
    func wait(for wanted: Digest?, at target: ManifestTarget, patience: Duration) async throws(RegistryError) {
        var pause = Duration.milliseconds(100)
        var waited = Duration.zero
        while true {
            let found = try await target.digest()
            if found == wanted { return }
            guard waited < patience else { throw failure(wanted, found, target, waited) }
            if waited == .zero { await events(.waiting(change, reason: "\(target.address.registry) does not show the change yet")) }
            let next = min(pause, patience - waited)
            do {
                try await clock.sleep(for: next)
            } catch {
                throw .cancelledRun
            }
            waited += next
            pause = min(pause * 2, .seconds(2))
        }
    }

    private func failure(_ wanted: Digest?, _ found: Digest?, _ target: ManifestTarget, _ waited: Duration) -> RegistryError {
        let state =
            switch (wanted, found) {
            case (let wanted?, let found?): "it holds \(found), not \(wanted)"
            case (_?, nil): "it is not there"
            case (nil, _): "it is still there"
            }
        return RegistryError(
            .badAnswer,
            action: "verify",
            object: "\(target.address)\(target.reference.suffix)",
            registry: target.address.registry,
            reason: "\(waited.components.seconds) seconds after the write \(state)",
            help: "somebody else may write there too; plan again"
        )
    }
}
