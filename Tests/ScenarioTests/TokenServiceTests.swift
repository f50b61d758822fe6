import FoundationEssentials
import Logging
import OCI
import Registry
import RegistryHTTP
import RegistryTestSupport
import Testing

/// docker-registry behind a token service whose tokens live five seconds.
@Suite("Tokens that live five seconds", .timeLimit(.minutes(5))) struct TokenServiceTests {
    private static let variables = "credentials: {usernameEnv: CRPLAN_LAB_USER, passwordEnv: CRPLAN_LAB_PASSWORD}"
    private static let login = ["CRPLAN_LAB_USER": TokenService.user, "CRPLAN_LAB_PASSWORD": TokenService.password]

    /// A registry with tokens, reached through a proxy.
    private static func withLab(
        _ body: @escaping @Sendable (TokenService, RealRegistry, CountingProxy) async throws -> Void
    ) async throws {
        try await withTokenService { tokens in
            try await withRealRegistry(RealRegistry.Options(tokens: tokens)) { registry in
                try await withCountingProxy(to: registry.port) { proxy in try await body(tokens, registry, proxy) }
            }
        }
    }

    private static func declaration(_ alias: String, _ port: Int, _ more: String) -> String {
        "  \(alias): {host: \"127.0.0.1:\(port)\", plainHTTP: true\(more.isEmpty ? "" : ", \(more)")}"
    }

    private static func fill(_ registry: RealRegistry, _ repository: String, _ images: [(tag: String, sample: Sample)]) async throws {
        let client = try HTTPRegistry(
            settings: HTTPRegistrySettings(id: registry.id, plainHTTP: true),
            credentials: FixedCredentials(user: TokenService.user, password: TokenService.password),
            logger: Logger(label: "test")
        )
        let name = try RepositoryName(repository)
        for (tag, sample) in images {
            for bytes in sample.blobs.values {
                try await client.putBlob(Sample.body(bytes), into: name)
            }
            for document in sample.manifests where document.digest != sample.digest {
                try await client.putManifest(document, at: .digest(document.digest), in: name)
            }
            try await client.putManifest(sample.root, at: .tag(TagName(tag)), in: name)
        }
        await client.shutdown()
    }

    private static func head(_ registry: RealRegistry, _ repository: String, _ tag: String) async throws -> Digest? {
        let client = try HTTPRegistry(
            settings: HTTPRegistrySettings(id: registry.id, plainHTTP: true),
            credentials: FixedCredentials(user: TokenService.user, password: TokenService.password),
            logger: Logger(label: "test")
        )
        let found = try await client.head(.tag(TagName(tag)), in: RepositoryName(repository))
        await client.shutdown()
        return found?.digest
    }

    @Test func `a run longer than its tokens copies, mounts and deletes, and asks for no more than it needs`() async throws {
        let index = try Samples.multiPlatform(seed: 4)
        let images = try (0..<8).map { ("v\($0)", try Samples.image(seed: UInt64(50 + $0))) } + [("multi", index)]
        try await Self.withLab { sourceTokens, source, sourceProxy in
            try await Self.withLab { tokens, lab, proxy in
                try await Self.fill(source, "public/many", images)
                try await Self.fill(lab, "team/old", [("gone", try Samples.image(seed: 99))])
                let gone = try #require(try await Self.head(lab, "team/old", "gone"))
                try await withScenario { scenario in
                    try scenario.write(
                        """
                        registries:
                        \(Self.declaration("source", sourceProxy.port, "credentials: anonymous"))
                        \(Self.declaration("lab", proxy.port, Self.variables))
                        images:
                          - {to: lab/team/app, from: lab/team/many:multi, tags: ["1.0"]}
                        copies:
                          - {from: source/public/many, to: lab/team/many, tags: all}
                        absent:
                          - lab/team/old@\(gone)
                        """
                    )
                    for service in [sourceTokens, tokens] { service.forget() }
                    let start = ContinuousClock.now
                    try await scenario.crplan("plan", exits: 0, environment: Self.login)
                    // Nine manifests with their tags one after the other: longer than a token lives.
                    proxy.setHandler { request in
                        if request.method == "PUT", request.target.contains("/manifests/") {
                            try? await Task.sleep(for: .milliseconds(700))
                        }
                        return .forward
                    }
                    try await scenario.crplan(
                        "apply",
                        "--auto-approve",
                        "--allow-irreversible",
                        "--parallelism",
                        "1",
                        environment: Self.login
                    )
                    proxy.setHandler(nil)
                    let again = try await scenario.crplan("plan", "--detailed-exitcode", environment: Self.login)
                    #expect(again.stdout.contains("No changes."), "\(again.said)")
                    Self.expectOneFlightEach(tokens.asked, within: ContinuousClock.now - start)
                }
                for (tag, sample) in images { #expect(try await Self.head(lab, "team/many", tag) == sample.digest, "\(tag)") }
                #expect(try await Self.head(lab, "team/app", "1.0") == index.digest)
                #expect(try await Self.head(lab, "team/old", "gone") == nil)
                Self.expectLeastRights(sourceTokens.asked, tokens.asked, proxy.requests)
            }
        }
    }

    private static func expectLeastRights(_ source: [TokenService.Asked], _ lab: [TokenService.Asked], _ sent: [ProxiedRequest]) {
        #expect(source.allSatisfy { $0.user == nil && !$0.sentPassword })
        #expect(Set(source.flatMap(\.scopes)) == ["repository:public/many:pull"])
        let scopes = lab.map(\.scopes)
        #expect(scopes.contains(["repository:team/app:pull,push", "repository:team/many:pull"]), "a mount has both scopes")
        #expect(scopes.filter { $0 == ["repository:team/many:pull,push"] }.count >= 2, "the token was renewed")
        // Only where something is deleted: the image that is absent, and an upload that broke off, where there was one.
        let deleted = sent.filter { $0.method == "DELETE" }.map(\.target)
        let manifests = deleted.filter { $0.contains("/manifests/") }
        #expect(!manifests.isEmpty && manifests.allSatisfy { $0.hasPrefix("/v2/team/old/") }, "\(deleted)")
        let repositories = deleted.map { $0.split(separator: "/").dropFirst().prefix(2).joined(separator: "/") }
        let deletions = scopes.joined().filter { $0.hasSuffix("delete") }
        #expect(Set(deletions) == Set(repositories.map { "repository:\($0):delete" }), "\(deletions)")
        #expect(!scopes.joined().contains { $0.hasPrefix("registry:") || $0.hasSuffix("*") })
    }

    /// Nobody asks while another waits for the same: one token each for about half of its life, whatever the machine's pace.
    private static func expectOneFlightEach(_ asked: [TokenService.Asked], within time: Duration) {
        let most = Int(time / .seconds(2)) + 3
        for (scopes, those) in Dictionary(grouping: asked, by: \.scopes) { #expect(those.count <= most, "\(scopes) in \(time)") }
    }

    @Test func `a token that ends while a blob is under way is renewed for what follows`() async throws {
        let layer = Samples.bytes(400_000, seed: 7)
        let image = try Samples.image(seed: 7, layers: [layer])
        let digest = Digest.sha256(of: layer)
        try await Self.withLab { tokens, lab, proxy in
            try await withLoopbackRegistryServer(try InMemoryRegistry()) { source in
                try source.registry.seed(image, tags: ["1"], in: RepositoryName("team/big"))
                let gate = Gate()
                source.answerNext(where: { $0.method == "GET" && $0.path.hasSuffix("\(digest)") }, with: .heldInBody(by: gate))
                try await withScenario { scenario in
                    try scenario.write(
                        """
                        registries:
                        \(Self.declaration("source", source.port, ""))
                        \(Self.declaration("lab", proxy.port, Self.variables))
                        images:
                          - {to: lab/team/big, from: source/team/big:1, tags: ["1"]}
                        """
                    )
                    async let applied = scenario.crplan("apply", "--auto-approve", environment: Self.login)
                    await gate.waitForArrivals()
                    try await Task.sleep(for: .seconds(6))
                    gate.open()
                    _ = try await applied
                }
                #expect(try await Self.head(lab, "team/big", "1") == image.digest)
                #expect(tokens.asked.filter { $0.scopes == ["repository:team/big:pull,push"] }.count >= 2)
            }
        }
    }

    @Test func `an identity token is sent as a form, and never as a password`() async throws {
        try await Self.withLab { tokens, lab, proxy in
            try await Self.fill(lab, "team/app", [("1", try Samples.image())])
            tokens.forget()
            try await withScenario { scenario in
                try scenario.write(
                    """
                    registries:
                    \(Self.declaration("lab", proxy.port, ""))
                    images:
                      - {to: lab/team/copy, from: lab/team/app:1, tags: ["1"]}
                    """
                )
                let login = #"{"auths":{"127.0.0.1:\#(proxy.port)":{"identitytoken":"\#(TokenService.identityToken)"}}}"#
                try writeFile(login, to: "\(scenario.home)/docker/config.json")
                try await scenario.applyAll()
            }
            #expect(try await Self.head(lab, "team/copy", "1") == Samples.image().digest)
            #expect(tokens.asked.filter { $0.method == "POST" }.allSatisfy { $0.user == TokenService.user && !$0.isRefused })
            #expect(tokens.asked.contains { $0.method == "POST" })
        }
    }

    @Test func `a wrong password is sent once, and the error says whose it is and where it came from`() async throws {
        try await Self.withLab { tokens, _, proxy in
            try await withScenario { scenario in
                try scenario.write(
                    """
                    registries:
                    \(Self.declaration("lab", proxy.port, Self.variables))
                    images:
                      - {to: lab/team/a, from: lab/team/b:1, tags: ["1", "2", "3"]}
                      - {to: lab/team/c, from: lab/team/d:1, tags: ["1"]}
                    """
                )
                let wrong = ["CRPLAN_LAB_USER": TokenService.user, "CRPLAN_LAB_PASSWORD": "mistyped-horse"]
                let result = try await scenario.crplan("plan", exits: 1, environment: wrong)
                #expect(tokens.asked.filter(\.sentPassword).count == 1)
                #expect(result.stderr.contains("127.0.0.1:\(proxy.port) rejected the login for user 'alice'"), "\(result.said)")
                #expect(result.stderr.contains("the variables CRPLAN_LAB_USER and CRPLAN_LAB_PASSWORD"))
                #expect(!result.said.contains("mistyped-horse"))
            }
        }
    }
}
