internal import Files
internal import OCI
internal import Registry

extension BlobStream {
    /// The file's bytes in pieces of 256 KiB.
    init(_ file: OpenFile, from offset: Int64, to end: Int64, _ failure: @escaping @Sendable (FileError) -> RegistryError) {
        self.init {
            var next = Swift.max(offset, 0)
            return { () async throws(RegistryError) in
                let count = Int(Swift.min(end - next, 1 << 18))
                guard count > 0 else { return nil }
                if Task.isCancelled {
                    throw failure(FileError(.cancelled, action: "read", path: file.path, reason: "it was cancelled"))
                }
                let piece: [UInt8]
                do throws(FileError) { piece = try file.read(at: next, count: count) } catch { throw failure(error) }
                next += Int64(piece.count)
                return piece.isEmpty ? nil : piece
            }
        }
    }
}
