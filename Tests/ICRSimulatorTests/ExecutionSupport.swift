import Execution
import Files
import Logging
import OCI
import Planning
import Registry
import RegistryTestSupport

@testable import ICRSimulation
@testable import RegistryHTTP
@testable import RegistryICR

/// A second of it lasts ten milliseconds: what waits half a minute does not hold up a test.
struct FastClock: Clock {
    private static let factor = 100
    private let clock = ContinuousClock()

    var now: ContinuousClock.Instant { clock.now }
    var minimumResolution: Duration { clock.minimumResolution }

    func sleep(until deadline: ContinuousClock.Instant, tolerance: Duration?) async throws {
        try await clock.sleep(for: clock.now.duration(to: deadline) / Self.factor)
    }
}

/// Somebody else makes the same removal a moment earlier: the second answer is what comes back.
struct OvertakenService: ServiceSending {
    let service: HTTPService

    func shutdown() async { await service.shutdown() }

    func send(_ request: ServiceRequest) async throws(RegistryError) -> ServiceAnswer {
        let isRemoval = request.method == "DELETE" || request.target.hasSuffix("/bulkdelete")
        if isRemoval { _ = try await service.send(request) }
        return try await service.send(request)
    }
}

struct NoContents: ContentSource {
    func inspect(_ location: ContentLocation) async throws(RegistryError) -> ContentInspection { throw missing(location) }

    func open(_ location: ContentLocation) async throws(RegistryError) -> any ContentReader { throw missing(location) }

    private func missing(_ location: ContentLocation) -> RegistryError {
        RegistryError(.notFound, action: "open", object: location.path, reason: "there is no such file")
    }
}

/// What a run did, and what it wrote down.
struct Applied: Sendable {
    let report: ExecutionReport
    let journal: Journal

    subscript(_ change: Change) -> ExecutionOutcome? { report.rows.first { $0.change == change.id }?.result.outcome }

    var outcomes: [ExecutionOutcome] { report.rows.map(\.result.outcome) }

    /// How the writes ended, in the order in which they began.
    var results: [JournalEntry.Result?] { journal.writes.map(\.result) }

    var error: RegistryError? { report.firstFailure?.error }
}

/// A change with the content that it puts, if it puts any.
struct Planned: Sendable {
    var change: Change
    var contents: [PlannedContent] = []
}

extension Cloud {
    /// Runs the changes, in this order where they do not say another.
    @discardableResult
    func apply(_ changes: [Change], _ contents: [PlannedContent] = [], with client: ICRRegistry? = nil) async throws -> Applied {
        try await withTemporaryDirectory { folder in
            let file = try JournalFile("\(folder)/run.jsonl")
            var plan = Plan(source: .workspace)
            plan.changes = changes
            plan.contents = contents
            let executor = Executor(
                plan: plan,
                planDigest: Digest.sha256(of: []),
                registries: InMemoryDirectory([client ?? registry]),
                contents: NoContents(),
                journal: file,
                options: ExecutionOptions(clock: FastClock())
            )
            let report = await executor.run()
            return Applied(report: report, journal: try Journal(parsing: try readFile(file.path)))
        }
    }

    func apply(_ change: Change) async throws -> Applied { try await apply([change]) }

    func apply(_ planned: Planned, with client: ICRRegistry? = nil) async throws -> Applied {
        try await apply([planned.change], planned.contents, with: client)
    }

    /// Requests to the management API that begin so.
    func count(_ line: String) -> Int { simulator.managementLines.count { $0.hasPrefix(line) } }

    /// A client that may read and write content, and has no login for the management API.
    func contentClient() throws -> ICRRegistry { try client(nil, try service(.open(host))) }

    func service(_ place: ICRSimulator.Place) throws -> HTTPService {
        try HTTPService(
            settings: HTTPRegistrySettings(id: registry.id, endpoint: simulator.url(place)),
            logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
        )
    }

    /// A Manager's client whose management API is reached through `service`.
    func client(through service: any ServiceSending) throws -> ICRRegistry {
        try client(.apiKey(Secret(simulator.options.apiKey)), service)
    }

    private func client(_ login: IBMCloudCredential.Kind?, _ service: any ServiceSending) throws -> ICRRegistry {
        let logger = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
        let settings = HTTPRegistrySettings(id: registry.id, endpoint: simulator.url(.open(host)))
        let reader = FixedCredentials(user: "iamapikey", password: simulator.options.apiKey)
        return ICRRegistry(
            content: try HTTPRegistry(settings: settings, credentials: reader, logger: logger),
            management: service,
            login: IAMLogin(registry: registry.id, provider: FixedCloudCredential(kind: login), iam: try self.service(.iam)),
            account: nil,
            logger: logger
        )
    }

    // MARK: Changes

    func address(_ repository: String = Self.repository) throws -> RepositoryAddress {
        RepositoryAddress(registry.id, try RepositoryName(repository))
    }

    private func change(
        _ kind: ChangeKind,
        _ target: ChangeTarget,
        old: Digest? = nil,
        new: Digest? = nil,
        content: PlannedContent.ID? = nil,
        setting: NamespaceSetting? = nil,
        _ method: ChangeMethod,
        _ preconditions: [Precondition],
        after: [Change] = []
    ) -> Change {
        Change(
            kind: kind,
            target: target,
            oldDigest: old,
            newDigest: new,
            content: content,
            setting: setting,
            method: method,
            reason: "never read",
            origin: Origin(file: "spec.yaml", line: 1),
            undo: .none,
            preconditions: preconditions,
            after: after.map(\.id).sorted()
        )
    }

    func set(_ setting: NamespaceSetting, _ preconditions: [Precondition], on name: String = "birds", after: [Change] = []) -> Change {
        let kind: ChangeKind = if case .retention = setting { .retention } else { .namespace }
        return change(kind, .namespace(registry.id, name), setting: setting, .management, preconditions, after: after)
    }

    func untag(_ tag: String, at old: Digest) throws -> Change {
        change(.untag, .manifest(try address(), .tag(try TagName(tag))), old: old, .management, [.at(old)])
    }

    func delete(_ digest: Digest, tags: [String]) throws -> Change {
        let names = try tags.map { try TagName($0) }
        let target = ChangeTarget.manifest(try address(), .digest(digest))
        return change(.delete, target, old: digest, .management, [.tagsOnDigest(names), .unneeded(digest)])
    }

    /// `tag`: nil to restore by digest.
    func restore(_ digest: Digest, tag: String? = nil) throws -> Change {
        let reference: ManifestReference = if let tag { .tag(try TagName(tag)) } else { .digest(digest) }
        return change(.restore, .manifest(try address(), reference), new: digest, .management, [.inTrash(digest), .absent])
    }

    /// Puts an image of this registry under a tag elsewhere in it.
    func put(
        _ digest: Digest,
        as tag: String,
        in repository: String = "birds/b",
        old: Digest? = nil,
        manifest: String? = nil
    ) throws -> Planned {
        let content = PlannedContent(
            identity: manifest == nil ? .exact(digest) : .derived(recipe: "test", digest),
            digest: digest,
            mediaType: MediaType.ociManifest,
            origin: .registry(try address()),
            manifest: manifest,
            label: "source"
        )
        let target = ChangeTarget.manifest(try address(repository), .tag(try TagName(tag)))
        let precondition = old.map { Precondition.at($0) } ?? .absent
        let change = change(.put, target, old: old, new: digest, content: content.id, .tag, [precondition])
        return Planned(change: change, contents: [content])
    }
}
