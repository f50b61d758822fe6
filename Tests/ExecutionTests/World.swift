import Execution
import Files
import OCI
import Planning
import Registry
import RegistryTestSupport
import Synchronization

/// A source and two targets in memory, and the executor over them.
struct World {
    let source: InMemoryRegistry
    let us: InMemoryRegistry
    let de: InMemoryRegistry
    let journal = MemoryJournal()
    let clock = TestClock()
    let events = EventLog()
    let interruption = Interruption()
    var contents: any ContentSource = NoContents()
    /// What a cache would hold.
    var known: [Digest: ManifestDocument] = [:]

    init() throws {
        source = try InMemoryRegistry(host: "source.example")
        us = try InMemoryRegistry(host: "us.example")
        de = try InMemoryRegistry(host: "de.example")
    }

    static let app = "team/app"

    func repository(_ name: String = World.app) throws -> RepositoryName { try RepositoryName(name) }

    /// `sample` at the source, as the plan's contents list it.
    func sourced(_ sample: Sample) throws -> PlannedContent {
        try source.seed(sample, tags: ["from"], in: repository())
        return try Changes.content(sample, from: "source.example/\(World.app)")
    }

    func run(_ plan: Plan, parallelism: Int = 8, transfers: Int = 6, needsEveryUntag: Bool = true) async -> ExecutionReport {
        let clock = clock
        let executor = Executor(
            plan: plan,
            planDigest: Digest.sha256(of: []),
            registries: InMemoryDirectory([source, us, de]),
            contents: contents,
            journal: journal,
            options: ExecutionOptions(
                parallelism: parallelism,
                transfers: transfers,
                needsEveryUntag: needsEveryUntag,
                knownManifest: { [known] in known[$0] },
                clock: clock,
                now: { 1_700_000_000_000 }
            )
        )
        let events = events
        return await executor.run(events: { events.append($0) }, interruption: interruption)
    }

    func run(_ changes: [Change], _ contents: [PlannedContent] = [], parallelism: Int = 8) async -> ExecutionReport {
        await run(Changes.plan(changes, contents), parallelism: parallelism)
    }
}

extension ExecutionReport {
    func outcome(_ change: Change) -> ExecutionOutcome? { rows.first { $0.change == change.id }?.result.outcome }

    func result(_ change: Change) -> ChangeResult? { rows.first { $0.change == change.id }?.result }

    var failureCode: RegistryError.Code? { firstFailure?.error.code }
}

final class EventLog: Sendable {
    private let events = Mutex<[ExecutionEvent]>([])

    var all: [ExecutionEvent] { events.withLock { $0 } }

    func append(_ event: ExecutionEvent) { events.withLock { $0.append(event) } }
}

/// A journal in memory, which can fail from some line on.
final class MemoryJournal: JournalWriting {
    private struct State {
        var entries: [JournalEntry] = []
        var failsAfter = Int.max
    }

    private let state = Mutex(State())

    var entries: [JournalEntry] { state.withLock { $0.entries } }

    func fail(after count: Int) { state.withLock { $0.failsAfter = count } }

    func record(_ entry: JournalEntry, time: Int64) throws(FileError) {
        let isFull = state.withLock { state in
            if state.entries.count >= state.failsAfter { return true }
            state.entries.append(entry)
            return false
        }
        if isFull { throw FileError(.noSpace, action: "write", path: "journal.jsonl", reason: "no space left on the device") }
    }

    /// `intent put …`, `done put …`, in order, without the header.
    var lines: [String] {
        entries.compactMap { entry in
            switch entry {
            case .header: nil
            case .intent(let write): "intent \(write.change)"
            case .outcome(let write, let result): "\(result.rawValue) \(write.change)"
            }
        }
    }
}

struct NoContents: ContentSource {
    func inspect(_ location: ContentLocation) async throws(RegistryError) -> ContentInspection { throw missing(location) }

    func open(_ location: ContentLocation) async throws(RegistryError) -> any ContentReader { throw missing(location) }

    private func missing(_ location: ContentLocation) -> RegistryError {
        RegistryError(.notFound, action: "open", object: location.path, reason: "there is no such file")
    }
}

/// A sample as local content; blobs can be replaced by other bytes.
struct LocalContent: ContentSource, ContentReader {
    let sample: Sample
    var replaced: [Digest: [UInt8]] = [:]

    func inspect(_ location: ContentLocation) async throws(RegistryError) -> ContentInspection {
        ContentInspection(root: sample.root, manifests: [sample.digest: sample.root], imageID: nil)
    }

    func open(_ location: ContentLocation) async throws(RegistryError) -> any ContentReader { self }

    func manifest(_ digest: Digest) async throws(RegistryError) -> ManifestDocument {
        guard let document = sample.manifests.first(where: { $0.digest == digest }) else { throw missing(digest) }
        return document
    }

    func blob(_ descriptor: Descriptor, from offset: Int64) async throws(RegistryError) -> BlobStream {
        guard let bytes = replaced[descriptor.digest] ?? sample.blobs[descriptor.digest] else { throw missing(descriptor.digest) }
        return BlobStream(bytes, from: offset, pieceSize: 100)
    }

    private func missing(_ digest: Digest) -> RegistryError {
        RegistryError(.notFound, action: "read", object: "\(digest)", reason: "it is not there")
    }
}

/// Sleeps are over at once, but for those of the held durations: they last until the task is cancelled.
final class TestClock: Clock {
    struct Instant: InstantProtocol {
        var offset: Duration

        func advanced(by duration: Duration) -> Instant { Instant(offset: offset + duration) }
        func duration(to other: Instant) -> Duration { other.offset - offset }
        static func < (left: Instant, right: Instant) -> Bool { left.offset < right.offset }
    }

    private struct State {
        var now = Instant(offset: .zero)
        var held: Set<Duration>
        var sleeps: [Duration] = []
    }

    private let state: Mutex<State>

    /// A second is how long a target may hold up others, and five how long a write may last after an interruption.
    init(holding held: Set<Duration> = [.seconds(1), .seconds(5)]) {
        state = Mutex(State(held: held))
    }

    var now: Instant { state.withLock { $0.now } }
    var minimumResolution: Duration { .nanoseconds(1) }
    var sleeps: [Duration] { state.withLock { $0.sleeps } }

    /// Sleeps of this duration are over at once from now on.
    func stopHolding(_ duration: Duration) { state.withLock { _ = $0.held.remove(duration) } }

    func sleep(until deadline: Instant, tolerance: Duration?) async throws {
        let (isHeld, duration) = state.withLock { state in
            let duration = state.now.duration(to: deadline)
            state.sleeps.append(duration)
            return (state.held.contains(duration), duration)
        }
        if isHeld {
            for await _ in AsyncStream<Void>.makeStream().stream {}
        } else {
            await Task.yield()
        }
        try Task.checkCancellation()
        state.withLock { $0.now = $0.now.advanced(by: duration) }
    }
}
