import OCI
import Registry
import RegistryTestSupport
import Testing

@testable import Execution

@Suite struct PullTurnsTests {
    struct Row: Sendable, CustomTestStringConvertible {
        var testDescription: String
        var left: Int
        /// What is asked for, and of what the job has already.
        var wanted: [(count: Int, before: Int)]
        var isReserved: [Bool]
    }

    static let rows: [Row] = [
        Row(testDescription: "as many as there are", left: 5, wanted: [(2, 0), (3, 0)], isReserved: [true, true]),
        Row(
            testDescription: "what does not fit takes nothing",
            left: 5,
            wanted: [(3, 0), (3, 0), (2, 0)],
            isReserved: [true, false, true]
        ),
        Row(testDescription: "nothing is free of charge", left: 0, wanted: [(0, 0), (1, 0)], isReserved: [true, false]),
        Row(testDescription: "an index after its root", left: 3, wanted: [(1, 0), (3, 1), (2, 0)], isReserved: [true, false, true]),
    ]

    @Test(arguments: rows)
    func `pulls are dealt until they do not reach`(_ row: Row) throws {
        let registry = try RegistryID(host: "eu.example")
        var line = PullTurns.Line(limit: 5, left: row.left)
        #expect(row.wanted.map { line.reserve($0.count, before: $0.before, of: registry) == nil } == row.isReserved)
    }

    @Test func `the reason says what is needed and what is left`() throws {
        let registry = try RegistryID(host: "eu.example")
        var line = PullTurns.Line(limit: 5, left: 2)
        #expect(
            line.reserve(3, before: 0, of: registry)
                == "it needs 3 pulls from eu.example, and of the 5 that 'limits.pulls' allows in one run 2 are left"
        )
        #expect(
            line.reserve(8, before: 1, of: registry)
                == "it needs 9 pulls from eu.example, and 'limits.pulls' allows 5 in one run: raise that limit"
        )
    }

    @Test func `who began first reserves first`() async throws {
        let registry = try RegistryID(host: "eu.example")
        let turns = PullTurns()
        let allowance = PullAllowance(limit: 4, spent: 3)
        let first = try #require(turns.join(registry, allowance))
        let second = try #require(turns.join(registry, allowance))
        let later = Task {
            try await turns.wait(for: second)
            try turns.reserve(1, second)
        }
        try await turns.wait(for: first)
        try turns.reserve(1, first)
        turns.leave(first)
        turns.leave(first)
        await #expect(throws: RegistryError.self) { try await later.value }
        #expect(turns.join(registry, PullAllowance(limit: nil)) == nil)
    }

    struct Known: Sendable, CustomTestStringConvertible {
        var testDescription: String
        /// Of an index's images and the index itself, in this order.
        var isKnown: [Bool]
        var limit: Int
        var isDone: Bool
    }

    static let known = [
        Known(testDescription: "everything", isKnown: [true, true, true], limit: 0, isDone: true),
        Known(testDescription: "the index, and pulls for one of two images", isKnown: [false, false, true], limit: 1, isDone: false),
        Known(testDescription: "the index, and pulls for its images", isKnown: [false, false, true], limit: 2, isDone: true),
        Known(testDescription: "one image, and pulls for the rest", isKnown: [true, false, false], limit: 2, isDone: true),
        Known(testDescription: "nothing, and too few pulls", isKnown: [false, false, false], limit: 2, isDone: false),
    ]

    @Test(arguments: known)
    func `no pull is reserved for a manifest that is known`(_ known: Known) async throws {
        var world = try World()
        let sample = try Samples.multiPlatform()
        let content = try world.sourced(sample)
        for (document, isKnown) in zip(sample.manifests, known.isKnown) where isKnown { world.known[document.digest] = document }
        world.source.pullLimit = known.limit
        let put = try Changes.put(content, to: "us.example/team/app", tag: "1")
        let outcome = await world.run([put], [content]).outcome(put)
        if known.isDone {
            #expect(outcome == .done)
            #expect(world.us.resolvesCompletely(try world.repository(), try TagName("1")))
        } else {
            guard case .deferred? = outcome else {
                Issue.record("it was not put off: \(outcome.map { "\($0)" } ?? "no outcome")")
                return
            }
        }
        #expect(world.source.count(.manifest) <= known.limit)
    }
}
