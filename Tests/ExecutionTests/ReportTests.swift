import Execution
import OCI
import Planning
import RegistryTestSupport
import Testing

@Suite struct ExecutionReportTests {
    private static let failure = ExecutionOutcome.failed(RegistryError(.denied, action: "push", object: "x", reason: "no"))
    private static let stale = ExecutionOutcome.stale(expected: "absent", found: "x")

    static let verdicts: [([ExecutionOutcome], ExecutionReport.Verdict)] = [
        ([], .complete),
        ([.done, .unchanged], .complete),
        ([failure, .unchanged], .failed),
        ([failure, .skipped(because: ChangeID("x"))], .failed),
        ([failure, .done], .partial),
        ([stale], .stale),
        ([stale, .done], .stale),
        ([stale, .skipped(because: ChangeID("x"))], .stale),
        ([stale, failure], .stale),
        ([stale, failure, .done], .partial),
        ([.cancelled], .failed),
        ([.cancelled, .done], .partial),
        ([.deferred(reason: "quota")], .partial),
    ]

    @Test(arguments: verdicts) func `the highest of partial, stale and failed wins`(
        outcomes: [ExecutionOutcome],
        verdict: ExecutionReport.Verdict
    ) {
        let rows = outcomes.enumerated().map { ExecutionReport.Row(change: ChangeID("change \($0)"), result: ChangeResult($1)) }
        #expect(ExecutionReport(rows: rows).verdict == verdict)
    }

    @Test func `the first failure is the first in the plan's order`() {
        let rows = [ExecutionOutcome.done, Self.failure].map { ExecutionReport.Row(change: ChangeID($0.name), result: ChangeResult($0)) }
        #expect(ExecutionReport(rows: rows).firstFailure?.change == ChangeID("failed"))
    }
}

@Suite struct ExecutionEventTests {
    @Test func `a run tells its events in order`() async throws {
        let world = try World()
        let sample = try Samples.image()
        try world.us.seed(sample, tags: ["a"], in: world.repository())
        let untag = try Changes.untag("us.example/team/app", "a", at: sample.digest)
        let report = await world.run([untag])
        #expect(
            world.events.all == [
                .started(planDigest: Digest.sha256(of: []), changes: 1), .changeStarted(untag.id),
                .changeFinished(untag.id, ChangeResult(.done)), .finished(report),
            ]
        )
    }

    @Test func `bytes add up to what the report says`() async throws {
        let world = try World()
        let content = try world.sourced(Samples.multiPlatform())
        let put = try Changes.put(content, to: "us.example/team/app", tag: "1")
        let report = await world.run([put], [content])
        let sent = world.events.all.reduce(Int64(0)) { sum, event in
            if case .progress(put.id, _, let bytes) = event { sum + bytes } else { sum }
        }
        #expect(sent == report.bytes.sent)
        #expect(sent > 0)
    }

    @Test func `a line is JSON with time, type and fields`() {
        let error = RegistryError(.denied, action: "push", object: "a:1", reason: "say \"no\"")
        let event = ExecutionEvent.changeFinished(ChangeID("put a:1"), ChangeResult(.failed(error)))
        #expect(
            event.line(time: 0)
                == #"{"bytesAlreadyThere":0,"bytesMounted":0,"bytesSent":0,"change":"put a:1","code":"denied","#
                + #""error":"cannot push a:1: say \"no\"","outcome":"failed","time":"1970-01-01T00:00:00.000Z","type":"changeFinished"}"#
        )
    }
}
