import Diagnostics
import Execution
import FoundationEssentials
import Logging
import OCI
import Planning
import Registry
import RegistryHTTP
import RegistryLayout
import RegistryTestSupport
import Testing

/// Random repositories and random specs, planned and applied: what was to stay stays whole, down to every blob.
@Suite(.timeLimit(.minutes(30))) struct RemovalPropertyTests {
    private static let isLong = ProcessInfo.processInfo.environment["CRPLAN_LONG"] == "1"
    /// To look at one case in memory alone.
    private static let onlySeed = ProcessInfo.processInfo.environment["CRPLAN_REMOVAL_SEED"].flatMap { UInt64($0) }

    @Test func `whatever is removed in memory, what was to stay resolves whole, and can be undone`() async throws {
        if let seed = Self.onlySeed {
            var distribution = Distribution()
            return try await Self.inMemory(seed, into: &distribution)
        }
        let count: UInt64 = Self.isLong ? 10_000 : 500
        // One worker a core; what they find is put together in order.
        let workers: UInt64 = 2
        let parts = try await withThrowingTaskGroup(of: Distribution.self) { group in
            for worker in 1...workers {
                group.addTask {
                    var distribution = Distribution()
                    for seed in stride(from: worker, through: count, by: Int(workers)) {
                        try await Self.inMemory(seed, into: &distribution)
                    }
                    return distribution
                }
            }
            return try await group.reduce(into: Distribution()) { $0 += $1 }
        }
        parts.expectBreadth("in memory")
    }

    @Test func `whatever is removed in a layout, what was to stay resolves whole, and can be undone`() async throws {
        var distribution = Distribution()
        for seed in 1...UInt64(Self.isLong ? 500 : 25) {
            try await withTemporaryDirectory { folder in
                let layout = LayoutRegistry(id: try RegistryID(layout: "./mirror"), root: "\(folder)/mirror")
                let machinery = try Machinery(layout, declaration: "{kind: layout, path: ./mirror}")
                // A layout keeps what its indexes need.
                try await Self.check(seed, machinery, listsDigests: true, losesChildren: false, into: &distribution)
            }
        }
        distribution.expectBreadth("in layouts")
    }

    @Test func `whatever is removed on docker-registry, what was to stay resolves whole, and can be undone`() async throws {
        var distribution = Distribution()
        for seed in 1...UInt64(Self.isLong ? 200 : 10) {
            distribution += try await withRealRegistry { real in
                let settings = HTTPRegistrySettings(id: try real.id, plainHTTP: true)
                let registry = try HTTPRegistry(settings: settings, credentials: FixedCredentials(), logger: Logger(label: "test"))
                let machinery = try Machinery(registry, declaration: "{host: \"\(real.host)\", plainHTTP: true, untag: placeholder}")
                var found = Distribution()
                let result: Result<Void, any Error>
                do {
                    result = .success(try await Self.check(seed, machinery, listsDigests: false, into: &found))
                } catch {
                    result = .failure(error)
                }
                await registry.shutdown()
                try result.get()
                return found
            }
        }
        distribution.expectBreadth("on docker-registry")
    }

    @Test(arguments: Edge.allCases)
    func `without one kind of edge, something is lost and noticed`(_ edge: Edge) async throws {
        for seed in 1...UInt64(500) {
            let lists = seed % 2 == 0
            let random = try RandomCase(seed: seed, listsDigests: lists, copies: false)
            // A placeholder would put back what it was shown.
            let registry = try Self.memory(seed, listsDigests: lists, untagsByPlaceholder: false)
            let machinery = try Machinery(registry, declaration: Self.declaration)
            try await machinery.seed(random)
            let before = try await Observed(machinery.registry, of: random)
            guard let planned = try await machinery.plan(random.entries, seenThrough: edge), !planned.diagnostics.hasErrors,
                planned.refusals.isEmpty
            else { continue }
            _ = try await machinery.apply(planned.plan, seenThrough: edge)
            let after = try await Observed(machinery.registry, of: random)
            if let problem = Oracle(random: random, listsDigests: lists, before: before, after: after).problems().first {
                return print("without the edge '\(edge.rawValue)', seed \(seed): \(problem)")
            }
        }
        Issue.record("500 cases without the edge '\(edge.rawValue)' lose nothing that anybody notices")
    }

    // MARK: One case

    private static let declaration = "{host: us.example, untag: placeholder}"

    /// The seed decides what the registry can do.
    private static func memory(_ seed: UInt64, listsDigests: Bool, untagsByPlaceholder: Bool = true) throws -> InMemoryRegistry {
        var features = Set(RegistryFeature.allCases)
        if !listsDigests { features.remove(.listDigests) }
        if seed % 3 == 0 { features.remove(.referrersAPI) }
        if seed % 5 == 0, untagsByPlaceholder { features.remove(.deleteTag) }
        return try InMemoryRegistry(host: "us.example", features: features)
    }

    private static func inMemory(_ seed: UInt64, into distribution: inout Distribution) async throws {
        let lists = seed % 2 == 0
        let machinery = try Machinery(memory(seed, listsDigests: lists), declaration: declaration)
        try await check(seed, machinery, listsDigests: lists, into: &distribution)
    }

    private static func check(
        _ seed: UInt64,
        _ machinery: Machinery,
        listsDigests: Bool,
        losesChildren: Bool = true,
        into distribution: inout Distribution
    ) async throws {
        let random = try RandomCase(seed: seed, listsDigests: listsDigests, losesChildren: losesChildren)
        try await machinery.seed(random)
        let before = try await Observed(machinery.registry, of: random)
        distribution.cases += 1
        guard let planned = try await machinery.plan(random.entries), !planned.diagnostics.hasErrors, planned.refusals.isEmpty else {
            distribution.refused += 1
            return
        }
        let (report, journal) = try await machinery.apply(planned.plan)
        let after = try await Observed(machinery.registry, of: random)
        let oracle = Oracle(random: random, listsDigests: listsDigests, before: before, after: after)
        var problems = oracle.problems()
        if report.verdict != .complete { problems.append("apply ended \(report.verdict): \(report.failures)") }
        let next = try #require(try await machinery.plan(random.entries))
        if !next.plan.changes.isEmpty || next.diagnostics.hasErrors || !next.refusals.isEmpty {
            problems.append("the next plan is not empty: \(next.said)")
        }
        distribution.count(planned.plan, oracle)
        if planned.plan.changes.allSatisfy(\.undo.isPossible), !planned.plan.changes.isEmpty {
            distribution.undoable += 1
            problems += try await undoProblems(machinery, random, journal, before)
        }
        for problem in problems { Issue.record("seed \(seed): \(problem)\n\(random.entries.yaml(registry: machinery.declaration))") }
    }

    /// The list of referrers that clients keep where the registry keeps none: it is written along with each referrer.
    private static func isFallback(_ tag: TagName) -> Bool { tag.description.hasPrefix("sha256-") && !tag.description.contains(".") }

    /// The way back restores the exact tags.
    private static func undoProblems(
        _ machinery: Machinery,
        _ random: RandomCase,
        _ journal: Journal,
        _ before: Observed
    ) async throws -> [String] {
        let (undo, planned) = try await machinery.planUndo(of: journal, random.entries)
        guard !planned.diagnostics.hasErrors, planned.refusals.isEmpty else { return ["undo cannot be planned: \(planned.said)"] }
        let (report, _) = try await machinery.apply(planned.plan)
        var problems: [String] = []
        if report.verdict != .complete { problems.append("undo ended \(report.verdict): \(report.failures)") }
        let back = try await Observed(machinery.registry, of: random)
        for name in RandomCase.allNames {
            let (old, new) = (before.repositories[name]?.tags ?? [:], back.repositories[name]?.tags ?? [:])
            for tag in Set(old.keys).union(new.keys).sorted() where old[tag] != new[tag] && !isFallback(tag) {
                let stays = undo.stays.map { "\($0.change) \($0.reason)" }
                problems.append(
                    "undo leaves \(name):\(tag) at \(new[tag]?.short ?? "nothing"), not \(old[tag]?.short ?? "nothing"); \(stays)"
                )
            }
        }
        return problems
    }
}

/// What kinds of cases there were, so that a test of nothing does not look like a test.
private struct Distribution {
    var cases = 0
    var refused = 0
    var removing = 0
    var sparing = 0
    var undoable = 0
    var untags = 0
    var deletes = 0
    var puts = 0

    mutating func count(_ plan: Plan, _ oracle: Oracle) {
        if oracle.isRemoving { removing += 1 }
        if oracle.isSparing { sparing += 1 }
        untags += plan.changes.count { $0.kind == .untag }
        deletes += plan.changes.count { $0.kind == .delete }
        puts += plan.changes.count { $0.kind == .put }
    }

    static func += (left: inout Distribution, right: Distribution) {
        left.cases += right.cases
        left.refused += right.refused
        left.removing += right.removing
        left.sparing += right.sparing
        left.undoable += right.undoable
        left.untags += right.untags
        left.deletes += right.deletes
        left.puts += right.puts
    }

    func expectBreadth(_ place: String) {
        print(
            "removals \(place), seeds 1 to \(cases): \(removing) remove something (\(untags) untags, \(deletes) deletes, \(puts) puts), "
                + "\(sparing) of them beside a shared child or a chain of referrers that must stay; \(undoable) undone; \(refused) refused"
        )
        #expect(removing * 2 >= cases)
        #expect(sparing * 5 >= cases)
    }
}

extension ExecutionReport {
    /// What was not done, and why.
    fileprivate var failures: String {
        rows.filter { $0.result.outcome != .done && $0.result.outcome != .unchanged }.map { "\($0.change): \($0.result.outcome)" }
            .joined(separator: "; ")
    }
}

extension PlanResult {
    fileprivate var said: String {
        let errors = diagnostics.filter { $0.severity == .error }.map(\.message)
        return (errors + refusals.map { "\($0)" } + plan.changes.map(\.id.description)).joined(separator: "; ")
    }
}
