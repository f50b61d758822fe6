import OCI
import Planning
import RegistryTestSupport
import Testing

@testable import Execution

@Suite struct ExecutionStateTests {
    private let digest = Digest.sha256(of: [1])

    private func untag(_ tag: String, after: [Change] = []) throws -> Change {
        try Changes.untag("us.example/team/app", tag, at: digest, after: after)
    }

    /// Runs everything one after the other; `outcomes` are those of changes that do not succeed.
    private func order(_ changes: [Change], parallelism: Int = 1, outcomes: [ChangeID: ExecutionOutcome] = [:]) -> [[ChangeID]] {
        var state = ExecutionState(changes, parallelism: parallelism)
        var order: [[ChangeID]] = []
        while let batch = state.next() {
            order.append(batch.map(\.id))
            for change in batch { _ = state.finish(change.id, outcomes[change.id] ?? .done) }
            state.endJob()
        }
        return order
    }

    @Test func `a change begins after those it waits for`() throws {
        let first = try untag("z")
        let second = try untag("m", after: [first])
        let third = try untag("a", after: [first, second])
        #expect(order([third, second, first]) == [[first.id], [second.id], [third.id]])
    }

    @Test(arguments: [1, 2, 5]) func `no more jobs run than the parallelism allows`(parallelism: Int) throws {
        let changes = try (0..<5).map { try untag("t\($0)") }
        var state = ExecutionState(changes, parallelism: parallelism)
        var begun = 0
        while state.next() != nil { begun += 1 }
        #expect(begun == parallelism)
        _ = state.finish(changes[0].id, .done)
        state.endJob()
        #expect((state.next() == nil) == (parallelism == 5))
    }

    @Test func `puts of one content and deletes of one repository begin together`() throws {
        let sample = try Samples.image()
        let content = try Changes.content(sample, from: "source.example/team/app")
        let puts = try ["us.example/team/app", "de.example/team/app"].map { try Changes.put(content, to: $0, tag: "1") }
        let deletes = try (0..<2).map { try Changes.delete("us.example/team/app", Digest.sha256(of: [$0])) }
        let other = try Changes.delete("us.example/team/web", digest)
        let batches = Set(order(puts + deletes + [other]).map(Set.init))
        #expect(batches == [Set(puts.map(\.id)), Set(deletes.map(\.id)), [other.id]])
    }

    static let unsuccessful: [ExecutionOutcome] = [
        .stale(expected: "absent", found: "x"), .cancelled, .deferred(reason: "quota"),
        .failed(RegistryError(.denied, action: "put", object: "x", reason: "no")),
    ]

    @Test(arguments: unsuccessful) func `everything below a change without success is skipped for that change`(outcome: ExecutionOutcome)
        throws
    {
        let first = try untag("a")
        let second = try untag("b", after: [first])
        let third = try untag("c", after: [second])
        let apart = try untag("d")
        var state = ExecutionState([first, second, third, apart], parallelism: 4)
        #expect(state.next()?.map(\.id) == [first.id])
        #expect(Set(state.finish(first.id, outcome)) == [second.id, third.id])
        #expect(state.outcomes[third.id] == .skipped(because: first.id))
        #expect(state.next()?.map(\.id) == [apart.id])
        #expect(state.next() == nil)
    }

    @Test func `an unchanged change lets its followers begin`() throws {
        let first = try untag("a")
        let second = try untag("b", after: [first])
        #expect(order([first, second], outcomes: [first.id: .unchanged]) == [[first.id], [second.id]])
    }

    @Test func `after a stop nothing begins, and what runs keeps its own outcome`() throws {
        let first = try untag("a")
        let second = try untag("b", after: [first])
        let third = try untag("c")
        var state = ExecutionState([first, second, third], parallelism: 1)
        #expect(state.next()?.map(\.id) == [first.id])
        #expect(state.stop() == [second.id, third.id])
        #expect(!state.isFinished)
        #expect(state.finish(first.id, .done).isEmpty)
        state.endJob()
        #expect(state.next() == nil)
        #expect(state.isFinished)
        #expect(state.outcomes == [first.id: .done, second.id: .cancelled, third.id: .cancelled])
    }

    @Test func `changes that wait for each other end as cancelled instead of waiting forever`() throws {
        var first = try untag("a")
        let second = try untag("b", after: [first])
        first.after = [second.id]
        var state = ExecutionState([first, second], parallelism: 1)
        #expect(state.next() == nil)
        #expect(state.isFinished)
        #expect(state.cancelRest() == [first.id, second.id])
    }
}
