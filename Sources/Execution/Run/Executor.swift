package import OCI
package import Planning
package import Registry

package struct ExecutionOptions: Sendable {
    /// How many jobs run at a time: the puts of one content, the deletes in one repository, or a single change.
    package var parallelism: Int
    /// How many large blobs are under way at a time.
    package var transfers: Int
    /// For the header of the journal.
    package var planPath: String?
    package var clock: any Clock<Duration>
    /// Milliseconds since 1970.
    package var now: @Sendable () -> Int64
    /// 64 hex digits that nobody else has drawn.
    package var nonce: @Sendable () -> String

    package init(
        parallelism: Int = 8,
        transfers: Int = 6,
        planPath: String? = nil,
        clock: any Clock<Duration> = ContinuousClock(),
        now: @escaping @Sendable () -> Int64 = { WallTime.now() },
        nonce: @escaping @Sendable () -> String = { Digest.sha256(of: (0..<32).map { _ in UInt8.random(in: .min ... .max) }).encoded }
    ) {
        self.parallelism = parallelism
        self.transfers = transfers
        self.planPath = planPath
        self.clock = clock
        self.now = now
        self.nonce = nonce
    }
}

/// Runs a plan: what it says and nothing else. Its reasons, consequences and estimates are never read.
package struct Executor: Sendable {
    private let plan: Plan
    private let planDigest: Digest
    private let registries: any RegistryDirectory
    private let contents: any ContentSource
    private let journal: any JournalWriting
    private let options: ExecutionOptions

    package init(
        plan: Plan,
        planDigest: Digest,
        registries: any RegistryDirectory,
        contents: any ContentSource,
        journal: any JournalWriting,
        options: ExecutionOptions = ExecutionOptions()
    ) {
        self.plan = plan
        self.planDigest = planDigest
        self.registries = registries
        self.contents = contents
        self.journal = journal
        self.options = options
    }

    /// Returns when every change has its outcome. `events` is called for one event after the other but for those about bytes.
    package func run(
        events: @escaping @Sendable (ExecutionEvent) async -> Void = { _ in },
        interruption: Interruption = Interruption()
    ) async -> ExecutionReport {
        let (messages, sender) = AsyncStream.makeStream(of: RunMessage.self)
        var context = RunContext(
            plan: plan,
            registries: registries,
            localContents: contents,
            options: options,
            journal: RunJournal(journal, now: options.now),
            interruption: interruption,
            events: events,
            sender: sender
        )
        await events(.started(planDigest: planDigest, changes: plan.changes.count))
        let header = JournalEntry.Header(planDigest: planDigest, planPath: options.planPath)
        try? context.journal.record(.header(header))
        let proof = await UntagProof(context)
        context.untagWays = proof.ways
        let report: ExecutionReport
        if proof.failures.isEmpty {
            report = await run(context, messages, interruption)
        } else {
            report = proof.report(on: plan)
            for row in report.rows { await events(.changeFinished(row.change, row.result)) }
        }
        await events(.finished(report))
        return report
    }

    private func run(
        _ context: RunContext,
        _ messages: AsyncStream<RunMessage>,
        _ interruption: Interruption
    ) async -> ExecutionReport {
        let sender = context.sender
        return await withTaskGroup(of: Void.self) { group in
            group.addTask { if await interruption.wait() { sender.yield(.interrupted) } }
            var loop = RunLoop(context: context, state: ExecutionState(plan.changes, parallelism: options.parallelism))
            let report = await loop.run(messages, in: &group)
            group.cancelAll()
            return report
        }
    }
}
