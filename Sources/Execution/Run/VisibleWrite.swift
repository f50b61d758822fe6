internal import OCI
internal import Planning
internal import Registry

/// A write that users of the registry see: the journal's intent, the write, its proof, the journal's outcome.
struct VisibleWrite: Sendable {
    let context: RunContext
    let change: Change
    let target: ManifestTarget
    /// What the target held right before.
    let before: Digest?
    /// What it shall hold.
    let goal: Digest?
    /// For a delete: the tags on the digest.
    var tags: [TagName] = []

    private struct Ending {
        var result: ChangeResult
        var journal: JournalEntry.Result
    }

    /// `send` makes the write; `afterwards` checks what else must be so once the target shows it.
    func perform(
        _ send: @escaping @Sendable () async throws(RegistryError) -> Void,
        afterwards: @escaping @Sendable () async throws(RegistryError) -> Void = { () async throws(RegistryError) in }
    ) async -> ChangeResult {
        do throws(RegistryError) {
            return try await context.write { () async throws(RegistryError) -> ChangeResult in
                let entry = JournalEntry.Write(change, before: before, after: goal, tags: tags)
                try context.journal.record(.intent(entry))
                let ending = await attempt(send, afterwards)
                // A journal that breaks here stops the run; what this change did stands nevertheless.
                try? context.journal.record(.outcome(entry, ending.journal))
                return ending.result
            }
        } catch {
            return ChangeResult(RunContext.outcome(for: error), hasWritten: false)
        }
    }

    private func attempt(
        _ send: @Sendable () async throws(RegistryError) -> Void,
        _ afterwards: @Sendable () async throws(RegistryError) -> Void
    ) async -> Ending {
        do throws(RegistryError) {
            try await send()
        } catch {
            // The write may have arrived though its answer did not.
            guard let isThere = await isAtGoal() else { return uncertain(error) }
            if !isThere { return error.code == .cancelled ? uncertain(error) : failed(error) }
        }
        do throws(RegistryError) {
            let proof = Proof(clock: context.options.clock, change: change.id, events: context.events)
            try await proof.wait(for: goal, at: target, patience: goal == nil ? Proof.removalPatience : Proof.putPatience)
            try await afterwards()
        } catch {
            return uncertain(error)
        }
        return Ending(result: ChangeResult(.done), journal: .done)
    }

    /// Nil: it cannot be read.
    private func isAtGoal() async -> Bool? {
        do throws(RegistryError) {
            return try await target.digest() == goal
        } catch {
            return nil
        }
    }

    private func failed(_ error: RegistryError) -> Ending {
        Ending(result: ChangeResult(.failed(error), hasWritten: false), journal: .failed)
    }

    private func uncertain(_ error: RegistryError) -> Ending {
        var error = error
        if error.code == .cancelled {
            error = RegistryError(
                .cancelled,
                action: "verify",
                object: "\(target.address)\(target.reference.suffix)",
                registry: target.address.registry,
                reason: "the run was interrupted before the registry showed the write",
                help: "run apply again to see what is there"
            )
        }
        return Ending(result: ChangeResult(.failed(error), hasWritten: true), journal: .unknown)
    }
}
