internal import Glibc
internal import SystemPackage

/// A failure of the file system. `description` is a sentence for users: `cannot read ./x: permission denied`.
package struct FileError: Error, Hashable, Sendable, CustomStringConvertible {
    /// What kind of failure it is; this drives decisions, the texts do not. Only `.notFound` means absence.
    package enum Code: String, Hashable, Sendable {
        case notFound, exists, permission, noSpace, tooLarge
        /// A folder, device, pipe or socket where a regular file is needed.
        case notRegular
        case notFolder
        /// A symbolic link where none is followed.
        case link
        /// A path that is absolute, or leads out of its root.
        case outside
        /// Another process holds a lock.
        case busy
        case cancelled
        case io
    }

    package var code: Code
    /// What was tried, as an infinitive: `read`.
    package var action: String
    /// As the user knows it.
    package var path: String
    /// Why, in words.
    package var reason: String

    package init(_ code: Code, action: String, path: String, reason: String) {
        self.code = code
        self.action = action
        self.path = path
        self.reason = reason
    }

    package var description: String { "cannot \(action) \(path): \(reason)" }

    init(_ errno: Errno, action: String, path: String) {
        let (code, reason) = Self.meaning(of: errno)
        self.init(code, action: action, path: path, reason: reason)
    }

    private static func meaning(of errno: Errno) -> (Code, String) {
        switch errno {
        case .noSuchFileOrDirectory: (.notFound, "there is no such file or folder")
        case .fileExists: (.exists, "it exists already")
        case .permissionDenied, .notPermitted: (.permission, "permission denied")
        case .readOnlyFileSystem: (.permission, "the file system is read-only")
        case .noSpace: (.noSpace, "no space left on the device")
        case .diskQuotaExceeded: (.noSpace, "the disk quota is used up")
        case .fileTooLarge: (.tooLarge, "the file would be too large for this file system or a limit of the shell")
        case .isDirectory: (.notRegular, "it is a folder")
        case .notDirectory: (.notFolder, "a part of the path is not a folder")
        case .directoryNotEmpty: (.io, "the folder is not empty")
        case .tooManySymbolicLinkLevels: (.link, "it is a symbolic link, which is not followed here")
        case .fileNameTooLong: (.io, "the name is too long")
        case .tooManyOpenFiles, .tooManyOpenFilesInSystem: (.io, "too many files are open; raise the limit with 'ulimit -n'")
        case .ioError: (.io, "the device reports an input/output error")
        default: (.io, lowercasedFirst(errno.description))
        }
    }

    private static func lowercasedFirst(_ text: String) -> String { text.prefix(1).lowercased() + text.dropFirst() }
}

/// Why the last system call of this thread failed.
var lastErrno: Errno { Errno(rawValue: errno) }

/// Runs a system call, again when a signal interrupts it. A negative result is an error.
@discardableResult
func system(_ action: String, _ path: @autoclosure () -> String, _ call: () -> Int) throws(FileError) -> Int {
    while true {
        let result = call()
        if result >= 0 { return result }
        let errno = lastErrno
        if errno != .interrupted { throw FileError(errno, action: action, path: path()) }
    }
}

/// `nil` when what `body` asks for is not there.
func unlessAbsent<Result>(_ body: () throws(FileError) -> Result) throws(FileError) -> Result? {
    do throws(FileError) {
        return try body()
    } catch {
        if error.code == .notFound { return nil }
        throw error
    }
}
