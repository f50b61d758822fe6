import OCI
import Registry
import RegistryTestSupport

/// What a registry serves of the contents of a case, found out by reading it whole.
struct Observed: Equatable {
    struct Repository: Equatable {
        var tags: [TagName: Digest] = [:]
        /// Of the case's manifests those that are there, byte by byte.
        var manifests: Set<Digest> = []
        /// As `manifests`, with every blob of theirs.
        var whole: Set<Digest> = []
    }

    var repositories: [String: Repository] = [:]

    init(_ registry: any RegistryReader, of random: RandomCase) async throws {
        for name in RandomCase.allNames {
            let repository = try RepositoryName(name)
            var found = Repository()
            for tag in try await registry.tags(in: repository) ?? [] {
                found.tags[tag] = try await registry.head(.tag(tag), in: repository)?.digest
            }
            for (digest, image) in random.images(thatMayBeIn: name) {
                guard try await registry.manifest(.digest(digest), in: repository)?.bytes == image.sample.root.bytes else { continue }
                found.manifests.insert(digest)
                if try await Self.hasBlobs(of: image, registry, repository) { found.whole.insert(digest) }
            }
            repositories[name] = found
        }
    }

    private static func hasBlobs(
        of image: RandomCase.Image,
        _ registry: any RegistryReader,
        _ repository: RepositoryName
    ) async throws -> Bool {
        for descriptor in image.sample.root.image?.blobs ?? [] {
            guard let size = try await registry.headBlob(descriptor.digest, in: repository), size == descriptor.size else { return false }
            var bytes: [UInt8] = []
            var pieces = try await registry.blob(descriptor, from: 0, in: repository).makeAsyncIterator()
            while let piece = try await pieces.next() { bytes += piece.array }
            guard bytes == image.sample.blobs[descriptor.digest] else { return false }
        }
        return true
    }
}

/// Compares what registries served before and after, by the links that the case was made with and by the words of its spec. It knows
/// nothing of how removals are planned.
struct Oracle {
    let random: RandomCase
    let listsDigests: Bool
    let before: Observed
    let after: Observed

    func problems() -> [String] { RandomCase.allNames.flatMap(problems) }

    private func problems(of name: String) -> [String] {
        guard let old = before.repositories[name], let new = after.repositories[name] else { return ["\(name) was not read"] }
        if !random.entries.touch(name), old != new { return ["\(name) is outside of every scope, and has changed"] }
        var problems: [String] = []
        for (tag, digest) in old.tags { problems += tagProblems(name, tag, digest, new) }
        for (tag, digest) in new.tags where old.tags[tag] == nil && !isCompanion(tag) {
            if expected(name, tag) != digest { problems.append("\(name):\(tag) came from nowhere") }
        }
        // Whatever leads on is as whole as it was; what came from elsewhere is as whole as it was there.
        let roots = Set(new.tags.values).union(listsDigests ? new.manifests : [])
        for root in roots {
            for needed in needed(by: root) where wasWhole(needed, in: old, name) && !new.whole.contains(needed) {
                problems.append("\(name): \(root.short) lacks \(needed.short)")
            }
        }
        if case .some(let least) = leastKept(name), new.tags.keys.count(where: { least.matching.contains($0) }) < least.count {
            problems.append("\(name) keeps fewer than \(least.count) tags")
        }
        return problems
    }

    private func tagProblems(_ name: String, _ tag: TagName, _ digest: Digest, _ new: Observed.Repository) -> [String] {
        let now = new.tags[tag]
        if let expected = expected(name, tag) { return now == expected ? [] : ["\(name):\(tag) is not as declared"] }
        if isCompanion(tag) {
            // It may go with its image, and a fallback index may lose entries; a signature stays while its image does.
            guard now == nil, let subject = subject(of: tag), new.manifests.contains(subject) else { return [] }
            return ["\(name):\(tag) is gone, and its image is there"]
        }
        guard now != digest else {
            return random.entries.demandGone(name, tag) ? ["\(name):\(tag) was to go, and is there"] : []
        }
        if now != nil { return ["\(name):\(tag) was moved"] }
        if random.entries.isProtected(name, tag) { return ["\(name):\(tag) is protected, and is gone"] }
        let age = random.images[digest]?.age ?? .unknown
        return random.entries.letGo(name, tag, on: digest, age: age) ? [] : ["\(name):\(tag) was to stay"]
    }

    /// What an entry wants under the tag: the source as it will stand, which no entry of a case changes.
    private func expected(_ name: String, _ tag: TagName) -> Digest? {
        if name == "app/moved", isMoved { return before.repositories["app/r1"]?.tags[tag] }
        let source = random.entries.declaration(name, tag) { Set(before.repositories[$0]?.tags.keys.map(\.self) ?? []) }
        return source.flatMap { before.repositories[$0.repository]?.tags[$0.tag] }
    }

    private var isMoved: Bool {
        random.entries.list.contains { if case .move = $0 { true } else { false } }
    }

    /// Children however deep, and what refers to any of it.
    func needed(by root: Digest) -> Set<Digest> {
        var found: Set<Digest> = []
        var open = [root]
        while let digest = open.popLast() {
            guard let image = random.images[digest], found.insert(digest).inserted else { continue }
            open += image.children
            open += random.images.values.filter { $0.subject == digest }.map(\.sample.digest)
        }
        return found
    }

    private func wasWhole(_ digest: Digest, in old: Observed.Repository, _ name: String) -> Bool {
        if old.whole.contains(digest) { return true }
        guard name == "app/moved", isMoved else { return false }
        return before.repositories["app/r1"]?.whole.contains(digest) == true
    }

    /// `keepNewest` leaves so many tags, where no other entry takes some of them.
    private func leastKept(_ name: String) -> (matching: Set<TagName>, count: Int)? {
        guard Entries.Prune.scope.contains(name) else { return nil }
        var found: Entries.Prune?
        for entry in random.entries.list {
            switch entry {
            case .prune(let prune): found = prune
            case .absentTag(name, _), .absentGlob(name, _), .absentDigest(name, _), .absentRepository(name), .move(from: name, to: _),
                .forgotten(name, _), .copy(from: _, to: name, match: _, prune: _):
                return nil
            default: continue
            }
        }
        guard let prune = found, let count = prune.keepNewest else { return nil }
        let tags = (before.repositories[name]?.tags ?? [:]).keys.filter { !isCompanion($0) && Entries.matches(prune.match, $0) }
        return (Set(tags), min(count, tags.count))
    }

    private func isCompanion(_ tag: TagName) -> Bool { tag.description.hasPrefix("sha256-") }

    /// `sha256-<hex>`, with or without a suffix.
    private func subject(of tag: TagName) -> Digest? {
        try? Digest("sha256:" + tag.description.dropFirst("sha256-".count).prefix(64))
    }

    // MARK: What kind of case it was

    var isRemoving: Bool {
        before.repositories.contains { name, old in
            guard let new = after.repositories[name] else { return false }
            return !old.manifests.isSubset(of: new.manifests) || old.tags.keys.contains { new.tags[$0] == nil }
        }
    }

    /// Something went from a repository in which an image stays that two indexes (or an index and a tag) share, or a referrer of a referrer.
    var isSparing: Bool {
        before.repositories.contains { name, old in
            guard let new = after.repositories[name], !new.manifests.isEmpty,
                !old.manifests.isSubset(of: new.manifests) || old.tags.keys.contains(where: { new.tags[$0] == nil })
            else { return false }
            let tagged = Set(new.tags.values)
            let kept = new.manifests.compactMap { random.images[$0] }
            let uses = kept.flatMap(\.children).reduce(into: [Digest: Int]()) { $0[$1, default: 0] += 1 }
            if uses.contains(where: { new.manifests.contains($0.key) && $0.value + (tagged.contains($0.key) ? 1 : 0) > 1 }) { return true }
            return kept.contains { image in
                image.subject.flatMap { new.manifests.contains($0) ? random.images[$0]?.subject : nil }.map(new.manifests.contains) == true
            }
        }
    }
}
