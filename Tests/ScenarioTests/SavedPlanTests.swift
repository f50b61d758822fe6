import OCI
import RegistryTestSupport
import Testing

/// A saved plan does what it says or nothing: the registries may have moved since, and the file may come from anywhere.
@Suite struct SavedPlanTests {
    private static func spec(_ target: String) -> String {
        """
        registries:
        \(target)
          disk: {kind: layout, path: ../images}
        images:
          - {to: lab/team/app, from: disk/app:new, tags: [moved, fresh]}
          - {to: lab/team/chain, from: lab/team/app:moved, tags: [promoted]}
          - {to: lab/team/other, from: disk/app:new, tags: [other]}
        """
    }

    /// `moved` holds an old image, and `disk/app:new` is what the spec wants there.
    private static func prepare(_ registry: RealRegistry, _ scenario: Scenario) throws -> (old: Sample, new: Sample) {
        let samples = (try Samples.image(seed: 1), try Samples.multiPlatform(seed: 2))
        try Content.store(samples.0, tags: ["moved"], in: "team/app", of: registry)
        try Content.writeLayout([("new", samples.1)], to: "\(scenario.folder)/images/app")
        return samples
    }

    @Test func `a tag that moves between plan and apply is left alone, with all that depends on it, and the rest is done`() async throws {
        try await withRealRegistry { registry in
            try await withScenario(Self.spec(registry.declaration("lab"))) { scenario in
                let (_, new) = try Self.prepare(registry, scenario)
                try await scenario.crplan("plan", "--out", "it.plan")
                let intruder = try Samples.image(seed: 3)
                try Content.writeLayout([("x", intruder)], to: "\(scenario.folder)/intruder")
                try await Skopeo.put("oci:\(scenario.folder)/intruder:x", into: "team/app:moved", of: registry)
                let result = try await scenario.crplan("apply", "it.plan", exits: 4)
                #expect(try await Skopeo.digest("team/app:moved", of: registry) == intruder.digest)
                #expect(try await Skopeo.digest("team/app:fresh", of: registry) == new.digest)
                #expect(try await Skopeo.digest("team/other:other", of: registry) == new.digest)
                #expect(try await Skopeo.digest("team/chain:promoted", of: registry) == nil)
                #expect(result.stdout.contains("1 skipped, 1 stale"), "\(result.said)")
                try await scenario.applyAll()
                #expect(try await Skopeo.digest("team/chain:promoted", of: registry) == new.digest)
            }
        }
    }

    @Test func `a saved plan is applied twice, and the second time finds everything done`() async throws {
        try await withRealRegistry { registry in
            try await withScenario(Self.spec(registry.declaration("lab"))) { scenario in
                let (_, new) = try Self.prepare(registry, scenario)
                try await scenario.crplan("plan", "--out", "it.plan")
                let digest = try PlanEdit.digest(of: "\(scenario.workspace)/it.plan")
                try await scenario.crplan("apply", "it.plan", "--plan-digest", digest)
                try await withCountingProxy(to: registry.port) { _ in
                    let again = try await scenario.crplan("apply", "it.plan")
                    #expect(again.stdout.contains("4 unchanged"), "\(again.said)")
                }
                try await scenario.expectNoChanges()
                #expect(try await Skopeo.digest("team/chain:promoted", of: registry) == new.digest)
            }
        }
    }

    @Test(arguments: ["host", "repository", "digest", "kind", "variable"])
    func `a plan file that somebody changed is refused before any request`(part: String) async throws {
        try await withRealRegistry { registry in
            try await withCountingProxy(to: registry.port) { proxy in
                let variables = "credentials: {usernameEnv: CRPLAN_LAB_USER, passwordEnv: CRPLAN_LAB_PASSWORD}"
                try await withScenario(Self.spec(registry.declaration("lab", port: proxy.port, variables))) { scenario in
                    let (old, new) = try Self.prepare(registry, scenario)
                    let login = ["CRPLAN_LAB_USER": "u", "CRPLAN_LAB_PASSWORD": "p", "SECRET_TOKEN": "s"]
                    let path = "\(scenario.workspace)/it.plan"
                    try await scenario.crplan("plan", "--out", path, environment: login)
                    let reviewed = try PlanEdit.digest(of: path)
                    proxy.forget()
                    let edits: [String: (String, String)] = [
                        "host": (proxy.host, "127.0.0.1:1"), "repository": ("team/other", "team/victim"),
                        "digest": ("\(new.digest)", "\(old.digest)"), "kind": (#""kind": "put""#, #""kind": "untag""#),
                        "variable": ("CRPLAN_LAB_PASSWORD", "SECRET_TOKEN"),
                    ]
                    let (from, to) = try #require(edits[part])
                    let (changed, sealed) = ("\(scenario.workspace)/changed.plan", "\(scenario.workspace)/sealed.plan")
                    try PlanEdit.replace(from, by: to, in: path, to: changed, sealed: false)
                    try PlanEdit.replace(from, by: to, in: path, to: sealed, sealed: true)
                    let plain = try await scenario.crplan("apply", changed, exits: 1, environment: login)
                    #expect(plain.stderr.contains("planDigest does not match"), "\(plain.said)")
                    let pinned = try await scenario.crplan("apply", sealed, "--plan-digest", reviewed, exits: 1, environment: login)
                    #expect(pinned.stderr.contains("not the plan that was reviewed"), "\(pinned.said)")
                    #expect(proxy.requests.isEmpty)
                    #expect(!(plain.said + pinned.said).contains("Swift"))
                }
            }
        }
    }

    @Test func `a plan made from files takes no login from a variable that only it names`() async throws {
        try await withRealRegistry { registry in
            try await withCountingProxy(to: registry.port) { proxy in
                try await withScenario { scenario in
                    let variables = "credentials: {usernameEnv: CRPLAN_USER, passwordEnv: CRPLAN_PASSWORD}"
                    try scenario.write(Self.spec(registry.declaration("lab", port: proxy.port, variables)), to: "../alone/spec.yaml")
                    _ = try Self.prepare(registry, scenario)
                    let alone = "\(scenario.folder)/alone"
                    let login = ["CRPLAN_USER": "u", "CRPLAN_PASSWORD": "p", "SECRET_TOKEN": "s"]
                    try await scenario.crplan("plan", "-f", "spec.yaml", "--out", "it.plan", environment: login, in: alone)
                    try PlanEdit.replace(
                        "CRPLAN_PASSWORD",
                        by: "SECRET_TOKEN",
                        in: "\(alone)/it.plan",
                        to: "\(alone)/bad.plan",
                        sealed: true
                    )
                    proxy.forget()
                    let refused = try await scenario.crplan("apply", "bad.plan", exits: 1, environment: login, in: alone)
                    #expect(refused.stderr.contains("SECRET_TOKEN") && refused.stderr.contains("--allow-env"), "\(refused.said)")
                    #expect(proxy.requests.isEmpty)
                    try await scenario.crplan("apply", "it.plan", environment: login, in: alone)
                }
            }
        }
    }
}
