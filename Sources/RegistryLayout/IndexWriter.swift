internal import Files
internal import OCI

/// Writes one repository's index. Edits that arrive while one write is under way are written together by the next, so that a thousand tags
/// do not write a thousand files.
actor IndexWriter {
    private enum Turn {
        case done(Result<Void, RegistryError>)
        /// The edit is not written; its task writes the next batch.
        case lead
    }

    private struct Waiting {
        let edit: LayoutIndex.Edit
        let turn: CheckedContinuation<Turn, Never>
    }

    /// Writes these edits, in their order, as one. Runs apart from this actor, so that more edits can gather meanwhile.
    typealias Write = @concurrent @Sendable ([LayoutIndex.Edit]) async throws(RegistryError) -> Void

    private let write: Write
    private var waiting: [Waiting] = []
    private var isWriting = false

    init(write: @escaping Write) {
        self.write = write
    }

    var waitingCount: Int { waiting.count }

    /// Returns when the edit is on the device.
    func commit(_ edit: LayoutIndex.Edit) async throws(RegistryError) {
        if isWriting {
            let turn = await withCheckedContinuation { waiting.append(Waiting(edit: edit, turn: $0)) }
            if case .done(let result) = turn { return try result.get() }
        }
        isWriting = true
        let batch = waiting
        waiting = []
        let result: Result<Void, RegistryError>
        do throws(RegistryError) {
            try await write([edit] + batch.map(\.edit))
            result = .success(())
        } catch {
            result = .failure(error)
        }
        if case .failure(let error) = result, error.code == .cancelled {
            // Only this task was cancelled; the others' edits are written by one of them.
            waiting = batch + waiting
        } else {
            for other in batch { other.turn.resume(returning: .done(result)) }
        }
        if waiting.isEmpty {
            isWriting = false
        } else {
            waiting.removeFirst().turn.resume(returning: .lead)
        }
        try result.get()
    }
}

extension LayoutFolder {
    /// Reads, edits and writes the index under its lock.
    @concurrent
    func commit(_ edits: [LayoutIndex.Edit]) async throws(RegistryError) {
        let folder = try make()
        let lock = try await lockIndex(in: folder)
        defer { lock.release() }
        let former = try index(in: folder)
        var index = former ?? LayoutIndex()
        var touched: Set<Digest> = []
        for edit in edits {
            touched.formUnion(index.apply(edit))
            if case .put(_, let descriptor) = edit {
                touched.formUnion(try descendants(of: descriptor, in: folder))
            }
        }
        try index.settle(touched) { (index) throws(RegistryError) in
            // An entry that might have been left out does no harm; a damaged image must not hinder other tags.
            try reachedManifests(index, in: folder) { _ in true }
        }
        if index != former { try write(index, in: folder) }
    }

    private func descendants(of descriptor: Descriptor, in folder: Folder) throws(RegistryError) -> Set<Digest> {
        guard MediaType.isIndex(descriptor.mediaType) else { return [] }
        var index = LayoutIndex()
        _ = index.apply(.list(descriptor))
        return try reachedManifests(index, in: folder) { _ in true }
    }
}
