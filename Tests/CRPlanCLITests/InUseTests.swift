import OCI
import RegistryTestSupport
import Testing

/// Tags in use, over HTTP.
@Suite struct InUseTests {
    @Test func `a tag in use and its image stay, in a registry that no entry writes too`() async throws {
        try await withShop { shop in
            try shop.us.seed(Samples.multiPlatform(seed: 1), tags: ["copy", "other"], in: RepositoryName(Shop.app))
            try shop.writeSpec("absent: [us/shop/app:copy]\npolicy: {inUse: [{file: in-use.txt}]}\n")
            try shop.sandbox.write("us.registry.example:443/shop/app:copy\n", to: "in-use.txt")
            let tag = try await shop.sandbox.crplan("plan")
            expect(tag, 3, stderr: ["us.registry.example/shop/app:copy cannot be untagged: the tag copy is in use (in-use.txt:1)"])
            // The same image runs from the other registry.
            try shop.sandbox.write("# eu\neu.registry.example/shop/app:1.0\n", to: "in-use.txt")
            let image = try await shop.sandbox.crplan("plan")
            expect(image, 3, stderr: ["us.registry.example/shop/app:copy cannot be untagged: the image is in use (in-use.txt:2)"])
            try shop.sandbox.write("eu.registry.example/shop/app:2.0\n", to: "in-use.txt")
            expect(try await shop.sandbox.crplan("plan", "--out", "x.plan"), 0)
            // By now, the tag holds what the plan would untag.
            try shop.eu.seed(Samples.multiPlatform(seed: 1), tags: ["2.0"], in: RepositoryName(Shop.app))
            expect(try await shop.sandbox.crplan("apply", "x.plan"), 3, stderr: ["the image is in use (in-use.txt:1)"])
            #expect(try shop.tags() == ["copy", "other"])
        }
    }
}
