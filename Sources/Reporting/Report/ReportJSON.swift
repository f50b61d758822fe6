package import Execution
package import OCI
internal import Planning

/// What `apply` did, for tools.
package enum ReportJSON {
    package static let formatVersion: Int64 = 1

    /// One object, with a line break at the end: `verdict`, `planDigest`, `outcomes` (how many of each), `bytes`, and `changes` in the
    /// plan's order with `id`, `outcome`, `hasWritten` and what explains the outcome.
    package static func render(_ report: ExecutionReport, planDigest: Digest, journal: String? = nil) -> String {
        var members: [String: JSONValue] = [
            "formatVersion": .integer(formatVersion),
            "planDigest": .string(planDigest.description),
            "verdict": .string(report.verdict.rawValue),
            "wasInterrupted": .bool(report.wasInterrupted),
            "outcomes": .object(report.counts.mapValues { .integer(Int64($0)) }),
            "bytes": value(report.bytes),
            "changes": .array(report.rows.map(value)),
        ]
        if let reason = report.stopReason { members["stopReason"] = .string(reason) }
        if let journal { members["journal"] = .string(journal) }
        return JSONValue.object(members).prettyText
    }

    private static func value(_ bytes: TransferredBytes) -> JSONValue {
        .object(["sent": .integer(bytes.sent), "mounted": .integer(bytes.mounted), "alreadyThere": .integer(bytes.alreadyThere)])
    }

    private static func value(_ row: ExecutionReport.Row) -> JSONValue {
        var members: [String: JSONValue] = [
            "id": .string(row.change.description), "outcome": .string(row.result.outcome.name),
            "hasWritten": .bool(row.result.hasWritten), "bytes": value(row.result.bytes),
        ]
        switch row.result.outcome {
        case .done, .unchanged, .cancelled: break
        case .stale(let expected, let found):
            members["expected"] = .string(expected)
            members["found"] = .string(found)
        case .failed(let error): members["error"] = value(error)
        case .skipped(let cause): members["because"] = .string(cause.description)
        case .deferred(let reason): members["reason"] = .string(reason)
        }
        return .object(members)
    }

    private static func value(_ error: RegistryError) -> JSONValue {
        var members: [String: JSONValue] = [
            "code": .string(error.code.rawValue), "message": .string(error.description), "object": .string(error.object),
        ]
        if let registry = error.registry { members["registry"] = .string(registry.description) }
        if let status = error.status { members["status"] = .integer(Int64(status)) }
        if let code = error.registryCode { members["registryCode"] = .string(code) }
        if let help = error.help { members["help"] = .string(help) }
        return .object(members)
    }
}
