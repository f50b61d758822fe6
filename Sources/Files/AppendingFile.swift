internal import Glibc
internal import Synchronization
internal import SystemPackage

/// A file of lines that only grows, mode 0600. A line is on the device when `append` returns, unless it is not to be synced; a line that
/// could not be written whole leaves nothing behind.
package final class AppendingFile: Sendable {
    private let file: Mutex<OpenFile>
    package let path: String
    private let isSynced: Bool

    /// Opens or makes the file; its folder must exist. Throws `.exists` when `mustBeNew` and it is there.
    package init(_ path: String, mustBeNew: Bool = false, isSynced: Bool = true) throws(FileError) {
        let whole = FilePath(path)
        guard let name = whole.lastComponent?.string else {
            throw FileError(.notRegular, action: "write", path: path, reason: "it is a folder")
        }
        let parent = whole.removingLastComponent().string
        let folder = try Folder(parent.isEmpty ? "." : parent)
        let file = try folder.appending(name, mode: 0o600, mustBeNew: mustBeNew)
        guard try file.status().kind == .regular else {
            throw FileError(.notRegular, action: "write", path: path, reason: "it is not a regular file")
        }
        try folder.sync()
        // Half a line, which a killed process left, is not made part of the next one.
        let size = try file.status().size
        if size > 0, try file.read(at: size - 1, count: 1) != [UInt8(ascii: "\n")] { try file.write([UInt8(ascii: "\n")]) }
        self.file = Mutex(file)
        self.path = path
        self.isSynced = isSynced
    }

    /// Adds `line` and a line feed. `line` holds no line feed itself.
    package func append(_ line: [UInt8]) throws(FileError) {
        let failure = file.withLock { file -> FileError? in
            do throws(FileError) {
                let size = try file.status().size
                do throws(FileError) {
                    try file.write(line + [UInt8(ascii: "\n")])
                    if isSynced { try file.sync() }
                } catch {
                    try? file.truncate(to: size)
                    throw error
                }
                return nil
            } catch { return error }
        }
        if let failure { throw failure }
    }
}
