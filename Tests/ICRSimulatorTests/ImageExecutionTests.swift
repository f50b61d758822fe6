import Execution
import OCI
import Planning
import Registry
import RegistryTestSupport
import Testing

@testable import ICRSimulation
@testable import RegistryICR

/// Untags, deletes, restores and puts within a registry, applied to the simulator.
@Suite(.timeLimit(.minutes(5))) struct ImageExecutionTests {
    typealias Setting = ICRRegistryTests.Setting

    // MARK: Untag and delete

    @Test("an untag leaves the image, and a second run finds the tag gone")
    func untag() async throws {
        try await withCloud { cloud in
            let digest = try cloud.seed(tags: ["1", "2"])
            let untag = try cloud.untag("1", at: digest)
            #expect(try await cloud.apply(untag).outcomes == [.done])
            #expect(try cloud.tags() == ["2": digest] && cloud.held.trash.isEmpty)
            #expect(try await cloud.apply(untag).outcomes == [.unchanged])
            let moved = try cloud.untag("2", at: Digest.sha256(of: [1]))
            #expect(try await cloud.apply(moved).outcomes.first?.name == "stale")
            #expect(cloud.count("DELETE /api/v1/tags/") == 1)
        }
    }

    @Test("deletes of one repository are one call, and each image has an outcome of its own", arguments: [ICRSwitches.Wording.full, .bare])
    func bulkDelete(_ wording: ICRSwitches.Wording) async throws {
        try await withCloud { cloud in
            cloud.set { $0.bulkResultWording = wording }
            let digests = try (1...4).map { try cloud.seed(tags: ["\($0)"], seed: UInt64($0)) }
            cloud.simulator.update { account, _ in
                account.registries[cloud.host]?.refusedDeletions[digests[1]] = ICRProblem(403, "CRG0020E", "You are not authorized.")
            }
            let changes = try digests.enumerated().map { place, digest in
                try cloud.delete(digest, tags: place == 3 ? ["4", "more"] : ["\(place + 1)"])
            }
            let applied = try await cloud.apply(changes)
            #expect(applied.outcomes.map(\.name) == ["done", "failed", "done", "stale"])
            #expect(applied.error?.object.contains("\(digests[1])") == true && applied.error?.code == .denied)
            #expect(applied.error?.help?.contains("Writer on namespace birds") == true)
            #expect(applied.results.count == 3 && applied.report.verdict == .partial)
            for write in applied.journal.writes {
                #expect(write.result == (write.write.change == changes[1].id ? .failed : .done))
                #expect(write.write.tags.count == 1 && write.write.before != nil)
            }
            #expect(cloud.count("POST /api/v1/images/bulkdelete") == 1)
            #expect(try cloud.tags() == ["2": digests[1], "4": digests[3]])
            let again = try await cloud.apply(changes)
            #expect(again.outcomes.map(\.name) == ["unchanged", "failed", "unchanged", "stale"])
        }
    }

    @Test("deletes whose common answer is lost count as done once the images are gone")
    func bulkAnswerLost() async throws {
        try await withCloud { cloud in
            let digests = try (1...3).map { try cloud.seed(tags: ["\($0)"], seed: UInt64($0)) }
            cloud.simulator.update { account, _ in
                account.registries[cloud.host]?.refusedDeletions[digests[1]] = ICRProblem(403, "CRG0020E", "You are not authorized.")
            }
            cloud.simulator.fail(SimulatedFault(.loseReply, contains: "/bulkdelete"))
            let applied = try await cloud.apply(try digests.enumerated().map { try cloud.delete($1, tags: ["\($0 + 1)"]) })
            #expect(applied.outcomes.map(\.name) == ["done", "failed", "done"])
            #expect(applied.error?.code == .unavailable)
            #expect(cloud.count("POST /api/v1/images/bulkdelete") == 1)
        }
    }

    @Test("what somebody else removed a moment earlier counts as done")
    func overtaken() async throws {
        try await withCloud { cloud in
            let (tagged, deleted) = (try cloud.seed(tags: ["1", "2"], seed: 1), try cloud.seed(tags: ["3"], seed: 2))
            try cloud.seed("bees/a", tags: ["1"], seed: 3)
            let image = LostImage(try RepositoryName("bees/a"), try #require(try cloud.tags("bees/a")["1"]), tags: [try TagName("1")])
            let changes = [
                try cloud.untag("1", at: tagged), try cloud.delete(deleted, tags: ["3"]),
                cloud.set(.remove, [.contents([image.description])], on: "bees"),
            ]
            let client = try cloud.client(through: OvertakenService(service: try cloud.service(.open(cloud.host))))
            let applied = try await cloud.apply(changes, with: client)
            await client.shutdown()
            #expect(applied.outcomes == [.done, .done, .done])
            #expect(try cloud.tags() == ["2": tagged])
        }
    }

    @Test("an image that a registry calls not found and goes on showing is not called deleted")
    func notFoundButThere() async throws {
        try await withCloud { cloud in
            let digest = try cloud.seed(tags: ["1"])
            cloud.simulator.update { account, _ in
                account.registries[cloud.host]?.refusedDeletions[digest] = ICRProblem(404, "CRX0404E", "The image does not exist.")
            }
            let applied = try await cloud.apply(try cloud.delete(digest, tags: ["1"]))
            #expect(applied.outcomes.first?.name == "failed")
            #expect(try cloud.tags() == ["1": digest])
        }
    }

    @Test("an image that is deleted again has its days in the trash anew or not, and is gone either way", arguments: [true, false])
    func deletedAgain(_ restarts: Bool) async throws {
        try await withCloud { cloud in
            cloud.set { $0.secondDeletionRestartsExpiry = restarts }
            let digest = try cloud.seed(tags: ["1"])
            let delete = try cloud.delete(digest, tags: ["1"])
            let restore = try cloud.restore(digest)
            #expect(try await cloud.apply(delete).outcomes == [.done])
            cloud.simulator.advanceClock(by: 10 * 86_400)
            #expect(try await cloud.apply(restore).outcomes == [.done])
            #expect(try await cloud.apply(delete).outcomes == [.done])
            #expect(try await cloud.registry.trash(of: "birds").map(\.daysLeft) == [restarts ? 30 : 20])
            #expect(try await cloud.apply(restore).outcomes == [.done])
            #expect(try cloud.tags() == ["1": digest])
        }
    }

    // MARK: Restore

    static let trashSettings = [
        Setting("as by default"),
        Setting("the entry goes with the restoration") { $0.restoreKeepsEntry = false },
        Setting("tags in full") {
            $0.trashTagWording = .full
            $0.restoredTagWording = .full
        },
    ]

    @Test("an image comes back with the tags that are free, and a second run finds it live", arguments: trashSettings)
    func restore(_ setting: Setting) async throws {
        try await withCloud { cloud in
            cloud.set(setting.change)
            let digest = try cloud.seed(tags: ["1", "2"])
            try await cloud.registry.deleteManifest(digest, in: try RepositoryName(Cloud.repository))
            let other = try cloud.seed(tags: ["2"], seed: 2)
            let restore = try cloud.restore(digest)
            let first = try await cloud.apply(restore)
            #expect(first.outcomes == [.done] && first.journal.writes.first?.write.after == digest)
            #expect(try cloud.tags() == ["1": digest, "2": other])
            #expect(try await cloud.apply(restore).outcomes == [.unchanged])
            #expect(cloud.count("POST /api/v1/trash/") == 1)
        }
    }

    @Test("an image comes back under one tag alone, and a second run finds that", arguments: trashSettings)
    func restoreTag(_ setting: Setting) async throws {
        try await withCloud { cloud in
            cloud.set(setting.change)
            let digest = try cloud.seed(tags: ["1", "2"])
            try await cloud.registry.deleteManifest(digest, in: try RepositoryName(Cloud.repository))
            let restore = try cloud.restore(digest, tag: "2")
            #expect(try await cloud.apply(restore).outcomes == [.done])
            #expect(try cloud.tags() == ["2": digest])
            #expect(try await cloud.apply(restore).outcomes == [.unchanged])
        }
    }

    struct Moved: Sendable, CustomTestStringConvertible {
        var testDescription: String
        var tag: String?
        var found: String
        var change: @Sendable (Cloud, RepositoryName, Digest) async throws -> Void
    }

    static let moves = [
        Moved(testDescription: "expired", found: "the trash does not hold it") { cloud, _, _ in
            cloud.simulator.advanceClock(by: 31 * 86_400)
        },
        Moved(testDescription: "the tag is taken", tag: "1", found: "sha256:") { cloud, _, _ in try cloud.seed(tags: ["1"], seed: 2) },
        Moved(testDescription: "the tag was restored and removed", tag: "1", found: "without the tag 1") { cloud, repository, _ in
            try await cloud.registry.restoreTag(try TagName("1"), in: repository)
            try await cloud.registry.deleteTag(try TagName("1"), in: repository)
        },
        Moved(testDescription: "another image went with the same tag", tag: "1", found: "too") { cloud, repository, _ in
            let other = try cloud.seed(tags: ["1"], seed: 2)
            try await cloud.registry.deleteManifest(other, in: repository)
        },
    ]

    @Test("nothing is restored when the trash or the tag is not as planned", arguments: moves)
    func restoreStale(_ row: Moved) async throws {
        try await withCloud { cloud in
            let digest = try cloud.seed(tags: ["1", "2"])
            let repository = try RepositoryName(Cloud.repository)
            try await cloud.registry.deleteManifest(digest, in: repository)
            let restore = try cloud.restore(digest, tag: row.tag)
            try await row.change(cloud, repository, digest)
            let before = try cloud.tags()
            let applied = try await cloud.apply(restore)
            guard case .stale(_, let found)? = applied[restore] else {
                Issue.record("\(applied.outcomes)")
                return
            }
            #expect(found.contains(row.found), "\(found)")
            #expect(try cloud.tags() == before && applied.results == [])
        }
    }

    // MARK: Put within the registry

    /// What a put by mount and manifest would have sent.
    private static func contentWrites(_ cloud: Cloud) -> Int {
        cloud.simulator.log.count { $0.request.path.hasPrefix("/v2/") && ["PUT", "POST", "PATCH"].contains($0.request.method) }
    }

    @Test("a tag within the registry is one call, and moves no content", arguments: [[], ["linux/amd64", "linux/arm64"]])
    func tag(_ platforms: [String]) async throws {
        try await withCloud { cloud in
            var seed = SimulatedSeed(Cloud.repository, tags: ["1"])
            seed.platforms = platforms
            let digest = try cloud.seed(seed)[0]
            let old = try cloud.seed("birds/b", tags: ["live"], seed: 2)
            let new = try cloud.put(digest, as: "new")
            let move = try cloud.put(digest, as: "live", old: old)
            let applied = try await cloud.apply([new.change, move.change], new.contents)
            #expect(applied.outcomes == [.done, .done] && applied.results == [.done, .done])
            #expect(try cloud.tags("birds/b") == ["live": digest, "new": digest])
            #expect(cloud.count("POST /api/v1/images/tags") == 2 && Self.contentWrites(cloud) == 0)
            #expect(try await cloud.apply([new.change, move.change], new.contents).outcomes == [.unchanged, .unchanged])
            let late = try cloud.put(old, as: "live", old: old)
            #expect(try await cloud.apply(late).outcomes == [.stale(expected: "\(old)", found: "\(digest)")])
            #expect(cloud.count("POST /api/v1/images/tags") == 2)
        }
    }

    @Test("without a login for the management API a tag is put by mount and manifest")
    func tagWithoutLogin() async throws {
        try await withCloud { cloud in
            let digest = try cloud.seed(tags: ["1"])
            try cloud.seed("birds/b", tags: ["x"], seed: 2)
            let client = try cloud.contentClient()
            let applied = try await cloud.apply(try cloud.put(digest, as: "new"), with: client)
            await client.shutdown()
            #expect(applied.outcomes == [.done])
            #expect(try cloud.tags("birds/b")["new"] == digest)
            #expect(cloud.simulator.managementLines.isEmpty)
        }
    }

    @Test("an image that the registry does not tag itself is put by mount and manifest", arguments: ["CRI0301E", "CRI0302E"])
    func untaggable(_ code: String) async throws {
        try await withCloud { cloud in
            let digest = try cloud.seed(tags: ["1"])
            try cloud.seed("birds/b", tags: ["x"], seed: 2)
            cloud.simulator.update { account, _ in
                account.registries[cloud.host]?.refusedTaggings[digest] = ICRProblem(400, code, "The manifest type cannot be tagged.")
            }
            let applied = try await cloud.apply(try cloud.put(digest, as: "new"))
            #expect(applied.outcomes == [.done] && applied.results == [.failed, .done])
            #expect(try cloud.tags("birds/b")["new"] == digest)
        }
    }

    @Test("a manifest that crplan makes is put, since it is nowhere yet")
    func derived() async throws {
        try await withCloud { cloud in
            let digest = try cloud.seed(tags: ["1"])
            let document = try #require(cloud.held.contents.manifest(.digest(digest), in: try RepositoryName(Cloud.repository)))
            let planned = try cloud.put(digest, as: "new", manifest: String(decoding: document.bytes, as: UTF8.self))
            #expect(try await cloud.apply(planned).outcomes == [.done])
            #expect(cloud.count("POST /api/v1/images/tags") == 0)
        }
    }

    @Test("an image that is gone at the source cannot be tagged")
    func goneSource() async throws {
        try await withCloud { cloud in
            try cloud.seed(tags: ["1"])
            let applied = try await cloud.apply(try cloud.put(Digest.sha256(of: [1]), as: "new"))
            #expect(applied.error?.code == .notFound && applied.results == [.failed])
        }
    }
}
