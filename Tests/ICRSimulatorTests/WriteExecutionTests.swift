import Execution
import Inspection
import Logging
import OCI
import Planning
import Registry
import RegistryTestSupport
import Testing

@testable import ICRSimulation
@testable import RegistryICR

/// What holds for every change that the management API makes: lost answers, slow registries, missing roles.
@Suite(.timeLimit(.minutes(5))) struct WriteExecutionTests {
    typealias Setting = ICRRegistryTests.Setting

    struct Row: Sendable, CustomTestStringConvertible {
        var testDescription: String
        /// The request that writes, and how many requests like it come before.
        var method: String
        var path: String
        var skips = 0
        /// A role that lets read all that the change asks, but not write; and what an error has to name.
        var grant = ICRGrant(.reader)
        var right = "the role Writer on namespace birds"
        /// Seeds, and makes the change.
        var prepare: @Sendable (Cloud) async throws -> Planned
    }

    private static let accountRight = "the role Manager, granted for the whole account"
    private static let policy = RetentionPolicy(imagesPerRepository: 1, keepUntagged: true)

    static let rows = [
        Row(testDescription: "create", method: "PUT", path: "/namespaces/bees", right: accountRight) { cloud in
            try cloud.seed(tags: ["1"])
            return Planned(change: cloud.set(.create(resourceGroup: "g1"), [.absent], on: "bees"))
        },
        Row(testDescription: "assign", method: "PATCH", path: "/namespaces/birds", right: accountRight) { cloud in
            try cloud.seed(tags: ["1"])
            return Planned(change: cloud.set(.assign(resourceGroup: "g1"), [.unassigned]))
        },
        Row(
            testDescription: "remove",
            method: "DELETE",
            path: "/namespaces/birds",
            grant: ICRGrant(.manager, namespace: "birds"),
            right: accountRight
        ) { cloud in
            let digest = try cloud.seed(tags: ["1"])
            let image = LostImage(try RepositoryName(Cloud.repository), digest, tags: [try TagName("1")])
            return Planned(change: cloud.set(.remove, [.contents([image.description])]))
        },
        Row(
            testDescription: "retention",
            method: "POST",
            path: "/retentions",
            skips: 1,
            right: "the roles Reader and Writer on namespace birds"
        ) { cloud in
            try cloud.seed(tags: ["1"])
            let setting = NamespaceSetting.retention(before: .none, after: policy)
            return Planned(change: cloud.set(setting, [.retention(.none), .retentionVictims([])]))
        },
        Row(testDescription: "untag", method: "DELETE", path: "/tags/") { cloud in
            let digest = try cloud.seed(tags: ["1", "2"])
            return Planned(change: try cloud.untag("1", at: digest))
        },
        Row(testDescription: "delete", method: "POST", path: "/images/bulkdelete") { cloud in
            let digest = try cloud.seed(tags: ["1", "2"])
            return Planned(change: try cloud.delete(digest, tags: ["1", "2"]))
        },
        Row(testDescription: "restore", method: "POST", path: "/restoretags") { cloud in
            Planned(change: try cloud.restore(try await trashed(cloud)))
        },
        Row(testDescription: "restore a tag", method: "POST", path: "/restore") { cloud in
            Planned(change: try cloud.restore(try await trashed(cloud), tag: "1"))
        },
        Row(testDescription: "tag", method: "POST", path: "/images/tags") { cloud in
            let digest = try cloud.seed(tags: ["1"])
            return try cloud.put(digest, as: "new")
        },
        Row(testDescription: "move a tag", method: "POST", path: "/images/tags") { cloud in
            let digest = try cloud.seed(tags: ["1"])
            let old = try cloud.seed("birds/b", tags: ["live"], seed: 2)
            return try cloud.put(digest, as: "live", old: old)
        },
    ]

    private static func trashed(_ cloud: Cloud) async throws -> Digest {
        let digest = try cloud.seed(tags: ["1", "2"])
        try await cloud.registry.deleteManifest(digest, in: try RepositoryName(Cloud.repository))
        return digest
    }

    /// How often the write itself was sent.
    private static func writes(_ row: Row, _ cloud: Cloud) -> Int {
        cloud.simulator.managementLines.count { $0.hasPrefix("\(row.method) ") && $0.contains(row.path) } - row.skips
    }

    @Test("a write whose answer is lost counts as done once it is seen, and is not sent again", arguments: rows)
    func lostAnswer(_ row: Row) async throws {
        try await withCloud { cloud in
            let planned = try await row.prepare(cloud)
            cloud.simulator.forgetLog()
            cloud.simulator.fail(SimulatedFault(.loseReply, method: row.method, contains: row.path, skips: row.skips))
            let applied = try await cloud.apply(planned)
            #expect(applied.outcomes == [.done] && applied.results == [.done])
            #expect(Self.writes(row, cloud) == 1)
            #expect(try await cloud.apply(planned).outcomes == [.unchanged])
        }
    }

    @Test("a write that did not arrive has failed, and is not sent again by the same run", arguments: rows)
    func lostWrite(_ row: Row) async throws {
        try await withCloud { cloud in
            let planned = try await row.prepare(cloud)
            cloud.simulator.forgetLog()
            cloud.simulator.fail(SimulatedFault(.close, method: row.method, contains: row.path, skips: row.skips))
            let applied = try await cloud.apply(planned)
            #expect(applied.error?.code == .unavailable && applied.results == [.failed])
            #expect(!applied.report.hasWritten && applied.report.verdict == .failed)
            #expect(Self.writes(row, cloud) == 1)
            #expect(try await cloud.apply(planned).outcomes == [.done])
        }
    }

    @Test("a missing role is named, and nothing is written", arguments: rows)
    func missingRole(_ row: Row) async throws {
        try await withCloud { cloud in
            let planned = try await row.prepare(cloud)
            let client = try cloud.client(key: cloud.key(row.grant))
            let applied = try await cloud.apply(planned, with: client)
            await client.shutdown()
            #expect(applied.error?.code == .denied && applied.error?.registryCode == "CRG0020E")
            #expect(applied.error?.help?.contains(row.right) == true, "\(String(describing: applied.error))")
            #expect(applied.results == [.failed] && !applied.report.hasWritten)
        }
    }

    static let slowness = [
        Setting("reads of tags lag") { $0.staleTagReads = 5 },
        Setting("lists lag") { $0.staleLists = 3 },
        Setting("both lag") {
            $0.staleTagReads = 3
            $0.staleLists = 3
        },
    ]

    @Test("a registry that shows a write late has done it", arguments: rows, slowness)
    func slowRegistry(_ row: Row, _ setting: Setting) async throws {
        try await withCloud { cloud in
            let planned = try await row.prepare(cloud)
            cloud.set(setting.change)
            #expect(try await cloud.apply(planned).outcomes == [.done])
            // A tag that still seems to be on a deleted image lets the delete be made again.
            #expect(try await cloud.apply(planned).report.verdict == .complete)
        }
    }

    @Test("an answer that is lost on a registry that shows writes late settles as done", arguments: ["move a tag", "untag"])
    func lostAndSlow(_ name: String) async throws {
        let row = try #require(Self.rows.first { $0.testDescription == name })
        try await withCloud { cloud in
            let planned = try await row.prepare(cloud)
            cloud.set { $0.staleTagReads = 4 }
            cloud.simulator.fail(SimulatedFault(.loseReply, method: row.method, contains: row.path))
            #expect(try await cloud.apply(planned).outcomes == [.done])
        }
    }

    @Test("what an administration knows is absent where there is no login for it")
    func noLogin() async throws {
        try await withCloud { cloud in
            try cloud.seed(tags: ["1"])
            let client = try cloud.contentClient()
            let logger = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
            let questions: [AdministrationQuestion] = [
                .namespaces, .inventory(of: "birds"), .retention(of: "birds"), .retentionVictims(.none, of: "birds"),
                .trash(of: "birds"), .quota,
            ]
            for question in questions {
                for (registry, isThere) in [(client, false), (cloud.registry, true)] {
                    let directory = InMemoryDirectory([registry])
                    let inspector = Inspector(registries: directory, contents: NoContents(), cache: nil, logger: logger)
                    let answer = await inspector.answer(.administration(registry.id, question))
                    let isFound = if case .found = answer { true } else { false }
                    #expect(isFound == isThere && (isThere || answer == .absent), "\(question): \(answer)")
                }
            }
            await client.shutdown()
        }
    }
}
