internal import FoundationEssentials

/// A manifest or index as its registry holds it: the exact bytes, and a view for reading. Bytes are never written anew.
package struct ManifestDocument: Hashable, Sendable {
    package let bytes: [UInt8]
    package let mediaType: String
    /// Computed from `bytes`.
    package let digest: Digest
    package let content: Content

    /// 4 MiB: what registries accept (oci-distribution, "Pushing Manifests").
    package static let largestSize = 4 << 20

    /// What a manifest leads to.
    package enum Content: Hashable, Sendable {
        case image(Image)
        case index(Index)
    }

    package struct Image: Hashable, Sendable {
        package var config: Descriptor?
        package var layers: [Descriptor]
        package var subject: Descriptor?
        package var artifactType: String?
        package var annotations: [String: String]

        /// Every blob that a registry must hold before it holds this manifest; foreign layers aside.
        package var blobs: [Descriptor] { (config.map { [$0] } ?? []) + layers.filter { !MediaType.isForeignLayer($0.mediaType) } }
    }

    package struct Index: Hashable, Sendable {
        package var manifests: [Descriptor]
        package var subject: Descriptor?
        package var artifactType: String?
        package var annotations: [String: String]
    }

    /// Why bytes are not a manifest that crplan copies. The description is a clause.
    package struct Invalid: Error, Hashable, Sendable, CustomStringConvertible {
        package let description: String

        package init(_ description: String) {
            self.description = description
        }
    }

    /// Reads `bytes`. `mediaType` is what the transport said, or nil; the body's own `mediaType` must agree with it.
    package init(bytes: [UInt8], mediaType announced: String?, algorithm: Digest.Algorithm = .sha256) throws(Invalid) {
        guard bytes.count <= Self.largestSize else { throw Invalid("it has \(bytes.count) bytes, more than 4 MiB") }
        let type = announced.map { MediaType.essence(of: $0) }
        if let type, MediaType.schema1.contains(type) { throw Self.schema1 }
        let body: Body
        do {
            body = try JSONDecoder().decode(Body.self, from: Data(bytes))
        } catch {
            throw Invalid("it is not a JSON manifest (\(Self.explain(error)))")
        }
        if let reason = JSONMembers.ambiguity(in: bytes, names: JSONMembers.ofManifests) { throw Invalid(reason) }
        guard body.schemaVersion == 2 || body.schemaVersion == nil else {
            throw body.schemaVersion == 1 ? Self.schema1 : Invalid("its schemaVersion is not 2")
        }
        if let type, let own = body.mediaType, own != type, type.hasSuffix("json"), MediaType.isManifest(type) {
            throw Invalid("it calls itself \(own), but the registry calls it \(type)")
        }
        guard let resolved = body.mediaType ?? type.flatMap({ MediaType.isManifest($0) ? $0 : nil }) ?? body.sniffedType else {
            throw Invalid("it has neither a known media type nor the members of a manifest")
        }
        if MediaType.schema1.contains(resolved) { throw Self.schema1 }
        self.bytes = bytes
        self.mediaType = resolved
        digest = Digest.of(bytes, with: algorithm)
        let annotations = body.annotations ?? [:]
        if MediaType.isIndex(resolved) || (body.manifests != nil && body.config == nil) {
            let manifests = body.manifests ?? []
            guard manifests.count <= 10_000 else { throw Invalid("it has more than 10,000 entries") }
            content = .index(
                Index(manifests: manifests, subject: body.subject, artifactType: body.artifactType, annotations: annotations)
            )
        } else {
            let layers = body.layers ?? body.blobs ?? []
            guard layers.count <= 10_000 else { throw Invalid("it has more than 10,000 layers") }
            content = .image(
                Image(
                    config: body.config,
                    layers: layers,
                    subject: body.subject,
                    artifactType: body.artifactType ?? body.config?.mediaType,
                    annotations: annotations
                )
            )
        }
    }

    private static let schema1 = Invalid(
        "it is a Docker schema 1 manifest, which crplan does not copy; push the image again with a current tool"
    )

    package var descriptor: Descriptor { Descriptor(mediaType: mediaType, digest: digest, size: Int64(bytes.count)) }

    package var image: Image? { if case .image(let image) = content { image } else { nil } }
    package var index: Index? { if case .index(let index) = content { index } else { nil } }

    package var subject: Descriptor? {
        switch content {
        case .image(let image): image.subject
        case .index(let index): index.subject
        }
    }

    private struct Body: Decodable {
        var schemaVersion: Int?
        var mediaType: String?
        var artifactType: String?
        var config: Descriptor?
        var layers: [Descriptor]?
        var blobs: [Descriptor]?
        var manifests: [Descriptor]?
        var subject: Descriptor?
        var annotations: [String: String]?

        var sniffedType: String? {
            if manifests != nil, config == nil { return MediaType.ociIndex }
            return config != nil && layers != nil ? MediaType.ociManifest : nil
        }
    }

    /// The reason in words, without Swift's type names.
    private static func explain(_ error: any Error) -> String {
        guard let error = error as? DecodingError else { return "unreadable" }
        switch error {
        case .dataCorrupted(let context):
            if context.codingPath.isEmpty { return "not JSON" }
            // Foundation's words for a number that fits nowhere name types of Swift.
            let isNumber = context.debugDescription.contains("umber")
            return Self.place(context) + (isNumber ? "a number is too large or not whole" : context.debugDescription)
        case .keyNotFound(let key, let context): return Self.place(context) + "'\(key.stringValue)' is missing"
        case .typeMismatch(_, let context), .valueNotFound(_, let context): return Self.place(context) + "a value has the wrong type"
        @unknown default: return "unreadable"
        }
    }

    private static func place(_ context: DecodingError.Context) -> String {
        guard !context.codingPath.isEmpty else { return "" }
        return context.codingPath.map { $0.intValue.map(String.init) ?? $0.stringValue }.joined(separator: ".") + ": "
    }
}
