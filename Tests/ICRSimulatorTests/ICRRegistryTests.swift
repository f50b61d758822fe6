import OCI
import Registry
import RegistryTestSupport
import Testing

@testable import ICRSimulation
@testable import RegistryICR

/// crplan's client of ICR against the simulator, with each switch that changes what it reads or does in both positions.
@Suite(.timeLimit(.minutes(5))) struct ICRRegistryTests {
    struct Setting: Sendable, CustomTestStringConvertible {
        var testDescription: String
        var change: @Sendable (inout ICRSwitches) -> Void

        init(_ name: String, _ change: @escaping @Sendable (inout ICRSwitches) -> Void = { _ in }) {
            testDescription = name
            self.change = change
        }
    }

    // MARK: Inventory

    static let inventorySettings = [
        Setting("as by default"),
        Setting("untagged images have null") { $0.untaggedShape = .null },
        Setting("tags without a verdict have null") { $0.tagWithoutVerdict = .null },
        Setting("restrictions with or without the host") { $0.restriction = .any },
        Setting("restrictions with the host alone") { $0.restriction = .host },
        Setting("restrictions that restrict nothing") { $0.restriction = .ignored },
        Setting("another word for an index") { $0.indexTypeName = "OCI Manifest List" },
    ]

    @Test("an inventory has all that is live in the namespace, and only that", arguments: inventorySettings)
    func inventory(_ setting: Setting) async throws {
        try await withCloud { cloud in
            cloud.set(setting.change)
            let tagged = try cloud.seed(tags: ["1", "latest"], seed: 1)
            let untagged = try cloud.seed(seed: 2)
            var multi = SimulatedSeed("birds/deep/er", tags: ["multi"], seed: 3)
            multi.platforms = ["linux/amd64", "linux/arm64"]
            let index = try cloud.seed(multi)[0]
            try cloud.seed("bees/a", tags: ["1"], seed: 1)
            let found = try await cloud.registry.inventory(of: "birds")
            #expect(found.keys.map(\.description).sorted() == ["birds/a", "birds/deep/er"])
            let flat = try #require(found[try RepositoryName("birds/a")])
            #expect(Set(flat.map(\.digest)) == [tagged, untagged])
            #expect(flat.first { $0.digest == tagged }?.tags.map(\.description) == ["1", "latest"])
            #expect(flat.first { $0.digest == untagged }?.tags == [])
            #expect(flat.allSatisfy { $0.created == 1_767_323_045 && $0.isIndex == false })
            let deep = try #require(found[try RepositoryName("birds/deep/er")])
            #expect(deep.count == 3)
            #expect(deep.filter { $0.isIndex == true }.map(\.digest) == [index])
            #expect(cloud.simulator.managementLines.count == (setting.testDescription.contains("alone") ? 2 : 1))
        }
    }

    @Test("an empty namespace is asked for in both forms until one of them has found something")
    func emptyNamespace() async throws {
        try await withCloud { cloud in
            try await cloud.registry.createNamespace("empty", resourceGroup: nil)
            #expect(try await cloud.registry.inventory(of: "empty").isEmpty)
            try cloud.seed(tags: ["1"])
            #expect(try await cloud.registry.inventory(of: "birds").count == 1)
            #expect(try await cloud.registry.inventory(of: "empty").isEmpty)
            #expect(cloud.simulator.managementLines.count { $0.hasSuffix("/images/digests") } == 4)
        }
    }

    @Test("a digest in two repositories is in both")
    func sharedDigest() async throws {
        try await withCloud { cloud in
            let digest = try cloud.seed("birds/a", tags: ["1"])
            try cloud.seed("birds/b", tags: ["2"])
            let found = try await cloud.registry.inventory(of: "birds")
            #expect(found.mapValues { $0.map(\.digest) }.values.allSatisfy { $0 == [digest] })
            #expect(try await cloud.registry.digests(in: try RepositoryName("birds/b")) == [digest])
            #expect(try await cloud.registry.tags(in: try RepositoryName("birds/b"))?.map(\.description) == ["2"])
        }
    }

    @Test("lists that lag show the former state as often as the switch says", arguments: [0, 2])
    func slowConsistency(_ count: Int) async throws {
        try await withCloud { cloud in
            cloud.set { $0.staleLists = count }
            try cloud.seed(tags: ["1"])
            try await cloud.registry.deleteTag(try TagName("1"), in: try RepositoryName(Cloud.repository))
            for round in 0...count {
                let images = try await cloud.registry.inventory(of: "birds")[try RepositoryName(Cloud.repository)]
                #expect(images?.first?.tags.isEmpty == (round == count))
            }
        }
    }

    // MARK: Removing

    @Test("untagging leaves the image, and untagging again is done already", arguments: [ICRSwitches.Wording.full, .bare])
    func untag(_ wording: ICRSwitches.Wording) async throws {
        try await withCloud { cloud in
            cloud.set { $0.untaggedWording = wording }
            let digest = try cloud.seed(tags: ["1"])
            let repository = try RepositoryName(Cloud.repository)
            try await cloud.registry.deleteTag(try TagName("1"), in: repository)
            try await cloud.registry.deleteTag(try TagName("1"), in: repository)
            #expect(try cloud.tags().isEmpty)
            #expect(cloud.held.contents.digests(in: repository) == [digest])
        }
    }

    @Test("an untag whose answer is lost has happened, and its repetition is done already")
    func lostAnswer() async throws {
        try await withCloud { cloud in
            try cloud.seed(tags: ["1"])
            let repository = try RepositoryName(Cloud.repository)
            let tag = try TagName("1")
            cloud.simulator.fail(SimulatedFault(.loseReply, method: "DELETE", contains: "/tags/"))
            let error = try await cloud.failure { () async throws(RegistryError) in try await cloud.registry.deleteTag(tag, in: repository)
            }
            #expect(error.code == .unavailable)
            let tags = try cloud.tags()
            #expect(tags.isEmpty)
            #expect(cloud.simulator.log.filter { $0.request.method == "DELETE" }.map(\.status) == [nil])
            try await cloud.registry.deleteTag(tag, in: repository)
        }
    }

    @Test("each image of a bulk deletion has its own result", arguments: [ICRSwitches.Wording.full, .bare])
    func bulkDelete(_ wording: ICRSwitches.Wording) async throws {
        try await withCloud { cloud in
            cloud.set { $0.bulkResultWording = wording }
            let repository = try RepositoryName(Cloud.repository)
            let (good, bad) = (try cloud.seed(tags: ["1"], seed: 1), try cloud.seed(tags: ["2"], seed: 2))
            let gone = try SimulatedSeed(Cloud.repository, seed: 3).sample().digest
            cloud.simulator.update { account, _ in
                account.registries[cloud.host]?.refusedDeletions[bad] = ICRProblem(403, "CRG0020E", "You are not authorized.")
            }
            let results = await cloud.registry.deleteImages([good, bad, gone].map { ImageName(repository, $0) })
            #expect(results.count == 3)
            #expect(results[ImageName(repository, good)] == .some(nil))
            #expect((results[ImageName(repository, bad)] ?? nil)?.registryCode == "CRG0020E")
            // What is gone is gone: that was the goal.
            #expect((results[ImageName(repository, gone)] ?? nil) == nil, "\(String(describing: results[ImageName(repository, gone)]))")
            #expect(try cloud.tags() == ["2": bad])
        }
    }

    @Test("the same digest in another repository stays")
    func deleteInOneRepository() async throws {
        try await withCloud { cloud in
            let digest = try cloud.seed("birds/a", tags: ["1"])
            try cloud.seed("birds/b", tags: ["1"])
            try await cloud.registry.deleteManifest(digest, in: try RepositoryName("birds/a"))
            #expect(try cloud.tags("birds/a").isEmpty)
            #expect(try cloud.tags("birds/b") == ["1": digest])
        }
    }

    @Test("more images than one call takes go in several", arguments: [(0, 3), (50, 3), (20, 3 + 2 * 6)])
    func manyDeletions(_ largest: Int, _ calls: Int) async throws {
        try await withCloud { cloud in
            cloud.set { $0.largestBulkDeletion = largest }
            var seed = SimulatedSeed(Cloud.repository, tags: ["t"])
            seed.count = 120
            seed.layerSize = 10
            let repository = try RepositoryName(Cloud.repository)
            let images = try cloud.seed(seed).map { ImageName(repository, $0) }
            let results = await cloud.registry.deleteImages(images)
            #expect(results.count == 120 && results.values.allSatisfy { $0 == nil })
            #expect(cloud.simulator.managementLines.count == calls)
            #expect(cloud.held.trash.count == 120)
        }
    }

    // MARK: Trash

    static let trashSettings = [
        Setting("as by default"),
        Setting("tags in full") {
            $0.trashTagWording = .full
            $0.restoredTagWording = .full
        },
        Setting("the entry goes with the restoration") { $0.restoreKeepsEntry = false },
        Setting("the right to delete lists the trash") { $0.trashRight = .delete },
    ]

    @Test("a deleted image is in the trash for 30 days, and comes back with the tags that are free", arguments: trashSettings)
    func trash(_ setting: Setting) async throws {
        try await withCloud { cloud in
            cloud.set(setting.change)
            let repository = try RepositoryName(Cloud.repository)
            let digest = try cloud.seed(tags: ["1", "2"])
            try await cloud.registry.deleteManifest(digest, in: repository)
            let tags = try ["1", "2"].map { try TagName($0) }
            let expected = TrashedImage(repository: repository, digest: digest, tags: tags, daysLeft: 30)
            #expect(try await cloud.registry.trash(of: "birds") == [expected])
            #expect(try await cloud.registry.trash(of: "bees") == [])
            let other = try cloud.seed(tags: ["2"], seed: 2)
            #expect(try await cloud.registry.restore(digest, in: repository).map(\.description) == ["1"])
            #expect(try cloud.tags() == ["1": digest, "2": other])
        }
    }

    @Test("after 30 days there is nothing to restore")
    func expiredTrash() async throws {
        try await withCloud { cloud in
            let repository = try RepositoryName(Cloud.repository)
            let digest = try cloud.seed(tags: ["1"])
            try await cloud.registry.deleteManifest(digest, in: repository)
            cloud.simulator.advanceClock(by: 29.5 * 86_400)
            #expect(try await cloud.registry.trash(of: "birds").map(\.daysLeft) == [1])
            cloud.simulator.advanceClock(by: 86_400)
            #expect(try await cloud.registry.trash(of: "birds").isEmpty)
            let error = try await cloud.failure { () async throws(RegistryError) in
                _ = try await cloud.registry.restore(digest, in: repository)
            }
            #expect(error.code == .notFound)
        }
    }

    @Test("a restoration that the quota forbids says so")
    func restoreOverQuota() async throws {
        try await withCloud { cloud in
            cloud.set { $0.restoreChecksQuota = true }
            let repository = try RepositoryName(Cloud.repository)
            let digest = try cloud.seed(tags: ["1"])
            try await cloud.registry.deleteManifest(digest, in: repository)
            cloud.simulator.update { account, _ in account.registries[cloud.host]?.limits.storage = 0 }
            let error = try await cloud.failure { () async throws(RegistryError) in
                _ = try await cloud.registry.restore(digest, in: repository)
            }
            #expect(error.code == .denied && error.help?.contains("quota") == true)
        }
    }

    // MARK: Tagging

    @Test("a tag within the registry moves no content, and overwrites", arguments: [false, true])
    func tag(_ checksQuota: Bool) async throws {
        try await withCloud { cloud in
            cloud.set { $0.taggingChecksQuota = checksQuota }
            let digest = try cloud.seed(tags: ["1"])
            try cloud.seed("birds/b", tags: ["live"], seed: 2)
            let target = try RepositoryName("birds/b")
            try await cloud.registry.tag(digest, of: try RepositoryName(Cloud.repository), as: try TagName("live"), in: target)
            #expect(try cloud.tags("birds/b") == ["live": digest])
            #expect(try await cloud.registry.head(.tag(try TagName("live")), in: target)?.digest == digest)
            #expect(cloud.simulator.log.allSatisfy { !$0.request.path.contains("/blobs/") })
        }
    }

    @Test("an index that lacks a child cannot be tagged, and the error says what to do", arguments: [400, 409])
    func brokenIndex(_ status: Int) async throws {
        try await withCloud { cloud in
            cloud.set { $0.untaggableStatus = status }
            var seed = SimulatedSeed(Cloud.repository, tags: ["1"])
            seed.platforms = ["linux/amd64", "linux/arm64"]
            let index = try cloud.seed(seed)[0]
            let repository = try RepositoryName(Cloud.repository)
            let child = try #require(cloud.held.facts[index]?.children.first)
            try await cloud.registry.deleteManifest(child, in: repository)
            let tag = try TagName("2")
            let error = try await cloud.failure { () async throws(RegistryError) in
                try await cloud.registry.tag(index, of: repository, as: tag, in: repository)
            }
            #expect(error.registryCode == "CRI0304E" && error.code == .rejected)
            #expect(error.help == "the index needs an image that is gone; push that again first")
        }
    }
}
