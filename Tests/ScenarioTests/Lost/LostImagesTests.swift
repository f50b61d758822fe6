import FoundationEssentials
import OCI
import RegistryTestSupport
import Testing

/// How users of other tools lost images. Each test has something that shall go and does, beside what those users lost.
@Suite struct LostImagesTests {
    private static let noShare = "policy: {limits: {repositoryShare: none}}"

    private static func prune(_ tags: String) -> String { "prune: [{repositories: lab/team/app, tags: {\(tags)}}]\n\(noShare)" }

    /// skopeo#795: the registry deletes by digest, and with it whatever else is on that digest.
    @Test func `deleting one tag wiped its siblings`() async throws {
        try await withLab(Self.prune(#"undeclared: delete, match: ["pr-*"]"#)) { lab in
            let (shared, own) = (try Samples.multiPlatform(seed: 1), try Samples.image(seed: 2))
            try lab.fill("team/app", ["1.0": shared, "stable": shared, "pr-7": shared, "pr-8": own, "pr-9": own])
            let plan = try await lab.scenario.crplan("plan", "--out", "it.plan")
            #expect(plan.stdout.contains("image stays for tags 1.0, stable"), "\(plan.said)")
            #expect(plan.stdout.contains("delete with tags pr-8, pr-9"), "\(plan.said)")
            #expect(!plan.stdout.contains("team/app@sha256:\(shared.digest.short)"), "\(plan.said)")
            try await lab.scenario.crplan("apply", "it.plan", "--allow-irreversible")
            try await lab.expect("team/app", holds: ["1.0": shared, "stable": shared])
            try await lab.expect("team/app", lacks: [own])
        }
    }

    @Test func `a tag that came after the plan went with the image that was deleted`() async throws {
        try await withLab { lab in
            let (old, other) = (try Samples.image(seed: 1), try Samples.image(seed: 2))
            try lab.fill("team/app", ["1.0": old, "1.1": other])
            try lab.write("absent: [\"lab/team/app@\(old.digest)\", \"lab/team/app@\(other.digest)\"]")
            let plan = try await lab.scenario.crplan("plan", "--out", "it.plan")
            #expect(plan.stdout.contains("delete with tag 1.0"), "\(plan.said)")
            try lab.fill("team/app", ["hotfix": old])
            let applied = try await lab.scenario.crplan("apply", "it.plan", "--allow-irreversible", exits: 4)
            #expect(applied.stdout.contains("1 stale"), "\(applied.said)")
            try await lab.expect("team/app", holds: ["1.0": old, "hotfix": old])
            try await lab.expect("team/app", lacks: [other])
        }
    }

    /// regclient#819 and #258: the dummy was put, and then the registry refused its deletion; or it went, and the dummy stayed as litter.
    @Test func `an untag by a dummy manifest left the tag on the dummy`() async throws {
        try await withLab { lab in
            let sample = try Samples.multiPlatform()
            try lab.fill("team/app", ["old": sample, "kept": sample])
            let entries = "absent: [lab/team/app:old]"
            // Both of apply's questions whether it may delete are answered by the registry itself.
            let script = FaultScript([Fault(.deleteManifest, first: 3, count: Fault.always, .status(405))])
            try await withFaultProxy(to: lab.registry.port, script) { proxy in
                try lab.write(entries, port: proxy.port)
                try await lab.scenario.crplan("plan", "--out", "it.plan")
                let refused = try await lab.scenario.crplan("apply", "it.plan", exits: 5)
                #expect(refused.stdout.contains("405"), "\(refused.said)")
                #expect(refused.stdout.contains("the tag is on its image again"), "\(refused.said)")
                #expect(proxy.struck["405", default: 0] > 0)
            }
            try await lab.expect("team/app", holds: ["old": sample, "kept": sample])
            try lab.write(entries)
            let plan = try await lab.scenario.crplan("plan")
            #expect(plan.stdout.contains("image stays for tag kept"), "\(plan.said)")
            try await lab.scenario.applyAll()
            try await lab.expect("team/app", holds: ["kept": sample])
            // What was refused before stays, and nothing else.
            #expect(try lab.manifests("team/app").count == sample.manifests.count + 1)
        }
    }

    /// distribution#3178: what only an index leads to has no tag of its own.
    @Test func `a clean-up killed the children of a tagged index`() async throws {
        try await withLab(Self.prune(#"undeclared: delete, match: ["*-amd64", "*-arm64"]"#)) { lab in
            let (amd, arm) = (
                try Samples.image(seed: 1), try Samples.image(seed: 2, platform: Platform(os: "linux", architecture: "arm64"))
            )
            let (index, orphan) = (try Samples.index(of: [amd, arm]), try Samples.image(seed: 3))
            try lab.fill("team/app", ["1.0": index, "1.0-amd64": amd, "1.0-arm64": arm, "0.9-amd64": orphan])
            let plan = try await lab.scenario.crplan("plan", "--out", "it.plan")
            #expect(plan.stdout.contains("2 tags to untag, 1 image (1 tag) to delete"), "\(plan.said)")
            #expect(plan.stdout.contains("part of index \(index.digest.short)"), "\(plan.said)")
            try await lab.scenario.crplan("apply", "it.plan", "--allow-irreversible")
            try await lab.expect("team/app", holds: ["1.0": index])
            try await lab.expect("team/app", lacks: [orphan])
            // Named outright, a child is refused.
            try lab.write("absent: [\"lab/team/app@\(amd.digest)\"]")
            let refused = try await lab.scenario.crplan("apply", "--auto-approve", "--allow-irreversible", exits: 3)
            #expect(refused.stderr.contains("the index under the tag 1.0 needs it"), "\(refused.said)")
            try await lab.expect("team/app", holds: ["1.0": index])
        }
    }

    @Test func `a clean-up of untagged images killed platforms, attestations and signatures`() async throws {
        try await withLab(
            """
            prune: [{repositories: disk/team/app, untagged: {delete: true, olderThan: 1d}}]
            \(Self.noShare)
            """
        ) { lab in
            let shared = try Samples.image(seed: 1)
            let live = try Samples.index(of: [
                shared, try Samples.image(seed: 2, platform: Platform(os: "linux", architecture: "arm64")),
                try Samples.attestation(of: shared.digest),
            ])
            let (signature, bill) = (try Samples.referrer(to: live.descriptor), try Samples.referrer(to: shared.descriptor, seed: 2))
            let (alone, young) = (try Samples.image(seed: 3), try Samples.image(seed: 4, created: "2026-05-31T12:00:00Z"))
            let former = try Samples.index(of: [shared, alone])
            let layout = "\(lab.disk)/team/app"
            try Content.writeLayout([("1.0", live)], untagged: [signature, bill, former, young], to: layout)
            let plan = try await lab.scenario.crplan("plan", "--as-of", "2026-06-01T00:00:00Z", "--out", "it.plan")
            #expect(plan.stdout.contains("2 images to delete"), "\(plan.said)")
            try await lab.scenario.crplan("apply", "it.plan", "--allow-irreversible")
            for (digest, bytes) in [live, signature, bill, young].flatMap(\.parts) {
                #expect(try readFile("\(layout)/blobs/sha256/\(digest.encoded)") == bytes)
            }
            for gone in [former, alone] {
                #expect(!FileManager.default.fileExists(atPath: "\(layout)/blobs/sha256/\(gone.digest.encoded)"))
            }
            try await runSuccessfully("skopeo", ["copy", "--quiet", "--all", "oci:\(layout):1.0", "dir:\(lab.scenario.folder)/taken"])
        }
    }

    /// harbor#8717, #11273: images beyond the rule's pattern, number and age went.
    @Test func `retention removed more than its rule`() async throws {
        try await withLab(Self.prune(#"undeclared: delete, match: ["build-*"], keepNewest: 2, olderThan: 30d"#)) { lab in
            func image(_ seed: UInt64, _ day: String?) throws -> Sample {
                try Samples.image(seed: seed, created: day.map { "\($0)T00:00:00Z" })
            }
            let (old, oldToo, released) = (try image(1, "2026-01-01"), try image(2, "2026-01-02"), try image(3, "2026-01-03"))
            var images = [
                "prod": released, "release-1": try image(4, "2025-01-01"), "build-undated": try image(5, nil),
                "build-4": try image(6, "2026-05-20"), "build-5": try image(7, "2026-04-25"), "build-6": try image(8, "2026-05-30"),
            ]
            try lab.fill("team/app", images.merging(["build-1": old, "build-2": oldToo, "build-2b": oldToo, "build-3": released]) { $1 })
            try lab.fill("team/other", ["build-1": old])
            let plan = try await lab.scenario.crplan("plan", "--as-of", "2026-06-01T00:00:00Z", "--out", "it.plan")
            for line in ["delete with tag build-1", "delete with tags build-2, build-2b", "image stays for tag prod"] {
                #expect(plan.stdout.contains(line), "\(plan.said)")
            }
            // By the rule it would go; the plan does not name it.
            images["build-0"] = try image(9, "2024-01-01")
            try lab.fill("team/app", images.filter { $0.key == "build-0" })
            images["build-5"] = nil
            try await lab.scenario.crplan("apply", "it.plan", "--allow-irreversible")
            try await lab.expect("team/app", holds: images)
            try await lab.expect("team/app", lacks: [old, oldToo])
            try await lab.expect("team/other", holds: ["build-1": old])
        }
    }

    /// skopeo#2503: no tag of the source is a signature's that was made at the mirror.
    @Test func `a mirror with prune lost the signatures of images that live`() async throws {
        try await withLab(
            """
            copies: [{from: lab/team/app, to: lab/mirror/app, tags: all, prune: delete}]
            \(Self.noShare)
            """
        ) { lab in
            let (live, old) = (try Samples.multiPlatform(seed: 1), try Samples.image(seed: 2))
            let (signature, other) = (
                try Samples.cosignSignature(of: live.digest), try Samples.cosignSignature(of: live.manifests[0].digest)
            )
            let referrers = try Samples.index(of: [try Samples.referrer(to: live.descriptor)])
            let kept = [
                "1.1": live, signature.tag.description: signature.sample, other.tag.description: other.sample,
                TagName.companion(of: live.digest, .referrers).description: referrers,
            ]
            try lab.fill("team/app", ["1.1": live, "1.2": live])
            try lab.fill("mirror/app", kept.merging(["1.0": old]) { $1 })
            let plan = try await lab.scenario.crplan("plan", "--out", "it.plan")
            #expect(plan.stdout.contains("1 tag to add, 1 image (1 tag) to delete"), "\(plan.said)")
            try await lab.scenario.crplan("apply", "it.plan", "--allow-irreversible")
            try await lab.expect("mirror/app", holds: kept.merging(["1.2": live]) { $1 })
            try await lab.expect("mirror/app", lacks: [old])
            try await lab.scenario.expectNoChanges()
        }
    }

    /// regclient#576: the first run worked on the list before it was filtered.
    @Test func `a filter was ignored and everything was removed`() async throws {
        try await withLab(
            """
            copies: [{from: lab/team/app, to: lab/mirror/app, tags: {match: ["1.*"], except: ["*-rc*"]}, prune: delete}]
            \(Self.noShare)
            """
        ) { lab in
            let images = try (0..<7).map { try Samples.image(seed: UInt64($0)) }
            try lab.fill("team/app", ["1.0": images[0], "1.1": images[1], "2.1": images[2]])
            let others = ["0.9": images[3], "1.2-rc1": images[4], "2.0": images[5], "nightly": images[5]]
            try lab.fill("mirror/app", others.merging(["1.0": images[0], "1.2": images[6]]) { $1 })
            try await lab.scenario.crplan("plan", "--out", "it.plan")
            try await lab.scenario.crplan("apply", "it.plan", "--allow-irreversible")
            try await lab.expect("mirror/app", holds: others.merging(["1.0": images[0], "1.1": images[1]]) { $1 })
            try await lab.expect("mirror/app", lacks: [images[6]])
        }
    }

    @Test func `a run for one repository alone removed from all of them`() async throws {
        try await withLab(
            """
            images:
              - {to: lab/team/app, from: lab/team/app:1, tags: [stable]}
              - {to: lab/team/tool, from: lab/team/tool:1, tags: [stable]}
            prune: [{repositories: lab/team/**, tags: {undeclared: untag}}]
            \(Self.noShare)
            """
        ) { lab in
            let sample = try Samples.image()
            for repository in ["team/app", "team/tool", "team/third"] { try lab.fill(repository, ["1": sample, "junk": sample]) }
            let plan = try await lab.scenario.crplan("plan", "--target", "lab/team/app", "--out", "it.plan")
            #expect(!plan.stdout.contains("team/tool:junk") && !plan.stdout.contains("team/third"), "\(plan.said)")
            try await lab.scenario.crplan("apply", "it.plan")
            try await lab.expect("team/app", holds: ["1": sample, "stable": sample])
            for repository in ["team/tool", "team/third"] { try await lab.expect(repository, holds: ["1": sample, "junk": sample]) }
        }
    }

    /// garden#1831: what a cluster runs is often no tag of the registry, but a part of an index, by its digest.
    @Test func `a clean-up deleted what was running`() async throws {
        let entries = """
            prune: [{repositories: lab/team/app, tags: {undeclared: delete, match: ["pr-*"]}}]
            policy:
              limits: {repositoryShare: none}
              inUse: [{kubernetes: workloads.json}]
            """
        try await withLab(entries) { lab in
            let (index, image, kept) = (try Samples.multiPlatform(seed: 1), try Samples.image(seed: 2), try Samples.image(seed: 3))
            let all = ["1.0": kept, "pr-1": index, "pr-2": image]
            try lab.fill("team/app", all)
            func runs(_ digest: Digest) throws {
                let status = #"{"containerStatuses":[{"imageID":"registry.example/team/app@\#(digest)"}]}"#
                try lab.scenario.write(#"{"kind":"Pod","metadata":{"name":"web"},"status":\#(status)}"#, to: "workloads.json")
            }
            try runs(index.manifests[0].digest)
            let refused = try await lab.scenario.crplan("plan", "--out", "it.plan", exits: 3)
            #expect(refused.stderr.contains("[in-use]") && refused.stderr.contains("team/app:pr-1"), "\(refused.said)")
            try await lab.scenario.crplan("apply", "--auto-approve", "--allow-irreversible", exits: 3)
            try await lab.expect("team/app", holds: all)
            try runs(kept.digest)
            try await lab.scenario.crplan("plan", "--out", "it.plan")
            try await lab.scenario.crplan("apply", "it.plan", "--allow-irreversible")
            try await lab.expect("team/app", holds: ["1.0": kept])
            try await lab.expect("team/app", lacks: [index, image])
        }
    }
}
