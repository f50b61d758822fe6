import OCI

/// The words of a random spec: what they say in YAML, and what they let go. Both are told here, without a parser or planner.
struct Entries {
    enum Entry {
        case absentTag(String, TagName)
        case absentGlob(String, String)
        case absentDigest(String, Digest)
        case absentRepository(String)
        case prune(Prune)
        case move(from: String, to: String)
        case image(from: String, TagName, to: String, tag: TagName)
        case copy(from: String, to: String, match: String, prune: String)
        /// Was declared in an earlier revision.
        case forgotten(String, TagName)
        case protect(String, String)
        /// What is lost by such a change is saved first.
        case backup
    }

    struct Prune {
        var undeclared: String
        var match: String
        var keepNewest: Int?
        /// Days.
        var olderThan: Int?
        var deletesUntagged: Bool

        /// The repositories of `us/app/*`.
        static let scope = ["app/r0", "app/r1"]

        var yaml: String {
            var tags = "undeclared: \(undeclared), match: [\"\(match)\"]"
            if let keepNewest { tags += ", keepNewest: \(keepNewest)" }
            if let olderThan { tags += ", olderThan: \(olderThan)d" }
            let untagged = deletesUntagged ? ", untagged: {delete: true, olderThan: 1d}" : ""
            return "{repositories: us/app/*, tags: {\(tags)}\(untagged)}"
        }
    }

    var list: [Entry] = []
    /// With `--removed-since REV=delete`.
    var forgottenAreDeleted = false

    // MARK: What they let go

    /// Whether something may happen to the repository at all.
    func touch(_ repository: String) -> Bool {
        list.contains { entry in
            switch entry {
            case .absentTag(let name, _), .absentGlob(let name, _), .absentDigest(let name, _), .absentRepository(let name):
                name == repository
            case .prune: Prune.scope.contains(repository)
            case .move(let from, let to): from == repository || to == repository
            case .image(_, _, let to, _), .copy(_, let to, _, _): to == repository
            case .forgotten(let name, _): name == repository
            case .protect, .backup: false
            }
        }
    }

    /// The repositories that something comes from.
    func sources(of repository: String) -> Set<String> {
        Set(
            list.compactMap { entry in
                switch entry {
                case .move(let from, to: repository), .image(from: let from, _, to: repository, tag: _),
                    .copy(from: let from, to: repository, match: _, prune: _):
                    from
                default: nil
                }
            }
        )
    }

    /// The source tag that a tag shall be equal to.
    func declaration(_ repository: String, _ tag: TagName, sourceTags: (String) -> Set<TagName>) -> (repository: String, tag: TagName)? {
        for entry in list {
            switch entry {
            case .image(from: let from, let source, to: repository, tag: tag): return (from, source)
            case .copy(from: let from, to: repository, match: let match, prune: _)
            where Self.matches(match, tag) && sourceTags(from).contains(tag): return (from, tag)
            default: continue
            }
        }
        return nil
    }

    /// Whether some entry lets the tag go. `age`: of its image.
    func letGo(_ repository: String, _ tag: TagName, on digest: Digest, age: RandomCase.Age) -> Bool {
        let isCompanion = tag.description.hasPrefix("sha256-")
        return list.contains { entry in
            switch entry {
            case .absentTag(repository, tag), .forgotten(repository, tag), .absentRepository(repository), .move(from: repository, to: _):
                true
            case .absentGlob(repository, let glob), .copy(from: _, to: repository, match: let glob, prune: _):
                !isCompanion && Self.matches(glob, tag)
            case .absentDigest(repository, digest): true
            case .prune(let prune) where Prune.scope.contains(repository): !isCompanion && prune.letsGo(tag, age: age)
            default: false
            }
        }
    }

    /// What must be gone, whatever else the spec says, when the plan was made and applied.
    func demandGone(_ repository: String, _ tag: TagName) -> Bool {
        list.contains { entry in
            switch entry {
            case .absentTag(repository, tag), .absentRepository(repository), .move(from: repository, to: _): true
            case .absentGlob(repository, let glob): !tag.description.hasPrefix("sha256-") && Self.matches(glob, tag)
            default: false
            }
        }
    }

    func isProtected(_ repository: String, _ tag: TagName) -> Bool {
        list.contains { entry in
            if case .protect(repository, let glob) = entry { Self.matches(glob, tag) } else { false }
        }
    }

    /// `*` at the end alone.
    static func matches(_ glob: String, _ tag: TagName) -> Bool {
        glob.hasSuffix("*") ? tag.description.hasPrefix(glob.dropLast()) : tag.description == glob
    }

    // MARK: What they say

    /// `registry`: the line that declares `us`.
    func yaml(registry: String) -> String {
        var lines: [String: [String]] = [:]
        var protect: [String] = []
        var backup = ""
        for entry in list {
            switch entry {
            case .absentTag(let name, let tag): lines["absent", default: []].append("us/\(name):\(tag)")
            case .absentGlob(let name, let glob): lines["absent", default: []].append("\"us/\(name):\(glob)\"")
            case .absentDigest(let name, let digest): lines["absent", default: []].append("us/\(name)@\(digest)")
            case .absentRepository(let name): lines["absent", default: []].append("{repository: us/\(name)}")
            case .prune(let prune): lines["prune", default: []].append(prune.yaml)
            case .move(let from, let to): lines["moved", default: []].append("{from: us/\(from), to: us/\(to)}")
            case .image(let from, let source, let to, let tag):
                lines["images", default: []].append("{from: \"us/\(from):\(source)\", to: us/\(to), tags: [\"\(tag)\"]}")
            case .copy(let from, let to, let match, let prune):
                let tags = "{match: [\"\(match)\"]}"
                lines["copies", default: []].append("{from: us/\(from), to: us/\(to), tags: \(tags), prune: \(prune), allowEmpty: true}")
            case .forgotten: continue
            case .protect(let name, let glob): protect.append("\"us/\(name):\(glob)\"")
            case .backup: backup = ", backup: {to: saved, before: [move, untag, delete]}"
            }
        }
        let sections = lines.sorted { $0.key < $1.key }.map { name, items in "\(name):\n" + items.map { "  - \($0)\n" }.joined() }
        return """
            apiVersion: crplan/v1
            registries:
              us: \(registry)
              saved: {host: saved.example}
            policy: {limits: {deletions: none, repositoryShare: none}, protect: [\(protect.joined(separator: ", "))]\(backup)}
            \(sections.joined())
            """
    }

    /// The spec that declared what is declared no more; `nil`: nothing was taken out. `source`: a tag that the earlier spec read.
    func earlierYAML(registry: String, source: (String, TagName)) -> String? {
        let images = list.compactMap { entry -> String? in
            guard case .forgotten(let name, let tag) = entry else { return nil }
            return "  - {from: \"us/\(source.0):\(source.1)\", to: us/\(name), tags: [\"\(tag)\"]}\n"
        }
        guard !images.isEmpty else { return nil }
        return "apiVersion: crplan/v1\nregistries:\n  us: \(registry)\nimages:\n\(images.joined())"
    }
}

extension Entries.Prune {
    fileprivate func letsGo(_ tag: TagName, age: RandomCase.Age) -> Bool {
        guard Entries.matches(match, tag) else { return false }
        guard let olderThan else { return true }
        switch age {
        case .days(let days): return days > olderThan
        case .none: return false
        case .unknown: return true
        }
    }
}
