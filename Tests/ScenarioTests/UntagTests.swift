import OCI
import RegistryTestSupport
import Testing

/// Untags on Debian's docker-registry, which cannot delete a tag, and deletes by digest only where that is enabled.
@Suite(.serialized) struct UntagTests {
    private static func spec(_ registry: RealRegistry, port: Int? = nil, _ more: String..., absent: [String] = ["old"]) -> String {
        let declaration =
            more.isEmpty ? registry.declaration("lab", port: port) : registry.declaration("lab", port: port, more.joined(separator: ", "))
        return """
            registries:
            \(declaration)
              disk: {kind: layout, path: ./mirror}
            images:
              - {to: disk/team/app, from: lab/team/app:kept, tags: ["1"]}
            absent:
            \(absent.map { "  - lab/team/app:\($0)" }.joined(separator: "\n"))
            """
    }

    private static let optIn = "untag: placeholder"

    private static func fill(_ registry: RealRegistry, _ sample: Sample) throws {
        try Content.store(sample, tags: ["old", "kept"], in: "team/app", of: registry)
    }

    private static func expectUnchanged(_ registry: RealRegistry, _ sample: Sample) async throws {
        for tag in ["old", "kept"] { #expect(try await Skopeo.digest("team/app:\(tag)", of: registry) == sample.digest) }
    }

    @Test(arguments: [false, true])
    func `with deletes disabled, a probing plan and an apply fail before anything is written`(allowsPlaceholder: Bool) async throws {
        try await withRealRegistry(RealRegistry.Options(deletes: false)) { registry in
            try await withCountingProxy(to: registry.port) { proxy in
                let spec =
                    allowsPlaceholder
                    ? Self.spec(registry, port: proxy.port, Self.optIn) : Self.spec(registry, port: proxy.port)
                try await withScenario(spec) { scenario in
                    let sample = try Samples.multiPlatform()
                    try Self.fill(registry, sample)
                    let plain = try await scenario.crplan("plan", "--out", "it.plan")
                    #expect(plain.stdout.contains("1 to untag"), "\(plain.said)")
                    #expect(!proxy.requests.contains { $0.method == "DELETE" })
                    let probed = try await scenario.crplan("plan", "--probe", exits: 1)
                    #expect(probed.stderr.contains("cannot-untag") || probed.stderr.contains("cannot be untagged"), "\(probed.said)")
                    proxy.forget()
                    let applied = try await scenario.crplan("apply", "it.plan", exits: 1)
                    #expect(applied.stdout.contains("cannot delete a single tag"), "\(applied.said)")
                    #expect(applied.stdout.contains("nothing written"), "\(applied.said)")
                    #expect(!proxy.requests.contains { ["PUT", "POST", "PATCH"].contains($0.method) })
                    // Not even where it would have worked.
                    #expect(try await Skopeo.digest("oci:\(scenario.workspace)/mirror/team/app:1") == nil)
                    try await Self.expectUnchanged(registry, sample)
                }
            }
        }
    }

    @Test func `without leave, a registry that deletes by digest keeps the tag`() async throws {
        try await withRealRegistry { registry in
            try await withScenario(Self.spec(registry)) { scenario in
                let sample = try Samples.multiPlatform()
                try Self.fill(registry, sample)
                let probed = try await scenario.crplan("plan", "--probe", exits: 1)
                #expect(probed.stderr.contains("untag: placeholder"), "\(probed.said)")
                try await scenario.crplan("apply", "--auto-approve", exits: 1)
                try await Self.expectUnchanged(registry, sample)
            }
        }
    }

    @Test(arguments: [Samples.Family.oci, .docker])
    func `with leave, the tag goes by a placeholder, and image and other tags stay`(family: Samples.Family) async throws {
        try await withRealRegistry { registry in
            try await withScenario(Self.spec(registry, Self.optIn)) { scenario in
                let sample = try Samples.multiPlatform(family: family)
                try Self.fill(registry, sample)
                let unprobed = try await scenario.crplan("plan")
                #expect(unprobed.stdout.contains("by a placeholder where the registry cannot delete a tag"), "\(unprobed.said)")
                let probed = try await scenario.crplan("plan", "--probe", "--out", "it.plan")
                #expect(probed.stdout.contains("by a placeholder") && !probed.stdout.contains("where the registry"), "\(probed.said)")
                try await scenario.crplan("apply", "it.plan")
                try await scenario.expectNoChanges()
                #expect(try await Skopeo.digest("team/app:old", of: registry) == nil)
                #expect(try await Skopeo.digest("team/app:kept", of: registry) == sample.digest)
                #expect(try await Skopeo.digest("team/app@\(sample.digest)", of: registry) == sample.digest)
            }
        }
    }

    /// Kills an apply when it is about to delete the placeholder, and gives what the tag holds then.
    private static func killBetween(_ registry: RealRegistry, _ proxy: CountingProxy, _ scenario: Scenario) async throws {
        let handle = ToolHandle()
        proxy.setHandler { request in
            guard request.method == "DELETE", proxy.requests.contains(where: { $0.method == "PUT" && $0.target.hasSuffix("/old") }) else {
                return .forward
            }
            try? handle.signal(.kill)
            return .drop
        }
        try await scenario.crplan("plan", "--out", "it.plan")
        try await scenario.crplan("apply", "it.plan", "--journal", "killed.jsonl", exits: 137, handle: handle)
        proxy.setHandler(nil)
        let left = try await Skopeo.digest("team/app:old", of: registry)
        let journal = String(decoding: try readFile("\(scenario.workspace)/killed.jsonl"), as: UTF8.self)
        #expect(journal.contains(#""placeholder":"\#(left?.description ?? "nothing")""#), "\(journal)")
    }

    private static func withKilledApply(
        _ body: @escaping @Sendable (RealRegistry, CountingProxy, Scenario, Sample) async throws -> Void
    ) async throws {
        try await withRealRegistry { registry in
            try await withCountingProxy(to: registry.port) { proxy in
                try await withScenario(spec(registry, port: proxy.port, optIn)) { scenario in
                    let sample = try Samples.multiPlatform()
                    try fill(registry, sample)
                    try await killBetween(registry, proxy, scenario)
                    #expect(try await Skopeo.digest("team/app:old", of: registry) != sample.digest)
                    try await body(registry, proxy, scenario, sample)
                }
            }
        }
    }

    @Test func `an apply that was killed half way is finished by the same plan`() async throws {
        try await Self.withKilledApply { registry, _, scenario, sample in
            try await scenario.crplan("apply", "it.plan")
            try await scenario.expectNoChanges()
            #expect(try await Skopeo.digest("team/app:old", of: registry) == nil)
            #expect(try await Skopeo.digest("team/app:kept", of: registry) == sample.digest)
        }
    }

    @Test func `an apply that was killed half way is finished by a new plan`() async throws {
        try await Self.withKilledApply { registry, _, scenario, sample in
            let plan = try await scenario.crplan("plan")
            #expect(plan.stdout.contains("placeholder that an untag left"), "\(plan.said)")
            try await scenario.applyAll()
            #expect(try await Skopeo.digest("team/app:old", of: registry) == nil)
            #expect(try await Skopeo.digest("team/app:kept", of: registry) == sample.digest)
        }
    }

    @Test func `a tag that was half untagged, and shall stay after all, is put back`() async throws {
        try await Self.withKilledApply { registry, proxy, scenario, sample in
            try scenario.write(
                """
                registries:
                \(registry.declaration("lab", port: proxy.port))
                images:
                  - {to: lab/team/app, from: lab/team/app:kept, tags: [old]}
                """
            )
            try await scenario.applyAll()
            try await Self.expectUnchanged(registry, sample)
        }
    }
}
