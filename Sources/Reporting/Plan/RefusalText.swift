internal import OCI
package import Planning

/// What the policy does not allow, with every tag that is concerned.
package enum RefusalText {
    /// Ends with a line break; empty when there are none.
    package static func render(_ refusals: [Refusal], styling: Styling = .plain) -> String {
        guard !refusals.isEmpty else { return "" }
        let sorted = refusals.sorted { left, right in
            switch (left.origin, right.origin) {
            case (let one?, let other?) where one != other: one < other
            case (_?, nil): true
            case (nil, _?): false
            default: (left.code, left.message) < (right.code, right.message)
            }
        }
        var blocks = sorted.map { block($0, styling).joined(separator: "\n") }
        blocks.append("Refused: \(Amounts.count(refusals.count, "finding")) above. Nothing was written and no plan was saved.")
        return blocks.joined(separator: "\n\n") + "\n"
    }

    private static func block(_ refusal: Refusal, _ styling: Styling) -> [String] {
        let place = refusal.origin.map { "\($0.description.withVisibleControls): " } ?? ""
        var lines = ["\(place)\(styling.paint("refused:", .red)) \(refusal.message.withVisibleControls) [\(refusal.code)]"]
        lines += refusal.subjects.sorted(by: NaturalOrder.precedes).map { "  \($0.withVisibleControls)" }
        if let help = refusal.help { lines.append("  help: \(help.withVisibleControls)") }
        return lines
    }
}
