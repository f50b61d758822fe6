import Files
import OCI
import Registry
import RegistryLayout
import RegistryTestSupport
import Testing

/// The folders are those of the image layout specification: other tools read what crplan wrote, and crplan reads what they wrote.
@Suite struct LayoutToolsTests {
    private let sandbox: LayoutSandbox

    init() throws {
        sandbox = try LayoutSandbox()
    }

    /// Enough of an image for tools that look into the layers: one empty tar.
    private func image(_ seed: UInt64 = 1) throws -> Sample {
        let emptyTar = [UInt8](repeating: 0, count: 1024)
        let config = Array(
            #"{"architecture":"amd64","os":"linux","config":{"Env":["SEED=\#(seed)"]},"rootfs":{"type":"layers","diff_ids":["\#(Digest.sha256(of: emptyTar))"]}}"#
                .utf8
        )
        let layer = Samples.descriptor(of: emptyTar, MediaType.ociLayer)
        let text =
            #"{"schemaVersion":2,"mediaType":"\#(MediaType.ociManifest)","config":{"mediaType":"\#(MediaType.ociConfig)","digest":"\#(Digest.sha256(of: config))","size":\#(config.count)},"layers":[{"mediaType":"\#(layer.mediaType)","digest":"\#(layer.digest)","size":\#(layer.size)}]}"#
        var sample = try Samples.image(seed: seed, layers: [emptyTar])
        sample.root = try ManifestDocument(bytes: Array(text.utf8), mediaType: nil)
        sample.manifests = [sample.root]
        sample.blobs = [Digest.sha256(of: config): config, layer.digest: emptyTar]
        return sample
    }

    @Test func `skopeo and umoci read tags beside untagged images, locks and indexes`() async throws {
        let (tagged, untagged, index) = (try image(1), try image(2), try Samples.multiPlatform())
        try await sandbox.push(tagged, "1.0", "stable")
        try await sandbox.push(untagged)
        try await sandbox.push(index, "multi")
        try await sandbox.push(try Samples.referrer(to: tagged.root.descriptor))
        let inspected = try await runSuccessfully("skopeo", ["inspect", "oci:\(sandbox.path):stable"])
        #expect(inspected.stdout.contains(tagged.digest.description))
        let raw = try await runSuccessfully("skopeo", ["inspect", "--raw", "oci:\(sandbox.path):multi"])
        #expect(Array(raw.stdout.utf8) == index.root.bytes)
        #expect(try await runSuccessfully("umoci", ["list", "--layout", sandbox.path]).stdout == "1.0\nmulti\nstable\n")
        #expect(try await runSuccessfully("umoci", ["stat", "--image", "\(sandbox.path):1.0"]).stdout.contains("LAYER"))
        let copy = "\(sandbox.scratch.path)/copy"
        try await runSuccessfully("skopeo", ["copy", "--all", "oci:\(sandbox.path):multi", "dir:\(copy)"])
        #expect(try WholeFile.read("\(copy)/manifest.json", limit: 1 << 20) == index.root.bytes)
    }

    @Test func `tags that umoci and skopeo wrote are read, and edited without losing theirs`() async throws {
        let path = sandbox.path
        _ = try Folder.create("\(sandbox.registry.root)/team")
        try await runSuccessfully("umoci", ["init", "--layout", path])
        try await runSuccessfully("umoci", ["new", "--image", "\(path):base"])
        try await runSuccessfully("skopeo", ["copy", "oci:\(path):base", "oci:\(path):copied"])
        #expect(try await sandbox.registry.tags(in: sandbox.repository)?.map(\.description) == ["base", "copied"])
        let base = try #require(try await sandbox.digest("base"))
        let document = try #require(try await sandbox.registry.manifest(.tag(try TagName("base")), in: sandbox.repository))
        #expect(document.digest == base)
        try await sandbox.push(try image(), "ours")
        try await sandbox.untag("base")
        #expect(try await runSuccessfully("umoci", ["list", "--layout", path]).stdout == "copied\nours\n")
        try await runSuccessfully("umoci", ["gc", "--layout", path])
        #expect(try await sandbox.digest("copied") == base)
    }

    @Test func `what umoci's clean-up takes away is nothing that crplan lists`() async throws {
        let (tagged, untagged) = (try image(1), try image(2))
        try await sandbox.push(tagged, "1")
        try await sandbox.push(untagged)
        let before = try sandbox.files()
        try await runSuccessfully("umoci", ["gc", "--layout", sandbox.path])
        #expect(try sandbox.files() == before)
        #expect(try await sandbox.registry.digests(in: sandbox.repository) == [tagged.digest, untagged.digest].sorted())
    }
}
