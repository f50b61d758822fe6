import Execution
import OCI
import Planning
import Registry
import RegistryTestSupport
import Synchronization
import Testing

@Suite struct InterruptionTests {
    private let us = "us.example/team/app"

    /// Suspends until the task is cancelled, as a request without an answer does.
    private static func hang() async throws(RegistryError) {
        for await _ in AsyncStream<Void>.makeStream().stream {}
        throw RegistryError(.cancelled, action: "wait", object: "x", reason: "it was cancelled")
    }

    @Test func `transfers are cancelled, no tag is written, and the rest does not begin`() async throws {
        let world = try World()
        let content = try world.sourced(Samples.image())
        let interruption = world.interruption
        world.us.setHook { operation, _ async throws(RegistryError) in
            guard operation.kind == .putBlob else { return }
            interruption.trigger()
            try await Self.hang()
        }
        let put = try Changes.put(content, to: us, tag: "1")
        let after = try Changes.put(content, to: "de.example/team/app", tag: "1", after: [put])
        let report = await world.run([put, after], [content])
        #expect(report.rows.map(\.result.outcome) == [.cancelled, .cancelled])
        #expect(report.wasInterrupted)
        #expect(report.verdict == .failed)
        #expect(world.us.tagsAndDigests(in: try world.repository()).isEmpty)
        #expect(world.us.openLeases == 0)
        #expect(world.de.operations.isEmpty)
        #expect(world.events.all.contains(.interrupted))
    }

    @Test func `a write that was sent is verified`() async throws {
        let world = try World()
        let content = try world.sourced(Samples.image())
        let interruption = world.interruption
        world.us.setHook { operation, _ in
            if operation.kind == .putManifest, operation.reference?.tag != nil { interruption.trigger() }
        }
        let put = try Changes.put(content, to: us, tag: "1")
        let after = try Changes.put(content, to: us, tag: "2", after: [put])
        let report = await world.run([put, after], [content])
        #expect(report.outcome(put) == .done)
        #expect(report.outcome(after) == .cancelled)
        #expect(report.verdict == .partial)
        #expect(world.journal.lines == ["intent \(put.id)", "done \(put.id)"])
    }

    @Test func `a write without an answer is given up after five seconds, and nobody says that it is done`() async throws {
        let world = try World()
        world.clock.stopHolding(.seconds(5))
        let content = try world.sourced(Samples.image())
        let interruption = world.interruption
        world.us.setHook { operation, _ async throws(RegistryError) in
            guard operation.kind == .putManifest, operation.reference?.tag != nil else { return }
            interruption.trigger()
            try await Self.hang()
        }
        let put = try Changes.put(content, to: us, tag: "1")
        let report = await world.run([put], [content])
        #expect(report.firstFailure?.error.reason.contains("interrupted") == true)
        #expect(report.verdict == .partial)
        #expect(world.clock.sleeps.contains(.seconds(5)))
        #expect(world.journal.lines == ["intent \(put.id)", "unknown \(put.id)"])
    }

    @Test func `an interruption before the run begins nothing`() async throws {
        let world = try World()
        let content = try world.sourced(Samples.image())
        world.interruption.trigger()
        let put = try Changes.put(content, to: us, tag: "1")
        let report = await world.run([put], [content])
        #expect(report.outcome(put) == .cancelled)
        #expect(world.us.operations.isEmpty)
    }
}
