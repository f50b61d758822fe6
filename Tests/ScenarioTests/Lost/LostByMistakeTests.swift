import FoundationEssentials
import OCI
import RegistryTestSupport
import Testing

/// How images were lost since something failed, moved meanwhile, or was written wrong.
@Suite struct LostByMistakeTests {
    @Test(arguments: ["disk", "lab"])
    func `a move whose copy failed removed the old repository`(target: String) async throws {
        try await withLab("moved: [{from: lab/team/old, to: \(target)/team/new}]") { lab in
            let (whole, broken) = (try Samples.image(seed: 1), try Samples.multiPlatform(seed: 2))
            try lab.fill("team/old", ["1": whole, "2": broken])
            let plan = try await lab.scenario.crplan("plan", "--out", "it.plan")
            #expect(plan.stdout.contains("delete with tag 1") && plan.stdout.contains("delete with tag 2"), "\(plan.said)")
            let layer = try #require(broken.manifests[0].image?.layers.last?.digest)
            let (path, aside) = (lab.blobPath(layer), "\(lab.scenario.folder)/aside")
            try FileManager.default.moveItem(atPath: path, toPath: aside)
            let failed = try await lab.scenario.crplan("apply", "it.plan", exits: 5)
            #expect(failed.stdout.contains("1 failed") && failed.stdout.contains("skipped"), "\(failed.said)")
            try FileManager.default.moveItem(atPath: aside, toPath: path)
            try await lab.expect("team/old", holds: ["1": whole, "2": broken])
            try await lab.scenario.applyAll()
            try await lab.expect("team/old", holds: [:])
            try await lab.expect("team/old", lacks: [whole, broken])
            guard target == "disk" else { return try await lab.expect("team/new", holds: ["1": whole, "2": broken]) }
            for tag in ["1", "2"] {
                try await withTemporaryDirectory {
                    _ = try await runSuccessfully("skopeo", ["copy", "--quiet", "--all", "oci:\(lab.disk)/team/new:\(tag)", "dir:\($0)"])
                }
            }
        }
    }

    @Test func `an index that came after the plan lost a child to it`() async throws {
        try await withLab { lab in
            let (child, other) = (try Samples.image(seed: 1), try Samples.image(seed: 2))
            try lab.fill("team/app", ["pr-1": child, "pr-2": other])
            try lab.write("absent: [\"lab/team/app@\(child.digest)\", \"lab/team/app@\(other.digest)\"]")
            try await lab.scenario.crplan("plan", "--out", "it.plan")
            let index = try Samples.index(of: [child, try Samples.image(seed: 3, platform: Platform(os: "linux", architecture: "arm64"))])
            try lab.fill("team/app", ["release": index])
            let applied = try await lab.scenario.crplan("apply", "it.plan", "--allow-irreversible", exits: 4)
            #expect(applied.stdout.contains("1 stale"), "\(applied.said)")
            try await lab.expect("team/app", holds: ["pr-1": child, "release": index])
            try await lab.expect("team/app", lacks: [other])
        }
    }

    @Test(arguments: [#"{match: ["l.*"]}"#, #"["1.O"]"#, #"{semver: ">=10"}"#, #"{mtach: ["1.*"]}"#])
    func `a typo in a selector pruned the whole mirror`(selector: String) async throws {
        try await withLab { lab in
            func copies(_ tags: String) throws {
                let entry = "{from: lab/team/app, to: lab/mirror/app, tags: \(tags), prune: delete}"
                try lab.write("copies: [\(entry)]\npolicy: {limits: {repositoryShare: none}}")
            }
            let (image, old) = (try Samples.image(seed: 1), try Samples.image(seed: 2))
            try lab.fill("team/app", ["1.0": image, "1.0.0": image])
            let mirror = ["1.0": image, "1.0.0": image, "1.1": old]
            try lab.fill("mirror/app", mirror)
            try copies(selector)
            try await lab.scenario.crplan("plan", "--out", "it.plan", exits: 1)
            #expect(!FileManager.default.fileExists(atPath: "\(lab.scenario.workspace)/it.plan"))
            try await lab.scenario.crplan("apply", "--auto-approve", "--allow-irreversible", exits: 1)
            try await lab.expect("mirror/app", holds: mirror)
            try copies(#"{match: ["1.*"]}"#)
            try await lab.scenario.applyAll("--allow-irreversible")
            try await lab.expect("mirror/app", holds: ["1.0": image, "1.0.0": image])
            try await lab.expect("mirror/app", lacks: [old])
        }
    }

    /// A broken file declares nothing, so that all that it declared before would be nobody's.
    @Test func `a file that could not be parsed left its tags to the clean-up`() async throws {
        try await withLab(
            """
            prune: [{repositories: lab/team/**, tags: {undeclared: delete}}]
            policy: {limits: {repositoryShare: none}}
            """
        ) { lab in
            let declared = "images: [{to: lab/team/app, from: disk/app:new, tags: [\"1\", \"2\"]}]"
            let (image, junk) = (try Samples.multiPlatform(seed: 1), try Samples.image(seed: 2))
            try Content.writeLayout([("new", image)], to: "\(lab.disk)/app")
            let all = ["1": image, "2": image, "junk": junk]
            try lab.fill("team/app", all)
            try lab.scenario.write(declared, to: "team.yaml")
            try await lab.scenario.crplan("plan", "--out", "it.plan")
            try lab.scenario.write("<<<<<<< HEAD\n\(declared)\n=======\n>>>>>>> theirs", to: "team.yaml")
            let broken = try await lab.scenario.crplan("apply", "--auto-approve", "--allow-irreversible", exits: 1)
            #expect(broken.stderr.contains("team.yaml:"), "\(broken.said)")
            let saved = try await lab.scenario.crplan("apply", "it.plan", "--allow-irreversible", exits: 1)
            #expect(saved.stderr.contains("the specs at hand have errors"), "\(saved.said)")
            try await lab.expect("team/app", holds: all)
            try lab.scenario.write(declared, to: "team.yaml")
            try await lab.scenario.applyAll("--allow-irreversible")
            try await lab.expect("team/app", holds: ["1": image, "2": image])
            try await lab.expect("team/app", lacks: [junk])
        }
    }
}
