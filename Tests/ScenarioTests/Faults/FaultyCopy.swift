import Execution
import Files
import Logging
import OCI
import Planning
import Registry
import RegistryHTTP
import RegistryTestSupport
import Synchronization
import Testing

/// A clock on which waiting takes no time; it keeps what was waited for.
final class WaitlessClock: Sendable {
    private let state = Mutex((now: 1_000_000.0, waits: [Double]()))

    var waits: [Double] { state.withLock { $0.waits } }

    var clock: RegistryClock {
        RegistryClock(
            wallSeconds: { self.state.withLock { $0.now } },
            uptime: { self.state.withLock { $0.now } },
            sleep: { seconds throws(CancellationError) in
                if Task.isCancelled { throw CancellationError() }
                self.state.withLock {
                    $0.now += seconds
                    if seconds > 0 { $0.waits.append(seconds) }
                }
            },
            jitter: { 1 }
        )
    }
}

/// An image of five layers at one registry, which is to be copied to another, over HTTP; each server may be told to misbehave.
struct FaultyCopy: Sendable {
    static let repository = "team/app"
    static let tag = "1.0"

    let sample: Sample
    let source: LoopbackRegistryServer
    let target: LoopbackRegistryServer
    let from: HTTPRegistry
    let to: HTTPRegistry
    let clock: WaitlessClock

    func repository() throws -> RepositoryName { try RepositoryName(Self.repository) }
    func tag() throws -> TagName { try TagName(Self.tag) }

    /// The first layer; `path` ends so at either server.
    var layer: Digest { sample.root.image?.layers.first?.digest ?? sample.digest }

    func isLayer(_ request: LoopbackRequest) -> Bool { request.path.hasSuffix("/blobs/\(layer)") }

    /// What the target's tag holds.
    func tagged() throws -> Digest? { target.registry.tagsAndDigests(in: try repository())[try tag()] }

    /// Copies the image; `source` may be another registry that has it.
    func copy(over old: Digest? = nil, reading other: (any RegistryWriter)? = nil) async throws -> ExecutionReport {
        let reader: any RegistryWriter = other ?? from
        let address = RepositoryAddress(reader.id, try repository())
        let content = PlannedContent(
            identity: .exact(sample.digest),
            digest: sample.digest,
            mediaType: sample.root.mediaType,
            origin: .registry(address),
            label: address.description
        )
        let change = change(.put, old: old, new: sample.digest, content: content.id, .copy, try tagTarget())
        return await run([change], [content], [reader, to])
    }

    func untag(at digest: Digest) async throws -> ExecutionReport {
        await run([change(.untag, old: digest, .deleteTag, try tagTarget())])
    }

    func delete(_ digest: Digest) async throws -> ExecutionReport {
        var deletion = change(.delete, old: digest, .deleteManifest, .manifest(RepositoryAddress(to.id, try repository()), .digest(digest)))
        deletion.preconditions = [.tagsOnDigest([try tag()]), .unneeded(digest)]
        return await run([deletion])
    }

    /// All of the image is at the target, under its tag.
    func expectCopied(_ report: ExecutionReport, sourceLocation: SourceLocation = #_sourceLocation) throws {
        #expect(report.verdict == .complete, "\(report.rows.map(\.result.outcome))", sourceLocation: sourceLocation)
        #expect(try tagged() == sample.digest, sourceLocation: sourceLocation)
        #expect(target.registry.resolvesCompletely(try repository(), try tag()), sourceLocation: sourceLocation)
    }

    /// Nothing stands under the tag; gives the error.
    func expectNotCopied(_ report: ExecutionReport, sourceLocation: SourceLocation = #_sourceLocation) throws -> RegistryError {
        #expect(report.verdict == .failed, sourceLocation: sourceLocation)
        #expect(try tagged() == nil, sourceLocation: sourceLocation)
        return try #require(report.firstFailure?.error, sourceLocation: sourceLocation)
    }

    private func tagTarget() throws -> ChangeTarget { .manifest(RepositoryAddress(to.id, try repository()), .tag(try tag())) }

    private func change(
        _ kind: ChangeKind,
        old: Digest?,
        new: Digest? = nil,
        content: PlannedContent.ID? = nil,
        _ method: ChangeMethod,
        _ target: ChangeTarget
    ) -> Change {
        Change(
            kind: kind,
            target: target,
            oldDigest: old,
            newDigest: new,
            content: content,
            method: method,
            reason: "",
            origin: Origin(file: "spec.yaml", line: 1),
            undo: .none,
            preconditions: [old.map { .at($0) } ?? .absent]
        )
    }

    private func run(_ changes: [Change], _ contents: [PlannedContent] = [], _ registries: [any RegistryWriter]? = nil) async
        -> ExecutionReport
    {
        var plan = Plan(source: .workspace)
        plan.changes = changes
        plan.contents = contents
        let executor = Executor(
            plan: plan,
            planDigest: sample.digest,
            registries: InMemoryDirectory(registries ?? [from, to]),
            contents: NoLocalContents(),
            journal: NoJournal()
        )
        return await executor.run()
    }
}

/// `sourcePort`: where the source is reached, when that is not the server itself. A layer has `layerSize` bytes.
func withFaultyCopy(
    layerSize: Int = 20_000,
    _ options: LoopbackRegistryServer.Options = .init(),
    credentials: any CredentialProvider = FixedCredentials(),
    sourcePort: (@Sendable (LoopbackRegistryServer) -> Int)? = nil,
    _ body: @escaping @Sendable (FaultyCopy) async throws -> Void
) async throws {
    let sample = try Samples.image(layerCount: 5, layerSize: layerSize)
    try await withLoopbackRegistryServer(try InMemoryRegistry(), options) { source in
        try await withLoopbackRegistryServer(try InMemoryRegistry(), options) { target in
            let clock = WaitlessClock()
            func client(_ port: Int) throws -> HTTPRegistry {
                let settings = HTTPRegistrySettings(id: try RegistryID(host: "127.0.0.1:\(port)"), plainHTTP: true)
                return try HTTPRegistry(settings: settings, credentials: credentials, logger: Logger(label: "test"), clock: clock.clock)
            }
            let from = try client(sourcePort?(source) ?? source.port)
            let to = try client(target.port)
            let copy = FaultyCopy(sample: sample, source: source, target: target, from: from, to: to, clock: clock)
            try source.registry.seed(sample, tags: [FaultyCopy.tag], in: copy.repository())
            do {
                try await body(copy)
            } catch {
                await from.shutdown()
                await to.shutdown()
                throw error
            }
            await from.shutdown()
            await to.shutdown()
        }
    }
}

struct NoJournal: JournalWriting {
    func record(_ entry: JournalEntry, time: Int64) throws(FileError) {}
}

struct NoLocalContents: ContentSource {
    func inspect(_ location: ContentLocation) async throws(RegistryError) -> ContentInspection { throw missing(location) }
    func open(_ location: ContentLocation) async throws(RegistryError) -> any ContentReader { throw missing(location) }

    private func missing(_ location: ContentLocation) -> RegistryError {
        RegistryError(.notFound, action: "open", object: location.path, reason: "there is no such file")
    }
}
