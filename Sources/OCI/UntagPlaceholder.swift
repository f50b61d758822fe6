/// What holds a tag's place while the tag is removed by replacement: an empty manifest that no other tag can hold, so that deleting it by
/// digest takes this tag and nothing else. It names the digest that the tag held, so that any later run can put right what a killed one left.
package struct UntagPlaceholder: Hashable, Sendable {
    package static let artifactType = "application/vnd.crplan.untag.v1"
    package static let replacedAnnotation = "vnd.crplan.untag.replaced"
    package static let nonceAnnotation = "vnd.crplan.untag.nonce"
    /// Bytes of every placeholder, filled up with spaces: a `HEAD` tells what is none, and nothing more has to be read.
    package static let size = 1021
    /// Its config and, in the OCI form, its one layer: an empty JSON object (image-spec, manifest.md, "Guidance for an Empty Descriptor").
    package static let blob = Array("{}".utf8)

    package let document: ManifestDocument
    /// What the tag held.
    package let replaced: Digest

    /// A placeholder for a tag that holds `original`, of the same family of media types: that one the registry takes for sure. `nonce` are
    /// up to 64 characters from `[0-9a-f]` that are drawn once.
    package init(replacing original: ManifestDocument, nonce: String) throws(ManifestDocument.Invalid) {
        let isDocker = original.mediaType.hasPrefix("application/vnd.docker.")
        let digest = Digest.sha256(of: Self.blob)
        func descriptor(_ type: String) -> String { #"{"mediaType":"\#(type)","digest":"\#(digest)","size":\#(Self.blob.count)}"# }
        let type = isDocker ? MediaType.dockerManifest : MediaType.ociManifest
        let config = descriptor(isDocker ? MediaType.dockerConfig : MediaType.ociEmpty)
        let layers = isDocker ? "" : descriptor(MediaType.ociEmpty)
        let annotations = #"{"\#(Self.nonceAnnotation)":"\#(nonce)","\#(Self.replacedAnnotation)":"\#(original.digest)"}"#
        var text = #"{"schemaVersion":2,"mediaType":"\#(type)","artifactType":"\#(Self.artifactType)","#
        text += #""config":\#(config),"layers":[\#(layers)],"annotations":\#(annotations)"#
        text += String(repeating: " ", count: max(Self.size - 1 - text.utf8.count, 0)) + "}"
        let document = try ManifestDocument(bytes: Array(text.utf8), mediaType: type)
        guard document.bytes.count == Self.size else { throw ManifestDocument.Invalid("it is too long for a placeholder") }
        self.document = document
        replaced = original.digest
    }

    /// Nil: it is something else.
    package init?(_ document: ManifestDocument) {
        guard document.bytes.count == Self.size, let image = document.image, image.artifactType == Self.artifactType,
            let replaced = image.annotations[Self.replacedAnnotation].flatMap({ try? Digest($0) })
        else { return nil }
        self.document = document
        self.replaced = replaced
    }

    /// Whether it is worth reading.
    package static func mayBe(_ head: ManifestHead) -> Bool {
        head.size == Int64(size) && MediaType.isManifest(head.mediaType) && !MediaType.isIndex(head.mediaType)
    }

    package var digest: Digest { document.digest }

    /// The blob that must be there before it.
    package var config: Descriptor {
        Descriptor(mediaType: document.image?.config?.mediaType ?? "", digest: Digest.sha256(of: Self.blob), size: Int64(Self.blob.count))
    }
}
