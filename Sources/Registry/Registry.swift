package import OCI

/// The manifests whose `subject` is one digest, and how the registry told.
package struct Referrers: Hashable, Sendable {
    package enum Source: String, Hashable, Sendable {
        case api, fallbackTag
    }

    package var descriptors: [Descriptor]
    package var source: Source

    package init(_ descriptors: [Descriptor], source: Source) {
        self.descriptors = descriptors
        self.source = source
    }
}

/// Content that can be read by digest: one repository of a registry, an archive, a layout.
package protocol ContentReader: Sendable {
    /// The manifest with exactly this digest, verified. Throws `.notFound` when it is not there.
    func manifest(_ digest: Digest) async throws(RegistryError) -> ManifestDocument

    /// The blob's bytes from `offset` on, in order, each piece at most 1 MiB. Errors while reading are `RegistryError`s.
    /// The reader of the stream verifies the digest of the whole; the stream ends after at most `descriptor.size - offset` bytes.
    func blob(_ descriptor: Descriptor, from offset: Int64) async throws(RegistryError) -> BlobStream
}

/// The bytes of a blob, in pieces.
package typealias BlobStream = PieceStream<BlobBytes>

/// Pieces of a blob. Iterate once. Dropping the iterator, or cancelling the task, ends the transfer.
package struct PieceStream<Element: Sendable>: AsyncSequence, Sendable {
    private let makeNext: @Sendable () -> (() async throws(RegistryError) -> Element?)

    /// `makeNext` gives the function that yields the next piece, or nil at the end.
    package init(_ makeNext: @escaping @Sendable () -> (() async throws(RegistryError) -> Element?)) {
        self.makeNext = makeNext
    }

    package struct AsyncIterator: AsyncIteratorProtocol {
        let nextPiece: () async throws(RegistryError) -> Element?

        package mutating func next() async throws(RegistryError) -> Element? { try await nextPiece() }

        package mutating func next(isolation actor: isolated (any Actor)?) async throws(RegistryError) -> Element? {
            try await nextPiece()
        }
    }

    package func makeAsyncIterator() -> AsyncIterator { AsyncIterator(nextPiece: makeNext()) }
}

extension BlobStream {
    /// What can be read at any offset, in pieces of 256 KiB. `read` gives up to `count` bytes from `offset` on, fewer only at the end.
    /// Throws `cancelled` between pieces once the task is cancelled.
    package init(
        from offset: Int64,
        to end: Int64,
        cancelled: RegistryError,
        read: @escaping @Sendable (_ offset: Int64, _ count: Int) throws(RegistryError) -> [UInt8]
    ) {
        self.init {
            var next = Swift.max(offset, 0)
            return { () async throws(RegistryError) in
                let count = Int(Swift.min(end - next, 1 << 18))
                guard count > 0 else { return nil }
                if Task.isCancelled { throw cancelled }
                let piece = try read(next, count)
                next += Int64(piece.count)
                return piece.isEmpty ? nil : BlobBytes(piece)
            }
        }
    }
}

/// The reading half of a registry. Absence is an answer (`nil`), never an error; everything that hinders an answer is thrown.
/// Implementations limit requests per host, retry what is safe to repeat, and may be called from any task at once.
package protocol RegistryReader: Sendable {
    var id: RegistryID { get }

    /// The manifest's digest, type and size, without its body. `nil`: the tag, digest or repository is not there.
    func head(_ reference: ManifestReference, in repository: RepositoryName) async throws(RegistryError) -> ManifestHead?

    /// The manifest with its bytes verified against the digest asked for. `nil`: not there.
    func manifest(_ reference: ManifestReference, in repository: RepositoryName) async throws(RegistryError) -> ManifestDocument?

    /// All tags, sorted, without duplicates, companions included. `nil`: the repository is not there.
    /// A list that could not be read to its end is an error, never a shorter list.
    func tags(in repository: RepositoryName) async throws(RegistryError) -> [TagName]?

    /// All repositories, sorted. Throws `.unsupported` where the registry does not list them.
    func repositories() async throws(RegistryError) -> [RepositoryName]

    /// Every manifest of the repository, untagged ones too; `nil` where the registry cannot list them.
    func digests(in repository: RepositoryName) async throws(RegistryError) -> [Digest]?

    /// The manifests whose subject is `digest`: from the API, else from the fallback tag.
    func referrers(of digest: Digest, in repository: RepositoryName) async throws(RegistryError) -> Referrers

    /// The blob's size in bytes. `nil`: not there.
    func headBlob(_ digest: Digest, in repository: RepositoryName) async throws(RegistryError) -> Int64?

    /// As `ContentReader.blob`.
    func blob(_ descriptor: Descriptor, from offset: Int64, in repository: RepositoryName) async throws(RegistryError) -> BlobStream

    /// Answered without a write: from what the registry has shown so far, or by a harmless read.
    func capability(_ feature: RegistryFeature, in repository: RepositoryName) async throws(RegistryError) -> Capability

    /// Who the registry takes us for, for `init`: checks the login with a harmless read.
    func checkLogin() async throws(RegistryError) -> LoginReport

    /// Where a task runs best that makes one small request after the other, each time maybe another; `nil`: anywhere. Nothing that takes
    /// long may run there.
    func requestExecutor() -> (any TaskExecutor)?

    /// The repository as it stands now, to answer many questions about it together; `nil` where each takes a request of its own.
    func view(of repository: RepositoryName) throws(RegistryError) -> (any RepositoryView)?

    /// Whether `view` gives one.
    var hasViews: Bool { get }

    /// How many manifests may be read there; `nil` where nothing counts them.
    var pulls: PullAllowance? { get }

    /// Its management API; `nil` where there is none.
    var administration: (any RegistryAdministration)? { get }
}

extension RegistryReader {
    package var administration: (any RegistryAdministration)? { nil }

    package var pulls: PullAllowance? { nil }

    package func requestExecutor() -> (any TaskExecutor)? { nil }

    package var hasViews: Bool { false }

    package func view(of repository: RepositoryName) throws(RegistryError) -> (any RepositoryView)? { nil }
}

/// One repository at one time. What it answers is what the methods of `RegistryReader` would.
package protocol RepositoryView: Sendable {
    func head(_ tag: TagName) throws(RegistryError) -> ManifestHead?

    func referrers(of digest: Digest) throws(RegistryError) -> Referrers
}

/// What `init HOST` says about a registry. No secret in it.
package struct LoginReport: Hashable, Sendable {
    /// The user's name, when credentials were used.
    package var user: String?
    /// Where the credentials came from, such as `~/.docker/config.json`.
    package var credentialSource: String?
    package var facts: [String]

    package init(user: String?, credentialSource: String?, facts: [String]) {
        self.user = user
        self.credentialSource = credentialSource
        self.facts = facts
    }
}

/// The writing half. Every call is safe to repeat: what is already so counts as done.
package protocol RegistryWriter: RegistryReader {
    /// Begins a stretch of writing into one repository: from the first blob to the last tag. A layout holds its shared lock
    /// meanwhile, so that no clean-up removes blobs which no manifest names yet; over HTTP it costs nothing.
    func beginWriting(in repository: RepositoryName) async throws(RegistryError) -> any WriteLease

    /// Whether the repository has no tag, as far as one small request tells; `false` too where that cannot be known. What is pushed to such
    /// a repository is most likely missing there, so that it is not worth looking for.
    func lacksTags(in repository: RepositoryName) async -> Bool

    /// Takes the blob, which is not there, over from another repository of the same registry. `false`: the registry would not; send it
    /// instead.
    func mountBlob(_ descriptor: Descriptor, from source: RepositoryName, into repository: RepositoryName) async throws(RegistryError)
        -> Bool

    /// Sends the blob. Errors that `body` throws pass through unchanged, so that the failing side stays known, and leave nothing behind.
    /// `isKnownMissing`: it is sent at once; else it is looked for first, and what is there is not sent.
    func putBlob(_ body: BlobBody, into repository: RepositoryName, isKnownMissing: Bool) async throws(RegistryError)

    /// Puts the manifest's exact bytes under its digest or a tag; the registry's answer must name the same digest. Where the manifest has a
    /// subject and the registry does not keep referrers itself, the fallback tag's index is brought up to date too.
    func putManifest(_ document: ManifestDocument, at reference: ManifestReference, in repository: RepositoryName)
        async throws(RegistryError)

    /// Removes one tag; its manifest and its other tags stay. Throws `.unsupported` where the registry cannot; never falls back on a delete.
    func deleteTag(_ tag: TagName, in repository: RepositoryName) async throws(RegistryError)

    /// Removes a manifest by digest, with every tag on it. Throws `.incomplete` where it is gone, but tags stay listed with nothing under them.
    func deleteManifest(_ digest: Digest, in repository: RepositoryName) async throws(RegistryError)

    /// Whether `.deleteTag` or `.deleteManifest` is enabled and permitted in the repository, found out by the deletion of a random tag or
    /// digest that is not there. `.no` only where the registry says that it cannot; what proves nothing (401, 403, 429, 5xx, no answer) is
    /// thrown. As `capability` where that knows already, and for every other feature.
    func probe(_ feature: RegistryFeature, in repository: RepositoryName) async throws(RegistryError) -> Capability
}

extension RegistryWriter {
    package func putBlob(_ body: BlobBody, into repository: RepositoryName) async throws(RegistryError) {
        try await putBlob(body, into: repository, isKnownMissing: false)
    }

    package func lacksTags(in repository: RepositoryName) async -> Bool {
        do throws(RegistryError) {
            return try await tags(in: repository)?.isEmpty ?? true
        } catch {
            // Whoever writes there next hears of it.
            return false
        }
    }

    package func probe(_ feature: RegistryFeature, in repository: RepositoryName) async throws(RegistryError) -> Capability {
        try await capability(feature, in: repository)
    }
}

/// Held while a repository is written. Call `end` exactly once.
package protocol WriteLease: Sendable {
    func end() async
}

/// A registry that is read only through one repository, as content.
package struct RepositoryContent: ContentReader {
    package let registry: any RegistryReader
    package let repository: RepositoryName

    package init(_ registry: any RegistryReader, _ repository: RepositoryName) {
        self.registry = registry
        self.repository = repository
    }

    package func manifest(_ digest: Digest) async throws(RegistryError) -> ManifestDocument {
        guard let document = try await registry.manifest(.digest(digest), in: repository) else {
            throw RegistryError(
                .notFound,
                action: "read manifest",
                object: "\(registry.id)/\(repository)@\(digest)",
                registry: registry.id,
                reason: "the registry does not have it"
            )
        }
        return document
    }

    package func blob(_ descriptor: Descriptor, from offset: Int64) async throws(RegistryError) -> BlobStream {
        try await registry.blob(descriptor, from: offset, in: repository)
    }
}

/// From a name to the registry behind it; made once per run, so that connections, tokens and limits are shared.
package protocol RegistryDirectory: Sendable {
    /// Throws `.unsupported` for a registry that the run does not know.
    func registry(_ id: RegistryID) throws(RegistryError) -> any RegistryWriter
}
