internal import Glibc
internal import SystemPackage

/// A file under a temporary name that becomes visible, complete and on the device, in one step, or not at all.
package final class PendingFile: Sendable {
    /// Temporary names are `.crplan-<16 hex digits>.tmp`; one that nobody writes is left over from a killed run.
    package static func isTemporaryName(_ name: String) -> Bool { name.hasPrefix(".crplan-") && name.hasSuffix(".tmp") }

    private let folder: Folder
    private let name: String
    private let file: OpenFile

    /// `mode` is narrowed by the umask, as for every new file.
    package init(in folder: Folder, mode: UInt32 = 0o666) throws(FileError) {
        let random = String(UInt64.random(in: .min ... .max), radix: 16)
        name = ".crplan-\(String(repeating: "0", count: 16 - random.count))\(random).tmp"
        self.folder = folder
        file = try folder.create(name, mode: mode)
    }

    /// Gone after `commit`, so this removes what was not committed.
    deinit { unlinkat(folder.descriptor, name, 0) }

    package func write(_ bytes: [UInt8]) throws(FileError) { try file.write(bytes) }

    package func write(_ bytes: UnsafeRawBufferPointer) throws(FileError) { try file.write(bytes) }

    /// Puts the file at `relative`, below the folder it was made in, instead of what is there. The path of an error is the target's.
    package func commit(to relative: String) throws(FileError) {
        try naming(relative) { () throws(FileError) in
            try file.sync()
            try folder.rename(name, to: relative)
            if let slash = relative.lastIndex(of: "/") {
                try folder.folder(String(relative[..<slash])).sync()
            } else {
                try folder.sync()
            }
        }
    }

    private func naming(_ relative: String, _ body: () throws(FileError) -> Void) throws(FileError) {
        do throws(FileError) {
            try body()
        } catch {
            var named = error
            named.path = folder.path(of: relative)
            throw named
        }
    }
}

extension Folder {
    /// Replaces the file's content such that every reader, and every restart, sees the old or the new one.
    package func writeAtomically(_ bytes: [UInt8], to relative: String, mode: UInt32 = 0o666) throws(FileError) {
        do throws(FileError) {
            let pending = try PendingFile(in: self, mode: mode)
            try pending.write(bytes)
            try pending.commit(to: relative)
        } catch {
            throw FileError(error.code, action: "write", path: path(of: relative), reason: error.reason)
        }
    }
}
