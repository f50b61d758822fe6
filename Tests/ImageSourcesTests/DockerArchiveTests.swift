import Files
import ImageSources
import OCI
import Registry
import RegistryTestSupport
import Testing

@Suite struct DockerArchiveTests {
    private let sandbox: SourceSandbox
    private let layers = [Samples.bytes(2000, seed: 1), Samples.bytes(3000, seed: 2)]

    init() throws {
        sandbox = try SourceSandbox()
    }

    private func config(_ diffIDs: [Digest]? = nil, seed: Int = 1) -> [UInt8] {
        let ids = (diffIDs ?? layers.map { Digest.sha256(of: $0) }).map { #""\#($0)""# }.joined(separator: ",")
        return Array(#"{"architecture":"amd64","os":"linux","seed":\#(seed),"rootfs":{"type":"layers","diff_ids":[\#(ids)]}}"#.utf8)
    }

    private func manifest(
        _ config: String = "config.json",
        _ tags: String = #"["job:1"]"#,
        layers: [String] = ["a/layer.tar", "b/layer.tar"]
    ) -> String {
        #"{"Config":"\#(config)","RepoTags":\#(tags),"Layers":[\#(layers.map { "\"\($0)\"" }.joined(separator: ","))]}"#
    }

    private func legacy(_ name: String = "a.tar", config: [UInt8]? = nil, manifest: String? = nil) throws {
        try sandbox.tar(name) { tar in
            tar.file("a/layer.tar", layers[0])
            tar.file("b/layer.tar", layers[1])
            tar.file("config.json", config ?? self.config())
            tar.file("manifest.json", "[\(manifest ?? self.manifest())]")
        }
    }

    @Test func `a legacy archive becomes the same manifest each time, with its layers as they are`() async throws {
        try legacy()
        try sandbox.tar("b.tar") { tar in
            tar.file("manifest.json", "[\(manifest())]")
            tar.file("./config.json", config(), .pax)
            tar.file("b/layer.tar", layers[1], .gnu)
            tar.file("a/layer.tar", layers[0])
        }
        let found = try await sandbox.archive()
        #expect(try await sandbox.archive("b.tar") == found)
        let image = try #require(found.root.image)
        #expect(image.layers.map(\.digest) == layers.map { Digest.sha256(of: $0) })
        #expect(image.layers.map(\.mediaType) == [MediaType.ociLayer, MediaType.ociLayer])
        #expect(image.config?.mediaType == MediaType.ociConfig)
        #expect(found.imageID == Digest.sha256(of: config()))
        #expect(found.root.mediaType == MediaType.ociManifest)
        #expect(try await sandbox.readAll(.archive(path: "a.tar", image: "job:1")) == 3)
    }

    @Test(arguments: ["1", "2"] as [Character])
    func `layers that are links to others are followed within the archive`(type: Character) async throws {
        try sandbox.tar { tar in
            tar.file("a/layer.tar", layers[0])
            tar.link("b/layer.tar", to: type == "1" ? "a/layer.tar" : "../a/layer.tar", type: type)
            tar.file("config.json", config([layers[0], layers[0]].map { Digest.sha256(of: $0) }))
            tar.file("manifest.json", "[\(manifest())]")
        }
        #expect(try await sandbox.readAll(.archive(path: "a.tar", image: nil)) == 3)
    }

    @Test(arguments: [
        ("2", "../../../etc/passwd", "leads out of the archive"), ("2", "/etc/passwd", "leads out"), ("2", "layer.tar", "in a circle"),
    ])
    func `links that lead out or in a circle are refused`(type: String, target: String, reason: String) async throws {
        try sandbox.tar { tar in
            tar.file("a/layer.tar", layers[0])
            tar.link("b/layer.tar", to: target, type: Character(type))
            tar.file("config.json", config())
            tar.file("manifest.json", "[\(manifest())]")
        }
        #expect(await message { _ = try await sandbox.archive() }.contains(reason))
    }

    @Test(arguments: ["../../etc/passwd", "/etc/passwd"])
    func `names that lead out are refused`(name: String) async throws {
        try legacy(manifest: manifest(layers: [name, "b/layer.tar"]))
        #expect(await message { _ = try await sandbox.archive() }.contains("the name leads out of the archive"))
        try legacy(manifest: manifest(name))
        #expect(await message { _ = try await sandbox.archive() }.contains("the name leads out of the archive"))
    }

    @Test func `an image is picked by its name in short or full, or by its ID`() async throws {
        try sandbox.tar { tar in
            tar.file("a/layer.tar", layers[0])
            tar.file("b/layer.tar", layers[1])
            tar.file("one.json", config(seed: 1))
            tar.file("two.json", config(seed: 2))
            tar.file("manifest.json", "[\(manifest("one.json")),\(manifest("two.json", #"["registry.example/x:2"]"#))]")
        }
        let (one, two) = (Digest.sha256(of: config(seed: 1)), Digest.sha256(of: config(seed: 2)))
        for name in ["job:1", "docker.io/library/job:1", one.description] {
            #expect(try await sandbox.archive("a.tar", name).imageID == one, "\(name)")
        }
        #expect(try await sandbox.archive("a.tar", "registry.example/x:2").imageID == two)
        #expect(await message { _ = try await sandbox.archive() }.contains("it holds several images: job:1, registry.example/x:2"))
        #expect(
            await message { _ = try await sandbox.archive("a.tar", "job") }.contains(
                "there is no image 'job' in it; it holds job:1, registry.example/x:2"
            )
        )
    }

    @Test func `gzip layers stay as they are and must hold what the config says`() async throws {
        try WholeFile.write(layers[0], to: "\(sandbox.path)/layer")
        try await runSuccessfully("gzip", ["-n", "\(sandbox.path)/layer"])
        let packed = try WholeFile.read("\(sandbox.path)/layer.gz", limit: 1 << 20)
        func write(_ config: [UInt8]) throws {
            try sandbox.tar { tar in
                tar.file("0123.tar.gz", packed)
                tar.file("sha256:4567", config)
                tar.file("manifest.json", "[\(manifest("sha256:4567", layers: ["0123.tar.gz"]))]")
            }
        }
        try write(config([Digest.sha256(of: layers[0])]))
        let layer = try #require(try await sandbox.archive().root.image?.layers.first)
        #expect(layer == Descriptor(mediaType: MediaType.ociLayerGzip, digest: Digest.sha256(of: packed), size: Int64(packed.count)))
        try await sandbox.readAll(.archive(path: "a.tar", image: nil))
        try write(config([Digest.sha256(of: layers[1])]))
        #expect(
            await message { _ = try await sandbox.archive() }.contains("the layer '0123.tar.gz' holds other content than the config says")
        )
    }

    @Test func `an uncompressed layer that is not what the config says is found out while it streams`() async throws {
        try legacy(config: config([Digest.sha256(of: layers[0]), Digest.sha256(of: layers[0] + layers[1])]))
        await #expect(throws: SourceSandbox.Mismatch.self) { try await sandbox.readAll(.archive(path: "a.tar", image: nil)) }
    }

    @Test func `what does not fit together is told in words`() async throws {
        try legacy(config: config([Digest.sha256(of: layers[0])]))
        #expect(
            await message { _ = try await sandbox.archive() }.contains("its config names 1 layers (rootfs.diff_ids), its manifest.json 2")
        )
        try legacy(manifest: manifest(layers: ["a/layer.tar", "c/layer.tar"]))
        #expect(
            await message { _ = try await sandbox.archive() }.contains("the layer 'c/layer.tar', which manifest.json names, is missing")
        )
        try legacy(manifest: manifest("none.json"))
        #expect(await message { _ = try await sandbox.archive() }.contains("the config 'none.json', which manifest.json names, is missing"))
        try legacy(manifest: #"{"Config":"config.json","Layers":[],"Layers":[]}"#)
        #expect(
            await message { _ = try await sandbox.archive() }.contains(
                "its manifest.json cannot be used: its member 'Layers' stands there twice"
            )
        )
    }

    /// What docker 25 and later write: both views of one image.
    private func both(_ sample: Sample, index: (([UInt8]) -> [UInt8])? = nil, without gone: Digest? = nil) throws {
        let image = try #require(sample.root.image)
        let names = image.layers.map { "blobs/sha256/\($0.digest.encoded)" }
        let config = try #require(image.config).digest
        try sandbox.tar { tar in
            for (name, bytes) in SourceSandbox.files([("docker.io/library/job:1", sample)])
            where gone.map({ !name.hasSuffix($0.encoded) }) ?? true {
                tar.file(name, name == "index.json" ? index?(bytes) ?? bytes : bytes)
            }
            tar.file("manifest.json", "[\(manifest("blobs/sha256/\(config.encoded)", layers: names))]")
        }
    }

    @Test func `the OCI view counts where it is whole, with the image's ID`() async throws {
        let sample = try Samples.image()
        try both(sample)
        let found = try await sandbox.archive("a.tar", "job:1")
        #expect(found.root == sample.root)
        #expect(found.imageID == sample.root.image?.config?.digest)
    }

    @Test func `docker's view counts where the OCI view is not whole or empty`() async throws {
        let sample = try Samples.image()
        try both(sample, index: { _ in Array(#"{"schemaVersion":2,"manifests":null}"#.utf8) })
        #expect(try await sandbox.archive().imageID == sample.root.image?.config?.digest)
        #expect(try await sandbox.archive().root != sample.root)
        try both(sample, without: sample.digest)
        #expect(try await sandbox.archive("a.tar", "job:1").imageID == sample.root.image?.config?.digest)
    }

    @Test func `archives that skopeo wrote are read in both forms`() async throws {
        let layout = "\(sandbox.path)/layout"
        try await runSuccessfully("umoci", ["init", "--layout", layout])
        try await runSuccessfully("umoci", ["new", "--image", "\(layout):base"])
        try await runSuccessfully("sh", ["-c", "mkdir '\(sandbox.path)/files' && echo hello > '\(sandbox.path)/files/hello'"])
        try await runSuccessfully("umoci", ["insert", "--rootless", "--image", "\(layout):base", "\(sandbox.path)/files", "/files"])
        try await runSuccessfully("skopeo", ["copy", "oci:\(layout):base", "docker-archive:\(sandbox.path)/docker.tar:job:1"])
        try await runSuccessfully("skopeo", ["copy", "oci:\(layout):base", "oci-archive:\(sandbox.path)/oci.tar:job:1"])
        let original = try await sandbox.layout("layout", "base")
        #expect(try await sandbox.archive("oci.tar", "job:1").root == original.root)
        #expect(try await sandbox.readAll(.archive(path: "docker.tar", image: "job:1")) == 2)
        #expect(try await sandbox.readAll(.archive(path: "oci.tar", image: nil)) == 2)
        let docker = try await sandbox.archive("docker.tar")
        #expect(docker.root.image?.layers.map(\.mediaType) == [MediaType.ociLayer])
        #expect(docker.imageID == docker.root.image?.config?.digest)
    }
}
