import RegistryTestSupport
import Testing

/// One of several registries is down.
@Suite struct UnreachableRegistryTests {
    private static func withOneDown(_ body: @escaping @Sendable (RealRegistry, _ downHost: String, Scenario) async throws -> Void)
        async throws
    {
        // A port that a moment ago belonged to a registry.
        let port = try await withRealRegistry { $0.port }
        try await withRealRegistry { registry in
            try await withScenario(
                """
                registries:
                \(registry.declaration("lab"))
                \(registry.declaration("down", port: port))
                images:
                  - {to: [lab/team/app, down/team/app], from: {layout: ../built}, tags: ["1"]}
                  - {to: lab/team/other, from: down/team/source:1, tags: ["2"]}
                absent: ["down/team/app:old", "lab/team/app:gone"]
                """
            ) { scenario in
                try Content.writeLayout([("x", try Samples.multiPlatform())], to: "\(scenario.folder)/built")
                try await body(registry, "127.0.0.1:\(port)", scenario)
            }
        }
    }

    @Test func `without --keep-going one clear error ends the run, and nothing is written`() async throws {
        try await Self.withOneDown { registry, host, scenario in
            for arguments in ["plan", "apply"] {
                let options = arguments == "plan" ? ["--out", "it.plan"] : ["--auto-approve"]
                let result = try await scenario.crplan(arguments, options[0], options.count > 1 ? options[1] : "--no-cache", exits: 1)
                #expect(result.stderr.contains(host), "\(result.said)")
                #expect(!result.said.contains("NIO") && !result.said.contains("Error("), "\(result.said)")
            }
            #expect(try await Skopeo.digest("team/app:1", of: registry) == nil)
        }
    }

    @Test func `with --keep-going the rest is planned and applied, what is left out is listed, and the exit code says so`() async throws {
        try await Self.withOneDown { registry, host, scenario in
            let plan = try await scenario.crplan("plan", "--keep-going", "--detailed-exitcode", exits: 2)
            #expect(plan.said.contains(host) && plan.stdout.contains("team/app:1"), "\(plan.said)")
            let applied = try await scenario.crplan("apply", "--keep-going", "--auto-approve", exits: 5)
            #expect(applied.stdout.contains("left out"), "\(applied.said)")
            #expect(try await Skopeo.digest("team/app:1", of: registry) != nil)
            let again = try await scenario.crplan("plan", "--keep-going", exits: 1)
            #expect(again.said.contains(host), "\(again.said)")
            try await scenario.crplan("apply", "--keep-going", "--auto-approve", exits: 1)
        }
    }

    @Test func `a saved plan that left something out ends with 5 as well`() async throws {
        try await Self.withOneDown { registry, _, scenario in
            try await scenario.crplan("plan", "--keep-going", "--out", "it.plan")
            try await scenario.crplan("apply", "it.plan", exits: 5)
            #expect(try await Skopeo.digest("team/app:1", of: registry) != nil)
        }
    }
}
