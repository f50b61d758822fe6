import OCI
import Testing

@Suite struct UntagPlaceholderTests {
    private static let nonce = String(repeating: "5", count: 64)

    private func original(_ type: String, algorithm: Digest.Algorithm = .sha256) throws -> ManifestDocument {
        let config = #"{"mediaType":"x","digest":"\#(Digest.sha256(of: []))","size":0}"#
        let text = #"{"schemaVersion":2,"mediaType":"\#(type)","config":\#(config),"layers":[]}"#
        return try ManifestDocument(bytes: Array(text.utf8), mediaType: type, algorithm: algorithm)
    }

    @Test(arguments: [MediaType.ociManifest, MediaType.dockerManifest], [Digest.Algorithm.sha256, .sha512])
    func `a placeholder is of the image's family, names its digest, and has always the same size`(
        type: String,
        algorithm: Digest.Algorithm
    ) throws {
        let original = try original(type, algorithm: algorithm)
        let placeholder = try UntagPlaceholder(replacing: original, nonce: Self.nonce)
        #expect(placeholder.document.mediaType == type)
        #expect(placeholder.document.bytes.count == UntagPlaceholder.size)
        #expect(placeholder.replaced == original.digest)
        #expect(placeholder.document.image?.artifactType == "application/vnd.crplan.untag.v1")
        #expect(placeholder.document.image?.annotations[UntagPlaceholder.nonceAnnotation] == Self.nonce)
        #expect(placeholder.config.digest == Digest.sha256(of: Array("{}".utf8)) && placeholder.config.size == 2)
        #expect(placeholder.document.image?.blobs.allSatisfy { $0.digest == placeholder.config.digest } == true)
        let read = try ManifestDocument(bytes: placeholder.document.bytes, mediaType: type)
        #expect(UntagPlaceholder(read) == placeholder)
        let head = ManifestHead(digest: read.digest, mediaType: read.mediaType, size: Int64(read.bytes.count))
        #expect(UntagPlaceholder.mayBe(head))
    }

    @Test func `two placeholders of one image have two digests`() throws {
        let original = try original(MediaType.ociManifest)
        let other = String(repeating: "6", count: 64)
        let digests = try [Self.nonce, other].map { try UntagPlaceholder(replacing: original, nonce: $0).digest }
        #expect(Set(digests).count == 2)
    }

    @Test func `the placeholder of an index is an image of its family`() throws {
        let text = #"{"schemaVersion":2,"mediaType":"\#(MediaType.dockerManifestList)","manifests":[]}"#
        let index = try ManifestDocument(bytes: Array(text.utf8), mediaType: MediaType.dockerManifestList)
        #expect(try UntagPlaceholder(replacing: index, nonce: Self.nonce).document.mediaType == MediaType.dockerManifest)
    }

    @Test func `nothing else is taken for a placeholder`() throws {
        let original = try original(MediaType.ociManifest)
        #expect(UntagPlaceholder(original) == nil)
        let text = String(decoding: try UntagPlaceholder(replacing: original, nonce: Self.nonce).document.bytes, as: UTF8.self)
        for changed in [
            text + " ", text.replacing("crplan.untag.v1", with: "crplan.untag.v2"), text.replacing("\(original.digest)", with: "x"),
        ] {
            #expect(UntagPlaceholder(try ManifestDocument(bytes: Array(changed.utf8), mediaType: MediaType.ociManifest)) == nil)
        }
        #expect(!UntagPlaceholder.mayBe(ManifestHead(digest: original.digest, mediaType: MediaType.ociManifest, size: 1020)))
        #expect(!UntagPlaceholder.mayBe(ManifestHead(digest: original.digest, mediaType: MediaType.ociIndex, size: 1021)))
    }

    @Test func `a tag to probe with is one that nobody has`() {
        let tag = TagName.probe(Digest.sha256(of: [1]))
        #expect(tag.description.count == "crplan-probe-".count + 64)
        #expect((try? TagName(tag.description)) == tag)
    }
}
