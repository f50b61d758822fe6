internal import Diagnostics
internal import OCI
internal import Planning

extension SpecDecoder {
    mutating func decodeAbsence(_ node: SpecNode, _ file: String) {
        if let mapping = node.mapping {
            decodeWholeAbsence(mapping, at: node.range)
            return
        }
        let rules = rules
        let found = resolved(node) { text throws(ReferenceProblem) in
            let parts = try rules.scopedPattern(text)
            guard parts.tag != nil || parts.digest != nil else {
                throw ReferenceProblem(
                    "no-tag",
                    "'\(text)' names neither a tag nor a digest",
                    help: "write '{repository: \(text)}' for the whole repository, or add a tag or digest"
                )
            }
            if parts.tag != nil, parts.digest != nil {
                throw ReferenceProblem(
                    "invalid-reference",
                    "'\(text)' has a tag and a digest",
                    help: "keep the tag to untag, or the digest to delete the image with every tag on it"
                )
            }
            return parts
        }
        guard let parts = found else { return }
        for scope in parts.scopes {
            if let registry = scope.registry { uses.add(registry, path: scope.path.description) }
        }
        guard let what = Self.what(parts) else { return }
        checkDeclared(parts.scopes, what, node)
        desired.absences.append(
            AbsenceEntry(origin: Self.origin(node.range), scopes: Self.unique(parts.scopes).sorted(), what: what)
        )
    }

    private static func what(_ parts: PatternParts) -> AbsenceEntry.What? {
        if let digest = parts.digest { return .digest(digest) }
        guard let tag = parts.tag else { return nil }
        if tag.isPattern { return .tags(tag) }
        return (try? TagName(tag.description)).map { .tag($0) }
    }

    /// What stands there literally as declared and as absent. Patterns are planning's to hold against each other.
    private mutating func checkDeclared(_ scopes: [RepositoryPattern], _ what: AbsenceEntry.What, _ node: SpecNode) {
        for address in scopes.compactMap(\.literal) {
            let (suffix, declared): (String, SourceRange?) =
                switch what {
                case .tag(let tag): (":\(tag)", declarations.tags[address]?[tag])
                case .digest(let digest): ("@\(digest)", declarations.digests[address]?[digest])
                case .tags, .repository: ("", nil)
                }
            guard let declared else { continue }
            reportContradiction("\(address)\(suffix)", node.range, declared)
            return
        }
    }

    private mutating func reportContradiction(_ what: String, _ range: SourceRange, _ declared: SourceRange) {
        diagnostics.append(
            .error(
                "declared-and-absent",
                "\(what) is both declared and absent",
                at: range,
                help: "take one of the two out",
                related: [Diagnostic.Related(message: "declared here", range: declared)]
            )
        )
    }

    private mutating func decodeWholeAbsence(_ mapping: SpecMapping, at range: SourceRange) {
        for (key, isNamespace) in [("repository", false), ("namespace", true)] {
            guard let node = mapping[key] else { continue }
            let rules = rules
            let found = resolved(node) { text throws(ReferenceProblem) in
                let prefixes = try rules.prefixes(text)
                if prefixes.contains(where: { $0.path == nil }) {
                    throw ReferenceProblem("no-repository", "'\(text)' names a registry, not a \(key)", help: "add the \(key)'s name")
                }
                if isNamespace, let deep = prefixes.first(where: { $0.path?.description.contains("/") == true }) {
                    throw ReferenceProblem(
                        "invalid-reference",
                        "'\(deep.description)' is no namespace: that is the first component alone",
                        help: "write '{repository: \(text)}' for a repository"
                    )
                }
                return prefixes
            }
            for prefix in found ?? [] {
                guard let path = prefix.path else { continue }
                uses.add(prefix.registry, path: path.description)
                checkDeclared(below: prefix.registry, path, isNamespace: isNamespace, at: node.range)
            }
            if isNamespace { absent(found ?? [], at: range) } else { absentRepositories(found ?? [], at: range) }
        }
    }

    private mutating func absentRepositories(_ repositories: [RepositoryPrefix], at range: SourceRange) {
        let scopes = repositories.compactMap { repository in
            repository.path.map { RepositoryPattern(registry: repository.registry, path: Glob($0.description)) }
        }
        guard !scopes.isEmpty else { return }
        desired.absences.append(AbsenceEntry(origin: Self.origin(range), scopes: Self.unique(scopes).sorted(), what: .repository))
    }

    private mutating func checkDeclared(below registry: RegistryID, _ path: RepositoryName, isNamespace: Bool, at range: SourceRange) {
        let declared = declarations.tags.filter { address, _ in
            address.registry == registry
                && (address.repository == path || (isNamespace && address.repository.namespace == path.description))
        }
        guard let first = declared.flatMap({ $0.value.values }).min() else { return }
        reportContradiction("\(registry)/\(path)", range, first)
    }
}
