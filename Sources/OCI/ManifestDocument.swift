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
        let body = try Self.body(bytes)
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

    private static func body(_ bytes: [UInt8]) throws(Invalid) -> Body {
        let value: JSONValue
        do throws(JSONValue.Invalid) {
            value = try JSONValue(parsing: bytes, strictly: .ofManifests)
        } catch {
            throw Invalid(error.isAmbiguous ? error.description : "it is not a JSON manifest (not JSON)")
        }
        do throws(MemberProblem) { return try Body(value) } catch { throw Invalid("it is not a JSON manifest (\(error))") }
    }

    private struct Body {
        let schemaVersion: Int64?
        let mediaType: String?
        let artifactType: String?
        let config: Descriptor?
        let layers: [Descriptor]?
        let blobs: [Descriptor]?
        let manifests: [Descriptor]?
        let subject: Descriptor?
        let annotations: [String: String]?

        init(_ value: JSONValue) throws(MemberProblem) {
            let members = try MemberReader(value)
            schemaVersion = try members.optional("schemaVersion", MemberReader.integer)
            mediaType = try members.optional("mediaType", MemberReader.text)
            artifactType = try members.optional("artifactType", MemberReader.text)
            config = try members.optional("config", Descriptor.init)
            layers = try members.optional("layers", Self.descriptors)
            blobs = try members.optional("blobs", Self.descriptors)
            manifests = try members.optional("manifests", Self.descriptors)
            subject = try members.optional("subject", Descriptor.init)
            annotations = try members.optional("annotations", MemberReader.texts)
        }

        private static func descriptors(_ value: JSONValue) throws(MemberProblem) -> [Descriptor] {
            try MemberReader.list(value, Descriptor.init)
        }

        var sniffedType: String? {
            if manifests != nil, config == nil { return MediaType.ociIndex }
            return config != nil && layers != nil ? MediaType.ociManifest : nil
        }
    }
}
