package import Execution
internal import OCI
package import Planning

/// What `apply` did, for people: what is done first, what is not done and why after it, and one sentence for all at the end.
package enum ReportText {
    /// Ends with a line break. Done additions are folded as in the plan; everything that is not done is listed.
    package static func render(_ report: ExecutionReport, of plan: Plan, isUndo: Bool = false, styling: Styling = .plain) -> String {
        let view = ReportView(report, plan)
        var blocks = [done(view, styling), unchanged(view, styling)]
        blocks += ReportView.Trouble.allCases.map { trouble($0, view, styling) }
        blocks.append(summary(report, plan, view) + next(report, view, isUndo))
        return blocks.filter { !$0.isEmpty }.map { $0.joined(separator: "\n") + "\n" }.joined(separator: "\n")
    }

    private static func done(_ view: ReportView, _ styling: Styling) -> [String] {
        let changes = view.done.map(\.change)
        var table = Table()
        for section in PlanSection.allCases {
            for line in view.lines.lines(of: section, in: changes) {
                table.add([line.place, line.parts.joined(separator: " · ")], colour: section.colour)
            }
        }
        return table.rows.isEmpty ? [] : ["Done:"] + table.lines(indent: "  ", styling: styling)
    }

    private static func unchanged(_ view: ReportView, _ styling: Styling) -> [String] {
        var table = Table()
        for section in PlanSection.allCases {
            for line in view.lines.lines(of: section, in: view.unchanged) { table.add([line.place]) }
        }
        return table.rows.isEmpty ? [] : ["Unchanged, since it was so already:"] + table.lines(indent: "  ", styling: styling)
    }

    private static func trouble(_ kind: ReportView.Trouble, _ view: ReportView, _ styling: Styling) -> [String] {
        var table = Table()
        for item in view.troubles where item.kind == kind {
            table.add([view.lines.place(of: item.change), item.reason], colour: kind.colour)
        }
        return table.rows.isEmpty ? [] : [kind.title] + table.lines(indent: "  ", styling: styling)
    }

    private static func summary(_ report: ExecutionReport, _ plan: Plan, _ view: ReportView) -> [String] {
        var counts = PlanSummary.counts(view.done.map(\.change), areDone: true)
        if counts.isEmpty { counts = ["nothing \(report.hasWritten ? "proven" : "written")"] }
        if !view.unchanged.isEmpty { counts.append("\(Amounts.count(view.unchanged.count)) unchanged") }
        let isComplete = report.verdict == .complete && plan.leftOut.isEmpty
        var text = isComplete ? "Apply complete: " : "Apply incomplete: "
        text += counts.joined(separator: ", ")
        var rest = ReportView.Trouble.allCases.compactMap { kind in
            let number = view.troubles.count { $0.kind == kind }
            return number == 0 ? nil : "\(Amounts.count(number)) \(kind.word)"
        }
        if !plan.leftOut.isEmpty { rest.append("\(Amounts.count(plan.leftOut.count)) left out by --keep-going") }
        if !rest.isEmpty { text += "; " + rest.joined(separator: ", ") }
        return [text + "." + bytes(report.bytes)]
    }

    private static func bytes(_ bytes: TransferredBytes) -> String {
        var parts: [String] = []
        if bytes.sent > 0 { parts.append("\(Amounts.bytes(bytes.sent)) sent") }
        if bytes.mounted > 0 { parts.append("\(Amounts.bytes(bytes.mounted)) taken over within the registry") }
        if bytes.alreadyThere > 0 { parts.append("\(Amounts.bytes(bytes.alreadyThere)) already there") }
        return parts.isEmpty ? "" : " " + parts.joined(separator: ", ") + "."
    }

    /// What to do next.
    private static func next(_ report: ExecutionReport, _ view: ReportView, _ isUndo: Bool) -> [String] {
        var lines: [String] = []
        if let reason = report.stopReason { lines.append("Stopped: \(reason.withVisibleControls).") }
        let kinds = Set(view.troubles.map(\.kind))
        if report.wasInterrupted {
            let left = kinds.contains(.cancelled) ? "what is listed as cancelled is left to do" : "nothing had to be cancelled for it"
            lines.append("Interrupted: \(left).")
        }
        if kinds.contains(.stale) {
            let again = isUndo ? "run undo" : "plan"
            lines.append("The registries moved since the plan was made: \(again) again and look at what has changed.")
        } else if !kinds.isEmpty || report.stopReason != nil {
            let again = isUndo ? "Run undo with the same file" : "Apply the same plan"
            lines.append("\(again) again to go on; what is done stays done.")
        }
        return lines
    }
}
