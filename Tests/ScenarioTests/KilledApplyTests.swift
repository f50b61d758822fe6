import OCI
import RegistryTestSupport
import Testing

/// An apply that is killed leaves every tag old or new, and the next one goes on.
@Suite(.serialized) struct KilledApplyTests {
    /// 40 tags in four repositories: half of them move, three of four new images are indexes for three platforms.
    private static func tags() throws -> [TagWatch.Tag] {
        try (0..<40).map { number in
            let seed = UInt64(number)
            let images = try ["amd64", "arm64", "s390x"].enumerated().map { place, architecture in
                let platform = Platform(os: "linux", architecture: architecture)
                return try Samples.image(seed: 2000 + 10 * seed + UInt64(place), platform: platform, layerCount: 1)
            }
            return TagWatch.Tag(
                repository: "team/app\(number / 4 % 4)",
                name: "v\(number)",
                old: number < 20 ? try Samples.image(seed: 1000 + seed) : nil,
                new: number.isMultiple(of: 4) ? try Samples.image(seed: 3000 + seed) : try Samples.index(of: images)
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

    /// One fresh target, and an apply that is killed when the target is about to get a request; nil: never. That one gets `verdict`.
    private static func apply(
        _ tags: [TagWatch.Tag],
        killedAt isTheOne: (@Sendable (ProxiedRequest) -> Bool)?,
        _ verdict: CountingProxy.Verdict = .drop
    ) async throws -> Run {
        try await withRealRegistry { registry in
            try await withCountingProxy(to: registry.port) { proxy in
                try await withScenario(spec(registry, through: proxy)) { scenario in
                    try prepare(tags, registry, scenario)
                    try await scenario.crplan("plan", "--out", "it.plan")
                    proxy.forget()
                    let (handle, seen) = (ToolHandle(), Mutexed<[ProxiedRequest]?>(nil))
                    proxy.setHandler { request in
                        guard let isTheOne, isTheOne(request) else { return .forward }
                        let isFirst = seen.withLock { seen in
                            defer { if seen == nil { seen = proxy.requests.filter { $0.number < request.number } } }
                            return seen == nil
                        }
                        if isFirst { #expect(throws: Never.self) { try handle.signal(.kill) } }
                        return verdict
                    }
                    let watch = TagWatch(registry, tags)
                    let isKilled = isTheOne != nil
                    _ = try await watch.during {
                        try await scenario.crplan("apply", "it.plan", "--parallelism", "6", exits: isKilled ? 137 : 0, handle: handle)
                    }
                    let requests = isKilled ? seen.withLock { $0 } ?? [] : proxy.requests
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

    private static func prepare(_ tags: [TagWatch.Tag], _ registry: RealRegistry, _ scenario: Scenario) throws {
        for tag in tags {
            if let old = tag.old { try Content.store(old, tags: [tag.name], in: tag.repository, of: registry) }
        }
        for place in (0..<4).map({ "team/app\($0)" }) {
            let samples = tags.filter { $0.repository == place }.map { (tag: $0.name, sample: $0.new) }
            try Content.writeLayout(samples, to: "\(scenario.folder)/images/\(place.split(separator: "/").last ?? "")")
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
        let total = try await Self.apply(tags, killedAt: nil).requests.count
        #expect(total > 200, "\(total) requests")
        let all = (1...12).map { $0 * total / 13 }
        let chosen = LongMode.isOn ? all : [all[2], all[6], all[10]]
        if !LongMode.isOn { LongMode.note(leftOut: "nine of twelve kills of an apply; killed at requests \(chosen) of \(total)") }
        var between = 0
        for number in chosen {
            if try await Self.apply(tags, killedAt: { $0.number == number }).isBetweenManifestAndTag { between += 1 }
        }
        print("\(between) of \(chosen.count) kills were between a manifest and its tag, \(total) requests in all")
        if LongMode.isOn { #expect(between >= 3) }
    }

    @Test(arguments: [CountingProxy.Verdict.drop, .dropReply])
    func `killed when everything is there but the tag, or but the answer about it`(verdict: CountingProxy.Verdict) async throws {
        let tags = Array(try Self.tags().filter { $0.new.manifests.count > 1 }.prefix(12))
        let run = try await Self.apply(tags, killedAt: { $0.method == "PUT" && $0.target.contains("/manifests/v") }, verdict)
        #expect(run.isBetweenManifestAndTag)
    }
}
