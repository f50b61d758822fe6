internal import OCI
internal import Planning
internal import Registry

/// What every job of a run uses.
struct RunContext: Sendable {
    let plan: Plan
    let registries: any RegistryDirectory
    let localContents: any ContentSource
    /// The plan's table of contents.
    let contents: [PlannedContent.ID: PlannedContent]
    let options: ExecutionOptions
    let journal: RunJournal
    let interruption: Interruption
    let events: @Sendable (ExecutionEvent) async -> Void
    let sender: AsyncStream<RunMessage>.Continuation
    let ledger: CopyLedger
    let pulls = PullTurns()
    /// As proven before the run's first write.
    var untagWays: [RepositoryAddress: UntagWay] = [:]

    init(
        plan: Plan,
        registries: any RegistryDirectory,
        localContents: any ContentSource,
        options: ExecutionOptions,
        journal: RunJournal,
        interruption: Interruption,
        events: @escaping @Sendable (ExecutionEvent) async -> Void,
        sender: AsyncStream<RunMessage>.Continuation
    ) {
        self.plan = plan
        self.registries = registries
        self.localContents = localContents
        contents = Dictionary(plan.contents.map { ($0.id, $0) }, uniquingKeysWith: { first, _ in first })
        self.options = options
        self.journal = journal
        self.interruption = interruption
        self.events = events
        self.sender = sender
        ledger = CopyLedger(transfers: options.transfers)
    }

    func finish(_ change: Change, _ result: ChangeResult) { sender.yield(.finished(change.id, result)) }

    func finish(_ change: Change, _ outcome: ExecutionOutcome) { finish(change, ChangeResult(outcome)) }

    /// Work that an interruption breaks off at once.
    func interruptible<Output: Sendable>(
        _ body: @escaping @Sendable () async throws(RegistryError) -> Output
    ) async throws(RegistryError) -> Output {
        try await interruption.limiting(clock: options.clock, body)
    }

    /// A visible write with its proof: an interruption leaves it 5 seconds.
    func write<Output: Sendable>(
        _ body: @escaping @Sendable () async throws(RegistryError) -> Output
    ) async throws(RegistryError) -> Output {
        try await interruption.limiting(grace: .seconds(5), clock: options.clock, body)
    }
}

extension RunContext {
    /// Makes the changes of one batch, which are of one kind. Every change is reported by `finish` before it returns.
    func perform(_ batch: [Change], _ ticket: PullTurns.Ticket?) async {
        defer { if let ticket { pulls.leave(ticket) } }
        guard let kind = batch.first?.kind else { return }
        switch kind {
        case .put: await PutJob(self, ticket).run(batch)
        case .untag:
            for change in batch { finish(change, await UntagJob(self).run(change)) }
        case .delete: await DeleteJob(self).run(batch)
        case .namespace, .retention:
            for change in batch { finish(change, await SettingJob(self).run(change)) }
        case .restore:
            for change in batch { finish(change, await RestoreJob(self).run(change)) }
        }
    }

    /// A place among the jobs that read from a source whose pulls are limited. Jobs have to ask in the order in which they begin.
    func ticket(for batch: [Change]) -> PullTurns.Ticket? {
        guard let change = batch.first, change.kind == .put, let content = change.content.flatMap({ contents[$0] }),
            case .registry(let address) = content.origin, let source = try? registries.registry(address.registry)
        else { return nil }
        return pulls.join(address.registry, source.pulls)
    }

    static func unsupported(
        _ change: Change,
        _ reason: String? = nil,
        help: String = "apply the plan with the version that made it"
    ) -> RegistryError {
        RegistryError(
            .unsupported,
            action: change.kind.rawValue,
            object: "\(change.target)",
            registry: change.target.registry,
            reason: reason ?? "this version of crplan cannot apply '\(change.kind.rawValue)' changes by '\(change.method.rawValue)'",
            help: help
        )
    }

    /// The management API of a change that is made by it.
    func administration(for change: Change) throws(RegistryError) -> any RegistryAdministration {
        guard change.method == .management else { throw Self.unsupported(change) }
        guard let administration = try registries.registry(change.target.registry).administration else {
            throw Self.unsupported(change, "\(change.target.registry) has no management API", help: "plan again")
        }
        return administration
    }

    /// The registry and the place of a change's target, when the change's method is among `methods`.
    func target(of change: Change, methods: Set<ChangeMethod>) throws(RegistryError) -> ManifestTarget {
        guard methods.contains(change.method), let address = change.target.address, let reference = change.target.reference else {
            throw Self.unsupported(change)
        }
        return ManifestTarget(registry: try registries.registry(address.registry), address: address, reference: reference)
    }

    /// What to report for an error: cancelled when the run was broken off, deferred when a limit was reached, else failed.
    static func outcome(for error: RegistryError) -> ExecutionOutcome {
        switch error.code {
        case .cancelled: .cancelled
        case .deferred: .deferred(reason: error.reason)
        default: .failed(error)
        }
    }
}

/// A manifest's place, and the registry that holds it.
struct ManifestTarget: Sendable {
    let registry: any RegistryWriter
    let address: RepositoryAddress
    let reference: ManifestReference

    /// Nil: nothing is there.
    func digest() async throws(RegistryError) -> Digest? {
        try await registry.head(reference, in: address.repository)?.digest
    }

    func at(_ reference: ManifestReference) -> ManifestTarget {
        ManifestTarget(registry: registry, address: address, reference: reference)
    }
}
