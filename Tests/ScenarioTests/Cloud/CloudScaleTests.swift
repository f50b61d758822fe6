import ICRSimulation
import OCI
import RegistryTestSupport
import Testing

/// Large accounts: what a plan over them costs in requests. Times and memory are printed, not judged.
@Suite(.timeLimit(.minutes(10))) struct CloudScaleTests {
    private struct Size {
        var namespaces: Int
        var repositories: Int
        var images: Int

        static let whole = Size(namespaces: 50, repositories: 100, images: 20)
        static let small = Size(namespaces: 5, repositories: 20, images: 10)
    }

    @Test("a plan over a large account asks once for each namespace")
    func largeAccount() async throws {
        if !LongMode.isOn { LongMode.note(leftOut: "a plan for 50 namespaces, 5,000 repositories and 100,000 images") }
        let size = LongMode.isOn ? Size.whole : .small
        try await withICRSimulatorProcess { simulator in
            try await withScenario { scenario in
                let names = (0..<size.namespaces).map { "team-\($0)" }
                for name in names { try await Self.seed(name, size, simulator) }
                let images = names.flatMap { name in
                    (0..<size.repositories).map {
                        "  - {to: us/\(name)/app\($0), from: \"us/\(name)/app\($0):v1\", tags: [stable], referrers: false}"
                    }
                }
                try scenario.write(
                    """
                    registries:
                      us: {host: us.icr.io, endpoint: "\(simulator.url("us.icr.io"))"}
                    policy: {limits: {deletions: none, repositoryShare: none}}
                    absent: ["us/**:pr-*"]
                    images:
                    \(images.joined(separator: "\n"))
                    """
                )
                try await simulator.control("DELETE", "log")
                let plan = try await run(
                    "python3",
                    ["-c", Self.measuring, try Program.path(), "plan"],
                    environment: scenario.environment.merging(["IBMCLOUD_API_KEY": simulator.apiKey]) { $1 },
                    in: scenario.workspace,
                    timeLimit: .seconds(300)
                )
                let repositories = size.namespaces * size.repositories
                #expect(plan.status == 0 && plan.stdout.contains("to untag"), "\(plan.said.prefix(2000))")
                let lines = try await simulator.log().compactMap { "\($0["method"]?.string ?? "") \($0["target"]?.string ?? "")" }
                print(
                    "\(size.namespaces) namespaces, \(repositories) repositories, \(repositories * size.images) images:",
                    "\(lines.count) requests; \(plan.stderr.split(separator: "\n").last ?? "")"
                )
                // Beside the lists: the login, and the list of the namespaces.
                #expect(lines.filter { $0.hasSuffix("/images/digests") }.count == size.namespaces)
                #expect(lines.count <= size.namespaces + 5, "\(lines.prefix(100))")
            }
        }
    }

    private static func seed(_ name: String, _ size: Size, _ simulator: ICRSimulatorProcess) async throws {
        var seeds: [SimulatedSeed] = []
        for number in 0..<size.repositories {
            let (repository, first) = ("\(name)/app\(number)", UInt64(number * 1000))
            var builds = SimulatedSeed(repository, tags: [number % 2 == 0 ? "pr-" : "build-"], seed: first + 1)
            builds.count = size.images
            seeds += [SimulatedSeed(repository, tags: ["v1", "stable"], seed: first), builds]
        }
        for index in seeds.indices { seeds[index].hasBlobs = false }
        try await simulator.control("POST", "images", try JSONValue(encoding: seeds))
    }

    /// Runs a program and says what it cost; its last line on stderr.
    private static let measuring = """
        import resource, subprocess, sys, time
        start = time.monotonic()
        status = subprocess.run(sys.argv[1:]).returncode
        used = resource.getrusage(resource.RUSAGE_CHILDREN)
        print(f"{time.monotonic() - start:.1f} s, {used.ru_utime + used.ru_stime:.1f} s of CPU, {used.ru_maxrss // 1024} MiB at most",
              file=sys.stderr)
        sys.exit(status)
        """
}
