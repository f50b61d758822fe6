internal import FoundationEssentials
package import OCI

/// Content for tests. The same arguments give the same bytes; another seed gives other bytes.
package enum Samples {
    package enum Family: Sendable {
        case oci, docker
    }

    package static func bytes(_ count: Int, seed: UInt64) -> [UInt8] {
        var generator = SeededGenerator(seed: seed)
        return generator.bytes(count)
    }

    /// An image with a config and layers. `created` is RFC 3339; nil leaves it out.
    package static func image(
        seed: UInt64 = 1,
        platform: Platform = Platform(os: "linux", architecture: "amd64"),
        created: String? = "2026-01-02T03:04:05Z",
        layers: [[UInt8]]? = nil,
        layerCount: Int = 2,
        layerSize: Int = 200,
        family: Family = .oci,
        annotations: [String: String]? = nil,
        subject: Descriptor? = nil
    ) throws -> Sample {
        let layers = layers ?? (0..<layerCount).map { bytes(layerSize, seed: seed &* 1000 &+ UInt64($0)) }
        let config = try json(
            Config(
                created: created,
                architecture: platform.architecture,
                os: platform.os,
                variant: platform.variant,
                config: ["Env": ["SEED=\(seed)"]],
                rootfs: RootFS(type: "layers", diffIDs: layers.map { Digest.sha256(of: $0) })
            )
        )
        let isDocker = family == .docker
        let layerType = isDocker ? "application/vnd.docker.image.rootfs.diff.tar.gzip" : MediaType.ociLayerGzip
        let manifest = Manifest(
            mediaType: isDocker ? MediaType.dockerManifest : MediaType.ociManifest,
            config: descriptor(of: config, isDocker ? MediaType.dockerConfig : MediaType.ociConfig),
            layers: layers.map { descriptor(of: $0, layerType) },
            subject: subject,
            annotations: annotations
        )
        return Sample(root: try document(manifest, manifest.mediaType), platform: platform, blobs: [config] + layers)
    }

    /// An index over `children`, in their order, each with the descriptor that its sample has.
    package static func index(
        of children: [Sample],
        family: Family = .oci,
        annotations: [String: String]? = nil,
        subject: Descriptor? = nil
    ) throws -> Sample {
        let type = family == .docker ? MediaType.dockerManifestList : MediaType.ociIndex
        let index = Index(mediaType: type, manifests: children.map(\.descriptor), subject: subject, annotations: annotations)
        return Sample(root: try document(index, type), parts: children)
    }

    /// An index with an image for each platform and, if asked for, BuildKit's attestation beside each.
    package static func multiPlatform(
        seed: UInt64 = 1,
        platforms: [Platform] = [Platform(os: "linux", architecture: "amd64"), Platform(os: "linux", architecture: "arm64")],
        created: String? = "2026-01-02T03:04:05Z",
        layerSize: Int = 200,
        family: Family = .oci,
        attestations: Bool = false
    ) throws -> Sample {
        let images = try platforms.enumerated().map { place, platform in
            try image(seed: seed &* 100 &+ UInt64(place), platform: platform, created: created, layerSize: layerSize, family: family)
        }
        let beside = attestations ? try images.map { try attestation(of: $0.digest, seed: seed) } : []
        return try index(of: images + beside, family: family)
    }

    /// BuildKit's attestation child: platform `unknown/unknown`, bound to its image by annotations.
    package static func attestation(of image: Digest, seed: UInt64 = 1) throws -> Sample {
        var sample = try artifact(
            seed: seed,
            content: Array(#"{"_type":"https://in-toto.io/Statement/v0.1","subject":"\#(image)","seed":\#(seed)}"#.utf8),
            contentType: "application/vnd.in-toto+json"
        )
        sample.descriptor.platform = Platform(os: "unknown", architecture: "unknown")
        sample.descriptor.annotations = [
            "vnd.docker.reference.type": "attestation-manifest", "vnd.docker.reference.digest": image.description,
        ]
        return sample
    }

    /// A manifest whose subject is `subject`: a signature, an SBOM. Its descriptor is as the referrers list shows it.
    package static func referrer(
        to subject: Descriptor,
        seed: UInt64 = 1,
        artifactType: String = "application/vnd.example.signature.v1",
        annotations: [String: String]? = nil
    ) throws -> Sample {
        var sample = try artifact(
            seed: seed,
            content: Array(#"{"signs":"\#(subject.digest)","seed":\#(seed)}"#.utf8),
            contentType: "application/octet-stream",
            artifactType: artifactType,
            subject: Descriptor(mediaType: subject.mediaType, digest: subject.digest, size: subject.size),
            annotations: annotations
        )
        sample.descriptor.artifactType = artifactType
        sample.descriptor.annotations = annotations
        return sample
    }

    /// What cosign stores under the tag `sha256-<hex>.sig` of `subject`.
    package static func cosignSignature(of subject: Digest, seed: UInt64 = 1) throws -> (tag: TagName, sample: Sample) {
        let sample = try artifact(
            seed: seed,
            content: Array(#"{"critical":{"image":{"docker-manifest-digest":"\#(subject)"}},"seed":\#(seed)}"#.utf8),
            contentType: "application/vnd.dev.cosign.simplesigning.v1+json"
        )
        return (.companion(of: subject, .signature), sample)
    }

    /// A manifest written as no tool of ours would: white space, members nobody knows, and `members` as given.
    static func odd(_ members: String) throws -> Sample {
        let layer = bytes(30, seed: 30)
        let config = Array("{}".utf8)
        func text(_ bytes: [UInt8], _ type: String) -> String {
            #"{"size": \#(bytes.count),"digest":"\#(Digest.sha256(of: bytes))", "mediaType":"\#(type)"}"#
        }
        let json = #"{ \#(members)"x-unknown":[1.50,{}],"schemaVersion":2 ,"config":\#(text(config, MediaType.ociConfig)),"#
        let end = #""layers":[\#(text(layer, MediaType.ociLayer))]}"# + "\n\n"
        return Sample(
            root: try ManifestDocument(bytes: Array((json + end).utf8), mediaType: MediaType.ociManifest),
            blobs: [config, layer]
        )
    }

    /// A manifest with the empty config and one blob of any type.
    package static func artifact(
        seed: UInt64 = 1,
        content: [UInt8]? = nil,
        contentType: String = "application/octet-stream",
        artifactType: String? = nil,
        subject: Descriptor? = nil,
        annotations: [String: String]? = nil
    ) throws -> Sample {
        let config = Array("{}".utf8)
        let content = content ?? bytes(50, seed: seed)
        let manifest = Manifest(
            mediaType: MediaType.ociManifest,
            artifactType: artifactType,
            config: descriptor(of: config, MediaType.ociEmpty),
            layers: [descriptor(of: content, contentType)],
            subject: subject,
            annotations: annotations
        )
        return Sample(root: try document(manifest, MediaType.ociManifest), blobs: [config, content])
    }

    package static func descriptor(of bytes: [UInt8], _ mediaType: String = "application/octet-stream") -> Descriptor {
        Descriptor(mediaType: mediaType, digest: Digest.sha256(of: bytes), size: Int64(bytes.count))
    }

    /// The bytes of an index with these entries, as the fallback tag of referrers holds it.
    static func referrersIndex(_ descriptors: [Descriptor]) throws -> ManifestDocument {
        try document(Index(mediaType: MediaType.ociIndex, manifests: descriptors), MediaType.ociIndex)
    }

    private static func document(_ value: some Encodable, _ mediaType: String) throws -> ManifestDocument {
        try ManifestDocument(bytes: json(value), mediaType: mediaType)
    }

    private static func json(_ value: some Encodable) throws -> [UInt8] {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        return Array(try encoder.encode(value))
    }

    private struct Manifest: Encodable {
        var schemaVersion = 2
        var mediaType: String
        var artifactType: String?
        var config: Descriptor
        var layers: [Descriptor]
        var subject: Descriptor?
        var annotations: [String: String]?
    }

    private struct Index: Encodable {
        var schemaVersion = 2
        var mediaType: String
        var manifests: [Descriptor]
        var subject: Descriptor?
        var annotations: [String: String]?
    }

    private struct Config: Encodable {
        var created: String?
        var architecture: String
        var os: String
        var variant: String?
        var config: [String: [String]]
        var rootfs: RootFS
    }

    private struct RootFS: Encodable {
        var type: String
        var diffIDs: [Digest]

        enum CodingKeys: String, CodingKey {
            case type
            case diffIDs = "diff_ids"
        }
    }
}
