internal import Files
internal import Planning

/// What jobs and the signal tell the loop.
enum RunMessage: Sendable {
    case finished(ChangeID, ChangeResult)
    case jobEnded
    case interrupted
}

/// Starts jobs as the state allows, and collects what becomes of them.
struct RunLoop {
    let context: RunContext
    private var state: ExecutionState
    private var results: [ChangeID: ChangeResult]
    private var wasInterrupted = false

    /// `results`: of the plan's changes that ended before, and are not in `state`.
    init(context: RunContext, state: ExecutionState, ended results: [ChangeID: ChangeResult] = [:]) {
        self.context = context
        self.state = state
        self.results = results
    }

    mutating func run(_ messages: AsyncStream<RunMessage>, in group: inout TaskGroup<Void>) async -> ExecutionReport {
        var messages = messages.makeAsyncIterator()
        while true {
            if !wasInterrupted, context.interruption.isTriggered {
                wasInterrupted = true
                await context.events(.interrupted)
            }
            if wasInterrupted || context.journal.brokenBy != nil { await end(state.stop(), .cancelled) }
            while let batch = state.next() {
                for change in batch { await context.events(.changeStarted(change.id)) }
                let ticket = context.ticket(for: batch)
                group.addTask { [context] in
                    await context.perform(batch, ticket)
                    context.sender.yield(.jobEnded)
                }
            }
            if state.isFinished { break }
            guard let message = await messages.next() else { break }
            switch message {
            case .finished(let id, let result): await finish(id, result)
            case .jobEnded: state.endJob()
            case .interrupted: continue
            }
        }
        await end(state.cancelRest(), .cancelled)
        let rows = context.plan.changes.map { ExecutionReport.Row(change: $0.id, result: results[$0.id] ?? ChangeResult(.cancelled)) }
        return ExecutionReport(rows: rows, wasInterrupted: wasInterrupted, stopReason: context.journal.brokenBy?.description)
    }

    private mutating func finish(_ id: ChangeID, _ result: ChangeResult) async {
        guard results[id] == nil else { return }
        results[id] = result
        await context.events(.changeFinished(id, result))
        let skipped = state.finish(id, result.outcome).sorted()
        await end(skipped, .skipped(because: id))
    }

    private mutating func end(_ ids: [ChangeID], _ outcome: ExecutionOutcome) async {
        for id in ids {
            let result = ChangeResult(outcome)
            results[id] = result
            await context.events(.changeFinished(id, result))
        }
    }
}
