internal import Diagnostics
internal import OCI
internal import Planning

extension SpecDecoder {
    mutating func decodeCopy(_ node: SpecNode, _ file: String) {
        guard let entry = node.mapping else { return }
        if let prune = entry["prune"]?.text, prune != "keep" { pruningFiles.insert(file) }
        let hasRepositories = entry["repositories"] != nil || entry.broken.contains("repositories")
        let scope = hasRepositories ? repositoriesScope(entry) : repositoryScope(entry)
        let selector = selector(entry["tags"])
        if case .repository(_, let targets)? = scope, case .list(let tags)? = selector?.base {
            for target in targets { declare(tags, in: target, at: node.range) }
        }
        guard let scope, let selector else { return }
        desired.copies.append(
            CopyEntry(
                origin: Self.origin(node.range),
                scope: scope,
                selector: selector,
                allowEmpty: entry["allowEmpty"]?.boolean ?? false,
                rules: transferRules(entry),
                prune: entry["prune"]?.text.flatMap { PruneRule(rawValue: $0) } ?? .keep
            )
        )
    }

    private mutating func repositoryScope(_ entry: SpecMapping) -> CopyEntry.Scope? {
        let targets = targets(entry["to"])
        let rules = rules
        guard let node = entry["from"], let text = node.text else { return nil }
        if text.contains("@") || Self.hasTag(text) {
            report(
                "invalid-reference",
                "'\(text)' names one image; a copy has a repository",
                node.range,
                "take tag and digest out; the tags stand in 'tags'"
            )
            return nil
        }
        let source = resolved(node) { text throws(ReferenceProblem) in
            do throws(ReferenceProblem) {
                return try rules.sourceRepository(text)
            } catch  where error.code == "no-repository" {
                var problem = error
                problem.help = "add a path, or list what is copied under 'repositories'"
                throw problem
            }
        }
        if let source { uses.add(source.registry, path: source.repository.description) }
        guard let source, let targets, !targets.isEmpty else { return nil }
        return .repository(from: source, to: targets)
    }

    /// A colon behind the last slash, when there is a slash.
    private static func hasTag(_ text: String) -> Bool {
        guard let slash = text.lastIndex(of: "/") else { return text.contains(":") && !ReferenceParts.isHost(text.prefix { $0 != ":" }) }
        return text[slash...].contains(":")
    }

    private mutating func repositoriesScope(_ entry: SpecMapping) -> CopyEntry.Scope? {
        let rules = rules
        let from = resolved(entry["from"]) { text throws(ReferenceProblem) in try rules.sourcePrefix(text) }
        var targets: [RepositoryPrefix]? = []
        for item in entry["to"]?.oneOrMore ?? [] {
            guard let found = resolved(item, { text throws(ReferenceProblem) in try rules.prefixes(text) }) else {
                targets = nil
                continue
            }
            targets? += found
        }
        var globs: [Glob] = []
        for item in entry.list("repositories") {
            guard let glob = item.text.flatMap({ repositoryGlob($0, below: from, at: item.range) }) else { continue }
            globs.append(glob)
            let prefix = from?.path.map { "\($0)/" } ?? ""
            if let from { uses.add(from.registry, path: prefix + glob.description) }
            for target in targets ?? [] {
                let prefix = target.path.map { "\($0)/" } ?? ""
                uses.add(target.registry, path: prefix + glob.description)
            }
        }
        guard let from, let targets, !targets.isEmpty, !globs.isEmpty else { return nil }
        return .repositories(from: from, matching: Self.unique(globs), to: Self.unique(targets).sorted())
    }

    /// A path below `from`; a literal one must be a repository's.
    private mutating func repositoryGlob(_ text: String, below from: RepositoryPrefix?, at range: SourceRange) -> Glob? {
        if text.contains("*") { return Glob(text) }
        let isOfficial = from == RepositoryPrefix(.dockerHub, nil) && !text.contains("/")
        do throws(InvalidName) {
            return Glob(try RepositoryName(isOfficial ? "library/\(text)" : text).description)
        } catch {
            report("invalid-reference", "'\(text)' is not a repository: \(error)", range)
            return nil
        }
    }

    /// `nil`: it has a mistake, which was reported.
    private func selector(_ node: SpecNode?) -> TagSelector? {
        guard let node else { return nil }
        if node.text != nil { return TagSelector(base: .all) }
        guard let mapping = node.mapping else { return TagSelector(base: .list(tags(node))) }
        guard mapping.broken.isEmpty else { return nil }
        func globs(_ key: String) -> [Glob] { mapping.list(key).compactMap { $0.text.map { Glob($0) } } }
        let base: TagSelector.Base =
            if mapping["match"] != nil {
                .match(globs("match"))
            } else if let list = mapping["list"] {
                .list(tags(list))
            } else {
                .all
            }
        let range = mapping["semver"]?.text.flatMap { try? VersionRange($0) }
        return TagSelector(base: base, semver: range, except: globs("except"), newest: newest(in: mapping))
    }
    // Not a chain of `integer.map { … }`: on that Swift 6.3.1 crashes when it optimises.
    private func newest(in selector: SpecMapping) -> TagSelector.Newest? {
        guard let count = selector["newest"]?.integer else { return nil }
        return TagSelector.Newest(count: count, ranking: selector["by"]?.text == "created" ? .created : .version)
    }
}
