import FoundationEssentials
import RegistryTestSupport
import Testing

/// Same specs and same registries give the same plan, byte for byte.
@Suite struct SamePlanTests {
    private static let specs = [
        "specs/a.yaml": """
        images:
          - {to: [lab/team/app, disk/team/app], from: lab/src/app:1.0.3, tags: [stable, "1.0"]}
          - {to: lab/team/local, from: {layout: ../built}, tags: [x]}
        """,
        "specs/b.yaml": """
        copies:
          - {from: lab/src/app, to: [lab/mirror/app, disk/mirror/app], tags: {semver: ">=1 <2", newest: 5}}
          - {from: lab, repositories: [src/app, src/tool], to: disk/all, tags: all}
        """,
        "specs/c.yaml": """
        images:
          - {to: lab/chain/app, from: lab/team/app:stable, tags: [promoted]}
        absent: ["lab/src/tool:2*"]
        """,
    ]

    private static func write(_ scenario: Scenario, host: String, order: [String]) throws {
        try scenario.write(
            """
            registries:
              lab: {host: "\(host)", plainHTTP: true}
              disk: {kind: layout, path: ./mirror}
            """
        )
        for name in order { try scenario.write(specs[name] ?? "", to: name) }
        try Content.writeLayout([("x", try Samples.multiPlatform(seed: 9))], to: "\(scenario.workspace)/built")
    }

    private static func fill(_ registry: RealRegistry) throws {
        for number in 0..<12 {
            let seed = UInt64(number)
            try Content.store(try Samples.multiPlatform(seed: seed), tags: ["1.0.\(number)"], in: "src/app", of: registry)
            try Content.store(try Samples.image(seed: 100 + seed), tags: ["\(number).0.0"], in: "src/tool", of: registry)
        }
    }

    @Test func `a plan does not depend on parallelism, the order of files and answers, the folder or the process`() async throws {
        try await withRealRegistry { registry in
            try Self.fill(registry)
            try await withCountingProxy(to: registry.port) { proxy in
                try await withScenario { scenario in
                    try Self.write(scenario, host: proxy.host, order: Self.specs.keys.sorted())
                    let elsewhere = try scenario.moved(to: "else/where")
                    try Self.write(elsewhere, host: proxy.host, order: Self.specs.keys.sorted(by: >))
                    let generator = Mutexed(SeededGenerator(seed: 7))
                    var plans: Set<String> = []
                    for (place, parallelism, isDelayed) in [
                        (scenario, 64, false), (scenario, 1, false), (elsewhere, 64, true), (elsewhere, 3, true), (scenario, 64, true),
                    ] {
                        proxy.setHandler { _ in
                            // Answers come in another order each time.
                            if isDelayed {
                                try? await Task.sleep(for: .milliseconds(generator.withLock { Int.random(in: 0..<30, using: &$0) }))
                            }
                            return .forward
                        }
                        let said = try await place.crplan("plan", "--parallelism", "\(parallelism)", "--no-cache", "--out", "it.plan")
                        plans.insert(said.stdout + String(decoding: try readFile("\(place.workspace)/it.plan"), as: UTF8.self))
                    }
                    #expect(plans.count == 1)
                    #expect(plans.first?.contains("lab") == true || plans.first?.contains(proxy.host) == true)
                }
            }
        }
    }

    @Test func `files given with -f in another order give the same plan`() async throws {
        try await withRealRegistry { registry in
            try Self.fill(registry)
            try await withScenario { scenario in
                try Self.write(scenario, host: registry.host, order: Self.specs.keys.sorted())
                let files = ["crplan.yaml"] + Self.specs.keys.sorted()
                var plans: Set<[UInt8]> = []
                for order in [files, files.reversed(), [files[2], files[0], files[3], files[1]]] {
                    try await scenario.crplan("plan", "--out", "it.plan", "-f", order[0], order[1], order[2], order[3])
                    plans.insert(try readFile("\(scenario.workspace)/it.plan"))
                }
                #expect(plans.count == 1)
            }
        }
    }
}
