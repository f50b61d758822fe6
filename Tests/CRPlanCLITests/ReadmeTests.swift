import FoundationEssentials
import OCI
import RegistryTestSupport
import Testing

/// What the README says holds.
@Suite struct ReadmeTests {
    /// The README, cut at its fences: text, block, text, block…
    private static func pieces() throws -> [String] {
        try Clone.text("README.md").split(separator: "```", omittingEmptySubsequences: false).map(String.init)
    }

    /// The spec at its top, connected to loopback. An empty line becomes the alias for Docker Hub, so that no line number changes.
    private static func spec(eu: String, us: String, hub: String) throws -> String {
        let block = try #require(pieces().first { $0.hasPrefix("yaml\n") }).dropFirst("yaml\n".count)
        let connected = block.replacing("eu.registry.example}", with: "eu.registry.example, endpoint: \(eu), plainHTTP: true}")
            .replacing(
                "us.registry.example}\n\n",
                with:
                    "us.registry.example, endpoint: \(us), plainHTTP: true}\n  hub: {host: docker.io, endpoint: \(hub), plainHTTP: true}\n"
            )
        try #require(connected.contains(hub) && connected.contains(eu))
        return String(connected)
    }

    private static let mebibyte = 1 << 20

    /// Two platforms; the layers have sizes as real ones do.
    private static func image(_ seed: UInt64, layers: [Int]) throws -> Sample {
        let images = try ["amd64", "arm64"].enumerated().map { place, name in
            try Samples.image(
                seed: seed * 10 + UInt64(place),
                platform: Platform(os: "linux", architecture: name),
                layers: layers.map { [UInt8](repeating: UInt8(seed) + UInt8(place), count: $0) }
            )
        }
        return try Samples.index(of: images)
    }

    @Test func `the plan shown is the plan of the spec shown`() async throws {
        let registries = try ["eu.registry.example", "us.registry.example", "docker.io"].map { try InMemoryRegistry(host: $0) }
        let api = try RepositoryName("payments/api")
        for registry in registries.prefix(2) {
            try registry.seed(Self.image(1, layers: [9 * Self.mebibyte, 400_000]), tags: ["1.4.1", "stable"], in: api)
        }
        try registries[0].seed(Self.image(3, layers: [7 * Self.mebibyte]), tags: ["1.0.0", "1.0"], in: api)
        try registries[2].seed(Self.image(5, layers: [10 * Self.mebibyte, 212_345]), tags: ["1.27.4"], in: RepositoryName("library/nginx"))
        try await withSandbox { sandbox in
            try await withServers(registries) { servers in
                try sandbox.write(Self.spec(eu: servers[0].url, us: servers[1].url, hub: servers[2].url), to: "crplan.yaml")
                let plan = try await sandbox.crplan("plan")
                expect(plan, 0)
                #expect(plan.stderr.isEmpty, "\(plan.stderr)")
                try Self.checkPlan(plan.stdout)
            }
        }
    }

    private static func checkPlan(_ plan: String) throws {
        var pieces = try pieces()
        let place = try #require(pieces.firstIndex { $0.hasPrefix("\nPlan: ") })
        if GoldenText.isUpdating {
            pieces[place] = "\n" + plan
            try Data(pieces.joined(separator: "```").utf8).write(to: URL(filePath: "\(Clone.root)/README.md"))
        } else {
            #expect("\n" + plan == pieces[place])
        }
    }

    @Test func `every command it names exists, with the options it names`() async throws {
        let text = try Clone.text("README.md")
        let named = Set(text.matches(of: /`crplan ([a-z]+)/).map { String($0.output.1) }).subtracting(["help"])
        #expect(named.isSuperset(of: Set(CommandLineTests.commands)))
        try await withSandbox { sandbox in
            for command in named { expect(try await sandbox.crplan("help", command), 0, stdout: ["crplan \(command)"]) }
            for line in text.split(separator: "\n") where line.hasPrefix("| `crplan ") {
                let command = try #require(line.firstMatch(of: /`crplan ([a-z]+)/)?.output.1)
                let help = try await sandbox.crplan("help", String(command)).stdout
                for option in line.matches(of: /--[a-z-]+/).map({ String($0.output) }) {
                    #expect(help.contains(option), "\(command) has no \(option)")
                }
            }
        }
    }

    @Test func `every file it names is there`() throws {
        let text = try Clone.text("README.md")
        let links = text.matches(of: /\]\(([^)]+)\)/).map { String($0.output.1) }
        let files =
            links + [
                "examples/quickstart/run", "Tests/run", "Tests/release", ".github/CONTRIBUTING.md", "schemas/journal.schema.json",
                "schemas/events.schema.json",
            ]
        #expect(links.count >= 4)
        for file in files { #expect(FileManager.default.fileExists(atPath: "\(Clone.root)/\(file)"), "\(file) is missing") }
    }
}
