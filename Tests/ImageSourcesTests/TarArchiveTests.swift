import Files
import ImageSources
import OCI
import Registry
import RegistryTestSupport
import Testing

/// Tar files as tools write them, and as nobody should.
@Suite struct TarArchiveTests {
    private let sandbox: SourceSandbox
    private let sample: Sample

    init() throws {
        sandbox = try SourceSandbox()
        sample = try Samples.image(layerSize: 1500)
    }

    @Test(arguments: TarBuilder.Style.allCases, ["", "./"])
    func `an OCI archive is read, whatever headers and order its members have`(style: TarBuilder.Style, prefix: String) async throws {
        try sandbox.tar { tar in
            for (name, bytes) in SourceSandbox.files([("1", sample)]).reversed() { tar.file(prefix + name, bytes, style) }
        }
        #expect(try await sandbox.archive().root == sample.root)
        try await sandbox.readAll(.archive(path: "a.tar", image: "1"))
    }

    @Test(arguments: ["--format=ustar", "--format=gnu", "--format=pax", "--format=oldgnu"], ["", "--gzip", "--zstd"])
    func `archives of the tar program are read, compressed or not`(format: String, compression: String) async throws {
        try sandbox.writeLayout([("1", sample)])
        let options = [format, "-cf", "\(sandbox.path)/a.tar", "-C", "\(sandbox.path)/layout", "."]
        try await runSuccessfully("tar", (compression.isEmpty ? [] : [compression]) + options)
        #expect(try await sandbox.archive().root == sample.root)
        try await sandbox.readAll(.archive(path: "a.tar", image: nil))
    }

    @Test func `other compression and damage are told in words`() async throws {
        try WholeFile.write(Array("BZh91AY".utf8), to: "\(sandbox.path)/a.tar")
        #expect(
            await message { _ = try await sandbox.archive() }.contains(
                "it is compressed with bzip2, which is not supported; unpack it first"
            )
        )
        try WholeFile.write([0x1f, 0x8b] + Samples.bytes(600, seed: 1), to: "\(sandbox.path)/a.tar")
        #expect(await message { _ = try await sandbox.archive() }.contains("gzip cannot unpack it"))
        try WholeFile.write(Samples.bytes(600, seed: 1), to: "\(sandbox.path)/a.tar")
        #expect(await message { _ = try await sandbox.archive() }.contains("it is not a tar file"))
        try WholeFile.write([], to: "\(sandbox.path)/a.tar")
        #expect(await message { _ = try await sandbox.archive() }.contains("it is neither an OCI archive nor one of 'docker save'"))
        #expect(await message { _ = try await sandbox.archive("none.tar") } == "cannot read none.tar: there is no such file or folder")
        #expect(await message { _ = try await sandbox.archive(".") }.contains("it is a folder"))
    }

    @Test func `an archive that was cut off is refused`() async throws {
        try sandbox.tar { tar in for (name, bytes) in SourceSandbox.files([("1", sample)]) { tar.file(name, bytes) } }
        let whole = try WholeFile.read("\(sandbox.path)/a.tar", limit: 1 << 20)
        try WholeFile.write(Array(whole.prefix(whole.count - 2000)), to: "\(sandbox.path)/a.tar")
        #expect(await message { _ = try await sandbox.archive() }.contains("been cut off"))
    }

    @Test(arguments: [
        Array("99999999999\0".utf8), Array("77777777777\0".utf8), [0xff] + [UInt8](repeating: 0xff, count: 11),
        [0x80] + [UInt8](repeating: 0xff, count: 11), Array("12x45678901\0".utf8),
    ])
    func `absurd sizes are refused`(size: [UInt8]) async throws {
        try sandbox.tar { $0.member("index.json", [1], size: size) }
        let problem = await message { _ = try await sandbox.archive() }
        #expect(problem.contains("cut off") || problem.contains("absurd") || problem.contains("negative") || problem.contains("no number"))
    }

    @Test func `a bomb is stopped at a thousandfold`() async throws {
        let zeros = "\(sandbox.path)/zeros"
        try await runSuccessfully("truncate", ["-s", "200M", zeros])
        try await runSuccessfully("sh", ["-c", "zstd -q -19 '\(zeros)' -o '\(sandbox.path)/a.tar' && rm '\(zeros)'"])
        #expect(await message { _ = try await sandbox.archive() }.contains("it unpacks to more than 65536000 bytes"))
    }

    @Test func `two files of one name that decide what is read are refused, and a linked blob too`() async throws {
        let files = SourceSandbox.files([("1", sample)])
        try sandbox.tar { tar in
            for (name, bytes) in files { tar.file(name, bytes) }
            tar.file("./index.json", files[0].1)
        }
        #expect(await message { _ = try await sandbox.archive() }.contains("the archive holds two files of this name"))
        try sandbox.tar { tar in
            for (name, bytes) in files where !name.hasSuffix(sample.digest.encoded) { tar.file(name, bytes) }
            tar.file("real", sample.root.bytes)
            tar.link("blobs/sha256/\(sample.digest.encoded)", to: "../../real", type: "2")
        }
        #expect(await message { _ = try await sandbox.archive() }.contains("it is a link, which is not followed here"))
    }

    @Test func `members whose names lead out harm nothing and are not found`() async throws {
        try sandbox.tar { tar in
            tar.file("../index.json", "{}")
            tar.file("/oci-layout", "{}")
            for (name, bytes) in SourceSandbox.files([("1", sample)]) { tar.file(name, bytes) }
        }
        #expect(try await sandbox.archive().root == sample.root)
    }

    @Test func `what was unpacked is private and goes when asked`() async throws {
        try sandbox.writeLayout([("1", sample)])
        try await runSuccessfully("tar", ["-czf", "\(sandbox.path)/a.tar", "-C", "\(sandbox.path)/layout", "."])
        let reader = try await sandbox.source.open(.archive(path: "a.tar", image: nil))
        sandbox.source.removeTemporaryFiles()
        let layer = try #require(sample.root.image?.layers.first)
        #expect(try await reader.blob(layer, from: 10).collected() == Array((sample.blobs[layer.digest] ?? []).dropFirst(10)))
        #expect(try await sandbox.archive().root == sample.root)
    }
}
