import OCI
import RegistryTestSupport
import Testing

/// Two registries as Debian ships them, one open, one behind TLS and a password; skopeo puts the images there and reads them back.
@Suite struct RealRegistriesTests {
    private static let locked = RealRegistry.Options(user: "alice", password: "correct-horse", tls: true)
    private static let variables = "credentials: {usernameEnv: CRPLAN_LAB_USER, passwordEnv: CRPLAN_LAB_PASSWORD}"
    private static let login = ["CRPLAN_LAB_USER": "alice", "CRPLAN_LAB_PASSWORD": "correct-horse"]

    private static func withTwoRegistries(_ body: @escaping @Sendable (RealRegistry, RealRegistry) async throws -> Void) async throws {
        try await withRealRegistry { open in
            try await withRealRegistry(locked) { closed in try await body(open, closed) }
        }
    }

    /// `app` with 1.0.0, 1.1.0 (multi-platform, with attestations) and 2.0.0-rc1, and `docker` with a Docker manifest: all put there by skopeo.
    private static func fill(_ registry: RealRegistry, _ scenario: Scenario) async throws -> [String: Digest] {
        let samples: [(tag: String, sample: Sample)] = [
            ("1.0.0", try Samples.image(seed: 1)), ("1.1.0", try Samples.multiPlatform(seed: 2, attestations: true)),
            ("2.0.0-rc1", try Samples.image(seed: 3)),
        ]
        let layout = "\(scenario.folder)/built"
        try Content.writeLayout(samples, to: layout)
        for (tag, _) in samples { try await Skopeo.put("oci:\(layout):\(tag)", into: "team/app:\(tag)", of: registry) }
        try await Skopeo.put("oci:\(layout):1.0.0", into: "team/docker:1", of: registry, "--format", "v2s2")
        var digests = Dictionary(uniqueKeysWithValues: samples.map { ($0.tag, $0.sample.digest) })
        digests["docker"] = try await Skopeo.digest("team/docker:1", of: registry)
        return digests
    }

    @Test func `images, copies and promotions have the digests that skopeo gave them`() async throws {
        try await Self.withTwoRegistries { open, closed in
            try await withScenario { scenario in
                let digests = try await Self.fill(open, scenario)
                try scenario.write(
                    """
                    registries:
                    \(open.declaration("source"))
                    \(closed.declaration("lab", Self.variables))
                      disk: {kind: layout, path: ./mirror}
                    images:
                      - {to: [lab/team/docker, disk/team/docker], from: source/team/docker:1, tags: ["1"]}
                      - {to: lab/team/app, from: lab/team/app:1.1.0, tags: [stable, prod]}
                    copies:
                      - from: source/team/app
                        to: [lab/team/app, disk/team/app]
                        tags: {match: ["1.*", "2.*"], semver: "*", except: ["*-rc*"]}
                    """
                )
                let first = try await scenario.crplan("plan", "--detailed-exitcode", exits: 2, environment: Self.login)
                #expect(first.stdout.contains("1.1.0"), "\(first.said)")
                try await scenario.crplan("apply", "--auto-approve", environment: Self.login)
                let again = try await scenario.crplan("plan", "--detailed-exitcode", environment: Self.login)
                #expect(again.stdout.contains("No changes."), "\(again.said)")
                for (reference, tag) in [
                    ("team/app:1.1.0", "1.1.0"), ("team/app:stable", "1.1.0"), ("team/app:prod", "1.1.0"), ("team/docker:1", "docker"),
                ] {
                    #expect(try await Skopeo.digest(reference, of: closed) == digests[tag], "\(reference)")
                }
                #expect(try await Skopeo.digest("team/app:2.0.0-rc1", of: closed) == nil)
                #expect(try await Skopeo.digest("oci:\(scenario.workspace)/mirror/team/app:1.1.0") == digests["1.1.0"])
                // skopeo 1.9 does not find Docker's manifests in a layout, but they are there as they were.
                let docker = try #require(digests["docker"])
                let bytes = try readFile("\(scenario.workspace)/mirror/team/docker/blobs/sha256/\(docker.encoded)")
                #expect(Digest.sha256(of: bytes) == docker)
                try await Skopeo.take("team/app:stable", of: closed, to: "dir:\(scenario.folder)/taken")
                let taken = try readFile("\(scenario.folder)/taken/manifest.json")
                #expect(Digest.sha256(of: taken) == digests["1.1.0"])
            }
        }
    }

    @Test func `docker's config file gives the login, and a wrong password gives one clear error without it`() async throws {
        try await withRealRegistry(Self.locked) { closed in
            try await withScenario { scenario in
                try Content.store(try Samples.image(), tags: ["1"], in: "team/app", of: closed)
                try scenario.write(
                    """
                    registries:
                    \(closed.declaration("lab"))
                    images:
                      - {to: lab/team/app, from: lab/team/app:1, tags: [stable]}
                    """
                )
                let config = "\(scenario.home)/docker/config.json"
                // alice:wrong-donkey
                try writeFile(#"{"auths":{"\#(closed.host)":{"auth":"YWxpY2U6d3JvbmctZG9ua2V5"}}}"#, to: config)
                let refused = try await scenario.crplan("apply", "--auto-approve", exits: 1)
                #expect(refused.stderr.contains(closed.host) && refused.stderr.contains("401"), "\(refused.said)")
                for secret in ["wrong-donkey", "YWxpY2U6d3JvbmctZG9ua2V5"] {
                    #expect(!refused.stderr.contains(secret) && !refused.stdout.contains(secret), "\(refused.said)")
                }
                #expect(refused.stderr.split(separator: "\n").count { $0.contains("401") } == 1, "\(refused.said)")
                // alice:correct-horse
                try writeFile(#"{"auths":{"\#(closed.host)":{"auth":"YWxpY2U6Y29ycmVjdC1ob3JzZQ=="}}}"#, to: config)
                try await scenario.applyAll()
            }
        }
    }

    @Test func `a registry that cannot delete tags says so, and the image stays`() async throws {
        try await withRealRegistry { registry in
            try await withScenario(
                """
                registries:
                \(registry.declaration("lab"))
                absent:
                  - lab/team/app:old
                """
            ) { scenario in
                let sample = try Samples.multiPlatform()
                try Content.store(sample, tags: ["old", "kept"], in: "team/app", of: registry)
                let result = try await scenario.crplan("apply", "--auto-approve", exits: 1)
                #expect(result.stdout.contains("cannot delete a single tag") && result.stdout.contains("nothing written"), "\(result.said)")
                for tag in ["old", "kept"] {
                    #expect(try await Skopeo.digest("team/app:\(tag)", of: registry) == sample.digest)
                }
            }
        }
    }

    @Test func `a delete by digest takes that image alone, once it is allowed`() async throws {
        try await withRealRegistry { registry in
            try await withScenario { scenario in
                let (old, new) = (try Samples.image(seed: 1), try Samples.multiPlatform(seed: 2))
                try Content.store(old, tags: ["a", "b"], in: "team/app", of: registry)
                try Content.store(new, tags: ["c"], in: "team/app", of: registry)
                try scenario.write(
                    """
                    registries:
                    \(registry.declaration("lab"))
                    absent:
                      - lab/team/app@\(old.digest)
                    """
                )
                let refused = try await scenario.crplan("apply", "--auto-approve", exits: 3)
                #expect(refused.stderr.contains("--allow-irreversible"), "\(refused.said)")
                #expect(try await Skopeo.digest("team/app:a", of: registry) == old.digest)
                try await scenario.applyAll("--allow-irreversible")
                #expect(try await Skopeo.digest("team/app:a", of: registry) == nil)
                #expect(try await Skopeo.digest("team/app@\(old.digest)", of: registry) == nil)
                try await Skopeo.take("team/app:c", of: registry, to: "dir:\(scenario.folder)/taken")
            }
        }
    }

    @Test func `tags that a registry took with a deleted image are found by the next plan`() async throws {
        try await withRealRegistry { registry in
            try await withScenario(
                """
                registries:
                \(registry.declaration("lab"))
                images:
                  - {to: lab/team/app, from: {layout: ../built}, tags: ["1", "2"]}
                """
            ) { scenario in
                let sample = try Samples.multiPlatform(attestations: true)
                try Content.writeLayout([("x", sample)], to: "\(scenario.folder)/built")
                try await scenario.applyAll()
                try await runSuccessfully(
                    "curl",
                    ["-sSf", "-X", "DELETE", "\(registry.url)/v2/team/app/manifests/\(sample.digest)"]
                )
                let plan = try await scenario.crplan("plan", "--detailed-exitcode", exits: 2)
                #expect(plan.stdout.contains("2 tags to add") || plan.stdout.contains("to push"), "\(plan.said)")
                try await scenario.applyAll()
                #expect(try await Skopeo.digest("team/app:2", of: registry) == sample.digest)
            }
        }
    }
}
