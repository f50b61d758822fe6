internal import Execution
internal import OCI
internal import Planning

/// A report beside its plan, sorted into what is told apart.
struct ReportView {
    /// Why a change was not made, in the order of the report: what to act on comes last, next to the summary.
    enum Trouble: Int, CaseIterable {
        case deferred, cancelled, skipped, stale, failed

        var title: String {
            switch self {
            case .deferred: "Deferred:"
            case .cancelled: "Cancelled:"
            case .skipped: "Skipped:"
            case .stale: "Stale, so not made:"
            case .failed: "Failed:"
            }
        }

        var word: String {
            switch self {
            case .deferred: "deferred"
            case .cancelled: "cancelled"
            case .skipped: "skipped"
            case .stale: "stale"
            case .failed: "failed"
            }
        }

        var colour: Styling.Colour {
            switch self {
            case .deferred, .cancelled, .skipped, .stale: .yellow
            case .failed: .red
            }
        }
    }

    struct Item {
        var change: Change
        var kind: Trouble
        /// Without line breaks or control characters.
        var reason: String
    }

    let lines: PlanLines
    private(set) var done: [(change: Change, result: ChangeResult)] = []
    private(set) var unchanged: [Change] = []
    /// In the plan's order.
    private(set) var troubles: [Item] = []

    init(_ report: ExecutionReport, _ plan: Plan) {
        lines = PlanLines(plan, full: false)
        let changes = Dictionary(plan.changes.map { ($0.id, $0) }, uniquingKeysWith: { first, _ in first })
        for row in report.rows {
            guard let change = changes[row.change] else { continue }
            switch row.result.outcome {
            case .done: done.append((change, row.result))
            case .unchanged: unchanged.append(change)
            case .stale(let expected, let found):
                troubles.append(Item(change: change, kind: .stale, reason: "expected \(Self.state(expected)), found \(Self.state(found))"))
            case .failed(let error):
                let doubt = row.result.hasWritten ? "; the write was sent, and may have taken effect" : ""
                troubles.append(Item(change: change, kind: .failed, reason: (error.description + doubt).withVisibleControls))
            case .skipped(let cause):
                let reason = "it comes after '\(cause)', which was not made".withVisibleControls
                troubles.append(Item(change: change, kind: .skipped, reason: reason))
            case .deferred(let reason):
                troubles.append(Item(change: change, kind: .deferred, reason: reason.withVisibleControls))
            case .cancelled:
                let doubt = row.result.hasWritten ? "the write was sent, and may have taken effect" : "nothing was written"
                troubles.append(Item(change: change, kind: .cancelled, reason: doubt))
            }
        }
    }

    /// A digest cut for people; `absent` and clauses as they are.
    private static func state(_ text: String) -> String {
        (try? Digest(text))?.brief ?? text.withVisibleControls
    }
}
