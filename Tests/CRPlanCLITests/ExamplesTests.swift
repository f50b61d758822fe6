import FoundationEssentials
import OCI
import RegistryTestSupport
import Testing

/// Each example gives the plan that stands beside it, is applied, and leaves nothing to do.
@Suite struct ExamplesTests {
    /// What a registry of an example holds before: repository, tag, and the number that makes its content.
    struct Held: Sendable {
        var repository: String
        var tags: [String]
        var seed: UInt64
        var platforms = ["amd64", "arm64"]
    }

    struct Example: Sendable, CustomTestStringConvertible {
        var name: String
        var held: [(alias: String, images: [Held])]

        var testDescription: String { name }
    }

    static let examples = [
        Example(name: "quickstart", held: []),
        Example(
            name: "promotion",
            held: [
                (
                    "staging",
                    [
                        Held(repository: "shop/api", tags: ["1.4.2"], seed: 1), Held(repository: "shop/web", tags: ["1.4.2"], seed: 2),
                    ]
                ),
                (
                    "production",
                    [
                        Held(repository: "shop/api", tags: ["1.3.0", "1.3"], seed: 3),
                        Held(repository: "shop/api", tags: ["1.4.1", "stable"], seed: 4),
                        Held(repository: "shop/web", tags: ["stable"], seed: 5),
                    ]
                ),
            ]
        ),
        Example(
            name: "mirror",
            held: [
                (
                    "upstream",
                    ["1.18.0", "1.24.0", "1.25.1", "1.25.2", "1.26.0", "1.27.0", "1.27.1", "1.28.0-rc1"].enumerated().map { place, tag in
                        Held(repository: "library/nginx", tags: [tag], seed: UInt64(10 + place))
                    }
                        + ["10.4.1", "11.0.0", "11.1.0"].enumerated().map { place, tag in
                            Held(repository: "grafana/grafana", tags: [tag], seed: UInt64(20 + place))
                        }
                        + ["2.9.8", "3.0.0", "3.1.0"].enumerated().map { place, tag in
                            Held(repository: "grafana/loki", tags: [tag], seed: UInt64(30 + place))
                        }
                        + ["3.18", "3.19", "3.20"].enumerated().map { place, tag in
                            Held(
                                repository: "library/alpine",
                                tags: [tag],
                                seed: UInt64(40 + place),
                                platforms: ["amd64", "arm64", "s390x"]
                            )
                        }
                ),
                ("mirror", [Held(repository: "library/nginx", tags: ["1.25.2"], seed: 13)]),
            ]
        ),
        Example(
            name: "two-teams",
            held: [
                (
                    "ci",
                    [
                        Held(repository: "payments/api", tags: ["2.1.0"], seed: 1),
                        Held(repository: "search/indexer", tags: ["0.9.1"], seed: 2),
                    ]
                ),
                (
                    "eu",
                    [
                        Held(repository: "search/indexer", tags: ["0.9.0", "nightly-1122"], seed: 4),
                        Held(repository: "search/indexer", tags: ["0.8.0"], seed: 6),
                        Held(repository: "search/indexer", tags: ["nightly-1121"], seed: 3),
                    ]
                ),
                (
                    "us",
                    [
                        Held(repository: "search/indexer", tags: ["0.9.0", "nightly-1122"], seed: 4),
                        Held(repository: "search/indexer", tags: ["0.9.1"], seed: 2),
                    ]
                ),
            ]
        ),
    ]

    @Test(arguments: examples)
    func `an example gives the plan beside it, and nothing is left to do after it`(example: Example) async throws {
        let registries = try example.held.map { alias, images in
            let registry = try InMemoryRegistry(host: "\(alias).registry.example")
            for held in images { try Self.seed(held, into: registry) }
            return registry
        }
        try await withSandbox { sandbox in
            try await withServers(registries) { servers in
                expect(try await sandbox.shell("cp -R '\(Clone.root)/examples/\(example.name)/.' ."), 0)
                try Self.connect(sandbox, servers)
                let plan = try await sandbox.crplan("plan", "--detailed-exitcode")
                expect(plan, 2)
                #expect(plan.stderr.isEmpty, "\(plan.stderr)")
                try GoldenText.check(plan.stdout, "examples/\(example.name)/expected-plan.txt")
                expect(try await sandbox.crplan("apply", "--auto-approve"), 0, stdout: ["Apply complete: "])
                expect(try await sandbox.crplan("plan", "--detailed-exitcode"), 0, stdout: ["No changes."])
            }
        }
    }

    @Test func `no example lacks its test`() throws {
        let folders = try FileManager.default.contentsOfDirectory(atPath: "\(Clone.root)/examples")
        #expect(Set(folders) == Set(Self.examples.map(\.name) + ["ibm-cloud"]))
    }

    @Test(arguments: examples.map(\.name) + ["ibm-cloud"])
    func `an example is valid as it stands`(name: String) async throws {
        try await withSandbox { sandbox in
            let result = try await sandbox.crplan("validate", "--strict", "-C", "\(Clone.root)/examples/\(name)")
            expect(result, 0, stdout: ["The specs are valid"])
            #expect(result.stderr.isEmpty)
        }
    }

    @Test func `the quickstart runs from begin to end`() async throws {
        try await withSandbox { sandbox in
            let result = try await sandbox.shell(
                "TMPDIR='\(sandbox.work)' CRPLAN_BINARY=$CRPLAN '\(Clone.root)/examples/quickstart/run'"
            )
            expect(result, 0, stdout: ["Plan: 1 image to push, 4 tags to add.", "Apply complete: ", "No changes.", "== Done."])
            #expect(try FileManager.default.contentsOfDirectory(atPath: sandbox.work).isEmpty)
        }
    }

    private static func seed(_ held: Held, into registry: InMemoryRegistry) throws {
        let platforms = held.platforms.map { Platform(os: "linux", architecture: $0) }
        try registry.seed(
            Samples.multiPlatform(seed: held.seed, platforms: platforms),
            tags: held.tags,
            in: RepositoryName(held.repository)
        )
    }

    /// Only the way to the registries differs from what the example says.
    private static func connect(_ sandbox: Sandbox, _ servers: [LoopbackRegistryServer]) throws {
        var spec = try sandbox.read("crplan.yaml")
        for server in servers {
            let host = "{host: \(server.registry.id)}"
            guard spec.contains(host) else { throw TestSupportError("the example does not declare \(server.registry.id)") }
            spec = spec.replacing(host, with: "{host: \(server.registry.id), endpoint: \(server.url), plainHTTP: true}")
        }
        try sandbox.write(spec, to: "crplan.yaml")
    }
}
