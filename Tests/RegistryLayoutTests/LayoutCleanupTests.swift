import Files
import OCI
import Registry
import RegistryLayout
import RegistryTestSupport
import Testing

/// What a delete removes, and what it leaves.
@Suite struct LayoutCleanupTests {
    private let sandbox: LayoutSandbox

    init() throws {
        sandbox = try LayoutSandbox()
    }

    private func has(_ digest: Digest) throws -> Bool { try Folder(sandbox.path).status(digest.path) != nil }

    @Test func `blobs that another image shares stay`() async throws {
        let shared = Samples.bytes(100, seed: 1)
        let first = try Samples.image(seed: 1, layers: [shared, Samples.bytes(100, seed: 2)])
        let second = try Samples.image(seed: 2, layers: [shared, Samples.bytes(100, seed: 3)])
        try await sandbox.push(first, "1")
        try await sandbox.push(second, "2")
        try await sandbox.delete(first)
        let kept = Set(second.blobs.keys).union([second.digest]).map(\.path)
        #expect(Set(try sandbox.files().filter { $0.hasPrefix("blobs/") }) == Set(kept))
    }

    @Test func `removing the last image leaves a valid empty layout`() async throws {
        let image = try Samples.multiPlatform()
        try await sandbox.push(image, "1", "2")
        for document in image.manifests.reversed() {
            try await sandbox.registry.deleteManifest(document.digest, in: sandbox.repository)
        }
        let files = try sandbox.files().filter { !$0.hasPrefix(".") }
        #expect(files == ["index.json", "oci-layout"])
        #expect(try sandbox.entries() == [])
        #expect(try await sandbox.registry.tags(in: sandbox.repository) == [])
        #expect(try await runSuccessfully("umoci", ["list", "--layout", sandbox.path]).stdout == "")
    }

    @Test func `the images of a deleted index stay, and can be found`() async throws {
        let index = try Samples.multiPlatform()
        try await sandbox.push(index, "1")
        try await sandbox.delete(index)
        let images = index.manifests.dropLast().map(\.digest)
        #expect(try await sandbox.registry.digests(in: sandbox.repository) == images.sorted())
        for digest in images + Array(index.blobs.keys) { #expect(try has(digest)) }
    }

    @Test func `what a name that is no tag leads to is not deleted, nor offered as untagged`() async throws {
        let (named, doomed) = (try Samples.multiPlatform(seed: 1), try Samples.image(seed: 2))
        try await sandbox.push(named, "1")
        try await sandbox.push(doomed, "2")
        let index = String(decoding: try sandbox.read("index.json"), as: UTF8.self)
        try sandbox.write(index.replacing(#"ref.name":"1""#, with: #"ref.name":"docker.io/library/nginx:1""#), to: "index.json")
        #expect(try await sandbox.registry.tags(in: sandbox.repository) == [TagName("2")])
        #expect(try await sandbox.registry.digests(in: sandbox.repository) == [doomed.digest])
        let problem = await message { try await sandbox.delete(named) }
        #expect(problem.contains("it has the name 'docker.io/library/nginx:1' too, which is no tag"))
        try await sandbox.delete(doomed)
        for digest in named.manifests.map(\.digest) + Array(named.blobs.keys) { #expect(try has(digest)) }
    }

    @Test func `what another tool has put and not listed yet stays`() async throws {
        let shared = Samples.bytes(100, seed: 1)
        let (coming, doomed) = (
            try Samples.image(seed: 1, layers: [shared, Samples.bytes(100, seed: 2)]), try Samples.image(seed: 2, layers: [shared])
        )
        try await sandbox.push(doomed, "2")
        let before = try sandbox.read("index.json")
        try await sandbox.push(coming, "1")
        try sandbox.write(String(decoding: before, as: UTF8.self), to: "index.json")
        try await sandbox.delete(doomed)
        for digest in [coming.digest] + Array(coming.blobs.keys) { #expect(try has(digest)) }
        #expect(try !has(doomed.digest))
    }

    @Test func `a manifest that an index needs is not deleted`() async throws {
        let index = try Samples.multiPlatform()
        try await sandbox.push(index, "1")
        let child = index.manifests[0].digest
        let problem = await message { try await sandbox.registry.deleteManifest(child, in: sandbox.repository) }
        #expect(problem == "cannot delete ./mirror/team/app@\(child): an index that stays there leads to it; delete that index first")
        #expect(try has(child))
    }

    @Test func `an index in an index, its images and an untagged referrer stay`() async throws {
        let inner = try Samples.multiPlatform(seed: 1)
        let outer = try Samples.index(of: [inner])
        let doomed = try Samples.image(seed: 9)
        try await sandbox.push(outer, "1")
        try await sandbox.push(doomed, "9")
        let signature = try Samples.referrer(to: inner.root.descriptor)
        try await sandbox.push(signature)
        try await sandbox.delete(doomed)
        for digest in outer.manifests.map(\.digest) + Array(outer.blobs.keys) + [signature.digest] + Array(signature.blobs.keys) {
            #expect(try has(digest))
        }
        #expect(try !has(doomed.digest))
    }

    @Test func `a referrer that another tool left out of the index stays`() async throws {
        let (image, doomed) = (try Samples.image(seed: 1), try Samples.image(seed: 2))
        try await sandbox.push(image, "1")
        try await sandbox.push(doomed, "2")
        let before = try sandbox.read("index.json")
        let signature = try Samples.referrer(to: image.root.descriptor)
        try await sandbox.push(signature)
        try sandbox.write(String(decoding: before, as: UTF8.self), to: "index.json")
        try await sandbox.delete(doomed)
        #expect(try has(signature.digest))
    }

    @Test func `where an image cannot be read, all blobs stay`() async throws {
        let (damaged, doomed) = (try Samples.image(seed: 1), try Samples.image(seed: 2))
        try await sandbox.push(damaged, "1")
        try await sandbox.push(doomed, "2")
        try sandbox.write("damaged", to: damaged.digest.path)
        try await sandbox.delete(doomed)
        #expect(try await sandbox.registry.head(.digest(doomed.digest), in: sandbox.repository) == nil)
        for digest in Array(damaged.blobs.keys) + Array(doomed.blobs.keys) { #expect(try has(digest)) }
    }

    @Test(arguments: [
        #"{"schemaVersion":2,"mediaType":"application/vnd.acme.bundle.v1+json","parts":[]}"#, #"{"schemaVersion":3}"#, nil,
    ])
    func `where an entry is missing or of an unknown kind, all blobs stay`(text: String?) async throws {
        let doomed = try Samples.image(seed: 2)
        try await sandbox.push(doomed, "2")
        let part = Samples.bytes(10, seed: 7)
        try await sandbox.registry.putBlob(Sample.body(part), into: sandbox.repository)
        let bytes = Array((text ?? "gone").utf8)
        let digest = Digest.sha256(of: bytes)
        if let text { try sandbox.write(text, to: digest.path) }
        let entry = #"{"mediaType":"application/vnd.acme.bundle.v1+json","digest":"\#(digest)","size":\#(bytes.count)}"#
        let index = String(decoding: try sandbox.read("index.json"), as: UTF8.self)
        try sandbox.write(index.replacing(#""manifests":["#, with: #""manifests":["# + entry + ","), to: "index.json")
        try await sandbox.delete(doomed)
        #expect(try await sandbox.digest("2") == nil)
        #expect(try has(Digest.sha256(of: part)))
        for digest in doomed.blobs.keys { #expect(try has(digest)) }
    }

    @Test func `where an index cannot be read, nothing is deleted`() async throws {
        let (damaged, doomed) = (try Samples.multiPlatform(seed: 1), try Samples.image(seed: 2))
        try await sandbox.push(damaged, "1")
        try await sandbox.push(doomed, "2")
        try sandbox.write("damaged", to: damaged.digest.path)
        let problem = await message { try await sandbox.delete(doomed) }
        #expect(problem.hasPrefix("cannot read ./mirror/team/app@\(damaged.digest): the file holds other bytes than its name says"))
        #expect(try await sandbox.digest("2") == doomed.digest)
    }

    @Test func `what a killed run left is removed with the next delete, and hinders nothing before`() async throws {
        let (image, doomed) = (try Samples.image(seed: 1), try Samples.image(seed: 2))
        try await sandbox.push(image, "1")
        try await sandbox.push(doomed, "2")
        try sandbox.write("half a blob", to: ".crplan-0123456789abcdef.tmp")
        let orphan = Samples.bytes(10, seed: 7)
        try await sandbox.registry.putBlob(Sample.body(orphan), into: sandbox.repository)
        #expect(try await runSuccessfully("umoci", ["list", "--layout", sandbox.path]).stdout == "1\n2\n")
        try await sandbox.delete(doomed)
        #expect(try !sandbox.files().contains { $0.hasSuffix(".tmp") })
        // Somebody may be about to list what it belongs to.
        #expect(try has(Digest.sha256(of: orphan)))
        #expect(try await sandbox.digest("1") == image.digest)
    }

    @Test func `a delete waits for who is writing, so that no blob goes which a tag will need`() async throws {
        let (image, doomed) = (try Samples.image(seed: 1), try Samples.image(seed: 2))
        try await sandbox.push(doomed, "2")
        let lease = try await sandbox.registry.beginWriting(in: sandbox.repository)
        for (digest, bytes) in image.blobs {
            let descriptor = Descriptor(mediaType: "", digest: digest, size: Int64(bytes.count))
            try await sandbox.registry.putBlob(Sample.body(bytes, as: descriptor), into: sandbox.repository)
        }
        // Cancelled at once, it ends only if it waits.
        #expect(await cancelledDelete(of: doomed.digest) == .cancelled)
        #expect(try await sandbox.digest("2") == doomed.digest)
        try await sandbox.registry.putManifest(image.root, at: .tag(try TagName("1")), in: sandbox.repository)
        await lease.end()
        try await sandbox.delete(doomed)
        #expect(try await sandbox.digest("2") == nil)
        for digest in image.blobs.keys { #expect(try has(digest)) }
    }

    private func cancelledDelete(of digest: Digest) async -> RegistryError.Code? {
        let (registry, repository) = (sandbox.registry, sandbox.repository)
        return await withTaskGroup(of: RegistryError.Code?.self) { group in
            group.addTask {
                do throws(RegistryError) {
                    try await registry.deleteManifest(digest, in: repository)
                    return nil
                } catch { return error.code }
            }
            group.cancelAll()
            return await group.next() ?? nil
        }
    }
}
