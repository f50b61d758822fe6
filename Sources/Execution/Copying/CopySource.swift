internal import OCI
internal import Planning
internal import Registry
internal import Synchronization

/// One content that is copied to several repositories in one job: every manifest and blob is read once for all of them.
final class CopySource: Sendable {
    /// Who needs the blob of one manifest need not need that of another.
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
    private let targets: [RegistryID: [RepositoryAddress]]
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
        self.targets = Dictionary(grouping: targets, by: \.registry)
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
    /// the blob, and those above. `failed`: one that turned out not to serve. `isThere`: whether a registry has the blob already.
    func group(
        for blob: Descriptor,
        path: [Digest],
        insteadOf failed: BlobGroup? = nil,
        isThere: (RegistryID) -> Bool
    ) -> SharedReadings.Joined {
        let key = GroupKey(manifest: path.last ?? blob.digest, blob: blob.digest)
        return state.withLock { state in
            let known = state.memberships[key]?.joined
            if let known, known.group !== failed, serves(known) { return known }
            let open = targets.filter { $0.value.contains { state.settled[$0]?.isDisjoint(with: path) ?? true } }
            var registries = Set(open.keys).subtracting(state.laggards)
            // Some had it from the group that there was.
            if known != nil { registries = registries.filter { !isThere($0) } }
            let joined = readings.join(
                readingKey(blob),
                registries,
                mustBeNew: failed != nil,
                onLaggards: { [weak self] in self?.leaveBehind($0) },
                orMake: { ownGroup(for: blob) }
            )
            state.memberships[key] = Membership(joined: joined, path: path, registries: registries)
            if joined.isNew { starter.yield(joined.group) }
            return joined
        }
    }

    /// Whether the group gives the blob, or tells why this source does not. Not so where another content had it read: from elsewhere, and in
    /// vain, or no further than its own targets wanted.
    func serves(_ joined: SharedReadings.Joined) -> Bool {
        joined.isNew || (!joined.group.isAbandoned && (joined.group.failure == nil || reads(joined.group)))
    }

    private func readingKey(_ blob: Descriptor) -> SharedReadings.Key {
        SharedReadings.Key(registry: origin?.registry, digest: blob.digest, size: blob.size)
    }

    /// No other group waits for these registries, which have held one up: they read for themselves what they have not begun to take.
    private func leaveBehind(_ laggards: Set<RegistryID>) {
        let memberships = state.withLock { state in
            state.laggards.formUnion(laggards)
            return state.memberships.values.map(\.joined)
        }
        for joined in memberships {
            for laggard in laggards { joined.group.withdraw(joined.claim, at: laggard) }
        }
    }

    /// A group that reads for nobody yet.
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
            let others = targets[target.registry] ?? []
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

    func close() {
        starter.finish()
        let own = state.withLock { $0.memberships.values.filter(\.joined.isNew) }
        // Others may have joined, and be long in coming.
        for membership in own { membership.joined.group.close() }
    }
}
