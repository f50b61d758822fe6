import Files
import Glibc
import ImageSources
import OCI
import Registry
import RegistryTestSupport
import Testing

@Suite struct LayoutSourceTests {
    private let sandbox: SourceSandbox
    private let first: Sample
    private let second: Sample

    init() throws {
        sandbox = try SourceSandbox()
        first = try Samples.image(seed: 1)
        second = try Samples.multiPlatform(seed: 2, attestations: true)
    }

    @Test func `an image and an index are read whole`() async throws {
        try sandbox.writeLayout([("1", first), ("2", second)])
        let found = try await sandbox.layout("layout", "2")
        #expect(found.root == second.root)
        #expect(Set(found.manifests.keys) == Set(second.manifests.map(\.digest)))
        #expect(found.imageID == nil)
        #expect(try await sandbox.readAll(.layout(path: "layout", reference: "1")) == first.blobs.count)
        try await sandbox.readAll(.layout(path: "\(sandbox.path)/layout", reference: "2"))
    }

    @Test func `a name can be short, full, or a digest, and is not needed for a single image`() async throws {
        try sandbox.writeLayout([("docker.io/library/job:1", first), ("stable", second)])
        for name in ["job:1", "library/job:1", "docker.io/job:1", "index.docker.io/library/job:1", first.digest.description] {
            #expect(try await sandbox.layout("layout", name).root.digest == first.digest, "\(name)")
        }
        try sandbox.writeLayout([(nil, second)], to: "single")
        #expect(try await sandbox.layout("single").root.digest == second.digest)
        try sandbox.writeLayout([("a", first), ("b", first)], to: "twice")
        #expect(try await sandbox.layout("twice").root.digest == first.digest)
    }

    @Test func `what cannot be told apart or is not there is told with what there is`() async throws {
        try sandbox.writeLayout([("1", first), ("2", second), ("2", first)])
        #expect(
            await message { _ = try await sandbox.layout() }
                == "cannot read layout: it holds several images: 1, 2; name the one that is meant"
        )
        #expect(
            await message { _ = try await sandbox.layout("layout", "3") }
                == "cannot read layout: there is no image '3' in it; it holds 1, 2"
        )
        #expect(
            await message { _ = try await sandbox.layout("layout", "2") }.hasPrefix(
                "cannot read layout: '2' names several images in it: sha256:"
            )
        )
        #expect(await message { _ = try await sandbox.layout("none") } == "cannot read none: there is no such file or folder")
        _ = try Folder.create("\(sandbox.path)/empty")
        #expect(await message { _ = try await sandbox.layout("empty") }.contains("it is not an image layout"))
        let many = try (10...25).map { (name: "t\($0)" as String?, sample: try Samples.image(seed: $0)) }
        try sandbox.writeLayout(many, to: "many")
        #expect(
            await message { _ = try await sandbox.layout("many") }.contains("t10, t11, t12, t13, t14, t15, t16, t17, t18, t19 and 6 more")
        )
    }

    @Test func `missing blobs are listed before anything is read`() async throws {
        try sandbox.writeLayout([("1", second)])
        let child = second.manifests[0]
        let gone = try #require(child.image?.layers.map(\.digest).sorted())
        for digest in gone { try sandbox.scratch.folder.remove("layout/blobs/sha256/\(digest.encoded)") }
        let expected = "cannot read layout: 2 files that the image needs are missing: \(gone[0]), \(gone[1])"
        #expect(await message { _ = try await sandbox.layout() } == expected)
        try sandbox.scratch.folder.remove("layout/blobs/sha256/\(child.digest.encoded)")
        #expect(await message { _ = try await sandbox.layout() }.contains("a file that the image needs is missing: \(child.digest)"))
    }

    @Test func `a linked blob, a short one, and another manifest than the digest says are refused`() async throws {
        try sandbox.writeLayout([("1", first)])
        let layer = try #require(first.root.image?.layers.first)
        let path = "layout/blobs/sha256/\(layer.digest.encoded)"
        try sandbox.scratch.folder.writeAtomically([1], to: path)
        #expect(await message { _ = try await sandbox.layout() }.contains("has 1 bytes, not \(layer.size)"))
        try sandbox.scratch.folder.remove(path)
        #expect(symlink("/etc/passwd", "\(sandbox.path)/\(path)") == 0)
        #expect(await message { _ = try await sandbox.layout() }.contains("it is a symbolic link, which is not followed here"))
        try sandbox.scratch.folder.writeAtomically(second.root.bytes, to: "layout/blobs/sha256/\(first.digest.encoded)")
        #expect(await message { _ = try await sandbox.layout() }.contains("has other bytes than its digest and size say"))
    }

    @Test(arguments: [
        (#"{"manifests":[{"digest":"sha256:../../../etc/passwd","size":1}]}"#, "without a valid digest and size"),
        (#"{"manifests":[],"manifests":[]}"#, "its index.json cannot be used: its member 'manifests' stands there twice"),
        (#"{"manifests":null}"#, "it holds no image"),
        ("{", "its index.json cannot be understood"),
    ])
    func `an index that cannot be trusted is refused`(text: String, reason: String) async throws {
        try sandbox.writeLayout([("1", first)])
        try WholeFile.write(Array(text.utf8), to: "\(sandbox.path)/layout/index.json")
        #expect(await message { _ = try await sandbox.layout() }.contains(reason))
    }

    @Test func `what umoci and skopeo wrote is read`() async throws {
        let layout = "\(sandbox.path)/layout"
        try await runSuccessfully("umoci", ["init", "--layout", layout])
        try await runSuccessfully("umoci", ["new", "--image", "\(layout):base"])
        try await runSuccessfully("skopeo", ["copy", "oci:\(layout):base", "oci:\(sandbox.path)/copy:x"])
        #expect(try await sandbox.layout("layout", "base").root == sandbox.layout("copy", "x").root)
        try await sandbox.readAll(.layout(path: "copy", reference: nil))
    }
}
