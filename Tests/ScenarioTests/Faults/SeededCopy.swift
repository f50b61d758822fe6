import Diagnostics
import Execution
import Inspection
import Logging
import OCI
import Planning
import Registry
import RegistryHTTP
import RegistryTestSupport

/// A clock on which sleeping is over at once.
final class HastyClock: Clock {
    struct Instant: InstantProtocol {
        var offset: Duration

        func advanced(by duration: Duration) -> Instant { Instant(offset: offset + duration) }
        func duration(to other: Instant) -> Duration { other.offset - offset }
        static func < (left: Instant, right: Instant) -> Bool { left.offset < right.offset }
    }

    private let state = Mutexed(Instant(offset: .zero))

    var now: Instant { state.withLock { $0 } }
    var minimumResolution: Duration { .nanoseconds(1) }

    func sleep(until deadline: Instant, tolerance: Duration?) async throws {
        await Task.yield()
        try Task.checkCancellation()
        state.withLock { $0 = max($0, deadline) }
    }
}

/// An image for three platforms with a signature, an attestation's manifest and a cosign tag, which crplan plans and copies from one registry
/// to another; a proxy with a script stands before each.
struct SeededCopy: Sendable {
    enum Outcome: Hashable, Sendable {
        case complete
        /// What people are told.
        case failed(String)
    }

    struct Result: Sendable {
        var outcome: Outcome
        var requests: Int
        var struck: [String: Int]
        /// What must not be, whatever the outcome.
        var violations: [String]
    }

    static let repository = "team/app"
    static let tags = ["1.0", "stable"]

    private let image: Sample
    private let others: [Sample]
    private let cosign: (tag: TagName, sample: Sample)
    /// At the target before: where nothing is tagged, nothing is looked for.
    private let earlier: Sample

    init() throws {
        let platforms = ["amd64", "arm64", "s390x"].map { Platform(os: "linux", architecture: $0) }
        image = try Samples.multiPlatform(seed: 9, platforms: platforms, layerSize: 3_000)
        let signature = try Samples.referrer(to: image.root.descriptor, seed: 1)
        others = [signature, try Samples.referrer(to: image.root.descriptor, seed: 2, artifactType: "application/vnd.example.sbom.v1")]
        cosign = try Samples.cosignSignature(of: image.digest)
        earlier = try Samples.image(seed: 90)
    }

    /// Runs once, through proxies with these scripts.
    func run(_ source: FaultScript, _ target: FaultScript) async throws -> Result {
        var bearer = LoopbackAuthentication.Bearer(user: "alice", password: "wonder")
        bearer.realm = "/token"
        bearer.announcedLifetime = 2
        let options = LoopbackRegistryServer.Options(authentication: .bearer(bearer))
        let repository = try RepositoryName(Self.repository)
        return try await withLoopbackRegistryServer(try InMemoryRegistry(), options) { from in
            try await withLoopbackRegistryServer(try InMemoryRegistry(), options) { to in
                try from.registry.seed(image, tags: Self.tags, in: repository)
                for other in others { try from.registry.seed(other, in: repository) }
                try from.registry.seed(cosign.sample, tags: [cosign.tag.description], in: repository)
                try to.registry.seed(earlier, tags: ["earlier"], in: repository)
                return try await withFaultProxy(to: from.port, source, expireTokens: { from.expireTokens() }) { fromProxy in
                    try await withFaultProxy(to: to.port, target, expireTokens: { to.expireTokens() }) { toProxy in
                        let outcome = try await copy(from: fromProxy.port, to: toProxy.port)
                        return Result(
                            outcome: outcome,
                            requests: from.log.count + to.log.count,
                            struck: fromProxy.struck.merging(toProxy.struck, uniquingKeysWith: +),
                            violations: violations(at: to.registry, repository, outcome)
                        )
                    }
                }
            }
        }
    }

    private func copy(from fromPort: Int, to toPort: Int) async throws -> Outcome {
        let clock = WaitlessClock()
        let clients = try [fromPort, toPort].map { port in
            try HTTPRegistry(
                settings: HTTPRegistrySettings(id: try RegistryID(host: "127.0.0.1:\(port)"), plainHTTP: true),
                credentials: FixedCredentials(user: "alice", password: "wonder"),
                logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() },
                clock: clock.clock
            )
        }
        let outcome = await planAndApply(clients[0].id, clients[1].id, InMemoryDirectory(clients))
        for client in clients { await client.shutdown() }
        return try outcome.get()
    }

    private func planAndApply(
        _ from: RegistryID,
        _ to: RegistryID,
        _ registries: InMemoryDirectory
    ) async -> Swift.Result<Outcome, any Error> {
        do {
            let repository = try RepositoryName(Self.repository)
            var desired = DesiredState()
            for id in [from, to] { desired.registries[id] = RegistryDeclaration(id: id) }
            desired.images = try Self.tags.enumerated().map { place, tag in
                ImageEntry(
                    origin: Origin(file: "spec.yaml", line: place + 1),
                    source: .reference(RepositoryAddress(from, repository), .tag(try TagName(tag))),
                    targets: [RepositoryAddress(to, repository)],
                    tags: [try TagName(tag)]
                )
            }
            var planner = Planner(desired, policy: Policy())
            let inspector = Inspector(registries: registries, contents: NoLocalContents(), cache: nil, logger: Logger(label: "test"))
            let planned = try await inspector.answer { facts in
                switch planner.step(facts) {
                case .needs(let questions): InspectionStep<PlanResult>.needs(questions)
                case .result(let result): .result(result)
                }
            }
            if let error = planned.diagnostics.first(where: { $0.severity == .error }) { return .success(.failed(error.message)) }
            let executor = Executor(
                plan: planned.plan,
                planDigest: image.digest,
                registries: registries,
                contents: NoLocalContents(),
                journal: NoJournal(),
                options: ExecutionOptions(clock: HastyClock(), now: { 0 })
            )
            let report = await executor.run()
            if report.verdict == .complete { return .success(.complete) }
            return .success(.failed(report.firstFailure?.error.description ?? "\(report.rows.map(\.result.outcome))"))
        } catch {
            return .failure(error)
        }
    }

    /// A tag that holds anything but what the source has, or leads to less than all of it; with success, anything that is not there.
    private func violations(at registry: InMemoryRegistry, _ repository: RepositoryName, _ outcome: Outcome) -> [String] {
        var expected: [TagName: Digest] = [cosign.tag: cosign.sample.digest]
        if let name = try? TagName("earlier") { expected[name] = earlier.digest }
        for tag in Self.tags { if let name = try? TagName(tag) { expected[name] = image.digest } }
        var found: [String] = []
        let held = registry.tagsAndDigests(in: repository)
        for (tag, digest) in held {
            if expected[tag] != digest { found.append("\(tag) holds \(digest)") }
            if !registry.resolvesCompletely(repository, tag) { found.append("\(tag) is not whole") }
        }
        guard outcome == .complete else { return found }
        for tag in expected.keys where held[tag] == nil { found.append("\(tag) is missing") }
        let manifests = registry.snapshot().repositories[repository]?.manifests ?? [:]
        for other in others where manifests[other.digest] == nil { found.append("the referrer \(other.digest) is missing") }
        return found
    }
}
