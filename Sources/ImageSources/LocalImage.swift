internal import Files
internal import OCI
internal import Registry

/// An image that was found, with the way to its blobs.
struct LocalImage: ContentReader {
    let inspection: ContentInspection
    let files: any ImageFiles
    /// Where blobs stand; `nil`: as in a layout.
    let names: [Digest: String]?
    /// Blobs that stand in no file of their own.
    let inline: [Digest: [UInt8]]
    let failure: SourceFailure

    init(
        _ inspection: ContentInspection,
        in files: any ImageFiles,
        names: [Digest: String]? = nil,
        inline: [Digest: [UInt8]] = [:],
        _ failure: SourceFailure
    ) {
        self.inspection = inspection
        self.files = files
        self.names = names
        self.inline = inline
        self.failure = failure
    }

    func manifest(_ digest: Digest) async throws(RegistryError) -> ManifestDocument {
        guard let document = inspection.manifests[digest] else {
            throw failure.error(.notFound, reason: "there is no manifest \(digest) in it")
        }
        return document
    }

    func blob(_ descriptor: Descriptor, from offset: Int64) async throws(RegistryError) -> BlobStream {
        let cancelled = failure.error(.cancelled, reason: "it was cancelled")
        if let bytes = inline[descriptor.digest] {
            return BlobStream(from: offset, to: Int64(bytes.count), cancelled: cancelled) { (offset, count) throws(RegistryError) in
                Array(bytes[Int(offset)..<min(Int(offset) + count, bytes.count)])
            }
        }
        let range = try failure.files { () throws(FileError) -> FileRange? in
            guard let names else { return try files.find(descriptor.digest.blobName) }
            return try names[descriptor.digest].flatMap { name throws(FileError) in try files.findFollowingLinks(name) }
        }
        guard let range else { throw failure.error(.notFound, reason: "there is no blob \(descriptor.digest) in it") }
        guard range.size == descriptor.size else {
            throw failure.error(.corrupt, reason: "blob \(descriptor.digest) has \(range.size) bytes, not \(descriptor.size)")
        }
        let failure = failure
        return BlobStream(from: offset, to: range.size, cancelled: cancelled) { (offset, count) throws(RegistryError) in
            try failure.files { () throws(FileError) in try range.read(at: offset, count: count) }
        }
    }
}

extension Digest {
    /// Its place in a layout; a digest is hex alone, so this cannot lead anywhere else.
    var blobName: String { "blobs/\(algorithm.rawValue)/\(encoded)" }
}
