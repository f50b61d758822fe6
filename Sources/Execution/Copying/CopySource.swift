internal import OCI
internal import Planning
internal import Registry
internal import Synchronization

/// One content that is copied to several repositories in one job: every manifest and blob is read once for all of them.
final class CopySource: Sendable {
    /// Blobs of different manifests are different groups: who needs the one need not need the other.
    private struct GroupKey: Hashable {
        var manifest: Digest
        var blob: Digest
    }

    private struct Membership {
        var joined: SharedReadings.Joined
        /// The manifest that names the blob, and those above.
        var path: [Digest]
        /// Where some of the job's targets may still need it.
        var registries: Set<RegistryID>
    }

    private struct State {
        var manifests: [Digest: ManifestDocument] = [:]
        var memberships: [GroupKey: Membership] = [:]
        /// Registries that held up a group.
        var laggards: Set<RegistryID> = []
        /// The manifests that each target is done with, and all below them.
        var settled: [RepositoryAddress: Set<Digest>] = [:]
    }

    private let reader: any ContentReader
    private let knownManifest: @Sendable (Digest) -> ManifestDocument?
    /// Where the content comes from, when that is a registry.
    let origin: RepositoryAddress?
    /// For messages: the repository, or the local content.
    private let place: String
    private let targets: Set<RepositoryAddress>
    private let readings: SharedReadings
    private let state = Mutex(State())
    private let reading = Gate<Digest>(limit: 1)
    private let (started, starter) = AsyncStream.makeStream(of: BlobGroup.self)

    /// `readings`: those of other contents from the same registries. `knownManifest` spares reads of manifests.
    init(
        _ reader: any ContentReader,
        _ origin: ContentOrigin,
        targets: Set<RepositoryAddress>,
        readings: SharedReadings = SharedReadings(),
        knownManifest: @escaping @Sendable (Digest) -> ManifestDocument?
    ) {
        self.reader = reader
        self.knownManifest = knownManifest
        self.origin = if case .registry(let address) = origin { address } else { nil }
        place = origin.description
        self.targets = targets
        self.readings = readings
    }

    /// Keeps a manifest that did not have to be read.
    func keep(_ document: ManifestDocument) {
        state.withLock { $0.manifests[document.digest] = document }
    }

    /// Whether the manifest need not be read from the source. What is known is kept, so that it stays so.
    func knows(_ digest: Digest) -> Bool {
        if state.withLock({ $0.manifests[digest] }) != nil { return true }
        guard let known = knownManifest(digest) else { return false }
        keep(known)
        return true
    }

    /// The manifest; read once, but again after a failure.
    func manifest(_ digest: Digest) async throws(RegistryError) -> ManifestDocument {
        if let known = state.withLock({ $0.manifests[digest] }) { return known }
        return try await reading.holding(digest) { () async throws(RegistryError) -> ManifestDocument in
            if knows(digest), let known = state.withLock({ $0.manifests[digest] }) { return known }
            let document = try await reader.manifest(digest)
            guard document.digest == digest else {
                throw RegistryError(
                    .corrupt,
                    action: "read the manifest",
                    object: "\(place)@\(digest)",
                    registry: origin?.registry,
                    reason: "the source has other bytes, with the digest \(document.digest)"
                )
            }
            keep(document)
            return document
        }
    }

    /// The group that reads `blob` for every target that may still need it, maybe for other contents too. `path` is the manifest that names
    /// the blob, and those above.
    func group(for blob: Descriptor, path: [Digest]) -> BlobGroup {
        let key = GroupKey(manifest: path.last ?? blob.digest, blob: blob.digest)
        let joined = state.withLock { state -> SharedReadings.Joined in
            if let known = state.memberships[key] {
                var joined = known.joined
                joined.isNew = false
                return joined
            }
            let open = targets.filter { state.settled[$0]?.isDisjoint(with: path) ?? true }
            let registries = Set(open.map(\.registry)).subtracting(state.laggards)
            let joined = readings.join(readingKey(blob), registries, onLaggards: { [weak self] in self?.leaveBehind($0) }) {
                ownGroup(for: blob)
            }
            state.memberships[key] = Membership(joined: joined, path: path, registries: registries)
            return joined
        }
        if joined.isNew { starter.yield(joined.group) }
        return joined.group
    }

    private func readingKey(_ blob: Descriptor) -> SharedReadings.Key {
        SharedReadings.Key(registry: origin?.registry, digest: blob.digest, size: blob.size)
    }

    /// No other group waits for these registries, which have held one up: they read for themselves what they have not begun to take.
    private func leaveBehind(_ laggards: Set<RegistryID>) {
        let groups = state.withLock { state in
            state.laggards.formUnion(laggards)
            return state.memberships.values.map(\.joined.group)
        }
        for group in groups {
            for laggard in laggards { group.leaveUntouched(laggard) }
        }
    }

    /// A group that reads for nobody.
    func ownGroup(for blob: Descriptor) -> BlobGroup { BlobGroup(body(of: blob), at: place) }

    /// Whether the group reads from this source.
    func reads(_ group: BlobGroup) -> Bool { group.place == place }

    /// The blob, by a read that nobody else shares.
    func body(of blob: Descriptor) -> BlobBody {
        BlobBody(blob, at: place, of: origin?.registry) { [reader] (offset) throws(RegistryError) in
            try await reader.blob(blob, from: offset)
        }
    }

    /// The target needs nothing more of the manifest and of what is below it.
    func settle(_ target: RepositoryAddress, _ digest: Digest) {
        let released = state.withLock { state -> [SharedReadings.Joined] in
            state.settled[target, default: []].insert(digest)
            let others = targets.filter { $0.registry == target.registry }
            let done = state.memberships.filter { _, membership in
                guard membership.path.contains(digest), membership.registries.contains(target.registry) else { return false }
                return others.allSatisfy { state.settled[$0]?.isDisjoint(with: membership.path) == false }
            }
            for key in done.keys { state.memberships[key]?.registries.remove(target.registry) }
            return done.values.map(\.joined)
        }
        for joined in released { joined.group.release(joined.claim, at: target.registry) }
    }

    /// Reads for the groups until `close`.
    func runReaders(transfers: Gate<Bool>, clock: any Clock<Duration>) async {
        await withDiscardingTaskGroup { tasks in
            for await group in started {
                tasks.addTask { [self] in
                    await group.pump(transfers: transfers, clock: clock)
                    readings.end(readingKey(group.descriptor), group)
                }
            }
        }
    }

    func close() { starter.finish() }
}
