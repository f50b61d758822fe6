internal import Glibc
internal import SystemPackage

/// Files that the user named by a path, read and written as a whole. Links in the path are followed.
package enum WholeFile {
    /// Throws `.tooLarge` when the file has more than `limit` bytes.
    package static func read(_ path: String, limit: Int, allowsPipes: Bool = false) throws(FileError) -> [UInt8] {
        try OpenFile(reading: path, allowsPipes: allowsPipes).readToEnd(limit: limit)
    }

    /// Replaces the content such that every reader, and every restart, sees the old or the new one. A link stays, and its target is
    /// replaced. Throws `.notRegular` for a folder or device.
    package static func write(_ bytes: [UInt8], to path: String, mode: UInt32 = 0o666) throws(FileError) {
        let target = try destination(path)
        let filePath = FilePath(target)
        guard let name = filePath.lastComponent?.string else {
            throw FileError(.notRegular, action: "write", path: path, reason: "it is a folder")
        }
        let parent = filePath.removingLastComponent().string
        do throws(FileError) {
            try Folder(parent.isEmpty ? "." : parent).writeAtomically(bytes, to: name, mode: mode)
        } catch {
            throw FileError(error.code, action: "write", path: path, reason: error.reason)
        }
    }

    private static func destination(_ path: String) throws(FileError) -> String {
        guard let status = try FileStatus.of(path) else { return path }
        guard status.kind == .regular else {
            throw FileError(
                .notRegular,
                action: "write",
                path: path,
                reason: status.kind == .folder ? "it is a folder" : "it is not a regular file"
            )
        }
        guard let resolved = realpath(path, nil) else { throw FileError(lastErrno, action: "write", path: path) }
        defer { free(resolved) }
        return String(cString: resolved)
    }
}
