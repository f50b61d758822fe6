import Logging
import OCI
import Registry
import RegistryHTTP
import RegistryTestSupport
import Testing

@testable import ICRSimulation
@testable import RegistryICR

/// Namespaces, retention, quota and errors: crplan's client of ICR against the simulator.
@Suite(.timeLimit(.minutes(5))) struct ICRAdministrationTests {
    typealias Setting = ICRRegistryTests.Setting

    // MARK: Namespaces

    @Test("namespaces are created, assigned once, listed and deleted", arguments: ["", "default-group"])
    func namespaces(_ group: String) async throws {
        try await withCloud { cloud in
            cloud.set { $0.defaultResourceGroup = group }
            let registry = cloud.registry
            try await registry.createNamespace("bees", resourceGroup: "g1")
            try await registry.createNamespace("birds", resourceGroup: nil)
            try await registry.createNamespace("birds", resourceGroup: nil)
            if group.isEmpty { try await registry.assignNamespace("birds", resourceGroup: "g2") }
            let expected = [
                NamespaceDetails(name: "bees", resourceGroup: "g1"),
                NamespaceDetails(name: "birds", resourceGroup: group.isEmpty ? "g2" : group),
            ]
            #expect(try await registry.namespaces() == expected)
            let error = try await cloud.failure { () async throws(RegistryError) in
                try await registry.assignNamespace("birds", resourceGroup: "g3")
            }
            #expect(error.code == .rejected)
            try await registry.deleteNamespace("bees")
            try await registry.deleteNamespace("bees")
            #expect(try await registry.namespaces().map(\.name) == ["birds"])
        }
    }

    @Test("deleting a namespace takes its images and its trash")
    func deleteNamespace() async throws {
        try await withCloud { cloud in
            let digest = try cloud.seed(tags: ["1"])
            try cloud.seed(tags: ["2"], seed: 2)
            try await cloud.registry.deleteManifest(digest, in: try RepositoryName(Cloud.repository))
            try await cloud.registry.deleteNamespace("birds")
            #expect(cloud.held.trash.isEmpty && cloud.held.contents.repositories.isEmpty)
        }
    }

    @Test("a name that another account has is refused", arguments: [403, 409])
    func foreignNamespace(_ status: Int) async throws {
        try await withCloud { cloud in
            cloud.set { $0.foreignNamespaceStatus = status }
            cloud.simulator.update { account, _ in account.registries[cloud.host]?.foreignNamespaces = ["taken"] }
            let error = try await cloud.failure { () async throws(RegistryError) in
                try await cloud.registry.createNamespace("taken", resourceGroup: nil)
            }
            #expect(error.status == status && error.reason.contains("not available"))
        }
    }

    @Test("the hundred and first namespace is refused", arguments: [403, 409])
    func tooManyNamespaces(_ status: Int) async throws {
        try await withCloud { cloud in
            cloud.set { $0.namespaceLimitStatus = status }
            for number in 0..<100 { try await cloud.registry.createNamespace("space-\(number)", resourceGroup: nil) }
            let error = try await cloud.failure { () async throws(RegistryError) in
                try await cloud.registry.createNamespace("one-more", resourceGroup: nil)
            }
            #expect(error.status == status && error.reason.contains("limit of 100"))
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

    @Test("what an analysis names is what setting the policy removes", arguments: [ICRSwitches.Wording.bare, .full])
    func analysis(_ wording: ICRSwitches.Wording) async throws {
        try await withCloud { cloud in
            cloud.set { $0.analysisTagWording = wording }
            let digests = try Self.seedThree(cloud)
            let repository = try RepositoryName(Cloud.repository)
            let policy = RetentionPolicy(imagesPerRepository: 1, keepUntagged: true)
            #expect(try await cloud.registry.retention(of: "birds") == .none)
            let victims = try await cloud.registry.retentionVictims(policy, of: "birds")
            let expected = try digests.prefix(2).enumerated().map { place, digest in
                RetentionVictim(image: ImageName(repository, digest), tags: [try TagName("\(place + 1)")])
            }
            #expect(victims == expected.sorted { $0.image < $1.image })
            #expect(try cloud.tags().count == 3, "an analysis changes nothing")
            try await cloud.registry.setRetention(policy, of: "birds")
            #expect(try cloud.tags() == ["3": digests[2]])
            #expect(try await cloud.registry.retention(of: "birds") == policy)
            #expect(Set(try await cloud.registry.trash(of: "birds").map(\.digest)) == Set(digests.prefix(2)))
        }
    }

    @Test("a threshold is sent, kept, and taken back", arguments: [true, false])
    func threshold(_ isReplacedWhole: Bool) async throws {
        try await withCloud { cloud in
            cloud.set { $0.retentionIsReplacedWhole = isReplacedWhole }
            try cloud.seed(tags: ["1"])
            let with = RetentionPolicy(imagesPerRepository: 2, keepUntagged: true, minimumAgeDays: 7)
            let without = RetentionPolicy(imagesPerRepository: 2, keepUntagged: true)
            try await cloud.registry.setRetention(with, of: "birds")
            #expect(try await cloud.registry.retention(of: "birds") == with)
            try await cloud.registry.setRetention(without, of: "birds")
            #expect(try await cloud.registry.retention(of: "birds") == without)
            try await cloud.registry.setRetention(.none, of: "birds")
            #expect(try await cloud.registry.retention(of: "birds") == .none)
        }
    }

    // MARK: Quota

    @Test("the quota counts shared layers once, and unlimited is no number")
    func quota() async throws {
        try await withCloud { cloud in
            var seed = SimulatedSeed("birds/a", tags: ["1"])
            seed.layerSeeds = [7]
            seed.layerSize = 10_000
            try cloud.seed(seed)
            seed.repository = "bees/b"
            seed.seed = 2
            try cloud.seed(seed)
            let usage = try await cloud.registry.quota()
            #expect((10_000..<20_000).contains(usage.storage.usage))
            #expect(usage.storage.limit == nil && usage.traffic.limit == nil)
            cloud.simulator.update { account, _ in account.registries[cloud.host]?.limits = .init(storage: 512 << 20, traffic: 5 << 30) }
            #expect(try await cloud.registry.quota().storage.limit == 536_870_912)
        }
    }

    // MARK: Errors

    struct Refused: Sendable, CustomTestStringConvertible {
        var testDescription: String
        var grants: [ICRGrant]
        var help: String
        var call: @Sendable (ICRRegistry) async throws(RegistryError) -> Void
    }

    static let refusals: [Refused] = [
        Refused(testDescription: "Writer cannot list", grants: [ICRGrant(.writer)], help: "Reader on namespace birds") {
            registry async throws(RegistryError) in _ = try await registry.inventory(of: "birds")
        },
        Refused(testDescription: "Writer cannot analyse", grants: [ICRGrant(.writer)], help: "Reader on namespace birds") {
            registry async throws(RegistryError) in _ = try await registry.retentionVictims(.none, of: "birds")
        },
        Refused(testDescription: "Reader cannot set retention", grants: [ICRGrant(.reader)], help: "Reader and Writer on namespace birds") {
            registry async throws(RegistryError) in try await registry.setRetention(.none, of: "birds")
        },
        Refused(
            testDescription: "Manager of a namespace cannot create one",
            grants: [ICRGrant(.manager, namespace: "birds")],
            help: "Manager, granted for the whole account"
        ) { registry async throws(RegistryError) in try await registry.createNamespace("bees", resourceGroup: nil) },
    ]

    @Test("a missing role is named, with where it must be granted", arguments: refusals)
    func roles(_ row: Refused) async throws {
        try await withCloud { cloud in
            try cloud.seed(tags: ["1"])
            let key = cloud.simulator.update { account, _ in
                account.identities["x"] = ICRIdentity(id: "x", account: account.id, apiKeys: ["x-key"], grants: row.grants)
                return "x-key"
            }
            let client = try cloud.client(key: key)
            let error = try await cloud.failure { () async throws(RegistryError) in try await row.call(client) }
            await client.shutdown()
            #expect(error.code == .denied && error.registryCode == "CRG0020E")
            #expect(error.help?.contains(row.help) == true, "\(error)")
            #expect(error.reason.contains("request 1044-"))
        }
    }

    @Test("where listing is denied, tags are listed as content")
    func writerReadsContent() async throws {
        try await withCloud { cloud in
            try cloud.seed(tags: ["1", "2"])
            let client = try cloud.client(key: cloud.key(ICRGrant(.writer, namespace: "birds")))
            let repository = try RepositoryName(Cloud.repository)
            #expect(try await client.tags(in: repository)?.map(\.description) == ["1", "2"])
            #expect(try await client.digests(in: repository) == nil)
            #expect(try await client.capability(.listDigests, in: repository) == .no)
            try await client.deleteTag(try TagName("1"), in: repository)
            await client.shutdown()
            #expect(try cloud.tags().keys.sorted() == ["2"])
        }
    }

    @Test("a wrong account is named as such, whatever its status", arguments: [401, 403], ["application/json", "text/plain"])
    func wrongAccount(_ status: Int, _ type: String) async throws {
        try await withCloud { cloud in
            cloud.set { switches in
                switches.wrongAccountStatus = status
                switches.errorContentType = type
            }
            let client = try cloud.client(key: cloud.simulator.options.apiKey, account: "ffffffffffffffffffffffffffffffff")
            let error = try await cloud.failure { () async throws(RegistryError) in _ = try await client.namespaces() }
            await client.shutdown()
            #expect(error.registryCode == "CRG0009E" && error.status == status)
            #expect(error.help?.contains("another account") == true)
            #expect(cloud.simulator.managementLines.count == (status == 401 ? 2 : 1))
        }
    }

    @Test(
        "a key that gives no token says why",
        arguments: [
            (ICRIdentity.Condition.disabled, "BXNIM0462E"), (.userGone, "BXNIM0410E"), (.suspended, "BXNIM0436E"),
        ]
    )
    func deadKeys(_ condition: ICRIdentity.Condition, _ code: String) async throws {
        try await withCloud { cloud in
            let key = cloud.key(ICRGrant(.manager))
            cloud.simulator.update { account, _ in account.identities["iam-\(key)"]?.condition = condition }
            let client = try cloud.client(key: key)
            let error = try await cloud.failure { () async throws(RegistryError) in _ = try await client.namespaces() }
            await client.shutdown()
            #expect(error.code == .unauthorized && error.registryCode == code && error.help != nil)
            #expect(!error.description.contains(key))
        }
    }

    @Test("a mistyped key is named as one")
    func unknownKey() async throws {
        try await withCloud { cloud in
            let client = try cloud.client(key: "mistyped")
            let error = try await cloud.failure { () async throws(RegistryError) in _ = try await client.namespaces() }
            await client.shutdown()
            #expect(error.code == .unauthorized && error.registryCode == "BXNIM0415E")
        }
    }

    @Test("a trusted profile logs in by name and by id", arguments: ["Profile-7", "deployer"])
    func trustedProfile(_ profile: String) async throws {
        try await withCloud { cloud in
            cloud.simulator.update { account, _ in
                var identity = ICRIdentity(id: "Profile-7", name: "deployer", account: account.id, grants: [ICRGrant(.reader)])
                identity.computeTokens = ["compute"]
                account.identities[identity.id] = identity
            }
            let login = IAMLogin(
                registry: cloud.registry.id,
                provider: FixedCloudCredential(kind: .trustedProfile(idOrName: profile, token: Secret("compute"))),
                iam: try HTTPService(
                    settings: HTTPRegistrySettings(id: cloud.registry.id, endpoint: cloud.simulator.url(.iam)),
                    logger: Logger(label: "test")
                )
            )
            let token = try await login.currentToken()
            #expect(token?.account == cloud.simulator.options.account)
            await login.shutdown()
        }
    }

    @Test("a token that ends in mid-run is replaced once")
    func expiredToken() async throws {
        try await withCloud { cloud in
            try cloud.seed(tags: ["1"])
            _ = try await cloud.registry.namespaces()
            cloud.simulator.update { account, _ in account.expireTokens() }
            #expect(try await cloud.registry.inventory(of: "birds").count == 1)
            #expect(cloud.simulator.log.count { $0.request.path == "/identity/token" } == 2)
            #expect(cloud.simulator.log.count { $0.status == 401 } == 1)
        }
    }

    @Test("throttling that does not end is rate limiting, not a denial")
    func throttled() async throws {
        try await withCloud { cloud in
            cloud.simulator.fail(SimulatedFault(contains: "/images/digests", times: 100, status: 429, headers: ["Retry-After": "1"]))
            let error = try await cloud.failure { () async throws(RegistryError) in _ = try await cloud.registry.inventory(of: "birds") }
            #expect(error.code == .rateLimited)
        }
    }

    @Test("a proxy's page is no answer of the registry")
    func proxyPage() async throws {
        try await withCloud { cloud in
            cloud.simulator.fail(SimulatedFault(contains: "/images/digests", status: 200, body: "<html>log in</html>"))
            let error = try await cloud.failure { () async throws(RegistryError) in _ = try await cloud.registry.inventory(of: "birds") }
            #expect(error.code == .badAnswer)
        }
    }
}
