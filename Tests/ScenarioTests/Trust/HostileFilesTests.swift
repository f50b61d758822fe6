import FoundationEssentials
import OCI
import RegistryTestSupport
import Testing

/// Layouts, archives and specs that somebody made to do harm, given to the program (section 11, items 1 to 4, 11 and 16).
@Suite struct HostileFilesTests {
    /// What must never be read: a file outside, with a text that is found again wherever it went.
    private static let prey = "the-content-of-another-file"

    /// Runs an apply that must fail; nothing of `prey` may be at the target or be said, and no tag be written.
    private static func expectRefusal(
        _ source: String,
        exits status: Int32 = 1,
        sourceLocation: SourceLocation = #_sourceLocation,
        _ prepare: (Scenario) async throws -> Void
    ) async throws -> String {
        try await withScenario(
            """
            registries:
              disk: {kind: layout, path: ./mirror}
            images:
              - {to: disk/team/app, from: \(source), tags: ["1"]}
            """
        ) { scenario in
            try writeFile(prey, to: "\(scenario.folder)/prey")
            try await prepare(scenario)
            let result = try await scenario.crplan("apply", "--auto-approve", exits: status, sourceLocation: sourceLocation)
            #expect(!result.said.contains(prey), "\(result.said)", sourceLocation: sourceLocation)
            let found = try await run("grep", ["-rl", prey, "\(scenario.workspace)", "\(scenario.home)", "\(scenario.folder)/tmp"])
            #expect(found.stdout.isEmpty, "\(found.stdout)", sourceLocation: sourceLocation)
            let index = "\(scenario.workspace)/mirror/team/app/index.json"
            let tags = FileManager.default.fileExists(atPath: index) ? String(decoding: try readFile(index), as: UTF8.self) : ""
            #expect(!tags.contains(#""1""#), sourceLocation: sourceLocation)
            #expect(try FileManager.default.contentsOfDirectory(atPath: "\(scenario.folder)/tmp") == [], sourceLocation: sourceLocation)
            return result.stderr + result.stdout
        }
    }

    private static func layout(_ index: String, at path: String) throws {
        try makeFolder("\(path)/blobs/sha256")
        try writeFile(#"{"imageLayoutVersion":"1.0.0"}"#, to: "\(path)/oci-layout")
        try writeFile(index, to: "\(path)/index.json")
    }

    /// A Docker archive whose only layer stands under `layer`; `add` puts files into the folder that is packed.
    private static func archive(
        _ scenario: Scenario,
        layer: String,
        config: String = "config.json",
        add: (String) throws -> Void = { _ in }
    )
        async throws
    {
        let folder = "\(scenario.folder)/packed"
        try makeFolder(folder)
        let digest = Digest.sha256(of: Array(prey.utf8))
        try writeFile(
            #"{"os":"linux","architecture":"amd64","rootfs":{"type":"layers","diff_ids":["\#(digest)"]}}"#,
            to: "\(folder)/config.json"
        )
        try writeFile(#"[{"Config":"\#(config)","RepoTags":["a:1"],"Layers":["\#(layer)"]}]"#, to: "\(folder)/manifest.json")
        try add(folder)
        try await runSuccessfully("tar", ["-cf", "\(scenario.folder)/image.tar", "-C", folder, "."])
    }

    // MARK: Item 1

    @Test(arguments: [
        "sha256:../../../prey", "sha256:/etc/passwd", "../../prey", "sha512:..", "sha256:\(String(repeating: "A", count: 64))",
    ])
    func `a digest in index.json never becomes a path`(digest: String) async throws {
        let said = try await Self.expectRefusal("{layout: ../built}") { scenario in
            let entry = #"{"mediaType":"\#(MediaType.ociManifest)","digest":"\#(digest)","size":27}"#
            try Self.layout(#"{"schemaVersion":2,"manifests":[\#(entry)]}"#, at: "\(scenario.folder)/built")
        }
        #expect(said.contains("digest"), "\(said)")
    }

    @Test(arguments: ["../prey", "../../prey", "x/../../prey", "/etc/passwd"])
    func `a layer's name in manifest.json leads nowhere outside the archive`(name: String) async throws {
        let said = try await Self.expectRefusal("{archive: ../image.tar}") { try await Self.archive($0, layer: name) }
        #expect(said.contains("leads out of the archive"), "\(said)")
        let config = try await Self.expectRefusal("{archive: ../image.tar}") {
            try await Self.archive($0, layer: "layer.tar", config: name)
        }
        #expect(config.contains("leads out of the archive"), "\(config)")
    }

    // MARK: Items 2 and 3

    @Test func `a blob that is a link is not followed`() async throws {
        let digest = Digest.sha256(of: Array(Self.prey.utf8))
        let said = try await Self.expectRefusal("{layout: ../built}") { scenario in
            let config = Samples.bytes(2, seed: 1)
            let layer = #"{"mediaType":"\#(MediaType.ociLayer)","digest":"\#(digest)","size":\#(Self.prey.utf8.count)}"#
            let body =
                #"{"schemaVersion":2,"mediaType":"\#(MediaType.ociManifest)","config":{"mediaType":"\#(MediaType.ociConfig)","digest":"#
                + #""\#(Digest.sha256(of: config))","size":2},"layers":[\#(layer)]}"#
            let path = "\(scenario.folder)/built"
            let root = Digest.sha256(of: Array(body.utf8))
            let entry = #"{"mediaType":"\#(MediaType.ociManifest)","digest":"\#(root)","size":\#(body.utf8.count)}"#
            try Self.layout(#"{"schemaVersion":2,"manifests":[\#(entry)]}"#, at: path)
            try writeFile(body, to: "\(path)/blobs/sha256/\(root.encoded)")
            try writeBytes(config, to: "\(path)/blobs/sha256/\(Digest.sha256(of: config).encoded)")
            // Its bytes are what the manifest says, and still it is not taken.
            try FileManager.default.createSymbolicLink(
                atPath: "\(path)/blobs/sha256/\(digest.encoded)",
                withDestinationPath: "\(scenario.folder)/prey"
            )
        }
        #expect(said.contains("link"), "\(said)")
    }

    @Test(arguments: ["../prey", "/etc/passwd", "layer.tar"])
    func `a layer that is a link out of the archive, or to itself, is refused`(target: String) async throws {
        let said = try await Self.expectRefusal("{archive: ../image.tar}") { scenario in
            try await Self.archive(scenario, layer: "layer.tar") { folder in
                try FileManager.default.createSymbolicLink(atPath: "\(folder)/layer.tar", withDestinationPath: target)
            }
        }
        #expect(said.contains("leads out of the archive") || said.contains("in a circle"), "\(said)")
    }

    @Test func `an archive with two manifest.json is refused`() async throws {
        let said = try await Self.expectRefusal("{archive: ../image.tar}") { scenario in
            try await Self.archive(scenario, layer: "layer.tar")
            let folder = "\(scenario.folder)/packed"
            try await runSuccessfully("tar", ["-rf", "\(scenario.folder)/image.tar", "-C", folder, "./manifest.json"])
        }
        #expect(said.contains("two files of this name"), "\(said)")
    }

    // MARK: Item 4

    @Test func `a bomb is not unpacked to its end, and what was unpacked is gone`() async throws {
        let said = try await Self.expectRefusal("{archive: ../image.tar}") { scenario in
            let (zeros, target) = ("\(scenario.folder)/zeros", "\(scenario.folder)/image.tar")
            try await runSuccessfully("truncate", ["-s", "200M", zeros])
            try await runSuccessfully("zstd", ["-q", "-19", "--rm", zeros, "-o", target])
        }
        #expect(said.contains("unpacks to more than"), "\(said)")
    }

    // MARK: Item 11

    static let specs: [(text: String, reason: String)] = [
        (
            (["a: &a [x, x, x, x, x, x, x, x, x]"]
                + (1...9).map { level in
                    let alias = "*\(Character(UnicodeScalar(UInt8(96 + level))))"
                    return "\(Character(UnicodeScalar(UInt8(97 + level)))): &\(Character(UnicodeScalar(UInt8(97 + level)))) ["
                        + [String](repeating: alias, count: 9).joined(separator: ", ") + "]"
                }).joined(separator: "\n"), "more than"
        ),
        ("x: " + String(repeating: "[", count: 5000), "deep"), ("images: []\nimages: []", "images"),
        ("x: !!python/object:os.system y", "tag"),
    ]

    @Test(.timeLimit(.minutes(5)), arguments: specs.indices)
    func `a spec that unfolds without end, nests too deep or means several things is refused`(number: Int) async throws {
        let (text, reason) = Self.specs[number]
        try await withScenario("registries:\n  disk: {kind: layout, path: ./mirror}\n\(text)") { scenario in
            let result = try await scenario.crplan("validate", exits: 1)
            #expect(result.said.contains(reason) && result.said.utf8.count < 20_000, "\(result.said.prefix(2000))")
        }
    }

    // MARK: Item 16

    @Test func `what is unpacked is private while it is there, and gone after Ctrl-C`() async throws {
        try await withLoopbackRegistryServer(try InMemoryRegistry()) { server in
            try await withScenario(
                """
                registries:
                  lab: {host: "\(server.host)", plainHTTP: true}
                images:
                  - {to: lab/team/app, from: {archive: ../image.tgz}, tags: ["1"]}
                """
            ) { scenario in
                try Content.writeLayout([("x", try Samples.image())], to: "\(scenario.folder)/built")
                try await runSuccessfully("tar", ["-czf", "\(scenario.folder)/image.tgz", "-C", "\(scenario.folder)/built", "."])
                let temporary = "\(scenario.folder)/tmp"
                let (handle, seen) = (ToolHandle(), Mutexed<[String]>([]))
                server.script { request in
                    guard request.method == "POST" else { return nil }
                    for name in (try? FileManager.default.contentsOfDirectory(atPath: temporary)) ?? [] {
                        let attributes = try? FileManager.default.attributesOfItem(atPath: "\(temporary)/\(name)")
                        let mode = attributes?[.posixPermissions].flatMap { Int("\($0)") } ?? 0
                        seen.withLock { $0.append(String(mode, radix: 8)) }
                    }
                    try? handle.signal(.interrupt)
                    return .held(by: Gate())
                }
                try await scenario.crplan("apply", "--auto-approve", exits: 1, handle: handle)
                let modes = seen.withLock { $0 }
                #expect(!modes.isEmpty && modes.allSatisfy { $0 == "700" }, "\(modes)")
                #expect(try FileManager.default.contentsOfDirectory(atPath: temporary) == [])
            }
        }
    }
}
