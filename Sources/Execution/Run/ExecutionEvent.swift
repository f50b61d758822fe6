package import OCI
package import Planning

/// What happens during a run, as it happens.
package enum ExecutionEvent: Hashable, Sendable {
    case started(planDigest: Digest, changes: Int)
    case changeStarted(ChangeID)
    /// This many bytes of the blob went to the change's repository since the last event about it.
    case progress(ChangeID, blob: Digest, bytes: Int64)
    /// A blob needs no sending: it is there already, or was taken over within the registry.
    case blobPresent(ChangeID, blob: Digest, bytes: Int64, mounted: Bool)
    /// The write was sent, and the registry does not show it yet.
    case waiting(ChangeID, reason: String)
    case changeFinished(ChangeID, ChangeResult)
    /// The first signal came: no new change begins.
    case interrupted
    case finished(ExecutionReport)

    /// The event's stable name.
    package var type: String {
        switch self {
        case .started: "started"
        case .changeStarted: "changeStarted"
        case .progress: "progress"
        case .blobPresent: "blobPresent"
        case .waiting: "waiting"
        case .changeFinished: "changeFinished"
        case .interrupted: "interrupted"
        case .finished: "finished"
        }
    }

    package var change: ChangeID? {
        switch self {
        case .changeStarted(let id), .progress(let id, _, _), .blobPresent(let id, _, _, _), .waiting(let id, _),
            .changeFinished(let id, _):
            id
        case .started, .interrupted, .finished: nil
        }
    }

    /// One line of `--events`, without its line feed. `time` is in milliseconds since 1970. See `schemas/events.schema.json`.
    package func line(time: Int64) -> String {
        var members = fields
        members["type"] = .string(type)
        members["time"] = .string(WallTime.text(time))
        if let change { members["change"] = .string(change.description) }
        return JSONValue.object(members).canonicalText
    }

    private var fields: [String: JSONValue] {
        switch self {
        case .started(let digest, let changes):
            ["planDigest": .string(digest.description), "changes": .integer(Int64(changes))]
        case .changeStarted, .interrupted: [:]
        case .progress(_, let blob, let bytes): ["blob": .string(blob.description), "bytes": .integer(bytes)]
        case .blobPresent(_, let blob, let bytes, let mounted):
            ["blob": .string(blob.description), "bytes": .integer(bytes), "mounted": .bool(mounted)]
        case .waiting(_, let reason): ["reason": .string(reason)]
        case .changeFinished(_, let result): Self.fields(of: result)
        case .finished(let report): Self.fields(of: report)
        }
    }

    private static func fields(of result: ChangeResult) -> [String: JSONValue] {
        var members = fields(of: result.bytes)
        members["outcome"] = .string(result.outcome.name)
        switch result.outcome {
        case .done, .unchanged, .cancelled: break
        case .stale(let expected, let found):
            members["expected"] = .string(expected)
            members["found"] = .string(found)
        case .failed(let error):
            members["error"] = .string(error.description)
            members["code"] = .string(error.code.rawValue)
        case .skipped(let cause): members["because"] = .string(cause.description)
        case .deferred(let reason): members["reason"] = .string(reason)
        }
        return members
    }

    private static func fields(of report: ExecutionReport) -> [String: JSONValue] {
        var members = fields(of: report.bytes)
        members["verdict"] = .string(report.verdict.rawValue)
        members["wasInterrupted"] = .bool(report.wasInterrupted)
        members["outcomes"] = .object(report.counts.mapValues { .integer(Int64($0)) })
        if let reason = report.stopReason { members["reason"] = .string(reason) }
        return members
    }

    private static func fields(of bytes: TransferredBytes) -> [String: JSONValue] {
        [
            "bytesSent": .integer(bytes.sent), "bytesMounted": .integer(bytes.mounted),
            "bytesAlreadyThere": .integer(bytes.alreadyThere),
        ]
    }
}
