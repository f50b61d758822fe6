internal import Files
internal import OCI
internal import Registry
internal import Synchronization

/// One repository as its `index.json` stands. Whether a manifest is there is looked at each time.
final class LayoutView: RepositoryView {
    private let repository: LayoutRepository
    private var layout: LayoutFolder { repository.folder }
    /// `nil`: there is no such folder.
    private let folder: Folder?
    private let index: IndexLookup?
    /// What can be reached, or why that cannot be told, once it was needed: it takes reading every manifest.
    private let listing = Mutex<Result<ListedManifests, RegistryError>?>(nil)

    init(_ repository: LayoutRepository) throws(RegistryError) {
        self.repository = repository
        folder = try repository.folder.open()
        index = if let folder { try repository.folder.lookup(in: folder) } else { nil }
    }

    func head(_ tag: TagName) throws(RegistryError) -> ManifestHead? {
        guard let folder, let entry = try entry(tag) else { return nil }
        let type = entry.descriptor.mediaType
        // The index says it all of what is there in full; whoever reads the manifest checks its bytes.
        if MediaType.isManifest(type), try layout.blobSize(entry.digest, in: folder) == entry.descriptor.size {
            return ManifestHead(digest: entry.digest, mediaType: type, size: entry.descriptor.size)
        }
        guard let facts = try layout.facts(entry.digest, announced: type, in: folder) else { throw absent(tag, entry.digest) }
        return ManifestHead(digest: entry.digest, mediaType: facts.descriptor.mediaType, size: facts.descriptor.size)
    }

    /// A digest is looked for among all blobs; the index only says what type it should have.
    func head(_ digest: Digest) throws(RegistryError) -> ManifestHead? {
        guard let folder, let facts = try layout.facts(digest, announced: announced(digest), in: folder) else { return nil }
        return ManifestHead(digest: digest, mediaType: facts.descriptor.mediaType, size: facts.descriptor.size)
    }

    func manifest(_ reference: ManifestReference) throws(RegistryError) -> ManifestDocument? {
        guard let folder else { return nil }
        switch reference {
        case .digest(let digest): return try layout.manifest(digest, announced: announced(digest), in: folder)
        case .tag(let tag):
            guard let entry = try entry(tag) else { return nil }
            guard let document = try layout.manifest(entry.digest, announced: entry.descriptor.mediaType, in: folder) else {
                throw absent(tag, entry.digest)
            }
            return document
        }
    }

    /// Complete: every manifest of the repository was looked at.
    func referrers(of digest: Digest) throws(RegistryError) -> Referrers {
        Referrers(try listed().referrers(of: digest), source: .api)
    }

    private func listed() throws(RegistryError) -> ListedManifests {
        if let known = listing.withLock({ $0 }) { return try known.get() }
        let result = Result { () throws(RegistryError) in try repository.listedManifests() }
        listing.withLock { $0 = result }
        return try result.get()
    }

    private func announced(_ digest: Digest) -> String? { index?.entry(digest)?.descriptor.mediaType }

    /// `nil`: there is no such tag.
    private func entry(_ tag: TagName) throws(RegistryError) -> LayoutIndex.Entry? {
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
        return first
    }

    /// A digest may be absent; what the index names under a tag may not.
    private func absent(_ tag: TagName, _ digest: Digest) -> RegistryError {
        layout.failure.unreadable(":\(tag)", reason: "index.json names \(digest), which is missing or no manifest")
    }
}
