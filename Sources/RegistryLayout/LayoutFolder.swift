internal import Files
internal import OCI
internal import Synchronization

/// The files of one repository: `<root>/<repository>/{oci-layout,index.json,blobs/<algorithm>/<hex>}`. Everything is opened without following
/// links below the root. What was parsed is kept in memory while the file is the same.
///
/// Two locks, in files of their own that other tools pass over, keep crplan processes apart:
/// - the *blobs lock*: shared from the first blob to the last tag (a lease, or one call), exclusive while blobs are removed;
/// - the *index lock*: exclusive while `index.json` is read, edited and written.
/// The blobs lock is taken before the index lock, never after it, and no lock is ever upgraded. Readers take none: files appear by rename.
final class LayoutFolder: Sendable {
    private static let blobsLock = ".crplan-blobs.lock"
    private static let indexLock = ".crplan-index.lock"
    private static let largestIndex = 64 << 20

    let root: String
    let repository: RepositoryName
    let failure: LayoutFailure

    private let path: String
    private let keepsOpen: Bool

    private struct Cache {
        /// The open folder, and what it was when it was opened.
        var folder: (status: FileStatus, folder: Folder)?
        /// Below that folder.
        var blobs: [Digest.Algorithm: Folder] = [:]
        var index: (status: FileStatus, index: LayoutIndex)?
        /// Of that index, once it was needed.
        var lookup: IndexLookup?
        var facts: [Digest: ManifestFacts] = [:]
        var listed: (status: FileStatus, unlisted: Set<Digest>, manifests: ListedManifests)?
    }

    private let cache = Mutex(Cache())
    /// Held while a file is parsed that others ask for too: they wait instead of parsing it again.
    private let parsing = Mutex(())
    /// The same of all manifests.
    private let listing = Mutex(())

    /// `keepsOpen`: the folder stays open between two readings.
    init(root: String, registry: RegistryID, repository: RepositoryName, keepsOpen: Bool = false) {
        self.root = root
        path = "\(root)/\(repository)"
        self.keepsOpen = keepsOpen
        self.repository = repository
        failure = LayoutFailure(registry: registry, repository: repository)
    }

    // MARK: Folders and locks

    /// `nil`: there is no such folder.
    func open() throws(RegistryError) -> Folder? {
        if let kept = cache.withLock({ $0.folder }) {
            // It is the same one, without links on its way, as long as its path leads to it.
            let status = try failure.files { () throws(FileError) in try FileStatus.of(path) }
            if status?.device == kept.status.device, status?.inode == kept.status.inode { return kept.folder }
        }
        let folder = try openAnew()
        if keepsOpen {
            let status = try failure.files { () throws(FileError) in try folder?.status() }
            cache.withLock { cache in
                cache.folder = folder.flatMap { folder in status.map { (status: $0, folder: folder) } }
                cache.blobs = [:]
            }
        }
        return folder
    }

    /// As `open`, but nothing below it is kept open.
    func openAnew() throws(RegistryError) -> Folder? {
        try failure.filesIfPresent { () throws(FileError) in try Folder(root).folder(repository.description) }
    }

    /// Looks for a blob. The folder of blobs is kept open as long as `folder` is; where something is not in it, another one may have taken
    /// its place.
    private func blob<Found>(
        _ digest: Digest,
        in folder: Folder,
        _ look: (Folder) throws(RegistryError) -> Found?
    ) throws(RegistryError) -> Found? {
        let algorithm = digest.algorithm
        let kept = cache.withLock { $0.folder?.folder === folder ? $0.blobs[algorithm] : nil }
        if let kept, let found = try look(kept) { return found }
        let blobs = try failure.filesIfPresent { () throws(FileError) in try folder.folder("blobs/\(algorithm.rawValue)") }
        cache.withLock { cache in
            if cache.folder?.folder === folder { cache.blobs[algorithm] = blobs }
        }
        guard let blobs else { return nil }
        return try look(blobs)
    }

    /// Makes the folder, with the marks of a layout, when needed.
    func make() throws(RegistryError) -> Folder {
        try failure.files { () throws(FileError) in
            let folder = try Folder.create(root).folder(repository.description, creating: true)
            if try folder.status("oci-layout") == nil {
                try folder.writeAtomically(Array(#"{"imageLayoutVersion":"1.0.0"}"#.utf8), to: "oci-layout")
            }
            _ = try folder.folder("blobs/sha256", creating: true)
            return folder
        }
    }

    func lockBlobs(_ mode: FileLock.Mode, in folder: Folder) async throws(RegistryError) -> FileLock {
        try await lock(Self.blobsLock, mode, in: folder)
    }

    func lockIndex(in folder: Folder) async throws(RegistryError) -> FileLock {
        try await lock(Self.indexLock, .exclusive, in: folder)
    }

    /// Nobody holds a lock for long but who writes large blobs; ten minutes without one is told to the user.
    private func lock(_ name: String, _ mode: FileLock.Mode, in folder: Folder) async throws(RegistryError) -> FileLock {
        do throws(FileError) {
            return try await FileLock.acquire(mode, name, in: folder, patience: .seconds(600))
        } catch {
            guard error.code == .busy else { throw failure.error(error) }
            throw failure.error(
                .unavailable,
                mode == .exclusive ? "change" : "write into",
                reason: "somebody else has been writing there for ten minutes",
                help: "wait until that run has ended, and run it again"
            )
        }
    }

    // MARK: The index

    /// `nil`: the folder holds no layout.
    func index() throws(RegistryError) -> LayoutIndex? {
        guard let folder = try open() else { return nil }
        return try index(in: folder)
    }

    func index(in folder: Folder) throws(RegistryError) -> LayoutIndex? {
        let seen = try failure.files { () throws(FileError) in try folder.status("index.json") }
        guard let seen else { return nil }
        if let known = known(seen) { return known }
        guard let file = try failure.filesIfPresent({ () throws(FileError) in try folder.file("index.json") }) else { return nil }
        let status = try failure.files { () throws(FileError) in try file.status() }
        return try parsing.withLock { (_) throws(RegistryError) in
            if let known = known(status) { return known }
            try checkVersion(in: folder)
            let bytes = try failure.files { () throws(FileError) in try file.readToEnd(limit: Self.largestIndex) }
            do throws(LayoutIndex.Invalid) {
                let index = try LayoutIndex(parsing: bytes)
                keep(index, status)
                return index
            } catch {
                throw failure.unreadable("", reason: "index.json cannot be understood: \(error)")
            }
        }
    }

    private func known(_ status: FileStatus) -> LayoutIndex? {
        cache.withLock { cache in cache.index.flatMap { $0.status == status ? $0.index : nil } }
    }

    private func keep(_ index: LayoutIndex, _ status: FileStatus?) {
        cache.withLock { cache in
            cache.index = status.map { ($0, index) }
            cache.lookup = nil
        }
    }

    /// As `index`, to look something up.
    func lookup(in folder: Folder) throws(RegistryError) -> IndexLookup? {
        guard let index = try index(in: folder) else { return nil }
        return cache.withLock { cache in
            if let lookup = cache.lookup { return lookup }
            // Another task may have kept a newer one meanwhile.
            let lookup = IndexLookup(cache.index?.index ?? index)
            if cache.index != nil { cache.lookup = lookup }
            return lookup
        }
    }

    /// What the index and `unlisted` lead to, from memory while the file is the same.
    func listedManifests(_ unlisted: [Digest: Descriptor]) throws(RegistryError) -> ListedManifests {
        guard let folder = try open() else { return ListedManifests([], [:]) }
        var index = try index(in: folder) ?? LayoutIndex()
        let status = cache.withLock { $0.index?.status }
        let waiting = Set(unlisted.keys)
        func known() -> ListedManifests? {
            cache.withLock { cache in cache.listed.flatMap { $0.status == status && $0.unlisted == waiting ? $0.manifests : nil } }
        }
        if let known = known() { return known }
        return try listing.withLock { (_) throws(RegistryError) in
            if let known = known() { return known }
            for descriptor in unlisted.values { _ = index.apply(.list(descriptor)) }
            let manifests = ListedManifests(index.entries, try listedManifests(index, in: folder))
            cache.withLock { $0.listed = status.map { ($0, waiting, manifests) } }
            return manifests
        }
    }

    /// A missing `oci-layout` is passed over, since it is made before anything is written; another version is not.
    private func checkVersion(in folder: Folder) throws(RegistryError) {
        let read = try failure.filesIfPresent { () throws(FileError) in try folder.file("oci-layout").readToEnd(limit: 1 << 16) }
        guard let read else { return }
        let version = (try? JSONValue(parsing: read))?["imageLayoutVersion"]?.string
        guard version == "1.0.0" else {
            throw failure.unreadable("", reason: "its file oci-layout does not name version 1.0.0 of the image layout")
        }
    }

    /// Writes `index.json`; the caller holds the index lock.
    func write(_ index: LayoutIndex, in folder: Folder) throws(RegistryError) {
        let status = try failure.files { () throws(FileError) in
            try folder.writeAtomically(index.bytes, to: "index.json")
            return try folder.status("index.json")
        }
        keep(index, status)
    }

    // MARK: Manifests

    /// What a file among the blobs has.
    private enum Reading {
        case bytes([UInt8])
        /// More than a manifest has.
        case noManifest
    }

    /// `nil`: not there, or something else than a manifest although `announced` does not call it one.
    func manifest(_ digest: Digest, announced: String?, in folder: Folder) throws(RegistryError) -> ManifestDocument? {
        let isAnnounced = announced.map { MediaType.isManifest($0) || MediaType.schema1.contains($0) } ?? false
        let found = try blob(digest, in: folder) { (blobs) throws(RegistryError) -> Reading? in
            do throws(FileError) {
                return .bytes(try blobs.read(digest.encoded, limit: ManifestDocument.largestSize))
            } catch {
                if error.code == .notFound { return nil }
                guard error.code == .tooLarge, !isAnnounced else { throw failure.error(error) }
                return .noManifest
            }
        }
        guard case .bytes(let bytes)? = found else { return nil }
        func checkDigest(_ actual: Digest) throws(RegistryError) {
            guard actual != digest else { return }
            throw failure.unreadable("@\(digest)", reason: "the file holds other bytes than its name says")
        }
        let document: ManifestDocument
        do throws(ManifestDocument.Invalid) {
            let type = announced.flatMap { $0.isEmpty ? nil : $0 }
            document = try ManifestDocument(bytes: bytes, mediaType: type, algorithm: digest.algorithm)
        } catch {
            try checkDigest(Digest.of(bytes, with: digest.algorithm))
            guard isAnnounced else { return nil }
            throw failure.unreadable("@\(digest)", reason: error.description)
        }
        try checkDigest(document.digest)
        cache.withLock { $0.facts[digest] = ManifestFacts(document) }
        return document
    }

    /// As `manifest`, from memory where it was read before and is still there.
    func facts(_ digest: Digest, announced: String?, in folder: Folder) throws(RegistryError) -> ManifestFacts? {
        if let known = cache.withLock({ $0.facts[digest] }), try blobSize(digest, in: folder) == known.descriptor.size { return known }
        guard let document = try manifest(digest, announced: announced, in: folder) else { return nil }
        return cache.withLock { $0.facts[digest] } ?? ManifestFacts(document)
    }

    /// `nil`: not there. Throws for what is not a regular file.
    func blobSize(_ digest: Digest, in folder: Folder) throws(RegistryError) -> Int64? {
        let found = try blob(digest, in: folder) { (blobs) throws(RegistryError) in
            try failure.files { () throws(FileError) in try blobs.status(digest.encoded) }
        }
        guard let status = found else { return nil }
        guard status.kind == .regular else {
            throw failure.error(.localFile, "read", "@\(digest)", reason: "it is not a regular file, and links are not followed")
        }
        return status.size
    }
}

extension Digest {
    /// Below a layout; a digest is hex alone, so this cannot lead anywhere else.
    var blobPath: String { "blobs/\(algorithm.rawValue)/\(encoded)" }
}
