/// Media types that decide what crplan does; every other type is opaque (image-spec, media-types.md).
package enum MediaType {
    package static let ociManifest = "application/vnd.oci.image.manifest.v1+json"
    package static let ociIndex = "application/vnd.oci.image.index.v1+json"
    package static let ociConfig = "application/vnd.oci.image.config.v1+json"
    package static let ociArtifactManifest = "application/vnd.oci.artifact.manifest.v1+json"
    package static let ociEmpty = "application/vnd.oci.empty.v1+json"
    package static let ociLayer = "application/vnd.oci.image.layer.v1.tar"
    package static let ociLayerGzip = "application/vnd.oci.image.layer.v1.tar+gzip"
    package static let dockerManifest = "application/vnd.docker.distribution.manifest.v2+json"
    package static let dockerManifestList = "application/vnd.docker.distribution.manifest.list.v2+json"
    package static let dockerConfig = "application/vnd.docker.container.image.v1+json"

    package static let schema1 = [
        "application/vnd.docker.distribution.manifest.v1+json", "application/vnd.docker.distribution.manifest.v1+prettyjws",
    ]

    /// The one `Accept` field of a manifest request. Without the OCI types registries answer 404, without the list type another digest.
    package static let acceptedManifests = [ociIndex, ociManifest, dockerManifestList, dockerManifest, ociArtifactManifest]

    package static func isIndex(_ type: String) -> Bool { type == ociIndex || type == dockerManifestList }

    package static func isManifest(_ type: String) -> Bool {
        isIndex(type) || type == ociManifest || type == dockerManifest || type == ociArtifactManifest
    }

    /// Layers that registries do not hold; by default they are neither read nor sent (image-spec, layer.md, "Non-Distributable Layers").
    package static func isForeignLayer(_ type: String) -> Bool {
        type.contains(".foreign.") || type.contains(".nondistributable.")
    }

    /// The type without parameters such as `; charset=utf-8`, in lower case.
    package static func essence(of text: some StringProtocol) -> String {
        let isBare = text.utf8.allSatisfy { $0 > 0x20 && $0 < 0x7f && $0 != UInt8(ascii: ";") && !(0x41...0x5a).contains($0) }
        if isBare { return String(text) }
        let bare = text.prefix { $0 != ";" }
        return bare.split(whereSeparator: \.isWhitespace).joined().lowercased()
    }
}

/// A typed pointer to content (image-spec, descriptor.md).
package struct Descriptor: Hashable, Sendable, Codable {
    package var mediaType: String
    package var digest: Digest
    /// Bytes; never negative.
    package var size: Int64
    package var platform: Platform?
    package var artifactType: String?
    package var annotations: [String: String]?

    package init(
        mediaType: String,
        digest: Digest,
        size: Int64,
        platform: Platform? = nil,
        artifactType: String? = nil,
        annotations: [String: String]? = nil
    ) {
        self.mediaType = mediaType
        self.digest = digest
        self.size = size
        self.platform = platform
        self.artifactType = artifactType
        self.annotations = annotations
    }

    package init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: CodingKeys.self)
        mediaType = try container.decodeIfPresent(String.self, forKey: .mediaType) ?? ""
        digest = try container.decode(Digest.self, forKey: .digest)
        size = try container.decode(Int64.self, forKey: .size)
        guard size >= 0 else {
            throw DecodingError.dataCorruptedError(forKey: .size, in: container, debugDescription: "a size is not negative")
        }
        platform = try container.decodeIfPresent(Platform.self, forKey: .platform)
        artifactType = try container.decodeIfPresent(String.self, forKey: .artifactType)
        annotations = try container.decodeIfPresent([String: String].self, forKey: .annotations)
    }

    private enum CodingKeys: String, CodingKey {
        case mediaType, digest, size, platform, artifactType, annotations
    }
}

extension Descriptor {
    init(_ value: JSONValue) throws(MemberProblem) {
        let members = try MemberReader(value)
        mediaType = try members.optional("mediaType", MemberReader.text) ?? ""
        digest = try members.required("digest", Digest.init)
        size = try members.required("size", Self.size)
        platform = try members.optional("platform", Platform.init)
        artifactType = try members.optional("artifactType", MemberReader.text)
        annotations = try members.optional("annotations", MemberReader.texts)
    }

    private static func size(_ value: JSONValue) throws(MemberProblem) -> Int64 {
        let size = try MemberReader.integer(value)
        guard size >= 0 else { throw MemberProblem("a size is not negative") }
        return size
    }
}
