package import OCI
package import Planning

/// How a change ended.
package enum ExecutionOutcome: Hashable, Sendable {
    /// Written, and proven by reading it again.
    case done
    /// It was at its goal already; nothing was written.
    case unchanged
    /// Something else was there than the plan says; nothing was written. Both are a digest, `absent`, or a clause for people.
    case stale(expected: String, found: String)
    case failed(RegistryError)
    /// Not begun, since this change, which it waits for directly or not, did not succeed.
    case skipped(because: ChangeID)
    /// Left for later.
    case deferred(reason: String)
    /// Not made, or broken off before its visible write was sent, since the run was interrupted or stopped.
    case cancelled

    /// What waits for the change may begin.
    package var isSuccess: Bool {
        switch self {
        case .done, .unchanged: true
        case .stale, .failed, .skipped, .deferred, .cancelled: false
        }
    }

    /// One stable word, as events show it.
    package var name: String {
        switch self {
        case .done: "done"
        case .unchanged: "unchanged"
        case .stale: "stale"
        case .failed: "failed"
        case .skipped: "skipped"
        case .deferred: "deferred"
        case .cancelled: "cancelled"
        }
    }
}

/// Bytes of blobs, by how the target came to have them.
package struct TransferredBytes: Hashable, Sendable {
    package var sent: Int64
    /// Taken over from another repository of the same registry.
    package var mounted: Int64
    package var alreadyThere: Int64

    package init(sent: Int64 = 0, mounted: Int64 = 0, alreadyThere: Int64 = 0) {
        self.sent = sent
        self.mounted = mounted
        self.alreadyThere = alreadyThere
    }

    package static func += (left: inout TransferredBytes, right: TransferredBytes) {
        left.sent += right.sent
        left.mounted += right.mounted
        left.alreadyThere += right.alreadyThere
    }
}

/// What became of one change.
package struct ChangeResult: Hashable, Sendable {
    package var outcome: ExecutionOutcome
    /// Its visible write is there, or may be.
    package var hasWritten: Bool
    /// Content sent to the change's repository; counted at one change where several put the same content there.
    package var bytes: TransferredBytes

    package init(_ outcome: ExecutionOutcome, hasWritten: Bool? = nil, bytes: TransferredBytes = TransferredBytes()) {
        self.outcome = outcome
        self.hasWritten = hasWritten ?? (outcome == .done)
        self.bytes = bytes
    }
}
