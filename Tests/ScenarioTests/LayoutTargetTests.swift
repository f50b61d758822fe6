import FoundationEssentials
import OCI
import RegistryTestSupport
import Testing

/// A directory as the target: killed in the middle, or full.
@Suite struct LayoutTargetTests {
    private static let repositories = ["team/app", "team/tool"]

    private static func samples() throws -> [(repository: String, tag: String, sample: Sample)] {
        try (0..<16).map { number in
            let sample =
                number.isMultiple(of: 2)
                ? try Samples.multiPlatform(seed: UInt64(number), layerSize: 3000) : try Samples.image(seed: 500 + UInt64(number))
            return (repositories[number / 2 % 2], "v\(number)", sample)
        }
    }

    /// The tags at the target, each of which must be what its source holds, as umoci and skopeo see them.
    @discardableResult
    private static func look(at path: String, _ samples: [(repository: String, tag: String, sample: Sample)]) async throws -> Int {
        var count = 0
        for repository in repositories where FileManager.default.fileExists(atPath: "\(path)/\(repository)/index.json") {
            let list = try await run("umoci", ["list", "--layout", "\(path)/\(repository)"])
            #expect(list.status == 0, "\(list.said)")
            for tag in list.stdout.split(separator: "\n") {
                let sample = samples.first { $0.repository == repository && $0.tag == tag }
                #expect(sample != nil, "\(repository):\(tag)")
                for (digest, bytes) in sample?.sample.parts ?? [] {
                    #expect(try readFile("\(path)/\(repository)/blobs/sha256/\(digest.encoded)") == bytes)
                }
                count += 1
            }
            try expectWholeBlobs(in: "\(path)/\(repository)")
        }
        return count
    }

    /// Whatever stands under a digest has that digest.
    private static func expectWholeBlobs(in layout: String) throws {
        for name in try FileManager.default.contentsOfDirectory(atPath: "\(layout)/blobs/sha256") where name.count == 64 {
            #expect(Digest.sha256(of: try readFile("\(layout)/blobs/sha256/\(name)")).encoded == name)
        }
    }

    private static func spec(_ source: String, _ path: String) -> String {
        """
        registries:
        \(source)
          disk: {kind: layout, path: \(path)}
        copies:
          - {from: lab/team/app, to: disk/team/app, tags: all}
          - {from: lab/team/tool, to: disk/team/tool, tags: all}
        """
    }

    @Test func `killed while it reads from a registry, it leaves a directory that others read, and goes on`() async throws {
        let samples = try Self.samples()
        try await withRealRegistry { registry in
            for (repository, tag, sample) in samples { try Content.store(sample, tags: [tag], in: repository, of: registry) }
            try await withCountingProxy(to: registry.port) { proxy in
                try await withScenario { scenario in
                    var total = 0
                    for part in 0...4 {
                        let path = "\(scenario.folder)/target\(part)"
                        try scenario.write(Self.spec(registry.declaration("lab", port: proxy.port), path))
                        try await scenario.crplan("plan", "--out", "it.plan")
                        proxy.forget()
                        let handle = ToolHandle()
                        if part > 0 {
                            proxy.atRequest(total * part / 5) { _ in
                                #expect(throws: Never.self) { try handle.signal(.kill) }
                                return .drop
                            }
                        }
                        try await scenario.crplan("apply", "it.plan", exits: part > 0 ? 137 : 0, handle: handle)
                        proxy.setHandler(nil)
                        if part == 0 { total = proxy.requests.count }
                        try await Self.look(at: path, samples)
                        try await scenario.applyAll()
                        #expect(try await Self.look(at: path, samples) == samples.count)
                    }
                }
            }
        }
    }

    @Test func `killed at any moment of its own writes, it leaves a directory that others read, and goes on`() async throws {
        let samples = try Self.samples()
        try await withScenario { scenario in
            for repository in Self.repositories {
                let own = samples.filter { $0.repository == repository }.map { (tag: $0.tag, sample: $0.sample) }
                try Content.writeLayout(own, to: "\(scenario.folder)/source/\(repository)")
            }
            var kills = 0
            for moment in LongMode.isOn ? Array(stride(from: 10, to: 400, by: 6)) : Array(stride(from: 20, to: 400, by: 40)) {
                let path = "\(scenario.folder)/target\(moment)"
                try scenario.write(Self.spec("  lab: {kind: layout, path: ../source}", path))
                let handle = ToolHandle()
                try await withThrowingTaskGroup(of: Int32.self) { group in
                    group.addTask { try await scenario.crplan("apply", "--auto-approve", exits: nil, handle: handle).status }
                    // No assertion hangs on when exactly it is hit: whatever it has written by then must be in order.
                    try await Task.sleep(for: .milliseconds(moment))
                    try? handle.signal(.kill)
                    if try await group.next() == 137 { kills += 1 }
                }
                try await Self.look(at: path, samples)
                try await scenario.applyAll()
                #expect(try await Self.look(at: path, samples) == samples.count)
            }
            #expect(kills > 0)
            if !LongMode.isOn { LongMode.note(leftOut: "most moments at which an apply onto a directory is killed") }
        }
    }

    @Test(arguments: [true, false])
    func `a disk that takes no more gives one clear error, and nothing half-done`(isSignalIgnored: Bool) async throws {
        let (small, large) = (try Samples.image(seed: 1), try Samples.image(seed: 2, layers: [Samples.bytes(2_000_000, seed: 5)]))
        let spec = """
            registries:
              lab: {kind: layout, path: ../source}
              disk: {kind: layout, path: ../target}
            copies:
              - {from: lab/small, to: disk/team/app, tags: all}
              - {from: lab/large, to: disk/team/tool, tags: all}
            """
        try await withScenario(spec) { scenario in
            try Content.writeLayout([("small", small)], to: "\(scenario.folder)/source/small")
            try Content.writeLayout([("large", large)], to: "\(scenario.folder)/source/large")
            // Writing beyond the limit fails as on a full disk; the kernel's signal beside it must not matter.
            let signals = isSignalIgnored ? "--ignore-signal=XFSZ" : "--default-signal=XFSZ"
            let result = try await run(
                "env",
                [signals, "prlimit", "--fsize=500000", "--core=0", try Program.path(), "apply", "--auto-approve"],
                environment: scenario.environment,
                in: scenario.workspace
            )
            #expect(result.status == 5, "\(result.said)")
            #expect(result.said.contains("too large") && result.said.contains("team/tool"), "\(result.said)")
            let target = "\(scenario.folder)/target/team"
            #expect(try await Skopeo.digest("oci:\(target)/app:small") == small.digest)
            #expect(try await Skopeo.digest("oci:\(target)/tool:large") == nil)
            if FileManager.default.fileExists(atPath: "\(target)/tool/blobs/sha256") { try Self.expectWholeBlobs(in: "\(target)/tool") }
            try await scenario.applyAll()
            #expect(try await Skopeo.digest("oci:\(target)/tool:large") == large.digest)
            try await runSuccessfully("skopeo", ["copy", "--quiet", "oci:\(target)/tool:large", "dir:\(scenario.folder)/taken"])
        }
    }

    @Test func `nobody reading what it says does not end an apply`() async throws {
        try await withScenario(Self.spec("  lab: {kind: layout, path: ../source}", "../target")) { scenario in
            let samples = try Self.samples()
            for repository in Self.repositories {
                let own = samples.filter { $0.repository == repository }.map { (tag: $0.tag, sample: $0.sample) }
                try Content.writeLayout(own, to: "\(scenario.folder)/source/\(repository)")
            }
            let unread = #"env --default-signal=PIPE "$0" apply --auto-approve 2>&1 | true; exit ${PIPESTATUS[0]}"#
            let result = try await run(
                "bash",
                ["-c", unread, try Program.path()],
                environment: scenario.environment,
                in: scenario.workspace
            )
            #expect(result.status == 0, "\(result.said)")
            #expect(try await Self.look(at: "\(scenario.folder)/target", samples) == samples.count)
        }
    }
}
