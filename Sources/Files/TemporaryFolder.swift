internal import Glibc
internal import Synchronization
internal import SystemPackage

/// A private folder (mode 0700) for the time of one task. It goes with the last reference, or when its owner calls `remove`, as on a signal.
package final class TemporaryFolder: Sendable {
    package let path: String
    package let folder: Folder
    private let isRemoved = Mutex(false)

    /// Below `parent`; by default where `TMPDIR` says, else in `/tmp`.
    package init(in parent: String? = nil) throws(FileError) {
        let parent = parent ?? getenv("TMPDIR").map { String(cString: $0) } ?? "/tmp"
        // `mkdtemp` writes a name of its own over the six signs.
        var template = Array("\(parent)/crplan-XXXXXX".utf8CString)
        guard mkdtemp(&template) != nil else { throw FileError(lastErrno, action: "make a temporary folder in", path: parent) }
        path = String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
        folder = try Folder(path)
    }

    deinit { remove() }

    /// Safe to call again. What cannot be removed stays: nothing depends on it.
    package func remove() {
        let isFirst = isRemoved.withLock { removed in
            defer { removed = true }
            return !removed
        }
        guard isFirst else { return }
        let whole = FilePath(path)
        guard let name = whole.lastComponent?.string else { return }
        try? Folder(whole.removingLastComponent().string).removeTree(name)
    }
}
