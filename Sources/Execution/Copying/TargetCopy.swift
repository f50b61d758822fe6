internal import OCI
internal import Planning
internal import Registry
internal import Synchronization

/// Copies one content into one repository: children before what names them, never a tag.
struct TargetCopy: Sendable {
    /// Whether to trust what the target says it has.
    enum Thoroughness: Sendable {
        case missingParts
        /// Everything is sent again, since the registry lacks what it seemed to have.
        case everything
    }

    let address: RepositoryAddress
    let registry: any RegistryWriter
    let source: CopySource
    let ledger: CopyLedger
    /// The change that events name.
    let change: ChangeID
    let events: @Sendable (ExecutionEvent) async -> Void
    let tally = Tally()

    /// Bytes counted while blobs are under way.
    final class Tally: Sendable {
        private let bytes = Mutex(TransferredBytes())

        var total: TransferredBytes { bytes.withLock { $0 } }

        func add(sent: Int64 = 0, mounted: Int64 = 0, alreadyThere: Int64 = 0) {
            bytes.withLock { $0 += TransferredBytes(sent: sent, mounted: mounted, alreadyThere: alreadyThere) }
        }
    }

    private static let breadth = 16
    private static let deepestIndex = 8
    /// An event about bytes comes at most this often.
    private static let progressStep: Int64 = 1 << 20

    /// Copies everything below `root`. A root that is at the target by its digest is trusted to be complete.
    func copyParts(ofRoot root: ManifestDocument, _ thoroughness: Thoroughness) async throws(RegistryError) {
        defer { source.settle(address, root.digest) }
        if thoroughness == .missingParts, try await has(root.digest) { return }
        if thoroughness == .everything { ledger.forget(address) }
        try await copyParts(of: root, path: [root.digest], thoroughness)
    }

    /// Registries refuse a manifest whose parts they lack with these codes (distribution-spec, "Error Codes").
    static func lacksParts(_ error: RegistryError) -> Bool {
        ["MANIFEST_BLOB_UNKNOWN", "BLOB_UNKNOWN", "MANIFEST_UNKNOWN"].contains(error.registryCode) && error.code != .denied
    }

    private func copyParts(of document: ManifestDocument, path: [Digest], _ thoroughness: Thoroughness) async throws(RegistryError) {
        switch document.content {
        case .image(let image):
            let blobs = Self.distinct(image.blobs)
            _ = try await concurrentlyTrying(blobs, limit: Self.breadth) { blob async throws(RegistryError) in
                try await copyBlob(blob, path: path, thoroughness)
            }
        case .index(let index):
            let children = Self.distinct(index.manifests)
            _ = try await concurrentlyTrying(children, limit: Self.breadth) { child async throws(RegistryError) in
                try await copyChild(child, path: path, thoroughness)
            }
        }
    }

    private static func distinct(_ descriptors: [Descriptor]) -> [Descriptor] {
        var seen: Set<Digest> = []
        return descriptors.filter { seen.insert($0.digest).inserted }
    }

    // MARK: Manifests

    private func copyChild(_ child: Descriptor, path: [Digest], _ thoroughness: Thoroughness) async throws(RegistryError) {
        guard !MediaType.isForeignLayer(child.mediaType) else { return }
        guard path.count < Self.deepestIndex else {
            throw failure(.corrupt, "copy the manifest", child.digest, "indexes are nested more than \(Self.deepestIndex) deep")
        }
        let key = CopyLedger.RepositoryManifest(address: address, digest: child.digest)
        if !ledger.manifests.tryEnter(key) {
            // Another job copies it to this repository already: the other targets must not wait for that.
            source.settle(address, child.digest)
            try await ledger.manifests.enter(key)
        }
        defer {
            ledger.manifests.leave(key)
            source.settle(address, child.digest)
        }
        if thoroughness == .missingParts, try await has(child.digest) { return }
        guard let document = try await document(of: child) else { return try await copyBlob(child, path: path, thoroughness) }
        let path = path + [child.digest]
        try await copyParts(of: document, path: path, thoroughness)
        try await put(document, path: path)
        ledger.recordManifest(key)
    }

    /// Nil: the entry of the index is of an unknown type and not a manifest, so it is a blob (image-spec, image-index.md).
    private func document(of child: Descriptor) async throws(RegistryError) -> ManifestDocument? {
        let document: ManifestDocument
        do throws(RegistryError) {
            document = try await source.manifest(child.digest)
        } catch {
            if !MediaType.isManifest(child.mediaType), [.notFound, .corrupt, .badAnswer, .rejected].contains(error.code) { return nil }
            throw error
        }
        guard Int64(document.bytes.count) == child.size else {
            let sizes = "its index says it has \(child.size) bytes, and it has \(document.bytes.count)"
            throw failure(.corrupt, "copy the manifest", child.digest, sizes)
        }
        return document
    }

    private func put(_ document: ManifestDocument, path: [Digest]) async throws(RegistryError) {
        do throws(RegistryError) {
            try await registry.putManifest(document, at: .digest(document.digest), in: address.repository)
        } catch {
            guard Self.lacksParts(error) else { throw error }
            ledger.forget(address)
            try await copyParts(of: document, path: path, .everything)
            try await registry.putManifest(document, at: .digest(document.digest), in: address.repository)
        }
    }

    private func has(_ digest: Digest) async throws(RegistryError) -> Bool {
        let key = CopyLedger.RepositoryManifest(address: address, digest: digest)
        if ledger.hasManifest(key) || source.origin == address { return true }
        if try await ledger.lacksTags(address, at: registry) { return false }
        guard try await registry.head(.digest(digest), in: address.repository)?.digest == digest else { return false }
        ledger.recordManifest(key)
        return true
    }

    // MARK: Blobs

    private func copyBlob(_ blob: Descriptor, path: [Digest], _ thoroughness: Thoroughness) async throws(RegistryError) {
        guard thoroughness == .missingParts else {
            let group = source.ownGroup(for: blob)
            return try await ledger.sending(ledgerKey(blob), group) { () async throws(RegistryError) in try await send(blob, group) }
        }
        let isThere = { [ledger] registry in ledger.holder(of: .init(registry: registry, digest: blob.digest)) != nil }
        var joined = source.group(for: blob, path: path, isThere: isThere)
        // In each further turn another image's repository could not be read, or that image was done.
        while try await !copyBlob(blob, joined) {
            joined = source.group(for: blob, path: path, insteadOf: joined.group, isThere: isThere)
        }
    }

    /// False: the group does not serve this image.
    private func copyBlob(_ blob: Descriptor, _ joined: SharedReadings.Joined) async throws(RegistryError) -> Bool {
        let group = joined.group
        return try await ledger.sending(ledgerKey(blob), group) { () async throws(RegistryError) in
            guard source.serves(joined) else { return false }
            if try await isPresent(blob) { return true }
            guard source.serves(joined) else { return false }
            do throws(RegistryError) {
                try await send(blob, group)
            } catch {
                guard isOfAnotherImage(group), error.code != .cancelled, !Task.isCancelled else { throw error }
                return false
            }
            return true
        }
    }

    private func ledgerKey(_ blob: Descriptor) -> CopyLedger.RegistryBlob {
        CopyLedger.RegistryBlob(registry: address.registry, digest: blob.digest)
    }

    /// Whether the upload ended since another image's repository could not be read.
    private func isOfAnotherImage(_ group: BlobGroup) -> Bool {
        !source.reads(group) && group.hasFailed(address.registry)
    }

    private func isPresent(_ blob: Descriptor) async throws(RegistryError) -> Bool {
        if ledger.hasBlob(blob.digest, in: address) { return await notePresent(blob, isMounted: false) }
        // Of another size it is damaged there, or the manifest lies, which sending it will show.
        if try await !ledger.lacksTags(address, at: registry), try await presentSize(of: blob) == blob.size {
            return await notePresent(blob, isMounted: false)
        }
        let origin = source.origin?.registry == address.registry ? source.origin?.repository : nil
        let other = ledger.holder(of: ledgerKey(blob)) ?? origin
        if let other, try await registry.mountBlob(blob, from: other, into: address.repository) {
            return await notePresent(blob, isMounted: true)
        }
        return false
    }

    /// Nil too where the registry does not let on: sending a blob that is there does no harm.
    private func presentSize(of blob: Descriptor) async throws(RegistryError) -> Int64? {
        do throws(RegistryError) {
            return try await registry.headBlob(blob.digest, in: address.repository)
        } catch {
            guard [.denied, .unsupported, .badAnswer].contains(error.code) else { throw error }
            return nil
        }
    }

    private func notePresent(_ blob: Descriptor, isMounted: Bool) async -> Bool {
        ledger.recordBlob(blob.digest, in: address)
        if isMounted { tally.add(mounted: blob.size) } else { tally.add(alreadyThere: blob.size) }
        await events(.blobPresent(change, blob: blob.digest, bytes: blob.size, mounted: isMounted))
        return true
    }

    private func send(_ blob: Descriptor, _ group: BlobGroup) async throws(RegistryError) {
        do throws(RegistryError) {
            try await upload(blob, group, isKnownMissing: true)
        } catch {
            // Served once more by a read of its own; what the registry will not take at all stays refused.
            let maySucceed = [.unavailable, .corrupt, .rejected, .badAnswer].contains(error.code) && !isOfAnotherImage(group)
            guard maySucceed, !Task.isCancelled else { throw error }
            group.dismiss(address.registry)
            do throws(RegistryError) {
                try await upload(blob, group, isKnownMissing: false)
            } catch let again {
                // The first cause knows better which side is at fault.
                throw again.code == error.code ? error : again
            }
        }
        ledger.recordBlob(blob.digest, in: address)
    }

    private func upload(_ blob: Descriptor, _ group: BlobGroup, isKnownMissing: Bool) async throws(RegistryError) {
        if group.isShared(with: address.registry) || blob.size <= BlobGroup.smallSize { return try await put(blob, group, isKnownMissing) }
        try await ledger.transfers.holding(true) { () async throws(RegistryError) in try await put(blob, group, isKnownMissing) }
    }

    private func put(_ blob: Descriptor, _ group: BlobGroup, _ isKnownMissing: Bool) async throws(RegistryError) {
        let untold = Watched<Int64>(0)
        let tell = { @Sendable [events, change] (least: Int64) async -> Void in
            let due = untold.update { bytes -> Int64 in
                guard bytes >= least else { return 0 }
                defer { bytes = 0 }
                return bytes
            }
            if due > 0 { await events(.progress(change, blob: blob.digest, bytes: due)) }
        }
        let body = group.body(for: address.registry, own: source.body(of: blob)) { [tally] count in
            tally.add(sent: Int64(count))
            untold.update { $0 += Int64(count) }
            await tell(Self.progressStep)
        }
        do throws(RegistryError) {
            try await registry.putBlob(body, into: address.repository, isKnownMissing: isKnownMissing)
        } catch {
            await tell(0)
            throw error
        }
        await tell(0)
    }

    private func failure(_ code: RegistryError.Code, _ action: String, _ digest: Digest, _ reason: String) -> RegistryError {
        RegistryError(code, action: action, object: "\(digest) to \(address)", registry: address.registry, reason: reason)
    }
}
