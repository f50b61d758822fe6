internal import Files
internal import OCI

/// Removal of a manifest, and of what nothing leads to any more.
extension LayoutFolder {
    /// Waits until nobody writes here. Throws `.rejected` when an index that stays needs the manifest.
    @concurrent
    func delete(_ digest: Digest) async throws(RegistryError) {
        guard let folder = try open(), try index(in: folder) != nil else { return }
        let blobs = try await lockBlobs(.exclusive, in: folder)
        defer { blobs.release() }
        let lock = try await lockIndex(in: folder)
        defer { lock.release() }
        guard let former = try index(in: folder) else { return }
        var index = former
        _ = index.apply(.remove(digest))
        // An image leads to no manifest, so one that cannot be read does not hinder; an index that cannot be read does.
        let needed = try reachedManifests(index, in: folder) { MediaType.isManifest($0.mediaType) && !MediaType.isIndex($0.mediaType) }
        if needed.contains(digest) {
            throw failure.error(
                .rejected,
                "delete",
                "@\(digest)",
                reason: "an index that stays there leads to it",
                help: "delete that index first"
            )
        }
        if index != former { try write(index, in: folder) }
        try failure.files { () throws(FileError) in _ = try folder.remove(digest.blobPath) }
        // An index that named nothing may be one that lost its entries, as some versions of `docker save` write it.
        if !former.entries.isEmpty { try removeUnreached(index, in: folder) }
    }

    /// Removes blobs that nothing leads to; both locks are held. Where a manifest cannot be read or is of an unknown kind, what it leads to
    /// is not known, and all blobs stay.
    private func removeUnreached(_ index: LayoutIndex, in folder: Folder) throws(RegistryError) {
        guard var reached = try? reachedBlobs(index.entries.map(\.descriptor), in: folder) else { return }
        var doomed = try storedBlobs(in: folder).subtracting(reached)
        // A signature or SBOM that another tool left out of index.json stays as long as its subject does.
        var hasGrown = true
        while hasGrown {
            hasGrown = false
            for candidate in doomed {
                guard let facts = try? facts(candidate, announced: nil, in: folder), let subject = facts.subject, reached.contains(subject)
                else { continue }
                guard let more = try reachedBlobs([facts.descriptor], in: folder) else { return }
                reached.formUnion(more)
                hasGrown = true
            }
            doomed.subtract(reached)
        }
        try failure.files { () throws(FileError) in
            for digest in doomed.sorted() { try folder.remove(digest.blobPath) }
            // Whoever wrote them is gone: writers hold a lock that is ours now.
            for entry in try folder.entries() where PendingFile.isTemporaryName(entry.path) { try folder.remove(entry.path) }
        }
    }

    private func storedBlobs(in folder: Folder) throws(RegistryError) -> Set<Digest> {
        var found: Set<Digest> = []
        for algorithm in [Digest.Algorithm.sha256, .sha512] {
            let entries = try failure.filesIfPresent { () throws(FileError) in try folder.folder("blobs/\(algorithm.rawValue)").entries() }
            for entry in entries ?? [] where entry.kind == .regular {
                if let digest = try? Digest("\(algorithm.rawValue):\(entry.path)") { found.insert(digest) }
            }
        }
        return found
    }
}
