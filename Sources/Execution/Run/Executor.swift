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
    /// For the header too: the folder that relative paths of the plan start at.
    package var root: String?
    /// Nothing is written as long as a tag of the plan cannot be removed; else what can be made is, and those untags fail alone.
    package var needsEveryUntag: Bool
    /// Manifests that need not be read from their source, whole and with that digest.
    package var knownManifest: @Sendable (Digest) -> ManifestDocument?
    package var clock: any Clock<Duration>
    /// Milliseconds since 1970.
    package var now: @Sendable () -> Int64
    /// 64 hex digits that nobody else has drawn.
    package var nonce: @Sendable () -> String

    package init(
        parallelism: Int = 8,
        transfers: Int = 6,
        planPath: String? = nil,
        root: String? = nil,
        needsEveryUntag: Bool = true,
        knownManifest: @escaping @Sendable (Digest) -> ManifestDocument? = { _ in nil },
        clock: any Clock<Duration> = ContinuousClock(),
        now: @escaping @Sendable () -> Int64 = { WallTime.now() },
        nonce: @escaping @Sendable () -> String = { Digest.sha256(of: (0..<32).map { _ in UInt8.random(in: .min ... .max) }).encoded }
    ) {
        self.parallelism = parallelism
        self.transfers = transfers
        self.planPath = planPath
        self.root = root
        self.needsEveryUntag = needsEveryUntag
        self.knownManifest = knownManifest
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
        let header = JournalEntry.Header(planDigest: planDigest, planPath: options.planPath, root: options.root)
        try? context.journal.record(.header(header))
        let proof = await UntagProof(context)
        context.untagWays = proof.ways
        let report: ExecutionReport
        if proof.failures.isEmpty {
            report = await run(context, messages, interruption)
        } else if options.needsEveryUntag {
            report = proof.report(on: plan)
            for row in report.rows { await events(.changeFinished(row.change, row.result)) }
        } else {
            report = await runWithout(proof.failures, context, messages, interruption)
        }
        await events(.finished(report))
        return report
    }

    /// What waits for one of the failed changes is skipped, as after any other failure.
    private func runWithout(
        _ failures: [ChangeID: RegistryError],
        _ context: RunContext,
        _ messages: AsyncStream<RunMessage>,
        _ interruption: Interruption
    ) async -> ExecutionReport {
        var results: [ChangeID: ChangeResult] = failures.mapValues { ChangeResult(.failed($0)) }
        for change in ChangeOrder.sorted(plan.changes) where results[change.id] == nil {
            if let ancestor = change.after.first(where: { results[$0] != nil }) {
                results[change.id] = ChangeResult(.skipped(because: ancestor))
            }
        }
        for change in plan.changes { if let result = results[change.id] { await context.events(.changeFinished(change.id, result)) } }
        return await run(ended: results, context, messages, interruption)
    }

    private func run(
        ended results: [ChangeID: ChangeResult] = [:],
        _ context: RunContext,
        _ messages: AsyncStream<RunMessage>,
        _ interruption: Interruption
    ) async -> ExecutionReport {
        let sender = context.sender
        return await withTaskGroup(of: Void.self) { group in
            group.addTask { if await interruption.wait() { sender.yield(.interrupted) } }
            let open = plan.changes.filter { results[$0.id] == nil }
            var loop = RunLoop(context: context, state: ExecutionState(open, parallelism: options.parallelism), ended: results)
            let report = await loop.run(messages, in: &group)
            group.cancelAll()
            return report
        }
    }
}
