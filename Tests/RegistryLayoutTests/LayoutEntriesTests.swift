import Files
import OCI
import Registry
import RegistryLayout
import RegistryTestSupport
import Testing

/// Which manifests stand in index.json, and under which names.
@Suite struct LayoutEntriesTests {
    private let sandbox: LayoutSandbox

    init() throws {
        sandbox = try LayoutSandbox()
    }

    @Test func `children of an index get no entry of their own`() async throws {
        let index = try Samples.multiPlatform(attestations: true)
        try await sandbox.push(index, "1")
        #expect(try sandbox.entries() == ["1@\(index.digest.short)"])
        #expect(try await sandbox.registry.digests(in: sandbox.repository) == index.manifests.map(\.digest).sorted())
    }

    @Test func `children put without a lease lose their entries when the index comes`() async throws {
        let index = try Samples.multiPlatform()
        try await sandbox.push(index, "1", lease: false)
        #expect(try sandbox.entries() == ["1@\(index.digest.short)"])
    }

    @Test func `a manifest that nothing reaches is listed without a name`() async throws {
        let image = try Samples.image()
        try await sandbox.push(image)
        #expect(try sandbox.entries() == ["-@\(image.digest.short)"])
    }

    @Test func `a referrer is listed at once, even while others write`() async throws {
        let image = try Samples.image()
        try await sandbox.push(image, "1")
        let lease = try await sandbox.registry.beginWriting(in: sandbox.repository)
        let signature = try Samples.referrer(to: image.root.descriptor)
        try await sandbox.push(signature)
        #expect(try sandbox.entries() == ["1@\(image.digest.short)", "-@\(signature.digest.short)"])
        await lease.end()
    }

    @Test func `an image that loses its last tag stays, without a name`() async throws {
        let (old, new) = (try Samples.image(seed: 1), try Samples.image(seed: 2))
        try await sandbox.push(old, "stable")
        try await sandbox.push(new, "stable")
        #expect(try sandbox.entries() == ["stable@\(new.digest.short)", "-@\(old.digest.short)"])
        try await sandbox.untag("stable")
        #expect(Set(try sandbox.entries()) == ["-@\(new.digest.short)", "-@\(old.digest.short)"])
        try await sandbox.push(old, "back", "again")
        #expect(Set(try sandbox.entries()) == ["-@\(new.digest.short)", "back@\(old.digest.short)", "again@\(old.digest.short)"])
    }

    @Test func `an image that loses its tag is not listed twice when an index leads to it`() async throws {
        let index = try Samples.multiPlatform()
        let child = index.manifests[0]
        try await sandbox.push(index, "1")
        try await sandbox.registry.putManifest(child, at: .tag(try TagName("amd64")), in: sandbox.repository)
        try await sandbox.untag("amd64")
        #expect(try sandbox.entries() == ["1@\(index.digest.short)"])
    }

    @Test func `the same tags in another order give the same bytes`() async throws {
        let other = try LayoutSandbox()
        let images = try (1...3).map { try Samples.image(seed: $0) }
        for (place, image) in images.enumerated() { try await sandbox.push(image, "t\(place)") }
        for (place, image) in images.enumerated().reversed() { try await other.push(image, "t\(place)") }
        #expect(try sandbox.read("index.json") == other.read("index.json"))
    }

    @Test func `members and annotations of other tools stay`() async throws {
        let image = try Samples.image()
        try await sandbox.push(image, "1")
        let entry = #""digest":"\#(image.digest)","mediaType":"\#(image.root.mediaType)","size":\#(image.root.bytes.count)"#
        try sandbox.write(
            #"{"schemaVersion":2,"x-tool":{"a":[1,2.5,null]},"manifests":["#
                + #"{\#(entry),"platform":{"os":"linux","architecture":"s390x"},"annotations":{"org.opencontainers.image.ref.name":"1","k":"v"}},"#
                + #"{\#(entry),"annotations":{"org.opencontainers.image.ref.name":"docker.io/library/x:1"}}]}"#,
            to: "index.json"
        )
        #expect(try await sandbox.registry.tags(in: sandbox.repository)?.map(\.description) == ["1"])
        try await sandbox.push(try Samples.image(seed: 9), "9")
        let index = try JSONValue(parsing: sandbox.read("index.json"))
        #expect(index["x-tool"] == (try JSONValue(parsing: Array(#"{"a":[1,2.5,null]}"#.utf8))))
        let first = try #require(index["manifests"]?.array?.first)
        #expect(first["platform"]?["architecture"]?.string == "s390x")
        #expect(first["annotations"]?["k"]?.string == "v")
        try await sandbox.untag("1")
        #expect(try sandbox.entries().contains("docker.io/library/x:1@\(image.digest.short)"))
        #expect(try await sandbox.registry.head(.digest(image.digest), in: sandbox.repository) != nil)
    }

    @Test(arguments: [#"{"schemaVersion":2,"manifests":null}"#, #"{"schemaVersion":2}"#])
    func `an index without entries is an empty repository`(text: String) async throws {
        try await sandbox.push(try Samples.image(), "1")
        try sandbox.write(text, to: "index.json")
        #expect(try await sandbox.registry.tags(in: sandbox.repository) == [])
    }

    @Test func `a name on two images is an error when it is asked for, and mended by a put`() async throws {
        let (first, second) = (try Samples.image(seed: 1), try Samples.image(seed: 2))
        try await sandbox.push(first, "1")
        try await sandbox.push(second, "2")
        let text = String(decoding: try sandbox.read("index.json"), as: UTF8.self)
        try sandbox.write(text.replacing(#"ref.name":"2""#, with: #"ref.name":"1""#), to: "index.json")
        let problem = await message { _ = try await sandbox.digest("1") }
        #expect(problem.hasPrefix("cannot read ./mirror/team/app:1: index.json has 2 entries of this name: "))
        try await sandbox.push(second, "1")
        #expect(try await sandbox.digest("1") == second.digest)
    }

    @Test(arguments: [
        (#"{"manifests":[{"digest":"sha256:../../x","size":1}]}"#, "is not a digest"),
        (#"{"manifests":[{"size":1}]}"#, "an entry of index.json has no digest"),
        (#"{"manifests":{}}"#, "its 'manifests' is not a list"),
        (#"{"schemaVersion":1}"#, "its schemaVersion is not 2"),
        (#"{"manifests":[],"manifests":null}"#, "its member 'manifests' stands there twice"),
        ("[]", "index.json is not a JSON object"), ("{", "it is not JSON"),
    ])
    func `an index that cannot be understood is an error, never an empty repository`(text: String, reason: String) async throws {
        try await sandbox.push(try Samples.image(), "1")
        try sandbox.write(text, to: "index.json")
        #expect(await message { _ = try await sandbox.registry.tags(in: sandbox.repository) }.contains(reason))
        #expect(await message { try await sandbox.push(try Samples.image(seed: 2), "2") }.contains(reason))
        #expect(String(decoding: try sandbox.read("index.json"), as: UTF8.self) == text)
    }
}
