import Files
import Glibc
import OCI
import Registry
import RegistryLayout
import RegistryTestSupport
import Testing

/// Locks, links, and files that are not as they should be.
@Suite struct LayoutSafetyTests {
    private let sandbox: LayoutSandbox

    init() throws {
        sandbox = try LayoutSandbox()
    }

    @Test(arguments: ["blobs", "oci-layout", "a/blobs/b", "a/index.json"])
    func `a repository cannot stand in a layout's own files`(name: String) async throws {
        let repository = try RepositoryName(name)
        let problem = await message { _ = try await sandbox.registry.beginWriting(in: repository) }
        #expect(problem.contains("is a name of the image layout's own files"))
        #expect(try FileStatus.of(sandbox.registry.root) == nil)
    }

    @Test func `a root that is not there is an empty registry and is not made by reading`() async throws {
        #expect(try await sandbox.registry.repositories() == [])
        #expect(try await sandbox.registry.tags(in: sandbox.repository) == nil)
        #expect(try await sandbox.registry.head(.digest(Digest.sha256(of: [])), in: sandbox.repository) == nil)
        #expect(try await sandbox.registry.checkLogin().facts.last == "not there yet; the first write makes it")
        #expect(try FileStatus.of(sandbox.registry.root) == nil)
    }

    @Test func `what cannot be written is told with place and reason, and changes nothing`() async throws {
        let image = try Samples.image()
        try await sandbox.push(image, "1")
        let before = try sandbox.read("index.json")
        try Folder(sandbox.path).rename("blobs", to: "elsewhere")
        try sandbox.write("", to: "blobs")
        let problem = await message { try await sandbox.push(try Samples.image(seed: 2), "2") }
        #expect(problem == "cannot open \(sandbox.path)/blobs: a part of the path is not a folder")
        #expect(try sandbox.read("index.json") == before)
        #expect(try !sandbox.files().contains { $0.hasSuffix(".tmp") })
    }

    @Test func `blobs that are put back between two readings are seen`() async throws {
        let image = try Samples.image()
        try await sandbox.push(image, "1")
        #expect(try await sandbox.digest("1") == image.digest)
        let folder = try Folder(sandbox.path)
        let (blobs, next) = (try folder.folder("blobs/sha256"), try folder.folder("next/sha256", creating: true))
        for entry in try blobs.entries() {
            try blobs.link(entry.path, to: entry.path, in: next)
            try blobs.remove(entry.path)
        }
        try folder.rename("blobs", to: "former")
        try folder.rename("next", to: "blobs")
        #expect(try await sandbox.digest("1") == image.digest)
    }

    @Test func `a folder that is put in another's place, linked or taken away between two readings is seen`() async throws {
        let (first, second) = (try Samples.image(seed: 1), try Samples.image(seed: 2))
        try await sandbox.push(first, "1")
        #expect(try await sandbox.digest("1") == first.digest)
        let team = try Folder("\(sandbox.registry.root)/team")
        try team.rename("app", to: "former")
        #expect(try await sandbox.digest("1") == nil)
        try await sandbox.push(second, "1")
        #expect(try await sandbox.digest("1") == second.digest)
        #expect(try await sandbox.registry.referrers(of: second.digest, in: sandbox.repository).descriptors.isEmpty)
        // The very folder that was read before, but behind a link.
        try team.rename("app", to: "latter")
        #expect(symlink("\(sandbox.registry.root)/team/former", sandbox.path) == 0)
        let problem = await message { _ = try await sandbox.digest("1") }
        #expect(problem.contains("link"))
    }

    @Test func `a root that is a file is an error`() async throws {
        try WholeFile.write([], to: sandbox.registry.root)
        #expect(await message { _ = try await sandbox.registry.repositories() }.contains("a part of the path is not a folder"))
        #expect(
            await message { _ = try await sandbox.registry.tags(in: sandbox.repository) }.contains("a part of the path is not a folder")
        )
    }

    @Test func `a linked blob is refused by every way to it`() async throws {
        let image = try Samples.image()
        try await sandbox.push(image, "1")
        let layer = try #require(image.root.image?.layers.first)
        try WholeFile.write(image.blobs[layer.digest] ?? [], to: "\(sandbox.scratch.path)/outside")
        try Folder(sandbox.path).remove(layer.digest.path)
        #expect(symlink("\(sandbox.scratch.path)/outside", "\(sandbox.path)/\(layer.digest.path)") == 0)
        let problem = await message { _ = try await sandbox.registry.blob(layer, from: 0, in: sandbox.repository) }
        #expect(problem.contains("it is a symbolic link, which is not followed here"))
        #expect(
            await message { _ = try await sandbox.registry.headBlob(layer.digest, in: sandbox.repository) }.contains(
                "links are not followed"
            )
        )
        let other = try RepositoryName("other")
        #expect(await message { _ = try await sandbox.registry.mountBlob(layer, from: sandbox.repository, into: other) } != "no error")
    }

    @Test func `a linked repository is refused, and a linked index too`() async throws {
        try await sandbox.push(try Samples.image(), "1")
        #expect(symlink("team", "\(sandbox.registry.root)/alias") == 0)
        let alias = try RepositoryName("alias/app")
        #expect(await message { _ = try await sandbox.registry.tags(in: alias) }.contains("it is a symbolic link"))
        #expect(try await sandbox.registry.repositories().map(\.description) == ["team/app"])
        try Folder(sandbox.path).rename("index.json", to: "elsewhere.json")
        #expect(symlink("elsewhere.json", "\(sandbox.path)/index.json") == 0)
        #expect(await message { _ = try await sandbox.registry.tags(in: sandbox.repository) }.contains("it is a symbolic link"))
    }

    @Test func `a blob of another size than the manifest says is not read`() async throws {
        let image = try Samples.image()
        try await sandbox.push(image, "1")
        let layer = try #require(image.root.image?.layers.first)
        try sandbox.write("short", to: layer.digest.path)
        let problem = await message { _ = try await sandbox.registry.blob(layer, from: 0, in: sandbox.repository) }
        #expect(problem == "cannot read blob ./mirror/team/app@\(layer.digest): the file has 5 bytes, the manifest says \(layer.size)")
    }

    @Test func `a tag whose manifest is gone is an error, not an absent tag`() async throws {
        let image = try Samples.image()
        try await sandbox.push(image, "1")
        try Folder(sandbox.path).remove(image.digest.path)
        #expect(await message { _ = try await sandbox.digest("1") }.contains("which is missing or no manifest"))
    }

    @Test func `a blob is mounted as a second name of the same file`() async throws {
        let image = try Samples.image()
        try await sandbox.push(image, "1")
        let layer = try #require(image.root.image?.layers.first)
        let other = try RepositoryName("other")
        #expect(try await sandbox.registry.mountBlob(layer, from: sandbox.repository, into: other))
        let mounted = try FileStatus.of("\(sandbox.registry.root)/other/\(layer.digest.path)")
        #expect(mounted?.inode == (try FileStatus.of("\(sandbox.path)/\(layer.digest.path)")?.inode))
    }

    @Test func `a thousand tags at once are never half written, and none is lost`() async throws {
        let image = try Samples.image()
        try await sandbox.push(image, "first")
        let sandbox = sandbox
        try await withThrowingTaskGroup(of: Void.self) { group in
            for number in 1...1000 {
                group.addTask {
                    try await sandbox.registry.putManifest(image.root, at: .tag(try TagName("t\(number)")), in: sandbox.repository)
                }
            }
            // Whatever moment a kill would freeze: the file is whole.
            for _ in 1...50 {
                #expect(try sandbox.entries().contains("first@\(image.digest.short)"))
                await Task.yield()
            }
            try await group.waitForAll()
        }
        #expect(try await sandbox.registry.tags(in: sandbox.repository)?.count == 1001)
    }

    @Test func `two registries over one folder, as two processes have, lose no tag`() async throws {
        let image = try Samples.image()
        try await sandbox.push(image, "first")
        let sandbox = sandbox
        let other = LayoutRegistry(id: sandbox.registry.id, root: sandbox.registry.root)
        try await withThrowingTaskGroup(of: Void.self) { group in
            for number in 1...40 {
                let registry = number.isMultiple(of: 2) ? sandbox.registry : other
                group.addTask { try await registry.putManifest(image.root, at: .tag(try TagName("t\(number)")), in: sandbox.repository) }
            }
            try await group.waitForAll()
        }
        #expect(try await sandbox.registry.tags(in: sandbox.repository)?.count == 41)
    }

    @Test func `other processes see the locks`() async throws {
        try await sandbox.push(try Samples.image(), "1")
        let lease = try await sandbox.registry.beginWriting(in: sandbox.repository)
        let lock = "\(sandbox.path)/.crplan-blobs.lock"
        #expect(try await run("flock", ["--nonblock", "--exclusive", lock, "true"]).status == 1)
        #expect(try await run("flock", ["--nonblock", "--shared", lock, "true"]).status == 0)
        await lease.end()
        #expect(try await run("flock", ["--nonblock", "--exclusive", lock, "true"]).status == 0)
    }
}
