internal import OCI
internal import Registry
internal import Synchronization

/// The reads of blobs under way, of all images that are copied at the same time: what several of them have in common is read once, if they
/// come to it before its first pieces are gone.
final class SharedReadings: Sendable {
    struct Key: Hashable, Sendable {
        /// Where it is read; nil: at the one place that these readings are for.
        var registry: RegistryID?
        var digest: Digest
        var size: Int64
    }

    /// A group that somebody has joined.
    struct Joined: Sendable {
        var group: BlobGroup
        var claim: BlobGroup.Claim
        /// Whoever joined it made it, and has it read.
        var isNew: Bool
    }

    private let groups = Mutex<[Key: BlobGroup]>([:])

    /// Joins the group that reads this blob, or the one that `make` makes, where there is none or it has gone too far. `mustBeNew`: always
    /// the latter.
    func join(
        _ key: Key,
        _ members: Set<RegistryID>,
        mustBeNew: Bool = false,
        onLaggards: @escaping BlobGroup.LaggardHandler,
        orMake make: () -> BlobGroup
    ) -> Joined {
        groups.withLock { groups in
            if !mustBeNew, let group = groups[key], let claim = group.join(members, onLaggards: onLaggards) {
                return Joined(group: group, claim: claim, isNew: false)
            }
            let group = make()
            groups[key] = group
            // A new group takes in everyone.
            return Joined(group: group, claim: group.join(members, onLaggards: onLaggards) ?? 0, isNew: true)
        }
    }

    /// The group reads no more.
    func end(_ key: Key, _ group: BlobGroup) {
        groups.withLock { if $0[key] === group { $0[key] = nil } }
    }
}
