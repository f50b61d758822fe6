import Execution
import OCI
import Planning
import Registry
import RegistryTestSupport
import Testing

@testable import ICRSimulation
@testable import RegistryICR

/// Changes of namespaces and of their retention, applied to the simulator.
@Suite(.timeLimit(.minutes(5))) struct NamespaceExecutionTests {
    private static let policy = RetentionPolicy(imagesPerRepository: 1, keepUntagged: true)

    // MARK: Create and assign

    @Test("a namespace is created, with its resource group, and a second run finds it there", arguments: [nil, "g1"])
    func create(_ group: String?) async throws {
        try await withCloud { cloud in
            let create = cloud.set(.create(resourceGroup: group), [.absent])
            let first = try await cloud.apply(create)
            #expect(first.outcomes == [.done] && first.results == [.done])
            #expect(first.journal.writes.first?.write.target == create.target)
            #expect(cloud.held.namespaces["birds"]?.resourceGroup == group)
            let second = try await cloud.apply(create)
            #expect(second.outcomes == [.unchanged] && second.results == [])
            #expect(cloud.count("PUT /api/v1/namespaces/birds") == 1)
        }
    }

    @Test("a namespace that came into being meanwhile will do unless its resource group is another", arguments: [nil, "g1", "g2"])
    func createdMeanwhile(_ found: String?) async throws {
        try await withCloud { cloud in
            try await cloud.registry.createNamespace("birds", resourceGroup: found)
            let plain = try await cloud.apply(cloud.set(.create(resourceGroup: nil), [.absent]))
            #expect(plain.outcomes == [.unchanged])
            let grouped = try await cloud.apply(cloud.set(.create(resourceGroup: "g1"), [.absent]))
            let place = found.map { "the resource group \($0)" } ?? "no resource group"
            #expect(grouped.outcomes == [found == "g1" ? .unchanged : .stale(expected: "absent", found: "there, in \(place)")])
            #expect(cloud.count("PUT /api/v1/namespaces/birds") == 1)
        }
    }

    @Test("a namespace is assigned to a resource group once")
    func assign() async throws {
        try await withCloud { cloud in
            try await cloud.registry.createNamespace("birds", resourceGroup: nil)
            let assign = cloud.set(.assign(resourceGroup: "g1"), [.unassigned])
            #expect(try await cloud.apply(assign).outcomes == [.done])
            #expect(cloud.held.namespaces["birds"]?.resourceGroup == "g1")
            #expect(try await cloud.apply(assign).outcomes == [.unchanged])
            let other = try await cloud.apply(cloud.set(.assign(resourceGroup: "g2"), [.unassigned]))
            #expect(other.outcomes == [.stale(expected: "no resource group", found: "the resource group g1")])
            let missing = try await cloud.apply(cloud.set(.assign(resourceGroup: "g2"), [.unassigned], on: "bees"))
            #expect(missing.outcomes == [.stale(expected: "no resource group", found: "absent")])
            #expect(cloud.count("PATCH") == 1)
        }
    }

    // MARK: Remove

    /// One image that is live and one in the trash.
    private static func removal(_ cloud: Cloud) async throws -> Change {
        let live = try cloud.seed(tags: ["1"])
        let trashed = try cloud.seed(tags: ["2"], seed: 2)
        let repository = try RepositoryName(Cloud.repository)
        try await cloud.registry.deleteManifest(trashed, in: repository)
        let images = [
            LostImage(repository, live, tags: [try TagName("1")]),
            LostImage(repository, trashed, tags: [try TagName("2")], isTrashed: true),
        ].sorted()
        return cloud.set(.remove, [.contents(images.map(\.description))])
    }

    @Test("a namespace is removed with just what the plan shows, and a second run finds it gone")
    func remove() async throws {
        try await withCloud { cloud in
            let remove = try await Self.removal(cloud)
            #expect(try await cloud.apply(remove).outcomes == [.done])
            #expect(cloud.held.namespaces["birds"] == nil && cloud.held.trash.isEmpty)
            #expect(try await cloud.apply(remove).outcomes == [.unchanged])
            #expect(cloud.count("DELETE") == 1)
        }
    }

    @Test("a namespace that holds something else than the plan shows is not removed", arguments: ["came", "went", "was restored"])
    func removeStale(_ what: String) async throws {
        try await withCloud { cloud in
            let remove = try await Self.removal(cloud)
            let repository = try RepositoryName(Cloud.repository)
            switch what {
            case "came": try cloud.seed("birds/new", tags: ["1"], seed: 3)
            case "went": try await cloud.registry.deleteManifest(try #require(try cloud.tags()["1"]), in: repository)
            default: _ = try await cloud.registry.restore(try #require(cloud.held.trash.keys.first?.digest), in: repository)
            }
            let applied = try await cloud.apply(remove)
            guard case .stale(let expected, let found)? = applied[remove] else {
                Issue.record("\(applied.outcomes)")
                return
            }
            #expect(expected == "the 2 images of the plan")
            #expect(found.contains(what == "came" ? "also birds/new@sha256:" : "birds/a@sha256:"))
            #expect(applied.results == [] && cloud.held.namespaces["birds"] != nil)
            #expect(cloud.count("DELETE") == 0)
        }
    }

    @Test("a name that is held after its removal fails until it is free, and the plan can be applied again")
    func heldName() async throws {
        try await withCloud { cloud in
            cloud.set { $0.heldNameSeconds = 300 }
            let remove = try await Self.removal(cloud)
            #expect(try await cloud.apply(remove).outcomes == [.done])
            let create = cloud.set(.create(resourceGroup: nil), [.absent])
            let early = try await cloud.apply(create)
            #expect(early.error?.reason.contains("not available") == true && early.results == [.failed])
            #expect(early.report.verdict == .failed)
            cloud.simulator.advanceClock(by: 301)
            #expect(try await cloud.apply(create).outcomes == [.done])
        }
    }

    // MARK: Retention

    private static func seedThree(_ cloud: Cloud) throws -> [Digest] {
        try (1...3).map { number in
            var seed = SimulatedSeed(Cloud.repository, tags: ["\(number)"], seed: UInt64(number))
            seed.created = "2026-0\(number)-01T00:00:00Z"
            return try cloud.seed(seed)[0]
        }
    }

    private static func retention(_ cloud: Cloud, removing digests: some Sequence<Digest>) throws -> Change {
        let repository = try RepositoryName(Cloud.repository)
        let victims = try digests.enumerated().map { LostImage(repository, $1, tags: [try TagName("\($0 + 1)")]).description }.sorted()
        let setting = NamespaceSetting.retention(before: .none, after: policy)
        return cloud.set(setting, [.retention(.none), .retentionVictims(victims)])
    }

    @Test("a retention policy is set, removes what the plan shows, and a second run finds it set")
    func retention() async throws {
        try await withCloud { cloud in
            let digests = try Self.seedThree(cloud)
            let change = try Self.retention(cloud, removing: digests.prefix(2))
            let first = try await cloud.apply(change)
            #expect(first.outcomes == [.done] && first.results == [.done])
            #expect(try cloud.tags() == ["3": digests[2]])
            #expect(try await cloud.registry.retention(of: "birds") == Self.policy)
            #expect(try await cloud.apply(change).outcomes == [.unchanged])
        }
    }

    @Test("a policy that would remove something else than the plan shows is not set")
    func otherVictims() async throws {
        try await withCloud { cloud in
            let digests = try Self.seedThree(cloud)
            let applied = try await cloud.apply(try Self.retention(cloud, removing: digests.prefix(1)))
            let found = "also birds/a@\(digests[1]) (2)"
            #expect(applied.outcomes == [.stale(expected: "the image of the plan", found: found)])
            #expect(try await cloud.registry.retention(of: "birds") == .none)
            #expect(try cloud.tags().count == 3)
        }
    }

    @Test("a policy that somebody else set meanwhile is not replaced")
    func otherPolicy() async throws {
        try await withCloud { cloud in
            let digests = try Self.seedThree(cloud)
            let theirs = RetentionPolicy(imagesPerRepository: 2, keepUntagged: false, minimumAgeDays: 3)
            try await cloud.registry.setRetention(theirs, of: "birds")
            let applied = try await cloud.apply(try Self.retention(cloud, removing: digests.prefix(2)))
            let expected = "the policy 'all images, untagged kept'"
            let found = "the policy '2 images per repository, untagged not kept, at least 3 days'"
            #expect(applied.outcomes == [.stale(expected: expected, found: found)])
            #expect(try await cloud.registry.retention(of: "birds") == theirs)
            let setting = NamespaceSetting.retention(before: .none, after: Self.policy)
            let elsewhere = cloud.set(setting, [.retention(.none), .retentionVictims([])], on: "bees")
            #expect(try await cloud.apply(elsewhere).outcomes == [.stale(expected: expected, found: "absent")])
        }
    }

    @Test("a namespace and its retention are made in one run")
    func createdWithRetention() async throws {
        try await withCloud { cloud in
            let create = cloud.set(.create(resourceGroup: nil), [.absent])
            let setting = NamespaceSetting.retention(before: .none, after: Self.policy)
            let retention = cloud.set(setting, [.retention(.none), .retentionVictims([])], after: [create])
            let applied = try await cloud.apply([create, retention])
            #expect(applied.outcomes == [.done, .done])
            let policy = try await cloud.registry.retention(of: "birds")
            #expect(policy == Self.policy)
        }
    }

    @Test("without a login for the management API nothing of a namespace can be set, and the error says what to do")
    func noLogin() async throws {
        try await withCloud { cloud in
            let client = try cloud.contentClient()
            let applied = try await cloud.apply(Planned(change: cloud.set(.create(resourceGroup: nil), [.absent])), with: client)
            await client.shutdown()
            #expect(applied.error?.code == .unauthorized && applied.error?.help?.contains("IBMCLOUD_API_KEY") == true)
        }
    }
}
