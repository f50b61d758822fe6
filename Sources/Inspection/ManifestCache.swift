package import Files
package import OCI
internal import Synchronization

/// Manifests and configs that were read before, as plain files `sha256/ab/<hex>` below one folder: the media type, a line feed, then the
/// exact bytes. What a digest names never changes, so entries never grow old; they are dropped by last use when there are too many bytes.
/// Several processes may use it at once. A failure of the file system only means that nothing is cached.
package final class ManifestCache: Sendable {
    private struct State {
        var hasNewEntries = false
    }

    private let folder: Folder
    private let limit: Int64
    private let state = Mutex(State())

    /// The largest entry: the largest config, and its media type.
    private static let largestEntry = (8 << 20) + 1024

    /// Makes the folder `path` when it is not there. `nil`: it cannot be used. `limit` is in bytes.
    package init?(path: String, limit: Int64 = 1 << 30) {
        guard let folder = try? Folder.create(path, mode: 0o700) else { return nil }
        self.folder = folder
        self.limit = limit
    }

    package func manifest(_ digest: Digest) -> ManifestDocument? {
        guard let entry = read(digest) else { return nil }
        let type = entry.mediaType.isEmpty ? nil : entry.mediaType
        guard let document = try? ManifestDocument(bytes: entry.bytes, mediaType: type, algorithm: digest.algorithm) else {
            remove(digest)
            return nil
        }
        return document
    }

    package func blob(_ digest: Digest) -> [UInt8]? { read(digest)?.bytes }

    package func store(_ bytes: [UInt8], mediaType: String, as digest: Digest) {
        let line = mediaType.utf8.contains(UInt8(ascii: "\n")) ? "" : mediaType
        let name = ".\(digest.encoded.prefix(16))-\(UInt64.random(in: .min ... .max)).tmp"
        // Not synced: what a crash leaves damaged is found out by its digest.
        do throws(FileError) {
            let shelf = try folder.folder(Self.shelf(of: digest), creating: true)
            do throws(FileError) {
                try shelf.create(name, mode: 0o600).write(Array(line.utf8) + [UInt8(ascii: "\n")] + bytes)
                try shelf.rename(name, to: digest.encoded)
            } catch {
                try shelf.remove(name)
                throw error
            }
            state.withLock { $0.hasNewEntries = true }
        } catch {
            return
        }
    }

    /// Removes what was used longest ago until nine tenths of the limit are left, if this run added something and there is too much.
    package func trim() {
        let isDue = state.withLock { state in
            defer { state.hasNewEntries = false }
            return state.hasNewEntries
        }
        guard isDue, var entries = try? Self.entries(in: folder) else { return }
        var total = entries.reduce(0) { $0 + $1.size }
        guard total > limit else { return }
        entries.sort { ($0.used, $0.name) < ($1.used, $1.name) }
        for entry in entries {
            guard total > limit - limit / 10 else { return }
            if (try? entry.shelf.remove(entry.name)) != nil { total -= entry.size }
        }
    }

    /// Removes everything below the folder `path`, and tells how many files that were, and their bytes. Where it is not there, none.
    package static func clear(_ path: String) throws(FileError) -> (count: Int, bytes: Int64) {
        var (count, bytes) = (0, Int64(0))
        let folder: Folder
        do throws(FileError) {
            folder = try Folder(path)
        } catch {
            guard error.code == .notFound else { throw error }
            return (0, 0)
        }
        for entry in try entries(in: folder) where try entry.shelf.remove(entry.name) {
            count += 1
            bytes += entry.size
        }
        return (count, bytes)
    }

    private struct Entry {
        var shelf: Folder
        var name: String
        /// Nanoseconds since 1970.
        var used: Int64
        var size: Int64
    }

    /// Left-over temporary files are among them: they are not used again, so they go first.
    private static func entries(in folder: Folder) throws(FileError) -> [Entry] {
        var result: [Entry] = []
        for algorithm in try folder.entries() where algorithm.kind == .folder {
            let shelves = try folder.folder(algorithm.path)
            for place in try shelves.entries() where place.kind == .folder {
                let shelf = try shelves.folder(place.path)
                for file in try shelf.entries() {
                    guard let status = try shelf.status(file.path), status.kind == .regular else { continue }
                    result.append(Entry(shelf: shelf, name: file.path, used: status.modified, size: status.size))
                }
            }
        }
        return result
    }

    private func read(_ digest: Digest) -> (mediaType: String, bytes: [UInt8])? {
        guard let file = try? folder.file(Self.path(of: digest)), let content = try? file.readToEnd(limit: Self.largestEntry) else {
            return nil
        }
        guard let end = content.firstIndex(of: UInt8(ascii: "\n")),
            case let bytes = Array(content[(end + 1)...]), Digest.of(bytes, with: digest.algorithm) == digest
        else {
            remove(digest)
            return nil
        }
        try? file.touch()
        return (String(decoding: content[..<end], as: UTF8.self), bytes)
    }

    private func remove(_ digest: Digest) {
        _ = try? folder.remove(Self.path(of: digest))
    }

    private static func shelf(of digest: Digest) -> String { "\(digest.algorithm.rawValue)/\(digest.encoded.prefix(2))" }

    private static func path(of digest: Digest) -> String { "\(shelf(of: digest))/\(digest.encoded)" }
}
