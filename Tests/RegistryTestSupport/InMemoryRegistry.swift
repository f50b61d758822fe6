package import OCI
internal import Synchronization

/// A registry in memory that behaves as real ones do: it refuses what is incomplete, and can lack features. Tests watch it, change it
/// under the feet of the code at work, and make it fail.
package final class InMemoryRegistry: DistributionStore {
    /// Called before each operation. It may throw, suspend, or change the registry (`update`).
    package typealias Hook = @Sendable (Operation, InMemoryRegistry) async throws(RegistryError) -> Void

    package enum Moment: Hashable, Sendable {
        case before
        /// The work is done, but the answer is lost.
        case after
    }

    private struct Fault: Sendable {
        var remaining: Int
        var moment: Moment
        var predicate: @Sendable (Operation) -> Bool
        var error: RegistryError
    }

    private struct State: Sendable {
        var contents = RegistryContents()
        var features: Set<RegistryFeature>
        var reported: [RegistryFeature: Capability] = [:]
        var operations: [Operation] = []
        var keepsOperations = true
        var requestCount = 0
        var pullLimit: Int?
        var faults: [Fault] = []
        var hook: Hook?
        var openLeases = 0
        var pieceSize = 1 << 16
    }

    package let id: RegistryID
    private let state: Mutex<State>

    package init(_ id: RegistryID, features: Set<RegistryFeature> = Set(RegistryFeature.allCases)) {
        self.id = id
        state = Mutex(State(features: features))
    }

    package convenience init(host: String = "registry.example", features: Set<RegistryFeature> = Set(RegistryFeature.allCases)) throws {
        self.init(try RegistryID(host: host), features: features)
    }

    // MARK: Test access

    package func seed(_ sample: Sample, tags: [String] = [], in repository: RepositoryName) throws {
        let tags = try tags.map { try TagName($0) }
        update { $0.seed(sample, tags: tags, in: repository) }
    }

    /// Changes the contents directly: no hook, fault or counter is involved.
    package func update<Result: Sendable, Failure: Error>(
        _ change: (inout RegistryContents) throws(Failure) -> Result
    ) throws(Failure) -> Result {
        try state.withLock { (state) throws(Failure) in try change(&state.contents) }
    }

    /// A comparable copy of everything it holds.
    package func snapshot() -> RegistryContents { state.withLock { $0.contents } }

    package func tagsAndDigests(in repository: RepositoryName) -> [TagName: Digest] {
        state.withLock { $0.contents.repositories[repository]?.tags ?? [:] }
    }

    /// Whether the tag leads to manifests, children and blobs that are all there and whole.
    package func resolvesCompletely(_ repository: RepositoryName, _ tag: TagName) -> Bool {
        snapshot().defects(below: .tag(tag), in: repository).isEmpty
    }

    package var features: Set<RegistryFeature> {
        get { state.withLock { $0.features } }
        set { state.withLock { $0.features = newValue } }
    }

    /// What `capability` says for a feature, whatever is true: `.unknown` for a registry that has not shown it.
    package func report(_ capability: Capability?, for feature: RegistryFeature) {
        state.withLock { $0.reported[feature] = capability }
    }

    package func setHook(_ hook: Hook?) { state.withLock { $0.hook = hook } }

    /// A hook that lets other tasks go first, a random number of times: the same seed gives the same numbers.
    package static func yielding(seed: UInt64) -> Hook {
        let generator = SharedGenerator(seed: seed)
        return { _, _ in
            for _ in 0..<generator.next(below: 8) { await Task.yield() }
        }
    }

    /// The next `times` operations that `predicate` picks fail with `error`; with `.after`, once their work is done.
    package func failNext(
        _ times: Int = 1,
        where predicate: @escaping @Sendable (Operation) -> Bool,
        with error: RegistryError,
        _ moment: Moment = .before
    ) {
        state.withLock { $0.faults.append(Fault(remaining: times, moment: moment, predicate: predicate, error: error)) }
    }

    /// Everything asked so far, in order.
    package var operations: [Operation] { state.withLock { $0.operations } }

    package func count(_ kind: Operation.Kind) -> Int { state.withLock { $0.operations.count { $0.kind == kind } } }

    /// How many requests a registry over HTTP would have had.
    package var requestCount: Int { state.withLock { $0.requestCount } }

    package var writeCount: Int { state.withLock { $0.operations.count { $0.kind.isWrite } } }

    package func forgetOperations() {
        state.withLock { state in
            state.operations = []
            state.requestCount = 0
        }
    }

    /// False for measurements: requests are counted only.
    package var keepsOperations: Bool {
        get { state.withLock { $0.keepsOperations } }
        set { state.withLock { $0.keepsOperations = newValue } }
    }

    /// How many manifests a run may read, as `limits.pulls` says it.
    package var pullLimit: Int? {
        get { state.withLock { $0.pullLimit } }
        set { state.withLock { $0.pullLimit = newValue } }
    }

    /// Leases that have begun and not ended.
    package var openLeases: Int { state.withLock { $0.openLeases } }

    /// How many bytes each piece of a blob has.
    package var pieceSize: Int {
        get { state.withLock { $0.pieceSize } }
        set { state.withLock { $0.pieceSize = newValue } }
    }

    // MARK: For the conformance and the loopback server

    /// Counts, runs the hook and the faults, and does the work.
    package func perform<Result: Sendable>(
        _ operation: Operation,
        _ work: (inout RegistryContents, Set<RegistryFeature>) throws(RegistryError) -> Result
    ) async throws(RegistryError) -> Result {
        try await begin(operation)
        return try finish(operation, work)
    }

    /// The first half of `perform`: all but the work.
    func begin(_ operation: Operation) async throws(RegistryError) {
        let (hook, mayFail) = state.withLock { state in
            if state.keepsOperations { state.operations.append(operation) }
            if operation.kind.isRequest { state.requestCount += 1 }
            return (state.hook, state.hook != nil || !state.faults.isEmpty)
        }
        if Task.isCancelled { throw failure(.cancelled, operation, reason: "it was cancelled") }
        guard mayFail else { return }
        try await hook?(operation, self)
        try throwFault(operation, .before)
    }

    /// The second half of `perform`: the work.
    func finish<Result: Sendable>(
        _ operation: Operation,
        _ work: (inout RegistryContents, Set<RegistryFeature>) throws(RegistryError) -> Result
    ) throws(RegistryError) -> Result {
        let (result, mayFail) = try state.withLock { (state) throws(RegistryError) in
            (try work(&state.contents, state.features), !state.faults.isEmpty)
        }
        if mayFail { try throwFault(operation, .after) }
        return result
    }

    func reportedCapability(_ feature: RegistryFeature) -> Capability {
        state.withLock { $0.reported[feature] ?? ($0.features.contains(feature) ? .yes : .no) }
    }

    func changeOpenLeases(by difference: Int) { state.withLock { $0.openLeases += difference } }

    func failure(
        _ code: RegistryError.Code,
        _ operation: Operation,
        status: Int? = nil,
        registryCode: String? = nil,
        reason: String
    ) -> RegistryError {
        let object = (operation.repository.map { "\(id)/\($0)" } ?? "\(id)") + (operation.reference?.suffix ?? "")
        return RegistryError(
            code,
            action: "\(operation.kind.rawValue)",
            object: object,
            registry: id,
            status: status,
            registryCode: registryCode,
            reason: reason
        )
    }

    private func throwFault(_ operation: Operation, _ moment: Moment) throws(RegistryError) {
        let error: RegistryError? = state.withLock { state in
            guard let place = state.faults.firstIndex(where: { $0.moment == moment && $0.remaining > 0 && $0.predicate(operation) }) else {
                return nil
            }
            state.faults[place].remaining -= 1
            return state.faults[place].error
        }
        if let error { throw error }
    }
}
