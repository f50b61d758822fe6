import Execution
import OCI
import Planning
import Reporting
import Testing

@Suite struct ReportTests {
    private func plan() throws -> Plan {
        var builder = try PlanBuilder()
        for host in ["us.icr.io", "de.icr.io", "jp.icr.io"] {
            try builder.put("\(host)/payments/api:1.4.2", content: "new", label: "docker.io/library/nginx:1.27.4")
            try builder.put("\(host)/payments/api:stable", content: "new", old: "old", remaining: ["1.4.1"], line: 12)
        }
        try builder.untag("us.icr.io/payments/api:1.0.0", old: "first", remaining: ["1.0"])
        try builder.delete("us.icr.io/payments/api", content: "gone", tags: ["pr-7", "pr-8"])
        return builder.built()
    }

    private func report(_ plan: Plan, _ outcome: (Change) -> ChangeResult) -> ExecutionReport {
        ExecutionReport(rows: plan.changes.map { .init(change: $0.id, result: outcome($0)) })
    }

    private func mixed(_ plan: Plan) throws -> ExecutionReport {
        let denied = RegistryError(
            .denied,
            action: "push to",
            object: "de.icr.io/payments/api",
            registry: try RegistryID(host: "de.icr.io"),
            status: 403,
            registryCode: "DENIED",
            reason: "no\u{1b}[2J",
            help: "the API key needs the Writer role on namespace payments"
        )
        let lost = RegistryError(.unavailable, action: "untag", object: "us.icr.io/payments/api:1.0.0", reason: "the connection broke")
        let old = PlanBuilder.digest("old").description
        var report = report(plan) { change in
            switch (change.kind, change.target.registry.description, change.isMove) {
            case (.put, "us.icr.io", false):
                ChangeResult(.done, bytes: TransferredBytes(sent: 21_390_950, mounted: 2048, alreadyThere: 1024))
            case (.put, "us.icr.io", true): ChangeResult(.done)
            case (.put, "de.icr.io", false): ChangeResult(.failed(denied))
            case (.put, "de.icr.io", true): ChangeResult(.skipped(because: ChangeID("put de.icr.io/payments/api:1.4.2")))
            case (.put, _, false): ChangeResult(.unchanged)
            case (.put, _, true): ChangeResult(.stale(expected: old, found: PlanBuilder.digest("third").description))
            case (.untag, _, _): ChangeResult(.failed(lost), hasWritten: true)
            default: ChangeResult(.cancelled)
            }
        }
        report.wasInterrupted = true
        return report
    }

    @Test func `everything done`() throws {
        let plan = try plan()
        let report = report(plan) { _ in ChangeResult(.done, bytes: TransferredBytes(sent: 1 << 20)) }
        try Golden.check(ReportText.render(report, of: plan), "report-done.txt")
    }

    @Test func `some of each`() throws {
        let plan = try plan()
        try Golden.check(ReportText.render(mixed(plan), of: plan), "report-mixed.txt")
        try Golden.check(ReportText.render(mixed(plan), of: plan, styling: .coloured), "report-mixed-coloured.txt")
        let json = ReportJSON.render(try mixed(plan), planDigest: PlanBuilder.digest("plan"), journal: "/tmp/j.jsonl")
        try Golden.check(json, "report-mixed.json")
    }

    @Test func `nothing to do any more`() throws {
        let plan = try plan()
        let text = ReportText.render(report(plan) { _ in ChangeResult(.unchanged) }, of: plan)
        #expect(text.hasSuffix("\nApply complete: nothing written, 8 unchanged.\n"))
    }

    @Test func `it is never complete when something was left out, deferred or not made`() throws {
        var plan = try plan()
        let outcomes: [ExecutionOutcome] = [
            .cancelled, .deferred(reason: "later"), .stale(expected: "absent", found: "x"), .skipped(because: plan.changes[0].id),
            .failed(RegistryError(.denied, action: "a", object: "b", reason: "c")),
        ]
        for outcome in outcomes where outcome.name != "skipped" {
            let text = ReportText.render(report(plan) { _ in ChangeResult(outcome) }, of: plan)
            #expect(text.contains("\nApply incomplete: nothing written; 8 \(outcome.name).\n"))
        }
        plan.leftOut = [.init(what: "x", reason: "y", origin: nil)]
        let text = ReportText.render(report(plan) { _ in ChangeResult(.done) }, of: plan)
        #expect(text.contains("\nApply incomplete: "))
        #expect(text.contains("; 1 left out by --keep-going."))
    }

    @Test func `a journal that broke is said`() throws {
        let plan = try plan()
        var report = report(plan) { _ in ChangeResult(.cancelled) }
        report.stopReason = "cannot write j.jsonl: no space left on the device"
        let text = ReportText.render(report, of: plan)
        #expect(text.contains("\nStopped: cannot write j.jsonl: no space left on the device.\n"))
        // Also where every change was made before it broke.
        var done = self.report(plan) { _ in ChangeResult(.done) }
        done.stopReason = report.stopReason
        #expect(ReportText.render(done, of: plan).hasSuffix("Apply the same plan again to go on; what is done stays done.\n"))
        let undone = ReportText.render(done, of: plan, isUndo: true)
        #expect(undone.hasSuffix("Run undo with the same file again to go on; what is done stays done.\n"))
    }

    @Test func `progress is counted, and told where it matters`() throws {
        let plan = try plan()
        var text = EventText()
        let first = plan.changes[0].id
        let second = plan.changes[1].id
        #expect(text.line(for: .started(planDigest: PlanBuilder.digest("p"), changes: 8)) == nil)
        #expect(text.status == "0 of 8 changes")
        _ = text.line(for: .changeStarted(first))
        _ = text.line(for: .changeStarted(second))
        _ = text.line(for: .progress(first, blob: PlanBuilder.digest("b"), bytes: 1 << 21))
        #expect(text.status == "0 of 8 changes, 2 under way, 2.0 MiB sent")
        let sent = ChangeResult(.done, bytes: TransferredBytes(sent: 1 << 21))
        #expect(text.line(for: .changeFinished(first, sent)) == "done: \(first) (2.0 MiB sent)")
        let error = RegistryError(.denied, action: "push to", object: "x", reason: "no\n")
        #expect(text.line(for: .changeFinished(second, ChangeResult(.failed(error)))) == "failed: \(second): cannot push to x: no\\u{a}")
        #expect(text.status == "2 of 8 changes, 2.0 MiB sent")
        #expect(text.line(for: .waiting(first, reason: "the registry does not show it yet"))?.hasPrefix("waiting: ") == true)
    }
}
