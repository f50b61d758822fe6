package import Execution
internal import OCI
internal import Planning

/// How far a run is, from its events. A value: the caller decides when and where it is shown.
package struct EventText: Sendable {
    private var changes = 0
    private var ended = 0
    private var running: Set<ChangeID> = []
    private var sent: Int64 = 0

    package init() {}

    /// Takes an event in. The line that tells it, without a line break; `nil` when it only counts.
    package mutating func line(for event: ExecutionEvent) -> String? {
        switch event {
        case .started(_, let changes):
            self.changes = changes
            return nil
        case .changeStarted(let id):
            running.insert(id)
            return nil
        case .progress(_, _, let bytes):
            sent += bytes
            return nil
        case .blobPresent, .finished: return nil
        case .waiting(let id, let reason): return "waiting: \(id): \(reason)".withVisibleControls
        case .interrupted: return "interrupted: nothing new begins; what was sent already is checked. Interrupt again to exit at once"
        case .changeFinished(let id, let result):
            running.remove(id)
            ended += 1
            return Self.line(id, result)
        }
    }

    /// `12 of 40 changes, 4 under way, 1.2 GiB sent`, for a progress bar or every few seconds.
    package var status: String {
        var text = "\(Amounts.count(ended)) of \(Amounts.count(changes, "change"))"
        if !running.isEmpty { text += ", \(Amounts.count(running.count)) under way" }
        if sent > 0 { text += ", \(Amounts.bytes(sent)) sent" }
        return text
    }

    private static func line(_ id: ChangeID, _ result: ChangeResult) -> String {
        let sent = result.bytes.sent > 0 ? " (\(Amounts.bytes(result.bytes.sent)) sent)" : ""
        let detail: String
        switch result.outcome {
        case .done: detail = sent
        case .unchanged, .cancelled: detail = ""
        case .stale(let expected, let found): detail = ": expected \(expected), found \(found)"
        case .failed(let error): detail = ": \(error)"
        case .skipped(let cause): detail = ": it comes after '\(cause)'"
        case .deferred(let reason): detail = ": \(reason)"
        }
        return "\(result.outcome.name): \(id)\(detail)".withVisibleControls
    }
}
