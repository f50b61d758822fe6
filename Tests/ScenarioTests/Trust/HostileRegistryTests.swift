import FoundationEssentials
import OCI
import RegistryTestSupport
import Testing

/// Registries that lie, and what the program tells about logins (section 11, items 6, 9, 15 and 17).
@Suite struct HostileRegistryTests {
    private static let repository = "team/app"

    private static func lab(_ server: LoopbackRegistryServer, _ alias: String = "lab") -> String {
        "  \(alias): {host: \"\(server.host)\", plainHTTP: true}"
    }

    // MARK: Item 5

    @Test func `indexes within indexes end somewhere`() async throws {
        try await withLoopbackRegistryServer(try InMemoryRegistry()) { source in
            try await withScenario(
                """
                registries:
                \(Self.lab(source))
                  disk: {kind: layout, path: ./mirror}
                images:
                  - {to: disk/team/deep, from: lab/team/deep:1, tags: ["1"]}
                  - {to: disk/team/flat, from: lab/team/flat:1, tags: ["1"]}
                """
            ) { scenario in
                var sample = try Samples.image()
                for level in 1...10 {
                    sample = try Samples.index(of: [sample])
                    if level == 6 { try source.registry.seed(sample, tags: ["1"], in: try RepositoryName("team/flat")) }
                }
                try source.registry.seed(sample, tags: ["1"], in: try RepositoryName("team/deep"))
                let result = try await scenario.crplan("apply", "--auto-approve", exits: 5)
                #expect(result.said.contains("indexes are nested more than 8 deep"), "\(result.said)")
                #expect(try await Skopeo.digest("oci:\(scenario.workspace)/mirror/team/flat:1") != nil)
                #expect(try await Skopeo.digest("oci:\(scenario.workspace)/mirror/team/deep:1") == nil)
            }
        }
    }

    // MARK: Item 6

    @Test(arguments: ["blob", "manifest", "child"])
    func `content that is not what its digest says ends in an error, and never under a tag`(part: String) async throws {
        try await withLoopbackRegistryServer(try InMemoryRegistry()) { source in
            try await withLoopbackRegistryServer(try InMemoryRegistry()) { target in
                let image = try Samples.multiPlatform()
                try source.registry.seed(image, tags: ["1"], in: try RepositoryName(Self.repository))
                try await withScenario(
                    """
                    registries:
                    \(Self.lab(source, "from"))
                    \(Self.lab(target, "to"))
                    images: [{to: to/team/app, from: from/team/app:1, tags: ["1"]}]
                    """
                ) { scenario in
                    // Only what the plan has read may still be right.
                    if part != "manifest" { try await scenario.crplan("plan", "--out", "it.plan") }
                    let layer = try #require(image.manifests.first?.image?.layers.first)
                    source.script { request in
                        let isMeant =
                            switch part {
                            case "blob": request.path.hasSuffix("/blobs/\(layer.digest)")
                            case "child": request.path.hasSuffix("/manifests/\(image.manifests[0].digest)")
                            default: request.path.hasSuffix("/manifests/1") || request.path.hasSuffix("/manifests/\(image.digest)")
                            }
                        guard isMeant, request.method == "GET" else { return nil }
                        return .changed { reply in
                            if !reply.body.isEmpty { reply.body[reply.body.count / 2] ^= 1 }
                        }
                    }
                    let result =
                        part == "manifest"
                        ? try await scenario.crplan("apply", "--auto-approve", "--no-cache", exits: nil)
                        : try await scenario.crplan("apply", "it.plan", "--no-cache", exits: nil)
                    #expect([1, 5].contains(result.status), "\(result.said)")
                    #expect(result.said.contains(source.host), "it names the side that failed\n\(result.said)")
                    #expect(target.registry.tagsAndDigests(in: try RepositoryName(Self.repository)).isEmpty)
                    let reads = source.log.count { $0.method == "GET" && $0.path.hasSuffix("\(layer.digest)") }
                    #expect(part != "blob" || (1...2).contains(reads), "\(reads) reads")
                }
            }
        }
    }

    // MARK: Item 9

    @Test func `the log says where the login came from and never what it is`() async throws {
        // bot:hunter-22, as docker keeps it.
        let (password, stored) = ("hunter-22", "Ym90Omh1bnRlci0yMg==")
        var bearer = LoopbackAuthentication.Bearer(user: "bot", password: password)
        bearer.identityTokens = ["identity-33"]
        for (config, source) in [
            (#"{"auths":{"HOST":{"auth":"\#(stored)"}}}"#, "~/docker/config.json"),
            (#"{"auths":{"HOST":{"identitytoken":"identity-33"}}}"#, "~/docker/config.json"),
            (#"{"credHelpers":{"HOST":"mine"}}"#, "docker-credential-mine (credHelpers in ~/docker/config.json)"),
        ] {
            try await withLoopbackRegistryServer(try InMemoryRegistry(), .init(authentication: .bearer(bearer))) { server in
                try await withScenario(
                    """
                    registries:
                    \(Self.lab(server))
                    images: [{to: lab/team/app, from: {layout: ../built}, tags: ["1"]}]
                    """
                ) { scenario in
                    try Content.writeLayout([("x", try Samples.image())], to: "\(scenario.folder)/built")
                    let bin = "\(scenario.folder)/bin"
                    try makeFolder(bin)
                    try writeFile(
                        "#!/bin/sh\necho '{\"Username\":\"bot\",\"Secret\":\"\(password)\"}'\n",
                        to: "\(bin)/docker-credential-mine"
                    )
                    try await runSuccessfully("chmod", ["+x", "\(bin)/docker-credential-mine"])
                    try writeFile(config.replacing("HOST", with: server.host), to: "\(scenario.home)/docker/config.json")
                    let result = try await scenario.crplan(
                        "apply",
                        "--auto-approve",
                        "--log-level",
                        "debug",
                        environment: ["PATH": "\(bin):\(scenario.environment["PATH"] ?? "")"]
                    )
                    #expect(result.stderr.contains("\(server.host): login from \(source)"), "\(result.said)")
                    #expect(result.stderr.contains("/blobs/uploads/…"), "\(result.said)")
                    for secret in [password, stored, "identity-33", "token-", "_state"] {
                        #expect(!result.said.contains(secret), "\(secret) in \(result.said)")
                        let kept = try await run(
                            "grep",
                            ["-rlF", "--", secret, scenario.workspace, "\(scenario.home)/state", "\(scenario.home)/cache"]
                        )
                        #expect(kept.stdout.isEmpty, "\(secret) in \(kept.stdout)")
                    }
                }
            }
        }
    }

    @Test func `without a login the log says where one was looked for`() async throws {
        try await withLoopbackRegistryServer(try InMemoryRegistry(), .init(authentication: .basic(user: "u", password: "p"))) { server in
            try await withScenario("registries:\n\(Self.lab(server))\nimages: [{to: lab/team/app, from: lab/team/app:1, tags: [\"2\"]}]") {
                scenario in
                let bare = try await scenario.crplan("plan", "--log-level", "debug", exits: 1)
                #expect(bare.stderr.contains("\(server.host): no login found, since there is no login file"), "\(bare.said)")
                try writeFile(#"{"auths":{"other.example":{"auth":"YTpi"}}}"#, to: "\(scenario.home)/docker/config.json")
                let other = try await scenario.crplan("plan", "--log-level", "debug", exits: 1)
                #expect(other.stderr.contains("\(server.host): no login in ~/docker/config.json"), "\(other.said)")
            }
        }
    }

    // MARK: Item 15

    @Test(arguments: ["a page that is missing", "a page that fails", "pages in a circle", "pages elsewhere", "an empty answer"])
    func `a list that was not read whole removes nothing`(fault: String) async throws {
        var options = LoopbackRegistryServer.Options()
        options.pageSize = 2
        try await withLoopbackRegistryServer(try InMemoryRegistry(), options) { server in
            let repository = try RepositoryName(Self.repository)
            try server.registry.seed(try Samples.image(), tags: ["keep", "v1", "v2", "v3", "v4"], in: repository)
            try await withScenario(
                """
                registries:
                \(Self.lab(server))
                images: [{to: lab/team/app, from: lab/team/app:keep, tags: [keep]}]
                absent: ["lab/team/app:v*"]
                policy: {limits: {deletions: none, repositoryShare: none}}
                """
            ) { scenario in
                server.script { request in
                    guard request.path.hasSuffix("/tags/list"), request.query.contains("last=") || fault.hasPrefix("an empty") else {
                        return nil
                    }
                    switch fault {
                    case "a page that is missing": return .error(404, "NAME_UNKNOWN")
                    case "a page that fails": return .error(403, "DENIED")
                    case "pages in a circle":
                        return .reply(200, headers: ["Link": "<\(request.target)>; rel=\"next\""], body: Array(#"{"tags":["v3"]}"#.utf8))
                    case "pages elsewhere":
                        return .reply(200, headers: ["Link": "</v2/other/tags/list>; rel=\"next\""], body: Array(#"{"tags":5}"#.utf8))
                    default: return .reply(200)
                    }
                }
                let result = try await scenario.crplan("apply", "--auto-approve", exits: 1)
                #expect(result.said.contains("list the tags of"), "\(result.said)")
                #expect(server.registry.tagsAndDigests(in: repository).count == 5)
                #expect(server.log.allSatisfy { $0.method == "GET" || $0.method == "HEAD" })
            }
        }
    }

    // MARK: Item 17

    @Test func `two runs of one spec at the same time leave what one would`() async throws {
        try await withLoopbackRegistryServer(try InMemoryRegistry()) { server in
            try await withScenario(
                """
                registries:
                \(Self.lab(server))
                  disk: {kind: layout, path: ./mirror}
                images:
                  - {to: [lab/team/app, disk/team/app], from: {layout: ../built}, tags: ["1", "2", "3", stable]}
                """
            ) { scenario in
                let image = try Samples.multiPlatform()
                try Content.writeLayout([("x", image)], to: "\(scenario.folder)/built")
                try await withThrowingTaskGroup(of: ToolResult.self) { group in
                    for _ in 0..<3 { group.addTask { try await scenario.crplan("apply", "--auto-approve") } }
                    for try await result in group {
                        #expect(result.stdout.contains("unchanged") || result.stdout.contains("8"), "\(result.said)")
                    }
                }
                let tags = server.registry.tagsAndDigests(in: try RepositoryName(Self.repository))
                #expect(tags.count == 4 && tags.values.allSatisfy { $0 == image.digest })
                try await scenario.expectNoChanges()
                // Each has a journal of its own.
                #expect(try FileManager.default.contentsOfDirectory(atPath: "\(scenario.home)/state/crplan").count >= 1)
            }
        }
    }
}
