import OCI
import Testing

@Suite struct ManifestDocumentTests {
    private static let digest = "sha256:\(String(repeating: "a", count: 64))"
    private static let config = #"{"mediaType":"\#(MediaType.ociConfig)","digest":"\#(digest)","size":2}"#

    private static func layer(_ type: String) -> String { #"{"mediaType":"\#(type)","digest":"\#(digest)","size":3}"# }

    private static func image(_ members: String = "", layers: String = layer(MediaType.ociLayer)) -> String {
        #"{"schemaVersion":2,\#(members)"config":\#(config),"layers":[\#(layers)]}"#
    }

    private static func described(_ members: String) -> String { #"{"digest":"\#(digest)","size":1,\#(members)}"# }

    private func read(_ text: String, as type: String? = nil) throws -> ManifestDocument {
        try ManifestDocument(bytes: Array(text.utf8), mediaType: type)
    }

    @Test func theBytesAndTheirDigestAreKept() throws {
        let text = " \n" + Self.image(#""mediaType":"\#(MediaType.ociManifest)","unknown":[1.50],"#) + "\n"
        let document = try read(text, as: "application/vnd.oci.image.manifest.v1+json; charset=utf-8")
        #expect(document.bytes == Array(text.utf8))
        #expect(document.digest == Digest.sha256(of: Array(text.utf8)))
        #expect(document.descriptor.size == Int64(text.utf8.count))
        #expect(document.mediaType == MediaType.ociManifest)
        #expect(document.image?.layers.count == 1)
    }

    @Test(
        arguments: [
            (image(), nil, MediaType.ociManifest), (image(), MediaType.dockerManifest, MediaType.dockerManifest),
            (image(), "application/octet-stream", MediaType.ociManifest),
            (image(#""mediaType":"\#(MediaType.dockerManifest)","#), nil, MediaType.dockerManifest),
            (image(#""mediaType":"\#(MediaType.dockerManifest)","#), "text/plain", MediaType.dockerManifest),
            (#"{"schemaVersion":2,"manifests":[]}"#, nil, MediaType.ociIndex),
            (#"{"schemaVersion":2,"manifests":[]}"#, MediaType.dockerManifestList, MediaType.dockerManifestList),
        ] as [(String, String?, String)]
    )
    func theTypeIsFound(_ text: String, _ announced: String?, _ type: String) throws {
        #expect(try read(text, as: announced).mediaType == type)
    }

    @Test(
        arguments: [
            (#"{"schemaVersion":1,"fsLayers":[]}"#, nil, "schema 1"), (image(), MediaType.schema1[0], "schema 1"),
            (image(), MediaType.schema1[1], "schema 1"), (image(#""mediaType":"\#(MediaType.schema1[1])","#), nil, "schema 1"),
            (#"{"schemaVersion":3,"manifests":[]}"#, nil, "schemaVersion"),
            (image(#""mediaType":"\#(MediaType.dockerManifest)","#), MediaType.ociManifest, "calls itself"),
            (#"{"mediaType":"\#(MediaType.ociIndex)","manifests":[]}"#, MediaType.ociManifest, "calls itself"),
            (#"{"schemaVersion":2}"#, nil, "neither"), ("{}", nil, "neither"), ("", nil, "not JSON"), ("<html>", nil, "not JSON"),
            ("[]", nil, "not a JSON manifest"), ("{\"schemaVersion\":2,", nil, "not JSON"),
            (image(layers: #"{"mediaType":"x","digest":"\#(digest)","size":-1}"#), nil, "layers.0.size: a size is not negative"),
            (image(layers: #"{"mediaType":"x","digest":"\#(digest)"}"#), nil, "'size' is missing"),
            (image(layers: #"{"mediaType":"x","digest":"sha256:zz","size":1}"#), nil, "hex digits"),
            (image(layers: #"{"mediaType":"x","digest":"\#(digest)","size":"1"}"#), nil, "wrong type"),
            (
                image(layers: #"{"mediaType":"x","digest":"\#(digest)","size":99999999999999999999}"#), nil,
                "it is not a JSON manifest (layers.0.size: a number is too large or not whole)"
            ),
            (image(layers: #"{"size":1}"#), nil, "it is not a JSON manifest (layers.0: 'digest' is missing)"),
            (image(layers: #"{"digest":null,"size":1}"#), nil, "(layers.0.digest: a value has the wrong type)"),
            (image(layers: #"{"digest":"\#(digest)","size":null}"#), nil, "(layers.0.size: a value has the wrong type)"),
            (image(layers: #"{"digest":"\#(digest)","size":1.5}"#), nil, "its member 'size' is not written as a whole number"),
            (image(layers: config + ",1"), nil, "(layers.1: a value has the wrong type)"),
            (image(layers: config + ",null"), nil, "(layers.1: a value has the wrong type)"),
            (image(layers: described(#""platform":{"os":"linux"}"#)), nil, "(layers.0.platform: 'architecture' is missing)"),
            (
                image(layers: described(#""platform":{"os":null,"architecture":"x"}"#)), nil,
                "(layers.0.platform.os: a value has the wrong type)"
            ),
            (
                image(layers: described(#""annotations":{"b":1,"a":null,"c":"x"}"#)), nil,
                "(layers.0.annotations.a: a value has the wrong type)"
            ),
            (image(layers: described(#""artifactType":1"#)), nil, "(layers.0.artifactType: a value has the wrong type)"),
            (image(#""annotations":[],"#), nil, "(annotations: a value has the wrong type)"),
            (image(#""annotations":{"a\nb":1},"#), nil, #"(annotations.a\u{a}b: a value has the wrong type)"#),
            (image(#""subject":{},"#), nil, "(subject: 'digest' is missing)"), (image(#""mediaType":1,"#), nil, "(mediaType: a value"),
            (#"{"schemaVersion":"2"}"#, nil, "(schemaVersion: a value has the wrong type)"),
            (#"{"layers":{}}"#, nil, "(layers: a value has the wrong type)"),
            ("[]", nil, "it is not a JSON manifest (a value has the wrong type)"),
            ("", nil, "it is not a JSON manifest (not JSON)"), ("\u{feff}{}", nil, "it begins with a byte order mark"),
            (image(#""x":[01],"#), nil, "(not JSON)"), (image(#""x":"\ud800","#), nil, "(not JSON)"),
            (image(#""x":1e400,"#), nil, "one of its numbers is too large"),
        ] as [(String, String?, String)]
    )
    func whatIsNoManifestSaysWhy(_ text: String, _ announced: String?, _ reason: String) throws {
        let error = try #require(throws: ManifestDocument.Invalid.self) { try read(text, as: announced) }
        #expect(error.description.contains(reason), "\(error)")
        #expect(!error.description.contains("Swift") && !error.description.contains("CodingKeys"))
    }

    @Test func nullIsAsIfItWereMissing() throws {
        let nothing = #""mediaType":null,"platform":null,"artifactType":null,"annotations":null"#
        let members = #""mediaType":null,"artifactType":null,"subject":null,"annotations":null,"blobs":null,"manifests":null,"#
        let document = try read(Self.image(members, layers: Self.described(nothing)))
        #expect(document.image?.layers == [Descriptor(mediaType: "", digest: try Digest(Self.digest), size: 1)])
        #expect(document.image?.artifactType == MediaType.ociConfig)
        #expect(document.subject == nil)
        #expect(try read(#"{"schemaVersion":null,"manifests":[]}"#).index?.manifests.isEmpty == true)
    }

    @Test func moreThan4MiBAreRefused() throws {
        let most = ManifestDocument.largestSize
        let start = Array(Self.image().utf8)
        let largest = start + Array(repeating: UInt8(ascii: " "), count: most - start.count)
        #expect(try ManifestDocument(bytes: largest, mediaType: nil).bytes.count == most)
        let error = try #require(throws: ManifestDocument.Invalid.self) { try ManifestDocument(bytes: largest + [32], mediaType: nil) }
        #expect(error.description.contains("4 MiB"))
    }

    @Test func tooManyEntriesAreRefused() throws {
        let entries = Array(repeating: Self.layer(MediaType.ociManifest), count: 10_001).joined(separator: ",")
        let error = try #require(throws: ManifestDocument.Invalid.self) { try read(#"{"schemaVersion":2,"manifests":[\#(entries)]}"#) }
        #expect(error.description.contains("10,000"))
    }

    @Test func foreignLayersNeedNotBeInTheRegistry() throws {
        let foreign = Self.layer("application/vnd.docker.image.rootfs.foreign.diff.tar.gzip")
        let document = try read(Self.image(layers: Self.layer(MediaType.ociLayer) + "," + foreign))
        #expect(document.image?.layers.count == 2)
        #expect(document.image?.blobs.map(\.mediaType) == [MediaType.ociConfig, MediaType.ociLayer])
    }

    @Test func anIndexTellsItsChildrenAndSubject() throws {
        let child =
            #"{"mediaType":"\#(MediaType.ociManifest)","digest":"\#(Self.digest)","size":7,"platform":{"os":"linux","architecture":"arm64","variant":"v8"}}"#
        let subject = #""subject":{"mediaType":"\#(MediaType.ociIndex)","digest":"\#(Self.digest)","size":1}"#
        let document = try read(#"{"schemaVersion":2,"manifests":[\#(child)],"artifactType":"x/y","annotations":{"a":"b"},\#(subject)}"#)
        #expect(document.image == nil)
        #expect(document.index?.manifests.first?.platform == Platform(os: "linux", architecture: "arm64", variant: "v8"))
        #expect(document.index?.artifactType == "x/y")
        #expect(document.index?.annotations == ["a": "b"])
        #expect(document.subject?.digest.description == Self.digest)
    }

    @Test func anArtifactWithoutATypeHasThatOfItsConfig() throws {
        #expect(try read(Self.image()).image?.artifactType == MediaType.ociConfig)
        #expect(try read(Self.image(#""artifactType":"x/y","#)).image?.artifactType == "x/y")
    }

    @Test func theAlgorithmAskedForGivesTheDigest() throws {
        let bytes = Array(Self.image().utf8)
        let document = try ManifestDocument(bytes: bytes, mediaType: nil, algorithm: .sha512)
        #expect(document.digest == Digest.of(bytes, with: .sha512))
    }
}
