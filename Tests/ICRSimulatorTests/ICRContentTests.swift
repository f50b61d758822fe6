import OCI
import Registry
import RegistryHTTP
import RegistryTestSupport
import Testing

@testable import ICRSimulation
@testable import RegistryICR

/// Content of ICR over the distribution API: crplan's client against the simulator.
@Suite(.timeLimit(.minutes(5))) struct ICRContentTests {
    typealias Setting = ICRRegistryTests.Setting

    private static func push(_ sample: Sample, as tag: String, _ registry: ICRRegistry, _ name: String) async throws {
        let repository = try RepositoryName(name)
        for (digest, bytes) in sample.blobs {
            let descriptor = Descriptor(mediaType: "application/octet-stream", digest: digest, size: Int64(bytes.count))
            try await registry.putBlob(Sample.body(bytes, as: descriptor), into: repository)
        }
        for document in sample.manifests.dropLast() {
            try await registry.putManifest(document, at: .digest(document.digest), in: repository)
        }
        try await registry.putManifest(sample.root, at: .tag(try TagName(tag)), in: repository)
    }

    static let settings = [
        Setting("blobs are redirected to a host that rejects credentials"),
        Setting("blobs come from the registry") { $0.redirectsBlobs = false },
        Setting("tokens do not say how long they live") { $0.announcesTokenLife = false },
        Setting("tokens have both members") { $0.hasAccessTokenMember = true },
        Setting("no ranges") { $0.hasRanges = false },
        Setting("no mounts") { $0.hasMount = false },
        Setting("the referrers API") { $0.hasReferrers = true },
        Setting("tags come two at a time") { $0.tagsPageSize = 2 },
    ]

    @Test("an image is pushed, listed, and read back whole", arguments: settings)
    func roundTrip(_ setting: Setting) async throws {
        try await withCloud { cloud in
            cloud.set(setting.change)
            try await cloud.registry.createNamespace("birds", resourceGroup: nil)
            let sample = try Samples.multiPlatform(seed: 5)
            for tag in ["1", "2", "3", "4", "5"] { try await Self.push(sample, as: tag, cloud.registry, "birds/a") }
            let repository = try RepositoryName("birds/a")
            #expect(try await cloud.registry.content.tags(in: repository)?.count == 5)
            #expect(try await cloud.registry.manifest(.tag(try TagName("1")), in: repository)?.digest == sample.digest)
            for (digest, bytes) in sample.blobs {
                let descriptor = Descriptor(mediaType: "application/octet-stream", digest: digest, size: Int64(bytes.count))
                var read: [UInt8] = []
                for try await piece in try await cloud.registry.blob(descriptor, from: 0, in: repository) { read += piece.array }
                #expect(read == bytes)
            }
            let images = try #require(try await cloud.registry.inventory(of: "birds")[repository])
            #expect(images.count == 3 && images.first { $0.isIndex == true }?.tags.count == 5)
            let redirected = cloud.simulator.log.filter { $0.place == .cdn(cloud.host) }
            #expect(redirected.allSatisfy { $0.request.headers["authorization"] == nil && $0.status == 200 })
        }
    }

    @Test("a full storage quota refuses the next push, and the error says what to do")
    func storageQuota() async throws {
        try await withCloud { cloud in
            try await cloud.registry.createNamespace("birds", resourceGroup: nil)
            cloud.simulator.update { account, _ in account.registries[cloud.host]?.limits.storage = 100 }
            // It begins below the limit, so it completes.
            try await Self.push(try Samples.image(seed: 1), as: "1", cloud.registry, "birds/a")
            await #expect(throws: RegistryError.self) {
                try await Self.push(try Samples.image(seed: 2), as: "2", cloud.registry, "birds/a")
            }
            #expect(try cloud.tags().count == 1)
        }
    }

    @Test("where only private access is allowed, the public address refuses content, and the private one serves it")
    func privateOnly() async throws {
        try await withCloud { cloud in
            let digest = try cloud.seed(tags: ["1"])
            cloud.simulator.update { account, _ in account.registries[cloud.host]?.isPrivateOnly = true }
            let repository = try RepositoryName(Cloud.repository)
            let error = try await cloud.failure { () async throws(RegistryError) in
                _ = try await cloud.registry.manifest(.digest(digest), in: repository)
            }
            #expect(error.code == .denied && error.description.contains("Private-only access"))
            let client = try cloud.client(key: cloud.simulator.options.apiKey, isPrivate: true)
            #expect(try await client.manifest(.digest(digest), in: repository)?.digest == digest)
            await client.shutdown()
        }
    }

    @Test("another region's namespace and a missing role are denials", arguments: [401, 403])
    func denied(_ status: Int) async throws {
        try await withCloud { cloud in
            cloud.set { $0.insufficientScopeStatus = status }
            try cloud.seed(tags: ["1"])
            let client = try cloud.client(key: cloud.key(ICRGrant(.reader)))
            await #expect(throws: RegistryError.self) { try await Self.push(try Samples.image(seed: 9), as: "2", client, Cloud.repository) }
            let error = try await cloud.failure { () async throws(RegistryError) in
                _ = try await client.content.tags(in: try Self.name("bees/a"))
            }
            await client.shutdown()
            #expect(error.registryCode == "DENIED" && error.status == status)
            #expect(error.reason.contains("requested access to the resource is denied"))
        }
    }

    private static func name(_ text: String) throws(RegistryError) -> RepositoryName {
        do throws(InvalidName) {
            return try RepositoryName(text)
        } catch {
            throw RegistryError(.rejected, action: "read", object: text, reason: error.description)
        }
    }

    @Test("IBM's public images are read without a login, with and without tokens for nobody", arguments: [true, false])
    func publicImages(_ hasAnonymousTokens: Bool) async throws {
        try await withCloud { cloud in
            cloud.set { $0.hasAnonymousTokens = hasAnonymousTokens }
            var seed = SimulatedSeed("ibm/liberty", tags: ["1"])
            seed.isPublic = true
            let digest = try cloud.seed(seed)[0]
            let client = try cloud.client(key: nil)
            #expect(try await client.head(.tag(try TagName("1")), in: try RepositoryName("ibm/liberty"))?.digest == digest)
            await client.shutdown()
            #expect(try await cloud.registry.inventory(of: "ibm").isEmpty)
            #expect(try await cloud.registry.quota().storage.usage == 0)
        }
    }
}
