internal import Files
package import OCI
package import Registry

extension LayoutRegistry: RegistryReader {
    package var hasViews: Bool { true }

    package func view(of repository: RepositoryName) throws(RegistryError) -> (any RepositoryView)? { try layoutView(of: repository) }

    private func layoutView(of repository: RepositoryName) throws(RegistryError) -> LayoutView {
        try LayoutView(try self.repository(repository))
    }

    package func head(_ reference: ManifestReference, in repository: RepositoryName) async throws(RegistryError) -> ManifestHead? {
        let view = try layoutView(of: repository)
        switch reference {
        case .tag(let tag): return try view.head(tag)
        case .digest(let digest): return try view.head(digest)
        }
    }

    package func manifest(_ reference: ManifestReference, in repository: RepositoryName) async throws(RegistryError) -> ManifestDocument? {
        try layoutView(of: repository).manifest(reference)
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
        try self.repository(repository).listedManifests().digests
    }

    /// Complete: every manifest of the repository was looked at.
    package func referrers(of digest: Digest, in repository: RepositoryName) async throws(RegistryError) -> Referrers {
        Referrers(try self.repository(repository).listedManifests().referrers(of: digest), source: .api)
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
