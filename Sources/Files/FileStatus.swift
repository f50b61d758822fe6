internal import Glibc

/// What the file system says about one file. Two equal statuses of one path mean that its content has not changed in between,
/// as far as the clock of the file system tells.
package struct FileStatus: Hashable, Sendable {
    package enum Kind: String, Hashable, Sendable {
        case regular, folder, link, other
    }

    package var kind: Kind
    /// Bytes.
    package var size: Int64
    package var device: UInt64
    package var inode: UInt64
    /// Last change of the content, in nanoseconds since 1970.
    package var modified: Int64
    /// The lower twelve bits: `0o600`.
    package var permissions: UInt32

    init(_ raw: stat) {
        kind =
            switch raw.st_mode & S_IFMT {
            case S_IFREG: .regular
            case S_IFDIR: .folder
            case S_IFLNK: .link
            default: .other
            }
        size = Int64(raw.st_size)
        device = UInt64(raw.st_dev)
        inode = UInt64(raw.st_ino)
        modified = Int64(raw.st_mtim.tv_sec) * 1_000_000_000 + Int64(raw.st_mtim.tv_nsec)
        permissions = UInt32(raw.st_mode & 0o7777)
    }

    /// Of what `path` leads to; symbolic links are followed. `nil`: nothing is there.
    package static func of(_ path: String) throws(FileError) -> FileStatus? {
        var raw = stat()
        let found = try unlessAbsent { () throws(FileError) in try system("read", path) { Int(stat(path, &raw)) } }
        return found == nil ? nil : FileStatus(raw)
    }
}
