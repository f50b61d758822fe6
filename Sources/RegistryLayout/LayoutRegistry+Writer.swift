internal import Files
package import OCI
package import Registry

extension LayoutRegistry: RegistryWriter {
    package func beginWriting(in repository: RepositoryName) async throws(RegistryError) -> any WriteLease {
        try await self.repository(repository).beginWriting()
    }

    package func mountBlob(
        _ descriptor: Descriptor,
        from source: RepositoryName,
        into repository: RepositoryName
    ) async throws(RegistryError) -> Bool {
        let origin = try self.repository(source).folder
        let layout = try self.repository(repository).folder
        guard let from = try origin.open(), try origin.blobSize(descriptor.digest, in: from) == descriptor.size else { return false }
        return try await layout.writing { (folder) throws(RegistryError) in
            if try layout.blobSize(descriptor.digest, in: folder) == descriptor.size { return true }
            do throws(FileError) {
                let path = descriptor.digest.blobPath
                let algorithm = try folder.folder("blobs/\(descriptor.digest.algorithm.rawValue)", creating: true)
                try folder.remove(path)
                try from.link(path, to: path, in: folder)
                try algorithm.sync()
                return true
            } catch {
                switch error.code {
                case .exists: return true
                case .notFound: return false
                // Another file system, or one without hard links.
                case .io, .permission: break
                default: throw layout.failure.error(error)
                }
            }
            let body = BlobBody(descriptor, at: "\(id)/\(source)", of: id) { (offset) throws(RegistryError) in
                try await self.blob(descriptor, from: offset, in: source)
            }
            try await layout.store(body, in: folder)
            return true
        }
    }

    /// Looking for a blob costs nothing here.
    package func lacksTags(in repository: RepositoryName) async -> Bool { false }

    package func putBlob(
        _ body: BlobBody,
        into repository: RepositoryName,
        isKnownMissing: Bool
    ) async throws(RegistryError) {
        let layout = try self.repository(repository).folder
        try await layout.writing { (folder) throws(RegistryError) in try await layout.store(body, in: folder) }
    }

    package func putManifest(
        _ document: ManifestDocument,
        at reference: ManifestReference,
        in repository: RepositoryName
    ) async throws(RegistryError) {
        let target = try self.repository(repository)
        let layout = target.folder
        if let digest = reference.digest, digest != document.digest {
            throw layout.failure.error(.rejected, "put", reference.suffix, reason: "the manifest's digest is \(document.digest)")
        }
        try await layout.writing { (folder) throws(RegistryError) in
            try layout.checkParts(of: document, reference, in: folder)
            if try layout.blobSize(document.digest, in: folder) != Int64(document.bytes.count) {
                try layout.failure.files { () throws(FileError) in
                    _ = try folder.folder("blobs/\(document.digest.algorithm.rawValue)", creating: true)
                    try folder.writeAtomically(document.bytes, to: document.digest.blobPath)
                }
            }
            switch reference {
            case .tag(let tag): try await target.commit(.put(tag, document.descriptor))
            case .digest: try await target.list(document)
            }
        }
    }

    package func deleteTag(_ tag: TagName, in repository: RepositoryName) async throws(RegistryError) {
        let target = try self.repository(repository)
        guard let index = try target.folder.index(), !index.entries(named: tag).isEmpty else { return }
        try await target.commit(.untag(tag))
    }

    package func deleteManifest(_ digest: Digest, in repository: RepositoryName) async throws(RegistryError) {
        try await self.repository(repository).folder.delete(digest)
    }
}

extension LayoutFolder {
    /// Runs `body` with the blobs lock shared. A lease holds it too; this serves callers without one.
    func writing<Result: Sendable>(_ body: (Folder) async throws(RegistryError) -> Result) async throws(RegistryError) -> Result {
        let folder = try make()
        let lock = try await lockBlobs(.shared, in: folder)
        defer { lock.release() }
        return try await body(folder)
    }

    /// Streams into a temporary file, which gets the blob's name once all of it came.
    func store(_ body: BlobBody, in folder: Folder) async throws(RegistryError) {
        let digest = body.descriptor.digest
        let pending = try failure.files { () throws(FileError) in try PendingFile(in: folder) }
        var pieces = try await body.open().makeAsyncIterator()
        while let piece = try await pieces.next() {
            try failure.files { () throws(FileError) in try piece.bytes.withUnsafeBytes(pending.write) }
        }
        try failure.files { () throws(FileError) in
            _ = try folder.folder("blobs/\(digest.algorithm.rawValue)", creating: true)
            try pending.commit(to: digest.blobPath)
        }
    }

    /// As other registries do, refuses a manifest whose blobs or children are not there. A missing subject is allowed.
    func checkParts(of document: ManifestDocument, _ reference: ManifestReference, in folder: Folder) throws(RegistryError) {
        let parts = document.image?.blobs ?? document.index?.manifests ?? []
        for part in parts {
            let size = try blobSize(part.digest, in: folder)
            if size == part.size { continue }
            throw failure.error(
                .rejected,
                "put",
                reference.suffix,
                reason: size.map { "\(part.digest) has \($0) bytes, not \(part.size)" } ?? "\(part.digest), which it needs, is not there"
            )
        }
    }
}
