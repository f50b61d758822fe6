import RegistryTestSupport
import Testing

/// Ctrl-C once ends a run in order; twice ends it at once.
@Suite struct InterruptedApplyTests {
    /// Twelve tags that all move.
    private static func tags() throws -> [TagWatch.Tag] {
        try (0..<12).map { number in
            TagWatch.Tag(
                repository: "team/app",
                name: "v\(number)",
                old: try Samples.image(seed: 100 + UInt64(number)),
                new: try Samples.multiPlatform(seed: 200 + UInt64(number))
            )
        }
    }

    private static func withSavedPlan(
        _ body: @escaping @Sendable (RealRegistry, CountingProxy, Scenario, TagWatch) async throws -> Void
    ) async throws {
        let tags = try tags()
        try await withRealRegistry { registry in
            try await withCountingProxy(to: registry.port) { proxy in
                try await withScenario(
                    """
                    registries:
                    \(registry.declaration("lab", port: proxy.port))
                      disk: {kind: layout, path: ../images}
                    copies: [{from: disk/app, to: lab/team/app, tags: all}]
                    """
                ) { scenario in
                    for tag in tags {
                        if let old = tag.old { try Content.store(old, tags: [tag.name], in: tag.repository, of: registry) }
                    }
                    try Content.writeLayout(tags.map { ($0.name, $0.new) }, to: "\(scenario.folder)/images/app")
                    try await scenario.crplan("plan", "--out", "it.plan")
                    proxy.forget()
                    try await body(registry, proxy, scenario, TagWatch(registry, tags))
                }
            }
        }
    }

    private static func isTagPut(_ request: ProxiedRequest) -> Bool { request.method == "PUT" && request.target.contains("/manifests/v") }

    @Test func `one Ctrl-C verifies the write that is under way, says what is left, and the next apply finishes`() async throws {
        try await Self.withSavedPlan { _, proxy, scenario, watch in
            let handle = ToolHandle()
            let puts = Mutexed(0)
            proxy.setHandler { request in
                let isThird =
                    Self.isTagPut(request)
                    && puts.withLock { puts in
                        puts += 1
                        return puts == 3
                    }
                if isThird { #expect(throws: Never.self) { try handle.signal(.interrupt) } }
                return .forward
            }
            let result = try await watch.during {
                try await scenario.crplan("apply", "it.plan", "--parallelism", "1", exits: 5, handle: handle)
            }
            #expect(result.stdout.contains("Interrupted") && result.stdout.contains("cancelled"), "\(result.said)")
            let done = try await watch.look()
            #expect((3..<12).contains(done), "\(result.said)")
            #expect(result.stdout.contains("\(12 - done) cancelled"), "\(result.said)")
            proxy.setHandler(nil)
            try await scenario.crplan("apply", "it.plan")
            #expect(try await watch.look() == 12)
        }
    }

    @Test func `one Ctrl-C before the first tag writes none, and says so`() async throws {
        try await Self.withSavedPlan { _, proxy, scenario, watch in
            let (handle, gate) = (ToolHandle(), Gate())
            let isSent = Mutexed(false)
            proxy.setHandler { request in
                guard request.method == "POST" else { return .forward }
                let isFirst = isSent.withLock { isSent in
                    defer { isSent = true }
                    return !isSent
                }
                if isFirst { #expect(throws: Never.self) { try handle.signal(.interrupt) } }
                await gate.wait()
                return .drop
            }
            let result = try await scenario.crplan("apply", "it.plan", exits: 1, handle: handle)
            gate.open()
            #expect(result.stdout.contains("nothing written") && result.stdout.contains("12 cancelled"), "\(result.said)")
            #expect(try await watch.look() == 0)
        }
    }

    @Test func `a second Ctrl-C ends the program at once with 130`() async throws {
        try await Self.withSavedPlan { _, proxy, scenario, watch in
            let (handle, gate) = (ToolHandle(), Gate())
            let isOver = Mutexed(false)
            proxy.setHandler { request in
                guard Self.isTagPut(request) else { return .forward }
                // Two signals that come too close are one to a process, so there are more until it is gone.
                while !isOver.withLock({ $0 }) {
                    try? handle.signal(.interrupt)
                    try? await Task.sleep(for: .milliseconds(20))
                }
                await gate.wait()
                return .drop
            }
            try await scenario.crplan("apply", "it.plan", "--parallelism", "1", exits: 130, handle: handle)
            isOver.withLock { $0 = true }
            gate.open()
            #expect(try await watch.look() == 0)
            proxy.setHandler(nil)
            try await scenario.crplan("apply", "it.plan")
            #expect(try await watch.look() == 12)
        }
    }
}
