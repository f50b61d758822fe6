internal import Files
internal import OCI
internal import Registry

/// The view that `docker load` has of an archive: `manifest.json` with configs, names and layers. It holds no registry manifest, so one is
/// built, the same each time: the config's bytes as they are, layers as they are in the archive.
struct DockerArchive {
    private static let largestConfig = 8 << 20
    private static let gzip: [UInt8] = [0x1f, 0x8b]
    private static let zstd: [UInt8] = [0x28, 0xb5, 0x2f, 0xfd]

    struct Image {
        var config: String
        var layers: [String]
        var names: [String]
    }

    let files: any ImageFiles
    let failure: SourceFailure

    /// `nil`: there is no `manifest.json`.
    func images() throws(RegistryError) -> [Image]? {
        guard let list = try files.json("manifest.json", failure) else { return nil }
        guard let entries = list.array else { throw failure.error(.corrupt, reason: "its manifest.json is not a list") }
        var images: [Image] = []
        for entry in entries {
            let layers = entry["Layers"]?.array ?? []
            guard let config = entry["Config"]?.string, layers.allSatisfy({ $0.string != nil }) else {
                throw failure.error(.corrupt, reason: "its manifest.json has an entry without a config or with unnamed layers")
            }
            let names = entry["RepoTags"]?.array?.compactMap(\.string) ?? []
            images.append(Image(config: config, layers: layers.compactMap(\.string), names: names))
        }
        return images
    }

    func pick(_ wanted: String?, from images: [Image]) throws(RegistryError) -> Image {
        var candidates: [ImageName.Candidate<Image>] = []
        for image in images {
            let digest = Digest.sha256(of: try config(of: image))
            candidates.append(ImageName.Candidate(names: image.names, digest: digest, value: image))
        }
        return try ImageName.pick(wanted, from: candidates, failure)
    }

    /// The image ID: the config's digest.
    func id(of image: Image) throws(RegistryError) -> Digest { Digest.sha256(of: try config(of: image)) }

    private func config(of image: Image) throws(RegistryError) -> [UInt8] {
        let range = try failure.files { () throws(FileError) in try files.findUnique(image.config) }
        guard let range else {
            throw failure.error(.corrupt, reason: "the config '\(image.config)', which manifest.json names, is missing")
        }
        return try failure.files { () throws(FileError) in try range.bytes(limit: Self.largestConfig) }
    }

    /// Builds the manifest. Compressed layers are read to learn their digests, and must hold what the config says.
    func build(_ image: Image) async throws(RegistryError) -> LocalImage {
        let config = try config(of: image)
        let diffIDs = try diffIDs(in: config, image)
        var layers: [Descriptor] = []
        var names: [Digest: String] = [:]
        for (name, diffID) in zip(image.layers, diffIDs) {
            guard let range = try failure.files({ () throws(FileError) in try files.findFollowingLinks(name) }) else {
                throw failure.error(.corrupt, reason: "the layer '\(name)', which manifest.json names, is missing")
            }
            let layer = try await layer(range, name, diffID)
            layers.append(layer)
            names[layer.digest] = name
        }
        let configDescriptor = Descriptor(mediaType: MediaType.ociConfig, digest: Digest.sha256(of: config), size: Int64(config.count))
        let root = try manifest(configDescriptor, layers)
        let inspection = ContentInspection(root: root, manifests: [root.digest: root], imageID: configDescriptor.digest)
        return LocalImage(inspection, in: files, names: names, inline: [configDescriptor.digest: config], failure)
    }

    private func diffIDs(in config: [UInt8], _ image: Image) throws(RegistryError) -> [Digest] {
        let values = try files.parse(config, image.config, failure)["rootfs"]?["diff_ids"]?.array ?? []
        let digests = values.compactMap { $0.string.flatMap { try? Digest($0) } }
        guard digests.count == values.count, digests.count == image.layers.count else {
            throw failure.error(
                .corrupt,
                reason: "its config names \(values.count) layers (rootfs.diff_ids), its manifest.json \(image.layers.count)"
            )
        }
        return digests
    }

    private func layer(_ range: FileRange, _ name: String, _ diffID: Digest) async throws(RegistryError) -> Descriptor {
        let start = try failure.files { () throws(FileError) in try range.read(at: 0, count: 4) }
        if start.starts(with: Self.gzip) {
            let content = try await Decompression.digest(of: range, like: diffID, failure)
            guard content == diffID else {
                throw failure.error(.corrupt, reason: "the layer '\(name)' holds other content than the config says")
            }
            return Descriptor(mediaType: MediaType.ociLayerGzip, digest: try digest(range), size: range.size)
        }
        if start.starts(with: Self.zstd) {
            return Descriptor(mediaType: MediaType.ociLayer + "+zstd", digest: try digest(range), size: range.size)
        }
        // Whoever streams it finds out whether it is what the config says: the digest is that of the content.
        return Descriptor(mediaType: MediaType.ociLayer, digest: diffID, size: range.size)
    }

    private func digest(_ range: FileRange) throws(RegistryError) -> Digest {
        try failure.files { () throws(FileError) in try range.digest() }
    }

    private func manifest(_ config: Descriptor, _ layers: [Descriptor]) throws(RegistryError) -> ManifestDocument {
        let value = JSONValue.object([
            "schemaVersion": .integer(2), "mediaType": .string(MediaType.ociManifest), "config": Self.json(config),
            "layers": .array(layers.map(Self.json)),
        ])
        do throws(ManifestDocument.Invalid) {
            return try ManifestDocument(bytes: Array(value.canonicalText.utf8), mediaType: MediaType.ociManifest)
        } catch {
            throw failure.error(.corrupt, reason: "no manifest can be made of it: \(error)")
        }
    }

    private static func json(_ descriptor: Descriptor) -> JSONValue {
        .object([
            "mediaType": .string(descriptor.mediaType), "digest": .string(descriptor.digest.description), "size": .integer(descriptor.size),
        ])
    }
}
