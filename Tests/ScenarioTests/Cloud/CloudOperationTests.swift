import FoundationEssentials
import ICRSimulation
import OCI
import RegistryTestSupport
import Testing

/// The operations of the page that the project starts from: one test for each row of the reference of ICR, table A.1, with the row's name.
/// Each is done by crplan, and looked at with IBM's SDK.
@Suite(.serialized, .timeLimit(.minutes(5))) struct CloudOperationTests {
    /// A service ID's key with roles on one namespace.
    private static func addServiceID(_ cloud: CloudScenario, _ key: String, _ grants: ICRGrant...) {
        cloud.simulator.update { account, _ in
            let identity = ICRIdentity(id: "iam-\(key)", account: account.id, apiKeys: [key], grants: grants)
            account.identities[identity.id] = identity
        }
    }

    @Test("Pull from any public/private registry")
    func pull() async throws {
        try await withCloudScenario(namespaces: ["birds"]) { cloud in
            let own = try cloud.seed("birds/api", tags: ["1"])
            let shared = try cloud.simulator.update { account, now in
                var seed = SimulatedSeed("appcafe/open-liberty", host: "icr.io", tags: ["full"], seed: 2)
                seed.isPublic = true
                return try account.seed(seed, at: now)[0]
            }
            try cloud.write(
                """
                  disk: {kind: layout, path: ./mirror}
                images:
                  - {to: disk/api, from: "us/birds/api:1", tags: ["1"]}
                  - {to: disk/liberty, from: "global/appcafe/open-liberty:full", tags: [full]}
                """
            )
            try await cloud.applyAll()
            let mirror = "\(cloud.scenario.workspace)/mirror"
            #expect(try await Skopeo.digest("oci:\(mirror)/api:1") == own)
            #expect(try await Skopeo.digest("oci:\(mirror)/liberty:full") == shared)
            let tags = try await cloud.tags()
            #expect(tags == ["birds/api:1": own.description])
            // A registry that is only a source is not managed.
            let ours = cloud.simulator.log.filter { $0.request.headers["user-agent"]?.hasPrefix("crplan") == true }
            let managing = Set(ours.filter { $0.request.path.hasPrefix("/api/") }.map(\.line))
            #expect(managing == ["GET /api/v1/quotas"], "pulls count in the account's quota")
        }
    }

    @Test("Push to namespace")
    func push() async throws {
        try await withCloudScenario { cloud in
            let image = try Samples.multiPlatform(attestations: true)
            try Content.writeLayout([("m", image)], to: "\(cloud.scenario.folder)/built")
            try cloud.write(
                """
                namespaces: [{name: payments, registries: us}]
                images: [{to: us/payments/web, from: {layout: ../built}, tags: ["2.0", stable]}]
                """
            )
            try await cloud.applyAll()
            let tags = try await cloud.tags()
            #expect(tags == ["payments/web:2.0": image.digest.description, "payments/web:stable": image.digest.description])
        }
    }

    @Test("Copy between registries/regions")
    func copyBetweenRegions() async throws {
        try await withCloudScenario(namespaces: ["birds"]) { cloud in
            let digest = try cloud.seed("birds/api", tags: ["1.0", "1.1"])
            try cloud.write("copies: [{from: us/birds/api, to: de/birds/api, tags: all}]")
            try await cloud.applyAll()
            let (here, there) = (try await cloud.tags(), try await cloud.tags(host: "de.icr.io"))
            #expect(here == there && there["birds/api:1.1"] == digest.description)
        }
    }

    @Test("New image that refers to a source image")
    func tag() async throws {
        try await withCloudScenario(namespaces: ["birds", "prod"]) { cloud in
            let digest = try cloud.seed("birds/api", tags: ["1.4.2"])
            try cloud.write("images: [{to: [us/birds/api, us/prod/api], from: \"us/birds/api:1.4.2\", tags: [stable]}]")
            try await cloud.applyAll()
            let tags = try await cloud.tags()
            #expect(tags["birds/api:stable"] == digest.description && tags["prod/api:stable"] == digest.description)
            let sent = cloud.simulator.log.map(\.line)
            #expect(sent.filter { $0.hasPrefix("POST /api/v1/images/tags?") }.count == 2)
            #expect(!sent.contains { $0.contains("/blobs/") }, "no content moves: \(sent)")
        }
    }

    @Test("Build locally, optionally test, tag")
    func buildLocally() async throws {
        try await withCloudScenario(namespaces: ["birds"]) { cloud in
            let layout = "\(cloud.scenario.folder)/built"
            for arguments in [
                ["init", "--layout", layout], ["new", "--image", "\(layout):v1"],
                ["config", "--image", "\(layout):v1", "--architecture", "amd64", "--os", "linux", "--config.exposedports", "9080"],
            ] { try await runSuccessfully("umoci", arguments) }
            try cloud.write("images: [{to: us/birds/bluebird, from: {layout: ../built, image: v1}, tags: [build1, latest]}]")
            try await cloud.applyAll()
            let built = try await Skopeo.digest("oci:\(layout):v1")?.description
            let tags = try await cloud.tags()
            #expect(built != nil && tags == ["birds/bluebird:build1": built, "birds/bluebird:latest": built])
        }
    }

    @Test("Build in IBM Cloud")
    func buildInTheCloud() async throws {
        try await withCloudScenario(namespaces: ["birds"]) { cloud in
            try cloud.write("images: [{to: us/birds/cli, from: {build: {context: ./cli}}, tags: [\"3\"]}]")
            let plan = try await cloud.crplan("plan", exits: 1)
            #expect(plan.said.contains("'build' is not available in this version"), "IBM's own builds ended in 2021")
            #expect(!cloud.simulator.log.contains { $0.request.path.contains("/builds") })
            let tags = try await cloud.tags()
            #expect(tags.isEmpty)
        }
    }

    @Test("Push with an API key of a service ID")
    func pushWithServiceID() async throws {
        try await withCloudScenario(namespaces: ["birds"]) { cloud in
            Self.addServiceID(cloud, "deploy-key", ICRGrant(.reader, namespace: "birds"), ICRGrant(.writer, namespace: "birds"))
            Self.addServiceID(cloud, "reader-key", ICRGrant(.reader, namespace: "birds"))
            let image = try Samples.multiPlatform(attestations: false)
            try Content.writeLayout([("m", image)], to: "\(cloud.scenario.folder)/built")
            try cloud.write(
                "images: [{to: us/birds/web, from: {layout: ../built}, tags: [\"1\"]}]",
                registries: ", credentials: {apiKeyEnv: DEPLOY_KEY}"
            )
            let refused = try await cloud.crplan("apply", "--auto-approve", exits: nil, environment: ["DEPLOY_KEY": "reader-key"])
            #expect(refused.status == 1 && refused.said.contains("Writer"), "\(refused.said)")
            try await cloud.crplan("apply", "--auto-approve", environment: ["DEPLOY_KEY": "deploy-key"])
            let tags = try await cloud.tags()
            #expect(tags == ["birds/web:1": image.digest.description])
        }
    }

    @Test("Untag (one or several)")
    func untag() async throws {
        try await withCloudScenario(namespaces: ["birds"]) { cloud in
            let digest = try cloud.seed("birds/api", tags: ["1.0", "1.0.0", "pr-1"])
            try cloud.write("absent: [\"us/birds/api:1.0.0\", \"us/birds/api:pr-*\"]")
            try await cloud.applyAll()
            let tags = try await cloud.tags()
            #expect(tags == ["birds/api:1.0": digest.description])
            try cloud.write("absent: [\"us/birds/api:1.0\"]")
            let last = try await cloud.applyAll()
            #expect(last.stdout.contains("LOSES ITS LAST TAG"))
            let (images, trash) = (try await cloud.images(), try await cloud.trash())
            #expect(images == ["birds/api@\(digest)"] && trash.isEmpty, "an untag is never a delete")
        }
    }

    @Test("Delete image and ALL its tags")
    func delete() async throws {
        try await withCloudScenario(namespaces: ["birds"]) { cloud in
            let digest = try cloud.seed("birds/api", tags: ["7", "pr-7"])
            let other = try cloud.seed("birds/copy", tags: ["7"])
            #expect(digest == other)
            try cloud.write("absent: [\"us/birds/api@\(digest)\"]")
            let applied = try await cloud.applyAll()
            #expect(applied.stdout.contains("delete with tags 7, pr-7 · 1 platform · ICR keeps it 30 days"), "\(applied.said)")
            let (tags, trash) = (try await cloud.tags(), try await cloud.trash())
            #expect(tags == ["birds/copy:7": digest.description] && trash == ["birds/api@\(digest)"])
        }
    }

    @Test("Same, in the console")
    func deleteSeveral() async throws {
        try await withCloudScenario(namespaces: ["birds"]) { cloud in
            let digests = try (1...3).map { try cloud.seed("birds/api", tags: ["\($0)"], seed: UInt64($0)) }
            try cloud.write("absent: [\(digests.map { "\"us/birds/api@\($0)\"" }.joined(separator: ", "))]")
            try await cloud.applyAll()
            let trash = try await cloud.trash()
            #expect(trash == Set(digests.map { "birds/api@\($0)" }))
            #expect(cloud.simulator.managementLines.filter { $0.hasSuffix("/bulkdelete") }.count == 1)
        }
    }

    @Test("Delete a repository with all its images")
    func deleteRepository() async throws {
        try await withCloudScenario(namespaces: ["birds"]) { cloud in
            let untagged = try cloud.seed("birds/legacy", tags: [], seed: 1)
            let tagged = try cloud.seed("birds/legacy", tags: ["1", "2"], seed: 2)
            let other = try cloud.seed("birds/api", tags: ["1"], seed: 3)
            try cloud.write("absent: [{repository: us/birds/legacy}]")
            try await cloud.applyAll()
            let (images, trash) = (try await cloud.images(), try await cloud.trash())
            #expect(images == ["birds/api@\(other)"])
            #expect(trash == ["birds/legacy@\(untagged)", "birds/legacy@\(tagged)"])
        }
    }

    @Test("List namespaces")
    func listNamespaces() async throws {
        try await withCloudScenario(namespaces: ["birds", "bees"]) { cloud in
            try cloud.seed("birds/api", tags: ["1"])
            try cloud.write("")
            let list = try await cloud.crplan("list", "us")
            let names = try await cloud.namespaces()
            #expect(names == ["bees", "birds"])
            for name in names { #expect(list.stdout.contains("us.icr.io/\(name)"), "\(list.said)") }
        }
    }

    @Test("List images")
    func listImages() async throws {
        try await withCloudScenario(namespaces: ["birds"]) { cloud in
            try cloud.seed("birds/api", tags: ["1", "latest"])
            try cloud.seed("birds/api", tags: ["2"], seed: 2)
            try cloud.write("")
            let list = try await cloud.crplan("list", "us/birds/api", "--full")
            let tags = try await cloud.tags()
            #expect(tags.count == 3)
            for (tag, digest) in tags {
                let name = String(tag.split(separator: ":")[1])
                #expect(list.stdout.split(separator: "\n").contains { $0.contains(name) && $0.contains(digest) }, "\(list.said)")
            }
        }
    }

    @Test("Log in to IBM Cloud")
    func logInToTheCloud() async throws {
        try await withCloudScenario(namespaces: ["birds"]) { cloud in
            try cloud.write("namespaces: [{name: bees, registries: us}]")
            let mistyped = try await cloud.crplan("plan", exits: 1, environment: ["IBMCLOUD_API_KEY": "mistyped"])
            #expect(mistyped.said.contains("BXNIM0415E") && mistyped.said.contains("check the API key"))
            #expect(!mistyped.said.contains("mistyped;") && !mistyped.said.contains("'mistyped'"))
            // A logged-in ibmcloud serves as well as a key.
            let token = try cloud.session("access_token")
            let programs = "\(cloud.scenario.folder)/bin"
            try makeFolder(programs)
            try writeFile("#!/bin/sh\necho '{\"iam_token\": \"Bearer \(token)\"}'\n", to: "\(programs)/ibmcloud")
            try await runSuccessfully("chmod", ["+x", "\(programs)/ibmcloud"])
            let path = "\(programs):\(cloud.scenario.environment["PATH"] ?? "")"
            try await cloud.crplan("apply", "--auto-approve", environment: ["IBMCLOUD_API_KEY": "", "PATH": path])
            let names = try await cloud.namespaces()
            #expect(names == ["bees", "birds"])
        }
    }

    @Test("Log in to the registry")
    func logInToTheRegistry() async throws {
        try await withCloudScenario(namespaces: ["birds"]) { cloud in
            let digest = try cloud.seed("birds/api", tags: ["1"])
            // What 'ibmcloud cr login' leaves: docker's file, with a refresh token. It serves for content alone.
            let login = Data("iamrefresh:\(try cloud.session("refresh_token"))".utf8).base64EncodedString()
            try writeFile(#"{"auths":{"us.icr.io":{"auth":"\#(login)"}}}"#, to: "\(cloud.scenario.home)/docker/config.json")
            try cloud.write("images: [{to: us/birds/api, from: \"us/birds/api:1\", tags: [stable]}]")
            try await cloud.crplan("apply", "--auto-approve", environment: ["IBMCLOUD_API_KEY": ""])
            let tags = try await cloud.tags()
            #expect(tags == ["birds/api:1": digest.description, "birds/api:stable": digest.description])
            try cloud.write("absent: [\"us/birds/api:stable\"]")
            let refused = try await cloud.crplan("plan", exits: 1, environment: ["IBMCLOUD_API_KEY": ""])
            #expect(refused.said.contains("IBMCLOUD_API_KEY") && refused.said.contains("management API"), "\(refused.said)")
        }
    }

    @Test("Choose account and region")
    func accountAndRegion() async throws {
        try await withCloudScenario { cloud in
            try cloud.write(
                "namespaces: [{name: birds, registries: [us, de]}]",
                registries: ", account: \(String(repeating: "f", count: 32))"
            )
            let wrong = try await cloud.crplan("plan", exits: 1)
            #expect(wrong.said.contains("CRG0009E") && wrong.said.contains("check 'account' of us.icr.io"), "\(wrong.said)")
            try cloud.write(
                "namespaces: [{name: birds, registries: de}]",
                registries: ", account: \(cloud.simulator.options.account)"
            )
            try await cloud.applyAll()
            let (here, there) = (try await cloud.namespaces(), try await cloud.namespaces(host: "de.icr.io"))
            #expect(here.isEmpty && there == ["birds"], "nothing is shared between regions")
        }
    }

    @Test("Prerequisites")
    func prerequisites() async throws {
        try await withCloudScenario { cloud in
            try cloud.write(
                """
                namespaces:
                  - name: payments
                    registries: us
                    resourceGroup: group-1
                    retention: {imagesPerRepository: 10, keepUntagged: true}
                """
            )
            try await cloud.applyAll()
            let details = try await cloud.sdk("list_namespace_details")
            #expect(details.array?.first?["name"]?.string == "payments")
            #expect(details.array?.first?["resource_group"]?.string == "group-1")
            let policy = try await cloud.sdk("get_retention_policy", ["namespace": .string("payments")])
            #expect(policy["images_per_repo"] == .integer(10) && policy["retain_untagged"] == .bool(true))
        }
    }

    @Test("Manage security (VA)")
    func manageSecurity() async throws {
        try await withCloudScenario(namespaces: ["birds"]) { cloud in
            let digest = try cloud.seed("birds/api", tags: ["1"])
            try cloud.write("images: [{to: us/birds/api, from: \"us/birds/api:1\", tags: [stable]}]")
            try await cloud.applyAll()
            // Scanning is the service's own matter: crplan asks for no verdict, which would make its lists slow.
            #expect(!cloud.simulator.log.contains { $0.request.path.hasPrefix("/va/") })
            var lists = 0
            for request in cloud.simulator.log where request.line.hasSuffix("/images/digests") {
                lists += 1
                #expect(String(decoding: request.body, as: UTF8.self).contains(#""exclude_va":true"#))
            }
            #expect(lists > 0, "\(cloud.simulator.managementLines)")
            let tags = try await cloud.tags()
            #expect(tags["birds/api:stable"] == digest.description)
        }
    }

    @Test("Deploy from namespace")
    func deploy() async throws {
        try await withCloudScenario(namespaces: ["birds"]) { cloud in
            Self.addServiceID(cloud, "cluster-key", ICRGrant(.reader, namespace: "birds"))
            let image = try Samples.multiPlatform(attestations: false)
            try Content.writeLayout([("m", image)], to: "\(cloud.scenario.folder)/built")
            try cloud.write("images: [{to: us/birds/web, from: {layout: ../built}, tags: [\"1\"]}]")
            try await cloud.applyAll()
            let address = cloud.simulator.url(.open("us.icr.io")).dropFirst("http://".count)
            let pulled = "\(cloud.scenario.folder)/pulled"
            try await runSuccessfully(
                "skopeo",
                [
                    "copy", "--quiet", "--all", "--src-tls-verify=false", "--src-creds=iamapikey:cluster-key",
                    "docker://\(address)/birds/web:1", "dir:\(pulled)",
                ]
            )
            #expect(try readFile("\(pulled)/manifest.json") == image.root.bytes)
            let tags = try await cloud.tags()
            #expect(tags == ["birds/web:1": image.digest.description])
        }
    }
}
