internal import Files
internal import OCI
internal import Registry

/// A stretch of a file: a whole file of a folder, or one member of an archive.
struct FileRange: Sendable {
    let file: OpenFile
    let start: Int64
    /// Bytes.
    let size: Int64

    /// All of it. Throws `.tooLarge` when there are more than `limit` bytes.
    func bytes(limit: Int) throws(FileError) -> [UInt8] {
        guard size <= Int64(limit) else {
            throw FileError(
                .tooLarge,
                action: "read",
                path: file.path,
                reason: "a part that is read whole has \(size) bytes, more than \(limit)"
            )
        }
        return try read(at: 0, count: Int(size))
    }

    func read(at offset: Int64, count: Int) throws(FileError) -> [UInt8] {
        let count = Int(min(Int64(count), max(size - offset, 0)))
        let bytes = try file.read(at: start + offset, count: count)
        guard bytes.count == count else {
            throw FileError(.io, action: "read", path: file.path, reason: "the file ends before its content does; it has been cut off")
        }
        return bytes
    }

    /// Reads all of it, in pieces.
    func digest(_ algorithm: Digest.Algorithm = .sha256) throws(FileError) -> Digest {
        var hasher = Digest.ContentHasher(algorithm)
        var offset: Int64 = 0
        while offset < size {
            let piece = try read(at: offset, count: 1 << 18)
            hasher.update(piece)
            offset += Int64(piece.count)
        }
        return hasher.finalize()
    }
}

/// Files by name: a folder or an archive. A name that leads out of it, and a link where none is followed, is an error.
protocol ImageFiles: Sendable {
    /// `nil`: not there.
    func find(_ name: String) throws(FileError) -> FileRange?

    /// As `find`, but follows links within the archive, as old archives of `docker save` have them for layers.
    func findFollowingLinks(_ name: String) throws(FileError) -> FileRange?

    /// A small file. `nil`: not there. Throws when its name stands there twice, since tools do not agree on which one counts.
    func findUnique(_ name: String) throws(FileError) -> FileRange?
}

/// The files of a folder; no link is followed below it.
struct FolderFiles: ImageFiles {
    let folder: Folder

    func find(_ name: String) throws(FileError) -> FileRange? {
        do throws(FileError) {
            let file = try folder.file(name)
            return FileRange(file: file, start: 0, size: try file.status().size)
        } catch {
            if error.code == .notFound { return nil }
            throw error
        }
    }

    func findFollowingLinks(_ name: String) throws(FileError) -> FileRange? { try find(name) }

    func findUnique(_ name: String) throws(FileError) -> FileRange? { try find(name) }
}
