internal import OCI
internal import Planning

/// Whether a change may go on, by what its target is right now. Pure.
enum TargetCheck: Hashable, Sendable {
    case atGoal
    case mayWrite
    case stale(expected: String, found: String)
    /// The precondition cannot be checked on such a target.
    case unknown

    /// For a put or an untag, by what its target holds; `standsFor`: what a placeholder there is for, which counts as being there, but not as
    /// the goal.
    init(_ change: Change, found: Digest?, standsFor: Digest? = nil) {
        if found == change.newDigest {
            self = .atGoal
            return
        }
        guard !change.preconditions.isEmpty else {
            self = .unknown
            return
        }
        for precondition in change.preconditions {
            let expected: Digest?
            switch precondition {
            case .absent: expected = nil
            case .at(let digest): expected = digest
            case .tagsOnDigest, .unneeded, .contents, .unassigned, .retention, .retentionVictims, .inTrash, .fingerprint:
                self = .unknown
                return
            }
            if found != expected, standsFor == nil || standsFor != expected {
                self = .stale(expected: Self.text(expected), found: Self.text(found))
                return
            }
        }
        self = .mayWrite
    }

    /// What ends the change without a write; nil: it may be written.
    func result(for change: Change) throws(RegistryError) -> ChangeResult? {
        switch self {
        case .atGoal: return ChangeResult(.unchanged)
        case .stale(let expected, let found): return ChangeResult(.stale(expected: expected, found: found))
        case .unknown: throw RunContext.unsupported(change, "this version of crplan cannot check its preconditions")
        case .mayWrite: return nil
        }
    }

    private static func text(_ digest: Digest?) -> String { digest?.description ?? "absent" }
}
