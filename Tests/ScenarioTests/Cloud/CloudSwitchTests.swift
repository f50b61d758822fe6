import ICRSimulation
import OCI
import RegistryTestSupport
import Testing

/// What public material does not say about the service (reference of ICR, section G.4): whichever way it is, one spec leads to one state.
@Suite(.serialized, .timeLimit(.minutes(10))) struct CloudSwitchTests {
    struct Position: Sendable, CustomTestStringConvertible {
        var testDescription: String
        var set: @Sendable (inout ICRSwitches) -> Void

        init(_ name: String, _ set: @escaping @Sendable (inout ICRSwitches) -> Void) {
            testDescription = name
            self.set = set
        }
    }

    /// The defaults, and for each switch that crplan can meet, its other positions.
    static let positions: [Position] = [
        Position("defaults") { _ in },
        Position("unknown images: 400") { $0.unknownImageStatus = 400 },
        Position("untaggable types: 409") { $0.untaggableStatus = 409 },
        Position("errors as plain text") { $0.errorContentType = "text/plain" },
        Position("IAM tokens of 20 seconds") { $0.iamTokenSeconds = 20 },
        Position("no refresh tokens") { $0.hasRefreshTokens = false },
        Position("registry tokens of 5 seconds") { $0.registryTokenSeconds = 5 },
        Position("tokens without a life") { $0.announcesTokenLife = false },
        Position("access_token beside token") { $0.hasAccessTokenMember = true },
        Position("no anonymous tokens") { $0.hasAnonymousTokens = false },
        Position("insufficient scope: 403") { $0.insufficientScopeStatus = 403 },
        Position("restricted by host") { $0.restriction = .host },
        Position("restricted by either") { $0.restriction = .any },
        Position("never restricted") { $0.restriction = .ignored },
        Position("untagged as null") { $0.untaggedShape = .null },
        Position("no verdict as null") { $0.tagWithoutVerdict = .null },
        Position("untagged, bare") { $0.untaggedWording = .bare },
        Position("tags in the trash, full") { $0.trashTagWording = .full },
        Position("restored tags, full") { $0.restoredTagWording = .full },
        Position("analysed tags, full") { $0.analysisTagWording = .full },
        Position("bulk results, bare") { $0.bulkResultWording = .bare },
        Position("bulk deletions one by one") { $0.largestBulkDeletion = 1 },
        Position("a default resource group") { $0.defaultResourceGroup = "default" },
        Position("a policy keeps its threshold") { $0.retentionIsReplacedWhole = false },
        Position("analysis without the threshold") { $0.analysisHonoursThreshold = false },
        Position("odd retention: 422") { $0.oddRetentionStatus = 422 },
        Position("pages of one tag") { $0.tagsPageSize = 1 },
        Position("the referrers API") { $0.hasReferrers = true },
        Position("no mounts") { $0.hasMount = false },
        Position("content deletes: 404") { $0.contentDeleteStatus = 404 },
        Position("catalog: 404") { $0.catalogStatus = 404 },
        Position("no ranges") { $0.hasRanges = false },
        Position("blobs without redirects") { $0.redirectsBlobs = false },
        Position("lists that lag") { $0.staleLists = 1 },
        Position("tags that lag") { $0.staleTagReads = 1 },
        Position("restoring counts") { $0.restoreChecksQuota = true },
        Position("tagging counts") { $0.taggingChecksQuota = true },
        Position("a second deletion restarts nothing") { $0.secondDeletionRestartsExpiry = false },
        Position("restoring takes the entry") { $0.restoreKeepsEntry = false },
        Position("the trash for writers") { $0.trashRight = .delete },
        Position("retention spares children") { $0.protectsChildren = true },
        Position("indexes cannot be inspected") { $0.inspectIndexStatus = 400 },
        Position("indexes have another name") { $0.indexTypeName = "OCI Index" },
        Position("indexes have no name") { $0.indexTypeName = "" },
    ]

    @Test("in every position, the same spec leads to the same state", arguments: positions)
    func positionsOfSwitches(_ position: Position) async throws {
        try await withCloudScenario(namespaces: ["birds"]) { cloud in
            cloud.simulator.update { account, _ in position.set(&account.switches) }
            var index = SimulatedSeed("birds/api", host: "us.icr.io", tags: ["1.0", "1"], seed: 1)
            index.platforms = ["linux/amd64", "linux/arm64"]
            let multi = try cloud.simulator.update { account, now in try account.seed(index, at: now)[0] }
            let untagged = try cloud.seed("birds/api", tags: ["old"], seed: 10)
            let deleted = try cloud.seed("birds/tmp", tags: ["t"], seed: 20)
            let kept = try cloud.seed("birds/tmp", tags: ["u"], seed: 30)
            let common = """
                namespaces: [{name: prod, registries: [us, de]}]
                copies: [{from: us/prod/api, to: de/prod/api, tags: all}]

                """
            let promotion = "{to: us/prod/api, from: \"us/birds/api:1.0\", tags: [\"1.0\", stable]}"
            try cloud.write(
                common + "images: [\(promotion)]\n" + "absent: [\"us/birds/api:old\", \"us/birds/tmp@\(deleted)\"]"
            )
            try await settle(cloud)
            let there = cloud.simulator.update { account, _ in account.registries["us.icr.io"]?.contents.repositories ?? [:] }
            #expect(there[try RepositoryName("birds/api")]?.manifests[untagged] != nil, "an untag leaves the image")
            #expect(there[try RepositoryName("birds/tmp")]?.manifests[deleted] == nil)
            // What was deleted is wanted again: the trash has it, and no byte of it is sent.
            try cloud.seed("birds/tmp", tags: ["t"], seed: 20, host: "de.icr.io")
            try cloud.write(
                common + "images: [\(promotion), {to: us/birds/tmp, from: \"de/birds/tmp:t\", tags: [t]}]\nabsent: [\"us/birds/api:old\"]"
            )
            cloud.simulator.forgetLog()
            try await settle(cloud)
            let promoted = ["prod/api:1.0": multi.description, "prod/api:stable": multi.description]
            let own = ["birds/api:1.0": multi, "birds/api:1": multi, "birds/tmp:u": kept, "birds/tmp:t": deleted]
            let (us, de) = (try await cloud.look(host: "us.icr.io"), try await cloud.look(host: "de.icr.io"))
            #expect(us.tags == own.mapValues(\.description).merging(promoted) { $1 })
            #expect(de.tags == promoted.merging(["birds/tmp:t": deleted.description]) { $1 })
            #expect(us.namespaces == ["birds", "prod"] && de.namespaces == ["birds", "prod"])
            #expect(!cloud.simulator.log.contains { $0.request.path.hasPrefix("/v2/birds/tmp/blobs/uploads") })
        }
    }

    /// Applies, and plans until the lists show it; then there is nothing left to do.
    private func settle(_ cloud: CloudScenario) async throws {
        try await cloud.crplan("apply", "--auto-approve")
        var plan = try await cloud.crplan("plan", "--detailed-exitcode", exits: nil)
        for _ in 0..<3 where plan.status == 2 { plan = try await cloud.crplan("plan", "--detailed-exitcode", exits: nil) }
        #expect(plan.status == 0 && plan.stdout.contains("No changes."), "\(plan.said)")
    }
}
