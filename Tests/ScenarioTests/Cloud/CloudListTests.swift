import OCI
import RegistryTestSupport
import Testing

@testable import ICRSimulation

/// `crplan list` on IBM's registries.
@Suite(.serialized, .timeLimit(.minutes(5))) struct CloudListTests {
    @Test func `the trash is listed by registry, namespace and repository`() async throws {
        try await withCloudScenario(namespaces: ["birds", "bees"]) { cloud in
            let digest = try cloud.seed("birds/api", tags: ["1", "stable"])
            try cloud.write("absent: [\"us/birds/api@\(digest)\"]")
            let empty = try await cloud.crplan("list", "--trash")
            #expect(empty.stdout == "The trash is empty.\n")
            try await cloud.applyAll()
            for name in ["us", "us/birds", "us/birds/api"] {
                let list = try await cloud.crplan("list", "--trash", "--full", name)
                #expect(list.stdout.contains("us.icr.io/birds/api") && list.stdout.contains("\(digest)"), "\(list.said)")
                #expect(list.stdout.contains("1, stable") && list.stdout.contains("30 days"), "\(list.said)")
            }
            let other = try await cloud.crplan("list", "--trash", "us/bees")
            #expect(other.stdout == "The trash is empty.\n")
            let json = try await cloud.crplan("list", "--trash", "--format", "json", "us")
            let rows = try JSONValue(parsing: Array(json.stdout.utf8))["trash"]?.array
            #expect(rows?.first?["digest"]?.string == digest.description && rows?.first?["daysLeft"] == .integer(30))
        }
    }

    @Test func `public images are listed, and an image without a tag is shown`() async throws {
        try await withCloudScenario(namespaces: ["birds"]) { cloud in
            var seed = SimulatedSeed("appcafe/open-liberty", host: "icr.io", tags: ["full"], seed: 2)
            seed.isPublic = true
            let image = seed
            let shared = try cloud.simulator.update { account, now in try account.seed(image, at: now)[0] }
            let untagged = try cloud.seed("birds/api", tags: [])
            try cloud.write("")
            let list = try await cloud.crplan("list", "--ibm-public", "--full")
            #expect(list.stdout.contains("icr.io/appcafe/open-liberty") && list.stdout.contains("\(shared)"), "\(list.said)")
            let own = try await cloud.crplan("list", "--full", "us/birds/api")
            #expect(own.stdout.contains("<none>") && own.stdout.contains("\(untagged)"), "\(own.said)")
            let both = try await cloud.crplan("list", "--trash", "--ibm-public", exits: 64)
            #expect(both.stderr.contains("two lists"))
        }
    }
}
