import OCI
import RegistryTestSupport
import Synchronization
import Testing

/// Polls the tags of a registry while something else writes there: each must be what it was or what it shall be, and complete.
final class TagWatch: Sendable {
    struct Tag: Sendable {
        var repository: String
        var name: String
        /// Nil: there was none.
        var old: Sample?
        var new: Sample
    }

    let registry: RealRegistry
    let tags: [Tag]
    /// `repository:tag@digest` of what was found complete already.
    private let complete = Mutex<Set<String>>([])

    init(_ registry: RealRegistry, _ tags: [Tag]) {
        self.registry = registry
        self.tags = tags
    }

    /// Looks again and again while `work` runs, and once more after it.
    func during<Result>(_ work: () async throws -> Result) async throws -> Result {
        let result = try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask {
                while !Task.isCancelled {
                    do { try await self.look() } catch { if !Task.isCancelled { throw error } }
                }
            }
            let result = try await work()
            group.cancelAll()
            try await group.next()
            return result
        }
        try await look()
        return result
    }

    /// Expects every tag to be old or new, with everything below it. Returns how many are new.
    @discardableResult
    func look() async throws -> Int {
        let found = try await settledHeads(tags.map { "\($0.repository)/manifests/\($0.name)" })
        var (parts, newTags): ([String], Int) = ([], 0)
        for (tag, head) in zip(tags, found) {
            let sample = [tag.old, tag.new].compactMap { $0 }.first { $0.digest.description == head.digest }
            let isUntouched = tag.old == nil && head.status == 404
            #expect(sample != nil || isUntouched, "\(tag.repository):\(tag.name) is \(head)")
            guard let sample else { continue }
            if sample.digest == tag.new.digest { newTags += 1 }
            let isNews = complete.withLock { $0.insert("\(tag.repository):\(tag.name)@\(sample.digest)").inserted }
            guard isNews else { continue }
            parts += sample.manifests.map { "\(tag.repository)/manifests/\($0.digest)" }
            parts += sample.blobs.keys.map { "\(tag.repository)/blobs/\($0)" }
        }
        for (path, head) in zip(parts, try await heads(parts)) { #expect(head.status == 200, "\(path) is not there, but its tag is") }
        return newTags
    }

    /// Debian's registry writes a tag's link file in place, and answers 500 to whoever reads it in that moment. That is no answer, so it
    /// is asked again; an answer that stays so is given as it is.
    private func settledHeads(_ paths: [String]) async throws -> [Head] {
        var found = try await heads(paths)
        for _ in 0..<20 where found.contains(where: { $0.status >= 500 }) {
            let open = found.indices.filter { found[$0].status >= 500 }
            for (index, head) in zip(open, try await heads(open.map { paths[$0] })) { found[index] = head }
        }
        return found
    }

    private struct Head: Sendable {
        var status: Int
        var digest: String?
    }

    /// One `HEAD` for each path. docker-registry writes the file behind a tag in place, so that a reader may find it empty for a moment
    /// and get a 500; such are asked again.
    private func heads(_ paths: [String]) async throws -> [Head] {
        var heads = try await headsOnce(paths)
        for _ in 0..<10 {
            let open = heads.indices.filter { heads[$0].status == 500 }
            if open.isEmpty { break }
            for (index, head) in zip(open, try await headsOnce(open.map { paths[$0] })) { heads[index] = head }
        }
        return heads
    }

    /// Over one connection.
    private func headsOnce(_ paths: [String]) async throws -> [Head] {
        guard !paths.isEmpty else { return [] }
        let types = [
            MediaType.ociManifest, MediaType.ociIndex, MediaType.dockerManifest, MediaType.dockerManifestList,
        ].joined(separator: ", ")
        let format = "%{http_code} %header{docker-content-digest}\\n"
        let lines = paths.flatMap { path in ["url = \"\(registry.url)/v2/\(path)\"", "output = /dev/null"] }
        let result = try await run(
            "curl",
            ["-sS", "--head", "-H", "Accept: \(types)", "-w", format, "-K", "-"],
            input: lines.joined(separator: "\n") + "\n"
        )
        let heads = result.stdout.split(separator: "\n").map { line in
            let words = line.split(separator: " ")
            return Head(status: words.first.flatMap { Int($0) } ?? 0, digest: words.count > 1 ? String(words[1]) : nil)
        }
        guard result.status == 0, heads.count == paths.count else { throw TestSupportError("cannot poll \(registry.url): \(result.said)") }
        return heads
    }
}
