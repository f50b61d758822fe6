internal import OCI
internal import Planning

/// What of a plan has ended, runs, or may begin. Pure: the executor asks it and does what it says.
struct ExecutionState: Sendable {
    /// Changes that are made together: puts of one content, so that it is read once; deletes in one repository, so that it is listed
    /// once; any other change alone.
    private enum BatchKey: Hashable {
        case puts(PlannedContent.ID)
        case deletes(RepositoryAddress)
        case single(ChangeID)

        init(_ change: Change) {
            switch (change.kind, change.content, change.target.address) {
            case (.put, let content?, _): self = .puts(content)
            case (.delete, _, let address?): self = .deletes(address)
            default: self = .single(change.id)
            }
        }
    }

    private let changes: [ChangeID: Change]
    private let order: [ChangeID]
    private let parallelism: Int
    private var followers: [ChangeID: [ChangeID]] = [:]
    private var missing: [ChangeID: Int] = [:]
    private var ready: [BatchKey: [ChangeID]] = [:]
    private var queue: [BatchKey] = []
    private var begun: Set<ChangeID> = []
    private var runningJobs = 0
    private(set) var isStopped = false
    private(set) var outcomes: [ChangeID: ExecutionOutcome] = [:]

    /// Edges to changes that the plan does not hold are ignored, as `ChangeOrder` does.
    init(_ changes: [Change], parallelism: Int) {
        self.parallelism = max(parallelism, 1)
        self.changes = Dictionary(changes.map { ($0.id, $0) }, uniquingKeysWith: { first, _ in first })
        order = changes.map(\.id)
        for change in changes {
            let before = Set(change.after).filter { self.changes[$0] != nil }
            missing[change.id] = before.count
            for id in before { followers[id, default: []].append(change.id) }
        }
        for change in ChangeOrder.sorted(changes) where missing[change.id] == 0 { makeReady(change) }
    }

    /// The changes of one job, which begin now; nil when nothing can begin at the moment. A job counts as one against the parallelism.
    mutating func next() -> [Change]? {
        guard !isStopped, runningJobs < parallelism, !queue.isEmpty else { return nil }
        let key = queue.removeFirst()
        let batch = (ready.removeValue(forKey: key) ?? []).compactMap { changes[$0] }
        begun.formUnion(batch.map(\.id))
        runningJobs += 1
        return batch
    }

    /// Records how a change of a running job ended. Returns the changes that are skipped for it, in no particular order.
    mutating func finish(_ id: ChangeID, _ outcome: ExecutionOutcome) -> [ChangeID] {
        guard outcomes[id] == nil, changes[id] != nil else { return [] }
        outcomes[id] = outcome
        guard outcome.isSuccess else { return isStopped ? [] : skipFollowers(of: id) }
        for follower in followers[id] ?? [] {
            let left = (missing[follower] ?? 0) - 1
            missing[follower] = left
            if left == 0, outcomes[follower] == nil, let change = changes[follower] { makeReady(change) }
        }
        return []
    }

    mutating func endJob() {
        runningJobs -= 1
    }

    /// No further change begins; those that have not begun are cancelled. Returns them in the plan's order.
    mutating func stop() -> [ChangeID] {
        isStopped = true
        return cancelRest()
    }

    /// Nothing runs, and nothing more can begin. Changes in a cycle never begin; `cancelRest` ends them.
    var isFinished: Bool { runningJobs == 0 && (isStopped || queue.isEmpty) }

    /// Ends what has not begun, as cancelled.
    mutating func cancelRest() -> [ChangeID] {
        let rest = order.filter { !begun.contains($0) && outcomes[$0] == nil }
        for id in rest { outcomes[id] = .cancelled }
        queue = []
        ready = [:]
        return rest
    }

    private mutating func makeReady(_ change: Change) {
        let key = BatchKey(change)
        if ready[key] == nil { queue.append(key) }
        ready[key, default: []].append(change.id)
    }

    private mutating func skipFollowers(of cause: ChangeID) -> [ChangeID] {
        var skipped: [ChangeID] = []
        var open = followers[cause] ?? []
        while let id = open.popLast() {
            guard outcomes[id] == nil else { continue }
            outcomes[id] = .skipped(because: cause)
            skipped.append(id)
            open += followers[id] ?? []
        }
        return skipped
    }
}
