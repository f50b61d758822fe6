import FoundationEssentials
import OCI
import RegistryTestSupport

/// An image whose only layer is a file that is too large for memory. No two stretches of the layer are alike.
struct LargeImage: Sendable {
    let layerPath: String
    let layer: Descriptor
    let config: [UInt8]
    let manifest: ManifestDocument

    /// Writes the layer into `folder`, which keeps it.
    static func make(_ size: Int64, in folder: String) async throws -> LargeImage {
        let path = "\(folder)/large-layer"
        let script = #"seq 1 1000000000 | head -c "$1" | tee "$2" | sha256sum"#
        let sum = try await run("sh", ["-c", script, "sh", "\(size)", path], timeLimit: .seconds(300))
        let digest = try Digest("sha256:\(sum.stdout.prefix(64))")
        let layer = Descriptor(mediaType: MediaType.ociLayerGzip, digest: digest, size: size)
        let config = Array(#"{"architecture":"amd64","os":"linux","rootfs":{"type":"layers","diff_ids":["\#(digest)"]}}"#.utf8)
        let manifest = """
            {"schemaVersion":2,"mediaType":"\(MediaType.ociManifest)",\
            "config":{"mediaType":"\(MediaType.ociConfig)","digest":"\(Digest.sha256(of: config))","size":\(config.count)},\
            "layers":[{"mediaType":"\(layer.mediaType)","digest":"\(digest)","size":\(size)}]}
            """
        let document = try ManifestDocument(bytes: Array(manifest.utf8), mediaType: MediaType.ociManifest)
        return LargeImage(layerPath: path, layer: layer, config: config, manifest: document)
    }

    /// All but the layer.
    private var sample: Sample { Sample(root: manifest, platform: nil, blobs: [config]) }

    func writeLayout(tag: String, to path: String) async throws {
        try Content.writeLayout([(tag, sample)], to: path)
        try await runSuccessfully("ln", [layerPath, "\(path)/blobs/sha256/\(layer.digest.encoded)"])
    }

    /// As `Content.store`.
    func store(tag: String, in repository: String, of registry: RealRegistry) async throws {
        try Content.store(sample, tags: [tag], in: repository, of: registry)
        let root = "\(registry.storagePath)/docker/registry/v2"
        let (home, folder) = (
            "\(root)/repositories/\(repository)/_layers/sha256/\(layer.digest.encoded)",
            "\(root)/blobs/sha256/\(layer.digest.encoded.prefix(2))/\(layer.digest.encoded)"
        )
        for path in [home, folder] { try makeFolder(path) }
        try writeFile(layer.digest.description, to: "\(home)/link")
        try await runSuccessfully("ln", [layerPath, "\(folder)/data"])
    }
}

/// The most memory that a process had at once, in MiB, looked at again and again while it runs (proc(5), `VmHWM`).
final class PeakMemory: Sendable {
    private let peak = Mutexed(0)

    var mebibytes: Int { peak.withLock { $0 >> 10 } }

    func look(at handle: ToolHandle) {
        guard let process = handle.process, let status = try? readFile("/proc/\(process)/status") else { return }
        let line = String(decoding: status, as: UTF8.self).split(separator: "\n").first { $0.hasPrefix("VmHWM:") }
        guard let kibibytes = line?.split(separator: " ").dropFirst().first.flatMap({ Int($0) }) else { return }
        peak.withLock { $0 = max($0, kibibytes) }
    }
}
