import FoundationEssentials
import OCI
import RegistryTestSupport

/// Writes samples where other programs find them.
enum Content {
    /// One OCI image layout, as a build would leave it: each sample under its tag, and those that `index.json` names without one.
    static func writeLayout(_ samples: [(tag: String, sample: Sample)], untagged: [Sample] = [], to path: String) throws {
        try makeFolder("\(path)/blobs/sha256")
        try writeFile(#"{"imageLayoutVersion":"1.0.0"}"#, to: "\(path)/oci-layout")
        func entry(_ sample: Sample, _ more: String = "") -> String {
            let root = sample.root.descriptor
            return #"{"mediaType":"\#(root.mediaType)","digest":"\#(root.digest)","size":\#(root.size)\#(more)}"#
        }
        let entries =
            samples.map { tag, sample in entry(sample, #","annotations":{"org.opencontainers.image.ref.name":"\#(tag)"}"#) }
            + untagged.map { entry($0) }
        try writeFile(#"{"schemaVersion":2,"manifests":[\#(entries.joined(separator: ","))]}"#, to: "\(path)/index.json")
        for (digest, bytes) in (samples.map(\.sample) + untagged).flatMap(\.parts) {
            try writeBytes(bytes, to: "\(path)/blobs/sha256/\(digest.encoded)")
        }
    }

    /// Puts samples into docker-registry's storage, as the registry itself would. Much faster than any client; takes effect at once.
    static func store(_ sample: Sample, tags: [String], in repository: String, of registry: RealRegistry) throws {
        let root = "\(registry.storagePath)/docker/registry/v2"
        for (digest, bytes) in sample.parts {
            let folder = "\(root)/blobs/sha256/\(digest.encoded.prefix(2))/\(digest.encoded)"
            try makeFolder(folder)
            try writeBytes(bytes, to: "\(folder)/data")
        }
        let home = "\(root)/repositories/\(repository)"
        for digest in sample.blobs.keys { try link(digest, "\(home)/_layers/sha256/\(digest.encoded)") }
        for document in sample.manifests { try link(document.digest, "\(home)/_manifests/revisions/sha256/\(document.digest.encoded)") }
        for tag in tags {
            try link(sample.digest, "\(home)/_manifests/tags/\(tag)/current")
            try link(sample.digest, "\(home)/_manifests/tags/\(tag)/index/sha256/\(sample.digest.encoded)")
        }
    }

    private static func link(_ digest: Digest, _ folder: String) throws {
        try makeFolder(folder)
        try writeFile(digest.description, to: "\(folder)/link")
    }
}

extension Sample {
    /// Manifests and blobs, all of them.
    var parts: [(digest: Digest, bytes: [UInt8])] {
        manifests.map { ($0.digest, $0.bytes) } + blobs.sorted { $0.key < $1.key }.map { ($0.key, $0.value) }
    }
}

func writeBytes(_ bytes: [UInt8], to path: String) throws { try Data(bytes).write(to: URL(filePath: path)) }
