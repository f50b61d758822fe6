internal import OCI
internal import Registry
internal import Synchronization

/// What the run has learned about the content of its targets, and who is sending what at the moment.
final class CopyLedger: Sendable {
    struct RegistryBlob: Hashable, Sendable {
        var registry: RegistryID
        var digest: Digest
    }

    struct RepositoryManifest: Hashable, Sendable {
        var address: RepositoryAddress
        var digest: Digest
    }

    /// A blob is sent once per registry and digest at a time.
    private let blobs = Gate<RegistryBlob>(limit: 1)
    /// The groups of those who send.
    private let senders = Mutex<[RegistryBlob: BlobGroup]>([:])
    let readings = SharedReadings()
    /// A manifest, with all below it, is copied once per repository and digest at a time.
    let manifests = Gate<RepositoryManifest>(limit: 1)

    private let asking = Gate<RepositoryAddress>(limit: 1)

    /// Places for large blobs under way.
    let transfers: Gate<Bool>

    /// The repositories of a registry that have a blob.
    private struct Holders: Sendable {
        private(set) var all: Set<RepositoryName> = []
        /// Any of them, for mounting from.
        private(set) var one: RepositoryName?

        mutating func insert(_ repository: RepositoryName) {
            all.insert(repository)
            if one == nil { one = repository }
        }

        mutating func remove(_ repository: RepositoryName) {
            all.remove(repository)
            if one == repository { one = all.min() }
        }
    }

    private struct Known: Sendable {
        var blobs: [RegistryBlob: Holders] = [:]
        var manifests: Set<RepositoryManifest> = []
        /// Whether each repository had no tag when the run first came to it.
        var lacksTags: [RepositoryAddress: Bool] = [:]
    }

    private let known = Mutex(Known())

    init(transfers: Int) {
        self.transfers = Gate(limit: transfers)
    }

    /// Whoever gets in looks for the blob and sends it; the others wait until that is done. A group's other members must not wait for one
    /// that waits for another group's, unless that has failed, and will mostly be over soon.
    func sending<Result>(
        _ key: RegistryBlob,
        _ group: BlobGroup,
        _ body: () async throws(RegistryError) -> Result
    ) async throws(RegistryError) -> Result {
        if !blobs.tryEnter(key) {
            if let other = senders.withLock({ $0[key] }), other !== group, other.failure == nil { group.dismiss(key.registry) }
            try await blobs.enter(key)
        }
        senders.withLock { $0[key] = group }
        defer {
            group.dismiss(key.registry)
            senders.withLock { $0[key] = nil }
            blobs.leave(key)
        }
        return try await body()
    }

    func recordBlob(_ digest: Digest, in address: RepositoryAddress) {
        let blob = RegistryBlob(registry: address.registry, digest: digest)
        known.withLock { $0.blobs[blob, default: Holders()].insert(address.repository) }
    }

    func hasBlob(_ digest: Digest, in address: RepositoryAddress) -> Bool {
        let blob = RegistryBlob(registry: address.registry, digest: digest)
        return known.withLock { $0.blobs[blob]?.all.contains(address.repository) == true }
    }

    /// A repository of the registry that is known to have the blob.
    func holder(of blob: RegistryBlob) -> RepositoryName? {
        known.withLock { $0.blobs[blob]?.one }
    }

    func recordManifest(_ manifest: RepositoryManifest) {
        known.withLock { _ = $0.manifests.insert(manifest) }
    }

    func hasManifest(_ manifest: RepositoryManifest) -> Bool {
        known.withLock { $0.manifests.contains(manifest) }
    }

    /// Whether the repository had no tag when the run first came to it: what the run has not put there is taken to be missing.
    func lacksTags(_ address: RepositoryAddress, at registry: any RegistryWriter) async throws(RegistryError) -> Bool {
        if let known = known.withLock({ $0.lacksTags[address] }) { return known }
        return try await asking.holding(address) { () async throws(RegistryError) -> Bool in
            if let known = known.withLock({ $0.lacksTags[address] }) { return known }
            let lacksTags = await registry.lacksTags(in: address.repository)
            known.withLock { $0.lacksTags[address] = lacksTags }
            return lacksTags
        }
    }

    /// The repository turned out not to have what it was taken to have.
    func forget(_ address: RepositoryAddress) {
        known.withLock { known in
            known.manifests = known.manifests.filter { $0.address != address }
            for blob in known.blobs.keys where blob.registry == address.registry { known.blobs[blob]?.remove(address.repository) }
        }
    }
}
