internal import Files
package import OCI
package import Registry

extension LayoutRegistry: RegistryReader {
    package func head(_ reference: ManifestReference, in repository: RepositoryName) async throws(RegistryError) -> ManifestHead? {
        let layout = try self.repository(repository).folder
        guard let folder = try layout.open() else { return nil }
        guard let entry = try find(reference, layout, folder) else { return nil }
        // The index says it all of what is there in full; whoever reads the manifest checks its bytes.
        if reference.tag != nil, let type = entry.mediaType, MediaType.isManifest(type),
            let size = try layout.blobSize(entry.digest, in: folder), size == entry.size
        {
            return ManifestHead(digest: entry.digest, mediaType: type, size: size)
        }
        guard let facts = try layout.facts(entry.digest, announced: entry.mediaType, in: folder) else {
            return try absent(reference, layout, entry.digest)
        }
        return ManifestHead(digest: entry.digest, mediaType: facts.descriptor.mediaType, size: facts.descriptor.size)
    }

    package func manifest(_ reference: ManifestReference, in repository: RepositoryName) async throws(RegistryError) -> ManifestDocument? {
        let layout = try self.repository(repository).folder
        guard let folder = try layout.open() else { return nil }
        guard let entry = try find(reference, layout, folder) else { return nil }
        guard let document = try layout.manifest(entry.digest, announced: entry.mediaType, in: folder) else {
            return try absent(reference, layout, entry.digest)
        }
        return document
    }

    /// `nil`: there is no such tag. A digest is looked for among all blobs; the index only says what type it should have.
    private func find(
        _ reference: ManifestReference,
        _ layout: LayoutFolder,
        _ folder: Folder
    ) throws(RegistryError) -> (digest: Digest, mediaType: String?, size: Int64?)? {
        let index = try layout.lookup(in: folder)
        switch reference {
        case .digest(let digest): return (digest, index?.entry(digest)?.descriptor.mediaType, nil)
        case .tag(let tag):
            let entries = index?.entries(named: tag) ?? []
            guard let first = entries.first else { return nil }
            guard entries.allSatisfy({ $0.digest == first.digest }) else {
                throw layout.failure.error(
                    .corrupt,
                    "read",
                    ":\(tag)",
                    reason: "index.json has \(entries.count) entries of this name: \(entries.map(\.digest.short).joined(separator: ", "))",
                    help: "put the tag again, or remove it, to leave one"
                )
            }
            return (first.digest, first.descriptor.mediaType, first.descriptor.size)
        }
    }

    /// A digest may be absent; what the index names under a tag may not.
    private func absent<Found>(_ reference: ManifestReference, _ layout: LayoutFolder, _ digest: Digest) throws(RegistryError) -> Found? {
        guard reference.tag != nil else { return nil }
        throw layout.failure.unreadable(reference.suffix, reason: "index.json names \(digest), which is missing or no manifest")
    }

    package func tags(in repository: RepositoryName) async throws(RegistryError) -> [TagName]? {
        try self.repository(repository).folder.index()?.tags
    }

    package func repositories() async throws(RegistryError) -> [RepositoryName] {
        do throws(FileError) {
            let top = try Folder(root)
            let entries = try top.walk { entry in
                let name = entry.path.split(separator: "/").last ?? ""
                return name != "blobs" && (try? RepositoryName(name)) != nil
            }
            let files = Set(entries.filter { $0.kind == .regular }.map(\.path))
            return entries.compactMap { entry in
                entry.kind == .folder && files.contains("\(entry.path)/index.json") ? try? RepositoryName(entry.path) : nil
            }.sorted()
        } catch {
            if error.code == .notFound { return [] }
            throw LayoutFailure.error(error, registry: id)
        }
    }

    package func digests(in repository: RepositoryName) async throws(RegistryError) -> [Digest]? {
        try listedManifests(in: repository).digests
    }

    /// Complete: every manifest of the repository was looked at.
    package func referrers(of digest: Digest, in repository: RepositoryName) async throws(RegistryError) -> Referrers {
        Referrers(try listedManifests(in: repository).referrers(of: digest), source: .api)
    }

    private func listedManifests(in name: RepositoryName) throws(RegistryError) -> ListedManifests {
        let repository = try self.repository(name)
        return try repository.folder.listedManifests(repository.unlisted)
    }

    package func headBlob(_ digest: Digest, in repository: RepositoryName) async throws(RegistryError) -> Int64? {
        let layout = try self.repository(repository).folder
        guard let folder = try layout.open() else { return nil }
        return try layout.blobSize(digest, in: folder)
    }

    package func blob(_ descriptor: Descriptor, from offset: Int64, in repository: RepositoryName) async throws(RegistryError) -> BlobStream
    {
        let layout = try self.repository(repository).folder
        let failure = layout.failure
        let file = try failure.filesIfPresent { () throws(FileError) in
            try Folder(root).folder(repository.description).file(descriptor.digest.blobPath)
        }
        guard let file else {
            throw failure.error(.notFound, "read blob", "@\(descriptor.digest)", reason: "the layout does not have it")
        }
        let size = try failure.files { () throws(FileError) in try file.status().size }
        guard size == descriptor.size else {
            throw failure.error(
                .corrupt,
                "read blob",
                "@\(descriptor.digest)",
                reason: "the file has \(size) bytes, the manifest says \(descriptor.size)"
            )
        }
        let cancelled = failure.error(.cancelled, "read blob", "@\(descriptor.digest)", reason: "it was cancelled")
        return BlobStream(from: offset, to: size, cancelled: cancelled) { (offset, count) throws(RegistryError) in
            try failure.files { () throws(FileError) in try file.read(at: offset, count: count) }
        }
    }

    package func capability(_ feature: RegistryFeature, in repository: RepositoryName) async throws(RegistryError) -> Capability { .yes }

    package func checkLogin() async throws(RegistryError) -> LoginReport {
        do throws(FileError) {
            let folder = try Folder(root)
            let writing = folder.isWritable ? "readable and writable" : "readable, not writable"
            return LoginReport(user: nil, credentialSource: nil, facts: ["directory \(root)", writing])
        } catch {
            guard error.code == .notFound else { throw LayoutFailure.error(error, registry: id) }
            return LoginReport(user: nil, credentialSource: nil, facts: ["directory \(root)", "not there yet; the first write makes it"])
        }
    }
}
