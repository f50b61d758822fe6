package import OCI
package import Planning

/// What a run did, change by change.
package struct ExecutionReport: Hashable, Sendable {
    package struct Row: Hashable, Sendable {
        package var change: ChangeID
        package var result: ChangeResult

        package init(change: ChangeID, result: ChangeResult) {
            self.change = change
            self.result = result
        }
    }

    /// What the run comes to, for the exit code.
    package enum Verdict: String, Hashable, Sendable {
        /// Everything is done, or was so before.
        case complete
        /// A failure or interruption, and nothing written.
        case failed
        /// Some changes were not made, because the registries moved since the plan.
        case stale
        /// Something was written, and a failure or interruption stopped the rest; or something was deferred.
        case partial
    }

    /// In the plan's order.
    package var rows: [Row]
    package var wasInterrupted: Bool
    /// Why the run ended early though nobody interrupted it: its journal could not be written. A sentence without a full stop.
    package var stopReason: String?

    package init(rows: [Row], wasInterrupted: Bool = false, stopReason: String? = nil) {
        self.rows = rows
        self.wasInterrupted = wasInterrupted
        self.stopReason = stopReason
    }

    /// How many changes ended with each outcome, by the outcome's name.
    package var counts: [String: Int] {
        rows.reduce(into: [:]) { counts, row in counts[row.result.outcome.name, default: 0] += 1 }
    }

    package var bytes: TransferredBytes { rows.reduce(into: TransferredBytes()) { $0 += $1.result.bytes } }

    package var hasWritten: Bool { rows.contains { $0.result.hasWritten } }

    /// The first change, in the plan's order, that failed by itself.
    package var firstFailure: (change: ChangeID, error: RegistryError)? {
        for row in rows { if case .failed(let error) = row.result.outcome { return (row.change, error) } }
        return nil
    }

    package var verdict: Verdict {
        var isStale = false
        var isDeferred = false
        var isBroken = stopReason != nil
        for row in rows {
            switch row.result.outcome {
            case .stale: isStale = true
            case .deferred: isDeferred = true
            case .failed, .cancelled: isBroken = true
            case .done, .unchanged, .skipped: break
            }
        }
        if isDeferred || (isBroken && hasWritten) { return .partial }
        if isStale { return .stale }
        return isBroken ? .failed : .complete
    }
}
