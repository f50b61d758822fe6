internal import Files
internal import OCI
internal import Registry
internal import Synchronization

/// One repository of a layout registry in this process: its files, the queue of its index, and what its open leases have put.
final class LayoutRepository: Sendable {
    let folder: LayoutFolder
    private let writer: IndexWriter

    private struct State {
        var leases = 0
        /// Put by digest while a lease is open: mostly children of an index that comes last. Who is not reached when the last lease ends
        /// gets an entry of its own.
        var unlisted: [Digest: Descriptor] = [:]
    }

    private let state = Mutex(State())

    init(_ folder: LayoutFolder) {
        self.folder = folder
        writer = IndexWriter { (edits) throws(RegistryError) in try await folder.commit(edits) }
    }

    /// What its index and open leases lead to.
    func listedManifests() throws(RegistryError) -> ListedManifests { try folder.listedManifests(state.withLock { $0.unlisted }) }

    func commit(_ edit: LayoutIndex.Edit) async throws(RegistryError) { try await writer.commit(edit) }

    /// Makes a manifest that was put by digest findable. One with a subject is final and listed at once; another one is listed when the
    /// last lease ends, unless an index has come that leads to it.
    func list(_ document: ManifestDocument) async throws(RegistryError) {
        let descriptor = document.descriptor
        let waits = state.withLock { state in
            guard state.leases > 0, document.subject == nil else { return false }
            state.unlisted[descriptor.digest] = descriptor
            return true
        }
        if !waits { try await commit(.list(descriptor)) }
    }

    func beginWriting() async throws(RegistryError) -> Lease {
        let lock = try await folder.lockBlobs(.shared, in: try folder.make())
        state.withLock { $0.leases += 1 }
        return Lease(repository: self, lock: lock)
    }

    struct Lease: WriteLease {
        fileprivate let repository: LayoutRepository
        fileprivate let lock: FileLock

        func end() async {
            await repository.endLease()
            lock.release()
        }
    }

    /// A manifest that cannot be listed, as on a full disk, is still found by its digest, and no clean-up was promised to spare it.
    private func endLease() async {
        let left = state.withLock { state in
            state.leases -= 1
            guard state.leases == 0 else { return [Descriptor]() }
            return state.unlisted.values.sorted { $0.digest < $1.digest }
        }
        guard !left.isEmpty else { return }
        for descriptor in left { try? await commit(.list(descriptor)) }
        state.withLock { state in
            for descriptor in left { state.unlisted[descriptor.digest] = nil }
        }
    }
}
