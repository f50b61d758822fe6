internal import Glibc
package import SystemPackage

/// An open file, closed when the last reference goes.
package final class OpenFile: Sendable {
    /// As the user knows it, for messages.
    package let path: String
    package let descriptor: FileDescriptor

    init(_ rawDescriptor: Int, path: String) {
        descriptor = FileDescriptor(rawValue: CInt(rawDescriptor))
        self.path = path
    }

    deinit { Glibc.close(descriptor.rawValue) }

    /// Opens what the user named; symbolic links are followed. A pipe is opened only with `allowsPipes`, and may block.
    package convenience init(reading path: String, allowsPipes: Bool = false) throws(FileError) {
        let flags = O_RDONLY | O_CLOEXEC | (allowsPipes ? 0 : O_NONBLOCK)
        self.init(try system("read", path) { Int(open(path, flags)) }, path: path)
        let kind = try status().kind
        guard kind == .regular || kind == .other && allowsPipes else { throw Self.notRegular(kind, path) }
    }

    static func notRegular(_ kind: FileStatus.Kind, _ path: String) -> FileError {
        FileError(.notRegular, action: "read", path: path, reason: kind == .folder ? "it is a folder" : "it is not a regular file")
    }

    func tooLarge(_ limit: Int) -> FileError {
        FileError(.tooLarge, action: "read", path: path, reason: "it has more than \(limit) bytes")
    }

    package func status() throws(FileError) -> FileStatus {
        var raw = stat()
        try system("read", path) { Int(fstat(descriptor.rawValue, &raw)) }
        return FileStatus(raw)
    }

    /// Up to `count` bytes from `offset` on; fewer only at the end of the file.
    package func read(at offset: Int64, count: Int) throws(FileError) -> [UInt8] {
        try fill(count) { (buffer, done) in pread(descriptor.rawValue, buffer.baseAddress, buffer.count, off_t(offset) + off_t(done)) }
    }

    /// The rest of the file. Throws `.tooLarge` when there are more than `limit` bytes.
    package func readToEnd(limit: Int) throws(FileError) -> [UInt8] { try readToEnd(size: try status().size, limit: limit) }

    /// The same where the file's size is known; a pipe tells none.
    func readToEnd(size: Int64, limit: Int) throws(FileError) -> [UInt8] {
        var bytes: [UInt8] = []
        // One more than the file seems to have, to see its end.
        var expected = Int(clamping: size)
        while true {
            let room = min(limit - bytes.count, expected > 0 ? expected : (1 << 20) - 1) + 1
            expected = 0
            let piece = try fill(room) { (buffer, _) in Glibc.read(descriptor.rawValue, buffer.baseAddress, buffer.count) }
            if bytes.isEmpty { bytes = piece } else { bytes += piece }
            if bytes.count > limit { throw tooLarge(limit) }
            if piece.count < room { return bytes }
        }
    }

    /// Writes all bytes at the file's position.
    package func write(_ bytes: [UInt8]) throws(FileError) {
        try bytes.withUnsafeBufferPointer { (bytes) throws(FileError) in try write(UnsafeRawBufferPointer(bytes)) }
    }

    func write(_ bytes: UnsafeRawBufferPointer) throws(FileError) {
        var done = 0
        while done < bytes.count {
            done += try system("write", path) {
                Glibc.write(descriptor.rawValue, bytes.baseAddress.map { $0 + done }, bytes.count - done)
            }
        }
    }

    package func truncate(to size: Int64) throws(FileError) {
        try system("write", path) { Int(ftruncate(descriptor.rawValue, off_t(size))) }
    }

    /// Sets the time of the last change to now.
    package func touch() throws(FileError) {
        try system("write", path) { Int(futimens(descriptor.rawValue, nil)) }
    }

    /// Waits until the content is on the device.
    package func sync() throws(FileError) {
        try system("write", path) { Int(fsync(descriptor.rawValue)) }
    }

    private func fill(_ count: Int, _ call: (UnsafeMutableRawBufferPointer, Int) -> Int) throws(FileError) -> [UInt8] {
        var failure: FileError?
        let bytes = [UInt8](unsafeUninitializedCapacity: count) { buffer, done in
            do throws(FileError) {
                while done < count {
                    let rest = UnsafeMutableRawBufferPointer(rebasing: UnsafeMutableRawBufferPointer(buffer)[done..<count])
                    let got = try system("read", path) { call(rest, done) }
                    if got == 0 { break }
                    done += got
                }
            } catch { failure = error }
        }
        if let failure { throw failure }
        return bytes
    }
}
