internal import Glibc
internal import SystemPackage

/// An open folder, and everything below it. Paths are relative to it; no symbolic link is followed in any component, and none leads
/// out of it: absolute paths, `.` and `..` are refused with `.outside`, links with `.link`.
package final class Folder: Sendable {
    /// As the user knows it, for messages.
    package let path: String
    let descriptor: CInt

    /// Opens a folder that the user named; links in `path` itself are followed.
    package init(_ path: String) throws(FileError) {
        descriptor = CInt(try system("open", path) { Int(Glibc.open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC)) })
        self.path = path
    }

    private init(_ descriptor: CInt, path: String) {
        self.descriptor = descriptor
        self.path = path
    }

    deinit { close(descriptor) }

    /// Makes the folder that the user named, and the ones above it, unless they exist.
    package static func create(_ path: String, mode: UInt32 = 0o777) throws(FileError) -> Folder {
        var built = path.hasPrefix("/") ? "/" : ""
        for component in path.split(separator: "/") {
            let above = built.isEmpty ? "." : built
            built += component
            if mkdir(built, mode_t(mode)) == 0 {
                try Folder(above).sync()
            } else if lastErrno != .fileExists {
                let errno = lastErrno
                // A folder above may be there though it cannot be written, as on a read-only file system.
                if try FileStatus.of(built)?.kind != .folder { throw FileError(errno, action: "make folder", path: built) }
            }
            built += "/"
        }
        return try Folder(path)
    }

    /// For messages.
    package func path(of relative: String) -> String { path.hasSuffix("/") ? path + relative : "\(path)/\(relative)" }

    /// Whether this process may make files in it.
    package var isWritable: Bool { faccessat(descriptor, ".", W_OK | X_OK, 0) == 0 }

    // MARK: Going down

    package func folder(_ relative: String, creating: Bool = false) throws(FileError) -> Folder {
        if let below = try descend(components(of: relative, "open"), creating: creating) { return Folder(below, path: path(of: relative)) }
        return Folder(try duplicated(), path: path)
    }

    /// Opens a regular file for reading.
    package func file(_ relative: String) throws(FileError) -> OpenFile { try regularFile(relative).file }

    /// The whole of a regular file. Throws `.tooLarge` when it has more than `limit` bytes, before it is read.
    package func read(_ relative: String, limit: Int) throws(FileError) -> [UInt8] {
        let (file, status) = try regularFile(relative)
        guard status.size <= limit else { throw file.tooLarge(limit) }
        return try file.readToEnd(size: status.size, limit: limit)
    }

    private func regularFile(_ relative: String) throws(FileError) -> (file: OpenFile, status: FileStatus) {
        let file = try open(relative, "read", O_RDONLY | O_NONBLOCK)
        let status = try file.status()
        guard status.kind == .regular else { throw OpenFile.notRegular(status.kind, file.path) }
        return (file, status)
    }

    /// Makes a file that must not exist yet, for reading and writing.
    package func create(_ relative: String, mode: UInt32 = 0o666) throws(FileError) -> OpenFile {
        try open(relative, "write", O_RDWR | O_CREAT | O_EXCL, mode: mode)
    }

    /// Opens a file for appending; makes it when it is not there.
    func appending(_ relative: String, mode: UInt32, mustBeNew: Bool) throws(FileError) -> OpenFile {
        try open(relative, "write", O_RDWR | O_CREAT | O_APPEND | (mustBeNew ? O_EXCL : 0), mode: mode)
    }

    /// Of the entry itself, a link not followed. `nil`: not there.
    package func status(_ relative: String) throws(FileError) -> FileStatus? {
        try unlessAbsent { () throws(FileError) -> FileStatus in
            try at(relative, "read") { (folder, name) throws(FileError) -> FileStatus in try status(of: name, in: folder) }
        }
    }

    /// Of the folder itself.
    package func status() throws(FileError) -> FileStatus {
        var raw = stat()
        try system("read", path) { Int(fstat(descriptor, &raw)) }
        return FileStatus(raw)
    }

    // MARK: Changing

    /// `true`: it was there.
    @discardableResult
    package func remove(_ relative: String) throws(FileError) -> Bool {
        try removeEntry(relative, flags: 0)
    }

    /// Removes an empty folder. `true`: it was there.
    @discardableResult
    package func removeEmptyFolder(_ relative: String) throws(FileError) -> Bool {
        try removeEntry(relative, flags: AT_REMOVEDIR)
    }

    /// Replaces what is at `target`, in one step.
    package func rename(_ source: String, to target: String) throws(FileError) {
        try at(source, "rename") { (folder, name) throws(FileError) in
            try at(target, "write") { (targetFolder, targetName) throws(FileError) in
                try system("write", path(of: target)) { Int(renameat(folder, name, targetFolder, targetName)) }
            }
        }
    }

    /// Gives the file a second name below `other`. Throws `.exists` when that is taken; a link is linked, never followed.
    package func link(_ source: String, to target: String, in other: Folder) throws(FileError) {
        try at(source, "link") { (folder, name) throws(FileError) in
            try other.at(target, "write") { (targetFolder, targetName) throws(FileError) in
                try system("link", path(of: source)) { Int(linkat(folder, name, targetFolder, targetName, 0)) }
            }
        }
    }

    /// Waits until names made, renamed and removed directly in this folder are on the device.
    package func sync() throws(FileError) {
        try system("write", path) { Int(fsync(descriptor)) }
    }

    // MARK: Parts

    private func open(_ relative: String, _ action: String, _ flags: CInt, mode: UInt32 = 0) throws(FileError) -> OpenFile {
        let shown = path(of: relative)
        return try at(relative, action) { (folder, name) throws(FileError) in
            OpenFile(try system(action, shown) { Int(openat(folder, name, flags | O_NOFOLLOW | O_CLOEXEC, mode_t(mode))) }, path: shown)
        }
    }

    private func removeEntry(_ relative: String, flags: CInt) throws(FileError) -> Bool {
        let removed = try unlessAbsent { () throws(FileError) in
            try at(relative, "remove") { (folder, name) throws(FileError) in
                try system("remove", path(of: relative)) { Int(unlinkat(folder, name, flags)) }
            }
        }
        return removed != nil
    }

    /// Opens the folder that holds the last component, for the time of `body`.
    @discardableResult
    private func at<Result>(
        _ relative: String,
        _ action: String,
        _ body: (CInt, String) throws(FileError) -> Result
    ) throws(FileError) -> Result {
        if Self.isName(relative) { return try body(descriptor, relative) }
        var components = try components(of: relative, action)
        let name = components.removeLast()
        let parent = try descend(components, creating: false)
        defer { if let parent { close(parent) } }
        return try body(parent ?? descriptor, name)
    }

    /// The open folder, which the caller closes. `nil`: there are no components.
    private func descend(_ components: [String], creating: Bool) throws(FileError) -> CInt? {
        var current: CInt?
        for (place, component) in components.enumerated() {
            let above = current
            defer { if let above { close(above) } }
            current = try step(into: component, of: above ?? descriptor, creating: creating) {
                path(of: components[...place].joined(separator: "/"))
            }
        }
        return current
    }

    /// `shown` is the folder's path for messages.
    private func step(into component: String, of above: CInt, creating: Bool, _ shown: () -> String) throws(FileError) -> CInt {
        if creating {
            if mkdirat(above, component, 0o777) == 0 {
                try system("write", shown()) { Int(fsync(above)) }
            } else if lastErrno != .fileExists {
                throw FileError(lastErrno, action: "make folder", path: shown())
            }
        }
        let opened = openat(above, component, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)
        guard opened >= 0 else {
            let errno = lastErrno
            let isLink = errno == .notDirectory ? try status(of: component, in: above).kind == .link : false
            throw FileError(isLink ? .tooManySymbolicLinkLevels : errno, action: "open", path: shown())
        }
        return opened
    }

    private func status(of name: String, in folder: CInt) throws(FileError) -> FileStatus {
        var raw = stat()
        try system("read", path(of: name)) { Int(fstatat(folder, name, &raw, AT_SYMLINK_NOFOLLOW)) }
        return FileStatus(raw)
    }

    func duplicated() throws(FileError) -> CInt {
        CInt(try system("open", path) { Int(openat(descriptor, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC)) })
    }

    /// Of something directly in a folder.
    private static func isName(_ text: String) -> Bool {
        text != "" && text != "." && text != ".." && !text.utf8.contains { $0 == UInt8(ascii: "/") || $0 == 0 }
    }

    private func components(of relative: String, _ action: String) throws(FileError) -> [String] {
        let components = relative.utf8.split(separator: UInt8(ascii: "/"), omittingEmptySubsequences: false).map { String(Substring($0)) }
        guard components.allSatisfy(Self.isName) else {
            throw FileError(.outside, action: action, path: path(of: relative), reason: "the path would lead out of the folder")
        }
        return components
    }
}

extension Folder {
    /// The folder's absolute path without links; `nil` when it is not there.
    package static func canonicalPath(_ path: String) -> String? {
        guard let resolved = realpath(path, nil) else { return nil }
        defer { free(resolved) }
        return String(cString: resolved)
    }
}
