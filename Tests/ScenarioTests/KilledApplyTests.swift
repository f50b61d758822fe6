import OCI
import RegistryTestSupport
import Testing

/// An apply that is killed leaves every tag old or new, and the next one goes on.
@Suite(.serialized) struct KilledApplyTests {
    /// 40 tags in four repositories: half of them move, every other new image is an index for two platforms.
    private static func tags() throws -> [TagWatch.Tag] {
        try (0..<40).map { number in
            let seed = UInt64(number)
            return TagWatch.Tag(
                repository: "team/app\(number % 4)",
                name: "v\(number)",
                old: number < 20 ? try Samples.image(seed: 1000 + seed) : nil,
                new: number.isMultiple(of: 2) ? try Samples.multiPlatform(seed: 2000 + seed) : try Samples.image(seed: 3000 + seed)
            )
        }
    }

    private static func spec(_ registry: RealRegistry, through proxy: CountingProxy) -> String {
        let copies = (0..<4).map { "  - {from: disk/app\($0), to: lab/team/app\($0), tags: all}" }
        return """
            registries:
            \(registry.declaration("lab", port: proxy.port))
              disk: {kind: layout, path: ../images}
            copies:
            \(copies.joined(separator: "\n"))
            """
    }

    private struct Run: Sendable {
        /// What the target was asked until the end.
        var requests: [ProxiedRequest]
        /// Whether some index had a child at the target, and not yet its tag.
        var isBetweenManifestAndTag: Bool
    }

    /// One fresh target, and an apply that is killed when the target is about to get request `number`; 0: never.
    private static func apply(killedAt number: Int, _ tags: [TagWatch.Tag]) async throws -> Run {
        try await withRealRegistry { registry in
            try await withCountingProxy(to: registry.port) { proxy in
                try await withScenario(spec(registry, through: proxy)) { scenario in
                    for tag in tags {
                        if let old = tag.old { try Content.store(old, tags: [tag.name], in: tag.repository, of: registry) }
                    }
                    for place in Set(tags.map(\.repository)) {
                        let samples = tags.filter { $0.repository == place }.map { (tag: $0.name, sample: $0.new) }
                        try Content.writeLayout(samples, to: "\(scenario.folder)/images/\(place.split(separator: "/").last ?? "")")
                    }
                    try await scenario.crplan("plan", "--out", "it.plan")
                    proxy.forget()
                    let handle = ToolHandle()
                    proxy.atRequest(number) { _ in
                        #expect(throws: Never.self) { try handle.signal(.kill) }
                        return .drop
                    }
                    let watch = TagWatch(registry, tags)
                    let isKilled = number > 0
                    _ = try await watch.during {
                        try await scenario.crplan("apply", "it.plan", exits: isKilled ? 137 : 0, handle: handle)
                    }
                    let requests = proxy.requests.filter { !isKilled || $0.number < number }
                    proxy.setHandler(nil)
                    // The same plan goes on where the killed run was.
                    if isKilled { _ = try await watch.during { try await scenario.crplan("apply", "it.plan") } }
                    #expect(try await watch.look() == tags.count)
                    try await scenario.expectNoChanges()
                    return Run(requests: requests, isBetweenManifestAndTag: isBetween(requests, tags))
                }
            }
        }
    }

    private static func isBetween(_ requests: [ProxiedRequest], _ tags: [TagWatch.Tag]) -> Bool {
        let puts = Set(requests.filter { $0.method == "PUT" }.map(\.target))
        return tags.contains { tag in
            let children = tag.new.manifests.dropLast().map { "/v2/\(tag.repository)/manifests/\($0.digest)" }
            return children.contains { puts.contains($0) } && !puts.contains("/v2/\(tag.repository)/manifests/\(tag.name)")
        }
    }

    @Test func `killed at any request, tags are old or new and complete, and the next apply converges`() async throws {
        let tags = try Self.tags()
        let clean = try await Self.apply(killedAt: 0, tags)
        #expect(clean.requests.count > 200, "\(clean.requests.count) requests")
        let all = (1...12).map { $0 * clean.requests.count / 13 }
        let chosen = LongMode.isOn ? all : [all[2], all[6], all[10]]
        if !LongMode.isOn {
            LongMode.note(leftOut: "nine of twelve kills of an apply; killed at requests \(chosen) of \(clean.requests.count)")
        }
        var between = 0
        for number in chosen where try await Self.apply(killedAt: number, tags).isBetweenManifestAndTag { between += 1 }
        print("\(between) of \(chosen.count) kills were between a manifest and its tag, \(clean.requests.count) requests in all")
        #expect(between >= (LongMode.isOn ? 3 : 1))
    }
}
