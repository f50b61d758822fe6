import Files
import OCI
import Registry
import RegistryLayout
import RegistryTestSupport

/// A layout registry in a private folder, and one repository of it.
struct LayoutSandbox {
    let scratch: TemporaryFolder
    let registry: LayoutRegistry
    let repository: RepositoryName

    init(_ repository: String = "team/app") throws {
        scratch = try TemporaryFolder()
        registry = LayoutRegistry(id: try RegistryID(layout: "./mirror"), root: "\(scratch.path)/mirror")
        self.repository = try RepositoryName(repository)
    }

    /// The folder of the repository.
    var path: String { "\(registry.root)/\(repository)" }

    func push(_ sample: Sample, _ tags: String..., lease: Bool = true) async throws {
        let held = lease ? try await registry.beginWriting(in: repository) : nil
        for (digest, bytes) in sample.blobs {
            let descriptor = Descriptor(mediaType: "", digest: digest, size: Int64(bytes.count))
            try await registry.putBlob(Sample.body(bytes, as: descriptor), into: repository)
        }
        for document in sample.manifests where tags.isEmpty || document.digest != sample.digest {
            try await registry.putManifest(document, at: .digest(document.digest), in: repository)
        }
        for tag in tags { try await registry.putManifest(sample.root, at: .tag(try TagName(tag)), in: repository) }
        await held?.end()
    }

    func read(_ name: String) throws -> [UInt8] { try WholeFile.read("\(path)/\(name)", limit: 1 << 24) }

    func write(_ text: String, to name: String) throws { try WholeFile.write(Array(text.utf8), to: "\(path)/\(name)") }

    /// `name@hex12` or `-@hex12` for each entry of index.json, in its order.
    func entries() throws -> [String] {
        let manifests = try JSONValue(parsing: read("index.json"))["manifests"]?.array ?? []
        return manifests.map { entry in
            let name = entry["annotations"]?["org.opencontainers.image.ref.name"]?.string ?? "-"
            return "\(name)@\(entry["digest"]?.string?.dropFirst(7).prefix(12) ?? "?")"
        }
    }

    /// The names of all files of the repository.
    func files() throws -> [String] { try Folder(path).walk().filter { $0.kind == .regular }.map(\.path) }

    func digest(_ tag: String) async throws -> Digest? { try await registry.head(.tag(try TagName(tag)), in: repository)?.digest }

    func delete(_ sample: Sample) async throws { try await registry.deleteManifest(sample.digest, in: repository) }

    func untag(_ tag: String) async throws { try await registry.deleteTag(try TagName(tag), in: repository) }
}

extension Digest {
    var path: String { "blobs/\(algorithm.rawValue)/\(encoded)" }
}

/// The error of `work`, or a message that says there was none.
func message(_ work: () async throws -> Void) async -> String {
    do {
        try await work()
        return "no error"
    } catch { return "\(error)" }
}
