import ArgumentParser
import CMalloc
import Diagnostics
import Glibc
import Inspection
import Logging
import OCI
import Planning
import Registry
import RegistryTestSupport
import Specification

/// Plans copies of many tags between two registries in memory, all in place: what planning costs without a network. `Tests/bench` runs it.
@main
struct PlanningBenchmark: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "PlanningBenchmark",
        abstract: "Plans a copy of many tags between two registries in memory, and prints what it took as JSON."
    )

    @Option(help: "Tags on each side.")
    var tags = 1_000_000

    @Option(help: "Repositories on each side; the tags are spread over them.")
    var repositories = 1_000

    static func main() async {
        // As crplan does.
        mallopt(M_ARENA_MAX, 1)
        await main(nil)
    }

    func run() async throws {
        let (source, target) = (try InMemoryRegistry(host: "source.example"), try InMemoryRegistry(host: "target.example"))
        try fill(source)
        let contents = source.snapshot()
        target.update { $0 = contents }
        for registry in [source, target] { registry.keepsOperations = false }
        let spec = Specification.read(
            SpecificationInput(files: [SpecFile(path: "crplan.yaml", bytes: Array(Self.spec.utf8))], mode: .files)
        )
        let start = ContinuousClock.now
        let cpu = Self.cpuSeconds()
        let inspector = Inspector(
            registries: InMemoryDirectory([source, target]),
            contents: NoContents(),
            cache: nil,
            logger: Logger(label: "benchmark")
        )
        var runs = 0
        var planning = Duration.zero
        var planner = Planner(spec.desired, policy: spec.policy)
        let result: PlanResult = try await inspector.answer { facts in
            let begin = ContinuousClock.now
            defer {
                runs += 1
                planning += ContinuousClock.now - begin
            }
            return switch planner.step(facts) {
            case .needs(let questions): .needs(questions)
            case .result(let result): .result(result)
            }
        }
        let seconds = (ContinuousClock.now - start) / .seconds(1)
        guard result.plan.changes.isEmpty, !result.diagnostics.hasErrors, result.plan.scope.declaredTags == tags else {
            throw ValidationError("the plan is not the expected one: \(result.plan.scope), \(result.diagnostics.map(\.message))")
        }
        let requests = source.requestCount + target.requestCount
        print(
            #"{"tags": \#(tags), "seconds": \#(seconds), "cpuSeconds": \#(Self.cpuSeconds() - cpu), "#
                + #""peakBytes": \#(Self.peakBytes()), "requests": \#(requests), "#
                + #""plannerRuns": \#(runs), "plannerSeconds": \#(planning / .seconds(1))}"#
        )
    }

    private static let spec = """
        apiVersion: crplan/v1
        registries: {source: {host: source.example}, target: {host: target.example}}
        copies: [{from: source, repositories: ["**"], to: target, tags: all}]

        """

    /// Few images under many tags: the registries are not what is measured.
    private func fill(_ registry: InMemoryRegistry) throws {
        let images = try (0..<100).map { try Samples.image(seed: UInt64($0), layerSize: 10) }
        let perRepository = max(1, tags / repositories)
        try registry.update { contents in
            for number in 0..<repositories {
                let name = try RepositoryName("team\(number % 50)/app\(number)")
                for (place, image) in images.enumerated() {
                    let names = stride(from: place, to: perRepository, by: images.count)
                    contents.seed(image, tags: try names.map { try TagName("1.\($0).0") }, in: name)
                }
            }
        }
    }

    private static func usage() -> rusage {
        var usage = rusage()
        getrusage(__rusage_who_t(RUSAGE_SELF.rawValue), &usage)
        return usage
    }

    private static func cpuSeconds() -> Double {
        let usage = usage()
        return Double(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) + Double(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6
    }

    private static func peakBytes() -> Int { usage().ru_maxrss * 1024 }
}

private struct NoContents: ContentSource {
    func inspect(_ location: ContentLocation) async throws(RegistryError) -> ContentInspection { throw missing(location) }

    func open(_ location: ContentLocation) async throws(RegistryError) -> any ContentReader { throw missing(location) }

    private func missing(_ location: ContentLocation) -> RegistryError {
        RegistryError(.notFound, action: "open", object: location.path, reason: "there is no such file")
    }
}
