import Files
import ImageSources
import OCI
import Registry
import RegistryTestSupport

/// A private folder with content, and the source that reads from it.
struct SourceSandbox {
    let scratch: TemporaryFolder
    let source: LocalContentSource

    init() throws {
        scratch = try TemporaryFolder()
        source = LocalContentSource(root: scratch.path)
    }

    var path: String { scratch.path }

    func archive(_ path: String = "a.tar", _ image: String? = nil) async throws -> ContentInspection {
        try await source.inspect(.archive(path: path, image: image))
    }

    func layout(_ path: String = "layout", _ reference: String? = nil) async throws -> ContentInspection {
        try await source.inspect(.layout(path: path, reference: reference))
    }

    func tar(_ name: String = "a.tar", _ build: (inout TarBuilder) -> Void) throws {
        var builder = TarBuilder()
        build(&builder)
        try builder.write(to: "\(path)/\(name)")
    }

    /// Every manifest and blob that the image needs, read and held against its digest. Gives the number of blobs.
    @discardableResult
    func readAll(_ location: ContentLocation) async throws -> Int {
        let inspection = try await source.inspect(location)
        let reader = try await source.open(location)
        var count = 0
        for (digest, document) in inspection.manifests {
            guard try await reader.manifest(digest) == document else { throw Mismatch(digest: digest) }
            for blob in document.image?.blobs ?? [] {
                let bytes = try await reader.blob(blob, from: 0).collected()
                guard Digest.of(bytes, with: blob.digest.algorithm) == blob.digest, Int64(bytes.count) == blob.size else {
                    throw Mismatch(digest: blob.digest)
                }
                count += 1
            }
        }
        return count
    }

    struct Mismatch: Error {
        let digest: Digest
    }

    /// A layout as a tool would write it.
    func writeLayout(_ samples: [(name: String?, sample: Sample)], to folder: String = "layout") throws {
        let layout = try Folder.create("\(path)/\(folder)")
        _ = try layout.folder("blobs/sha256", creating: true)
        for (name, bytes) in Self.files(samples) { try layout.writeAtomically(bytes, to: name) }
    }

    static func files(_ samples: [(name: String?, sample: Sample)]) -> [(String, [UInt8])] {
        let entries = samples.map { name, sample in
            let annotations = name.map { #","annotations":{"org.opencontainers.image.ref.name":"\#($0)"}"# } ?? ""
            let descriptor = sample.root.descriptor
            return #"{"mediaType":"\#(descriptor.mediaType)","digest":"\#(descriptor.digest)","size":\#(descriptor.size)\#(annotations)}"#
        }
        var files: [(String, [UInt8])] = [
            ("index.json", Array(#"{"schemaVersion":2,"manifests":[\#(entries.joined(separator: ","))]}"#.utf8)),
            ("oci-layout", Array(#"{"imageLayoutVersion":"1.0.0"}"#.utf8)),
        ]
        for (_, sample) in samples {
            for document in sample.manifests { files.append(("blobs/sha256/\(document.digest.encoded)", document.bytes)) }
            for (digest, bytes) in sample.blobs { files.append(("blobs/sha256/\(digest.encoded)", bytes)) }
        }
        return files
    }
}

/// The error of `work`, or a message that says there was none.
func message(_ work: () async throws -> Void) async -> String {
    do {
        try await work()
        return "no error"
    } catch { return "\(error)" }
}
