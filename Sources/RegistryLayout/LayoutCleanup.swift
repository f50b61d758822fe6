internal import Files
internal import OCI

/// Removal of a manifest, and of its blobs that nothing else leads to.
extension LayoutFolder {
    /// Waits until nobody writes here. Throws `.rejected` when an index that stays needs the manifest.
    @concurrent
    func delete(_ digest: Digest) async throws(RegistryError) {
        guard let folder = try openAnew(), try index(in: folder) != nil else { return }
        let blobs = try await lockBlobs(.exclusive, in: folder)
        defer { blobs.release() }
        let lock = try await lockIndex(in: folder)
        defer { lock.release() }
        guard let former = try index(in: folder) else { return }
        if let name = former.entries.first(where: { $0.digest == digest && $0.name != nil && !$0.isTag })?.name {
            throw failure.error(
                .rejected,
                "delete",
                "@\(digest)",
                reason: "it has the name '\(name.withVisibleControls)' too, which is no tag",
                help: "remove that name with the tool that gave it"
            )
        }
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
        let removed = try? facts(digest, announced: former.entry(digest)?.descriptor.mediaType, in: folder)
        // The images of an index stay, as in other registries; what was found through it alone gets an entry of its own.
        for child in removed?.children ?? [] where !needed.contains(child.digest) && MediaType.isManifest(child.mediaType) {
            guard try blobSize(child.digest, in: folder) != nil else { continue }
            _ = index.apply(.list(Descriptor(mediaType: child.mediaType, digest: child.digest, size: child.size)))
        }
        if index != former { try write(index, in: folder) }
        try failure.files { () throws(FileError) in _ = try folder.remove(digest.blobPath) }
        if let removed { try removeBlobs(of: removed, index, in: folder) }
        // Whoever wrote them is gone: writers hold a lock that is ours now.
        try failure.files { () throws(FileError) in
            for entry in try folder.entries() where PendingFile.isTemporaryName(entry.path) { try folder.remove(entry.path) }
        }
    }

    /// Removes the image's config and layers that nothing else leads to; both locks are held. Where a manifest cannot be read or is of an
    /// unknown kind, what it leads to is not known, and all of them stay.
    private func removeBlobs(of removed: ManifestFacts, _ index: LayoutIndex, in folder: Folder) throws(RegistryError) {
        var doomed = Set(removed.blobs.map(\.digest))
        guard !doomed.isEmpty, let reached = try? reachedBlobs(index.entries.map(\.descriptor), in: folder) else { return }
        doomed.subtract(reached)
        guard !doomed.isEmpty else { return }
        // What another tool has put and not listed yet, or not any more, keeps what it leads to.
        for stored in try storedBlobs(in: folder).subtracting(reached).subtracting(doomed) {
            guard let facts = try? facts(stored, announced: nil, in: folder) else { continue }
            doomed.subtract(facts.blobs.map(\.digest))
        }
        try failure.files { () throws(FileError) in for digest in doomed.sorted() { try folder.remove(digest.blobPath) } }
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
