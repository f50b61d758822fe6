internal import Glibc
internal import SystemPackage

/// An advisory lock (`flock`) on a file of its own, held until `release` or until the last reference goes. It excludes other holders in this
/// process as well as in others. The file is made when needed, and never removed, since somebody may wait on it.
package final class FileLock: Sendable {
    package enum Mode: Hashable, Sendable {
        case shared, exclusive
    }

    private let file: OpenFile

    private init(_ file: OpenFile) {
        self.file = file
    }

    /// Waits until the lock is free, without holding a thread. `patience` bounds the wait; then `.busy` is thrown, and `.cancelled`
    /// when the task is cancelled.
    package static func acquire(
        _ mode: Mode,
        _ name: String,
        in folder: Folder,
        patience: Duration? = nil,
        clock: any Clock<Duration> = ContinuousClock()
    ) async throws(FileError) -> FileLock {
        let file = try folder.appending(name, mode: 0o666, mustBeNew: false)
        var pause = Duration.milliseconds(2)
        var waited = Duration.zero
        while true {
            if try lock(file, mode) { return FileLock(file) }
            if let patience, waited >= patience {
                throw FileError(.busy, action: "lock", path: file.path, reason: "another process holds the lock")
            }
            do {
                try await clock.sleep(for: pause)
            } catch {
                throw FileError(.cancelled, action: "lock", path: file.path, reason: "it was cancelled while another process held the lock")
            }
            waited += pause
            pause = min(pause * 2, .milliseconds(200))
        }
    }

    /// `nil`: somebody else holds it.
    package static func attempt(_ mode: Mode, _ name: String, in folder: Folder) throws(FileError) -> FileLock? {
        let file = try folder.appending(name, mode: 0o666, mustBeNew: false)
        return try lock(file, mode) ? FileLock(file) : nil
    }

    /// Safe to call again.
    package func release() {
        flock(file.descriptor.rawValue, LOCK_UN)
    }

    private static func lock(_ file: OpenFile, _ mode: Mode) throws(FileError) -> Bool {
        let operation = (mode == .shared ? LOCK_SH : LOCK_EX) | LOCK_NB
        while flock(file.descriptor.rawValue, operation) != 0 {
            switch lastErrno {
            case .interrupted: continue
            case .wouldBlock: return false
            case let errno: throw FileError(errno, action: "lock", path: file.path)
            }
        }
        return true
    }
}
