internal import Glibc
internal import SystemPackage

/// One entry of a folder or of a walk below it.
package struct FolderEntry: Hashable, Sendable {
    /// From the folder that was listed or walked.
    package var path: String
    package var kind: FileStatus.Kind
}

extension Folder {
    /// What stands directly in the folder, ordered by the bytes of the names. A name that is not UTF-8 is given repaired, and
    /// cannot be opened.
    package func entries() throws(FileError) -> [FolderEntry] {
        let copy = try duplicated()
        guard let stream = fdopendir(copy) else {
            let errno = lastErrno
            close(copy)
            throw FileError(errno, action: "list", path: path)
        }
        defer { closedir(stream) }
        var result: [FolderEntry] = []
        while true {
            errno = 0
            guard let entry = readdir(stream) else {
                guard errno == 0 else { throw FileError(lastErrno, action: "list", path: path) }
                break
            }
            let name = withUnsafeBytes(of: &entry.pointee.d_name) { String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self) }
            if name == "." || name == ".." { continue }
            if let kind = try kind(of: name, Int(entry.pointee.d_type)) { result.append(FolderEntry(path: name, kind: kind)) }
        }
        return result.sorted { $0.path.utf8.lexicographicallyPrecedes($1.path.utf8) }
    }

    /// `nil`: it went away meanwhile.
    private func kind(of name: String, _ type: Int) throws(FileError) -> FileStatus.Kind? {
        switch type {
        case DT_REG: .regular
        case DT_DIR: .folder
        case DT_LNK: .link
        case DT_UNKNOWN: try status(name)?.kind
        default: .other
        }
    }

    /// Everything below the folder, each folder before what it holds, in the order of `entries()`. Links are listed and not followed.
    /// A folder for which `descend` says `false` is listed and not entered. Throws `.tooLarge` for more than `limit` entries.
    package func walk(
        limit: Int = 1_000_000,
        descend: (FolderEntry) -> Bool = { _ in true }
    ) throws(FileError) -> [FolderEntry] {
        var found: [FolderEntry] = []
        var open = try entries().reversed() as [FolderEntry]
        while let entry = open.popLast() {
            found.append(entry)
            guard found.count <= limit else {
                throw FileError(.tooLarge, action: "list", path: path, reason: "there are more than \(limit) files and folders in it")
            }
            guard entry.kind == .folder, descend(entry) else { continue }
            for below in try folder(entry.path).entries().reversed() {
                open.append(FolderEntry(path: "\(entry.path)/\(below.path)", kind: below.kind))
            }
        }
        return found
    }

    /// Removes the folder `name` with all that is in it, no link followed. Absent is fine.
    package func removeTree(_ name: String) throws(FileError) {
        guard let doomed = try unlessAbsent({ () throws(FileError) in try folder(name) }) else { return }
        for entry in try doomed.entries() {
            if entry.kind == .folder { try doomed.removeTree(entry.path) } else { try doomed.remove(entry.path) }
        }
        try removeEmptyFolder(name)
    }
}
