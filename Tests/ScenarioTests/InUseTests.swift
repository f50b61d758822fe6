import FoundationEssentials
import OCI
import RegistryTestSupport
import Testing

/// What a cluster runs is not taken from it, whatever the spec says.
@Suite struct InUseTests {
    private static let spec = """
        registries:
          disk: {kind: layout, path: ../registry}
        images:
          - {to: disk/team/app, from: disk/team/app:new, tags: [stable]}
        absent: [disk/team/tool:old]
        policy:
          inUse: [{file: lists/in-use.txt, maxAge: 24h}, {kubernetes: workloads.json}]
        """

    /// `team/app` with `new` and `stable`, `team/tool` with `old`, an index.
    private static func prepare(_ scenario: Scenario) throws -> (stable: Sample, old: Sample) {
        let (stable, old) = (try Samples.image(seed: 1), try Samples.multiPlatform(seed: 2))
        try Content.writeLayout([("stable", stable), ("new", try Samples.image(seed: 3))], to: "\(scenario.folder)/registry/team/app")
        try Content.writeLayout([("old", old), ("kept", try Samples.image(seed: 4))], to: "\(scenario.folder)/registry/team/tool")
        try scenario.write("nginx:1.27   # the front\n", to: "lists/in-use.txt")
        try scenario.write(pods(["quay.io/other/thing:1"]), to: "workloads.json")
        return (stable, old)
    }

    private static func pods(_ imageIDs: [String]) -> String {
        let items = imageIDs.map { #"{"kind":"Pod","metadata":{"name":"p"},"status":{"containerStatuses":[{"imageID":"\#($0)"}]}}"# }
        return #"{"kind":"List","items":[\#(items.joined(separator: ","))]}"#
    }

    @Test func `a running part of an image keeps it, and a move is shown as such`() async throws {
        try await withScenario(Self.spec) { scenario in
            let (stable, old) = try Self.prepare(scenario)
            let running = "docker-pullable://us.icr.io/a/tool@\(old.manifests[0].digest)"
            try scenario.write(Self.pods([running, "us.icr.io/a/app@\(stable.digest)"]), to: "workloads.json")
            let refused = try await scenario.crplan("plan", "--out", "it.plan", exits: 3)
            #expect(
                refused.stderr.contains("its part \(old.manifests[0].digest.short) is in use (workloads.json (Pod p))"),
                "\(refused.said)"
            )
            #expect(refused.stderr.contains("  ../registry/team/tool:old\n") && refused.stderr.contains("[in-use]"), "\(refused.said)")
            #expect(!FileManager.default.fileExists(atPath: "\(scenario.workspace)/it.plan"))
            try scenario.write(Self.pods(["us.icr.io/a/app@\(stable.digest)"]), to: "workloads.json")
            let planned = try await scenario.crplan("plan")
            #expect(planned.stdout.contains("· in use (workloads.json)"), "\(planned.said)")
            try await scenario.applyAll()
        }
    }

    @Test(arguments: ["missing", "empty", "malformed", "old"])
    func `a list that tells nothing refuses removals, and a plan without one goes on`(kind: String) async throws {
        try await withScenario(Self.spec) { scenario in
            _ = try Self.prepare(scenario)
            let path = "\(scenario.workspace)/lists/in-use.txt"
            let said: String
            switch kind {
            case "missing":
                try FileManager.default.removeItem(atPath: path)
                said = "lists/in-use.txt cannot be read: there is no such file or folder"
            case "empty":
                try scenario.write("# nothing\n", to: "lists/in-use.txt")
                said = "lists/in-use.txt names no image"
            case "malformed":
                try scenario.write("nginx\nnot a reference\n", to: "lists/in-use.txt")
                said = "lists/in-use.txt:2 is not a reference"
            default:
                let day = Date.now.addingTimeInterval(-2 * 86400 - 60)
                try FileManager.default.setAttributes([.modificationDate: day], ofItemAtPath: path)
                said = "lists/in-use.txt is too old: it was written 2 days ago, and its maxAge is 24 hours"
            }
            let refused = try await scenario.crplan("plan", exits: 3)
            #expect(refused.stderr.contains("crplan.yaml:8: refused: nothing can be untagged or deleted"), "\(refused.said)")
            #expect(refused.stderr.contains(said) && refused.stderr.contains("../registry/team/tool:old"), "\(refused.said)")
            try scenario.write(Self.spec.replacing("absent: [disk/team/tool:old]", with: "absent: []"))
            let going = try await scenario.crplan("apply", "--auto-approve")
            #expect(going.said.contains(said), "\(going.said)")
        }
    }

    @Test func `a saved plan is held against the lists as they are when it is applied`() async throws {
        try await withScenario(Self.spec) { scenario in
            let (stable, old) = try Self.prepare(scenario)
            try await scenario.crplan("plan", "--out", "it.plan")
            let app = "oci:\(scenario.folder)/registry/team/app:stable"
            // A container of the index that is to lose its tag was started since.
            try scenario.write(Self.pods(["us.icr.io/a/tool@\(old.manifests[1].digest)"]), to: "workloads.json")
            let refused = try await scenario.crplan("apply", "it.plan", exits: 3)
            #expect(refused.stderr.contains("[in-use]") && refused.stderr.contains("team/tool:old"), "\(refused.said)")
            try FileManager.default.removeItem(atPath: "\(scenario.workspace)/workloads.json")
            let unknown = try await scenario.crplan("apply", "it.plan", exits: 3)
            #expect(unknown.stderr.contains("workloads.json cannot be read"), "\(unknown.said)")
            #expect(try await Skopeo.digest(app) == stable.digest)
            try scenario.write(Self.pods(["quay.io/other/thing:1"]), to: "workloads.json")
            try await scenario.crplan("apply", "it.plan")
            #expect(try await Skopeo.digest("oci:\(scenario.folder)/registry/team/tool:old") == nil)
            try await scenario.expectNoChanges()
        }
    }
}
