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

    private struct State {
        var manifests: [Digest: ManifestDocument] = [:]
        var groups: [GroupKey: (group: BlobGroup, path: [Digest])] = [:]
        /// Targets that held up a group.
        var laggards: Set<RepositoryAddress> = []
        /// The manifests that each target is done with, and all below them.
        var settled: [RepositoryAddress: Set<Digest>] = [:]
        var isClosed = false
    }

    private let reader: any ContentReader
    private let knownManifest: @Sendable (Digest) -> ManifestDocument?
    /// Where the content comes from, when that is a registry.
    let origin: RepositoryAddress?
    /// For messages: the repository, or the local content.
    private let place: String
    private let targets: Set<RepositoryAddress>
    private let state = Mutex(State())
    private let reading = Gate<Digest>(limit: 1)
    private let (started, starter) = AsyncStream.makeStream(of: BlobGroup.self)

    /// `knownManifest` spares reads of manifests.
    init(
        _ reader: any ContentReader,
        _ origin: ContentOrigin,
        targets: Set<RepositoryAddress>,
        knownManifest: @escaping @Sendable (Digest) -> ManifestDocument?
    ) {
        self.reader = reader
        self.knownManifest = knownManifest
        self.origin = if case .registry(let address) = origin { address } else { nil }
        place = origin.description
        self.targets = targets
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

    /// The group that reads `blob` for every target that may still need it. `path` is the manifest that names the blob, and those above.
    func group(for blob: Descriptor, path: [Digest]) -> BlobGroup {
        let key = GroupKey(manifest: path.last ?? blob.digest, blob: blob.digest)
        let (group, isNew) = state.withLock { state in
            if let known = state.groups[key] { return (known.group, false) }
            let members = targets.filter { !state.laggards.contains($0) && state.settled[$0]?.isDisjoint(with: path) ?? true }
            let group = BlobGroup(blob, from: reader, at: place, members: members) { [weak self] in self?.leaveBehind($0) }
            state.groups[key] = (group, path)
            return (group, true)
        }
        if isNew { starter.yield(group) }
        return group
    }

    /// No other group waits for these targets, which have held one up: they read for themselves what they have not begun to take.
    private func leaveBehind(_ laggards: Set<RepositoryAddress>) {
        let groups = state.withLock { state in
            state.laggards.formUnion(laggards)
            return state.groups.values.map(\.group)
        }
        for group in groups {
            for laggard in laggards { group.leaveUntouched(laggard) }
        }
    }

    /// A group that reads for nobody else.
    func ownGroup(for blob: Descriptor) -> BlobGroup { BlobGroup(blob, from: reader, at: place, members: []) }

    /// The target needs nothing more of the manifest and of what is below it.
    func settle(_ target: RepositoryAddress, _ digest: Digest) {
        let groups = state.withLock { state in
            state.settled[target, default: []].insert(digest)
            return state.groups.values.filter { $0.path.contains(digest) }.map(\.group)
        }
        for group in groups { group.leave(target) }
    }

    /// Reads for the groups until `close`.
    func runReaders(transfers: Gate<Bool>, clock: any Clock<Duration>) async {
        await withDiscardingTaskGroup { tasks in
            for await group in started { tasks.addTask { await group.pump(transfers: transfers, clock: clock) } }
        }
    }

    func close() { starter.finish() }
}
