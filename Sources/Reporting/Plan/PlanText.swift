package import Diagnostics
internal import OCI
package import Planning

/// A plan for people. Its wording is an interface: golden files fix it.
package enum PlanText {
    package struct Options: Hashable, Sendable {
        /// Every addition, tag, platform and reason is listed.
        package var full: Bool
        package var styling: Styling

        package init(full: Bool = false, styling: Styling = .plain) {
            self.full = full
            self.styling = styling
        }
    }

    /// The whole text, ending with a line break. `remarks` are the notes and warnings that belong to the plan.
    package static func render(
        _ plan: Plan,
        remarks: [Diagnostic] = [],
        pulls: [PullForecast] = [],
        options: Options = Options()
    ) -> String {
        var blocks = [[PlanSummary.sentence(plan)]]
        if !plan.changes.isEmpty { blocks.append(changes(plan, options)) }
        let pulls = pulls.compactMap(\.line)
        if !pulls.isEmpty { blocks.append(pulls) }
        if !plan.leftOut.isEmpty { blocks.append(leftOut(plan.leftOut)) }
        let notes = Self.notes(plan) + remarks.inReadingOrder().flatMap(remark)
        if !notes.isEmpty { blocks.append(notes) }
        return blocks.map { $0.joined(separator: "\n") + "\n" }.joined(separator: "\n")
    }

    private static func changes(_ plan: Plan, _ options: Options) -> [String] {
        let lines = PlanLines(plan, full: options.full)
        var table = Table()
        var sections: [(title: String, count: Int)] = []
        for section in PlanSection.allCases {
            let found = lines.lines(of: section, in: plan.changes)
            sections.append((section.title, found.count))
            for line in found {
                let what = (line.parts + [size(line, plan)].compactMap(\.self)).joined(separator: " · ")
                let cells = section == .adds ? [line.place, what] : [line.place, what, line.first.origin.description.withVisibleControls]
                table.add(cells, colour: section.colour)
            }
        }
        var rendered = table.lines(indent: "  ", styling: options.styling)[...]
        var result: [String] = []
        for (title, count) in sections where count > 0 {
            result.append(title)
            result += rendered.prefix(count)
            rendered = rendered.dropFirst(count)
        }
        return result
    }

    /// Of all changes on the line together, as in the first line of the plan.
    private static func size(_ line: PlanLines.Line, _ plan: Plan) -> String? {
        guard line.first.section != .moves else { return nil }
        let estimates = line.changes.compactMap { plan.estimates[$0.id] }
        guard !estimates.isEmpty else { return nil }
        let total = estimates.reduce(Int64(0)) { $0 + $1.totalBytes }
        if line.first.kind == .untag { return Amounts.bytes(total) }
        if line.first.kind == .delete {
            let freed = estimates.compactMap(\.bytesFreed)
            return Amounts.bytes(total, freed: freed.count == estimates.count ? freed.reduce(0, +) : nil)
        }
        return Amounts.bytes(total, toSend: estimates.reduce(Int64(0)) { $0 + $1.bytesToSend })
    }

    private static func leftOut(_ items: [Plan.LeftOut]) -> [String] {
        var table = Table()
        for item in items {
            table.add([item.what, item.reason, item.origin?.description ?? ""].map(\.withVisibleControls))
        }
        return ["Left out (--keep-going):"] + table.lines(indent: "  ")
    }

    private static func notes(_ plan: Plan) -> [String] {
        var notes: [String] = []
        let filters =
            plan.targetFilters.map { "--target \($0.withVisibleControls)" }
            + plan.excludeFilters.map { "--exclude \($0.withVisibleControls)" }
        if !filters.isEmpty {
            notes.append("Note: this plan is partial (\(filters.joined(separator: " "))); other entries were not looked at.")
        }
        if let asOf = plan.asOf { notes.append("Note: ages are counted from \(asOf.withVisibleControls).") }
        return notes
    }

    private static func remark(_ remark: Diagnostic) -> [String] {
        let kind =
            switch remark.severity {
            case .note: "Note"
            case .warning: "Warning"
            case .error: "Error"
            }
        let place = remark.range.map { " (\($0.file.withVisibleControls):\($0.start.line))" } ?? ""
        let first = "\(kind): \(remark.message.withVisibleControls)\(place)"
        return [first] + (remark.help.map { ["  \($0.withVisibleControls)"] } ?? [])
    }
}
