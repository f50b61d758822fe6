import FoundationEssentials
import OCI
import RegistryTestSupport
import Testing

/// What real runs write fits the schemas that are given out.
@Suite struct RunSchemaTests {
    /// On the path, or where `Tests/run` installs it.
    private static func checker() throws -> String {
        let path = ProcessInfo.processInfo.environment["PATH"] ?? ""
        for folder in path.split(separator: ":").map(String.init) + ["\(Clone.root)/.build/test-tools/bin"]
        where FileManager.default.isExecutableFile(atPath: "\(folder)/check-jsonschema") {
            return "\(folder)/check-jsonschema"
        }
        throw TestSupportError("check-jsonschema is neither in the PATH nor in .build/test-tools/bin; Tests/run installs it")
    }

    /// Every line as a file of its own: the checker takes no JSON lines.
    private static func check(_ lines: [Substring], _ schema: String, _ sandbox: Sandbox) async throws {
        #expect(lines.count >= 3)
        var files: [String] = []
        for (place, line) in lines.enumerated() {
            files.append("\(schema)-\(place).json")
            try sandbox.write(String(line), to: files[place])
        }
        let result = try await run(
            checker(),
            ["--schemafile", "\(Clone.root)/schemas/\(schema).schema.json"] + files,
            in: sandbox.work
        )
        #expect(result.status == 0, "\(result.stdout)\(result.stderr)")
    }

    @Test func `journals, events and plans of runs that do, fail and find others at work`() async throws {
        try await withShop { shop in
            try shop.us.seed(Samples.image(seed: 8), tags: ["old", "kept"], in: RepositoryName(Shop.app))
            try shop.us.seed(Samples.image(seed: 7), tags: ["gone"], in: RepositoryName(Shop.app))
            let digest = try #require(shop.us.tagsAndDigests(in: try RepositoryName(Shop.app))[TagName("gone")])
            let web = "  - {to: us/shop/web, from: \"eu/shop/app:2.0\", tags: [\"2.0\", \"2\", latest]}\n"
            try shop.writeSpec(Shop.twoTags + web + "absent: [\"us/shop/app:old\", \"us/shop/app@\(digest)\"]\n")
            expect(try await shop.sandbox.crplan("plan", "--out", "x.plan"), 0)
            try shop.us.seed(Samples.image(seed: 77), tags: ["stable"], in: RepositoryName(Shop.app))
            shop.usServer.script { $0.method == "PUT" && $0.path.hasSuffix("web/manifests/2.0") ? .error(403, "DENIED", "no") : nil }
            let files = ["--journal", "j.jsonl", "--events", "e.jsonl", "--allow-irreversible"]
            for _ in 0..<2 {
                let result = try await CrplanProgram.run(
                    ["apply", "x.plan"] + files,
                    environment: shop.sandbox.environment,
                    in: shop.sandbox.work
                )
                #expect(result.status == 5 || result.status == 4, "\(result.stdout)\(result.stderr)")
            }
            try await Self.check(shop.sandbox.read("j.jsonl").split(separator: "\n"), "journal", shop.sandbox)
            try await Self.check(shop.sandbox.read("e.jsonl").split(separator: "\n"), "events", shop.sandbox)
            let plan = try await run(
                Self.checker(),
                ["--schemafile", "\(Clone.root)/schemas/plan.schema.json", "x.plan"],
                in: shop.sandbox.work
            )
            #expect(plan.status == 0, "\(plan.stdout)")
        }
    }

    @Test func `the examples fit the schema of specs`() async throws {
        let files = ["quickstart", "promotion", "mirror", "two-teams"].map { "\(Clone.root)/examples/\($0)/crplan.yaml" }
        let result = try await run(Self.checker(), ["--schemafile", "\(Clone.root)/schemas/spec.schema.json"] + files)
        #expect(result.status == 0, "\(result.stdout)")
    }
}
