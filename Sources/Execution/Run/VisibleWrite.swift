internal import OCI
internal import Planning
internal import Registry

/// A write that users of the registry see: the journal's intent, the write, its proof, the journal's outcome.
struct VisibleWrite: Sendable {
    let context: RunContext
    let change: Change
    let goal: Goal
    /// What the target held right before and shall hold, where that is a digest; for a delete: the tags on it.
    var before: Digest?
    var after: Digest?
    var tags: [TagName] = []
    /// Checks what else must be so once the goal is reached.
    var afterwards: @Sendable () async throws(RegistryError) -> Void = { () async throws(RegistryError) in }

    private struct Ending {
        var result: ChangeResult
        var journal: JournalEntry.Result
    }

    /// `send` makes the write.
    func perform(_ send: @escaping @Sendable () async throws(RegistryError) -> Void) async -> ChangeResult {
        let results = await Self.perform([self], in: context) {
            do throws(RegistryError) {
                try await send()
                return [:]
            } catch {
                return [change.id: error]
            }
        }
        return results[0]
    }

    /// Writes that one call makes together, each with its own intent, proof and outcome. `send` says which of them failed. The results
    /// stand in the order of the writes.
    static func perform(
        _ writes: [VisibleWrite],
        in context: RunContext,
        _ send: @escaping @Sendable () async -> [ChangeID: RegistryError]
    ) async -> [ChangeResult] {
        do throws(RegistryError) {
            return try await context.write { () async throws(RegistryError) -> [ChangeResult] in
                for write in writes { try context.journal.record(.intent(write.entry)) }
                let failures = await send()
                return await concurrently(writes, limit: 8) { write in
                    let ending = await write.settle(failures[write.change.id])
                    // A journal that breaks here stops the run; what this change did stands nevertheless.
                    try? context.journal.record(.outcome(write.entry, ending.journal))
                    return ending.result
                }
            }
        } catch {
            return writes.map { _ in ChangeResult(RunContext.outcome(for: error), hasWritten: false) }
        }
    }

    private var entry: JournalEntry.Write {
        var source: RepositoryAddress?
        if case .registry(let address)? = change.content.flatMap({ context.contents[$0]?.origin }) { source = address }
        return JournalEntry.Write(change, before: before, after: after, tags: tags, source: source)
    }

    /// What became of the write, by what its target shows. `failure`: what its sending came to.
    private func settle(_ failure: RegistryError?) async -> Ending {
        let proof = Proof(clock: context.options.clock, change: change, events: context.events)
        if let failure {
            // What is missing does not show in the target.
            if failure.code == .incomplete { return uncertain(failure) }
            // The write may have arrived though its answer did not. It is never sent again: reading settles it.
            guard let isReached = await isReached(proof, waits: failure.leavesOpen) else { return uncertain(failure) }
            if !isReached { return failure.code == .cancelled ? uncertain(failure) : failed(failure) }
        }
        do throws(RegistryError) {
            try await proof.wait(for: goal)
            try await afterwards()
        } catch {
            return uncertain(error)
        }
        return Ending(result: ChangeResult(.done), journal: .done)
    }

    /// Nil: it cannot be read.
    private func isReached(_ proof: Proof, waits: Bool) async -> Bool? {
        do throws(RegistryError) {
            return waits ? try await proof.gap(to: goal) == nil : try await goal.gap() == nil
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
                object: "\(change.target)",
                registry: change.target.registry,
                reason: "the run was interrupted before the registry showed the write",
                help: "run apply again to see what is there"
            )
        }
        return Ending(result: ChangeResult(.failed(error), hasWritten: true), journal: .unknown)
    }
}

extension RegistryError {
    /// The write may have been made all the same: no answer came from the registry itself, or none that can be read.
    fileprivate var leavesOpen: Bool {
        switch code {
        case .unavailable: status.map { [408, 502, 504].contains($0) } ?? true
        case .badAnswer: true
        default: false
        }
    }
}
