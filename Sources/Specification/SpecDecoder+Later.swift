internal import Diagnostics
internal import OCI
internal import Planning

/// Entries that this version checks and cannot act on yet.
extension SpecDecoder {
    mutating func decodeNamespaces() {
        var first: [RepositoryPrefix: SourceRange] = [:]
        for node in documents.flatMap({ $0.root.list("namespaces") }) {
            guard let entry = node.mapping else { continue }
            let name = entry["name"]
            let places = (entry["registries"]?.oneOrMore ?? []).flatMap { registries($0) }
            for registry in Self.unique(places) {
                guard let name, let path = name.text.flatMap({ try? RepositoryName($0) }) else { continue }
                uses.add(registry, path: path.description, at: node.range)
                let key = RepositoryPrefix(registry, path)
                if let known = first[key] {
                    diagnostics.append(.duplicate("namespace \(key.description)", at: name.range, first: known))
                } else {
                    first[key] = name.range
                }
            }
        }
    }

    /// Registries alone, without paths.
    private mutating func registries(_ node: SpecNode) -> [RegistryID] {
        let rules = rules
        let found = resolved(node) { text throws(ReferenceProblem) in
            let prefixes = try rules.prefixes(text)
            if let prefix = prefixes.first(where: { $0.path != nil }) {
                throw ReferenceProblem(
                    "invalid-reference",
                    "'\(prefix.description)' is a path, and a registry is asked for",
                    help: "name registries"
                )
            }
            return prefixes.map(\.registry)
        }
        return found ?? []
    }

    mutating func decodeMove(_ node: SpecNode) {
        guard let entry = node.mapping else { return }
        let from = targets(entry["from"])
        let to = targets(entry["to"])
        if let from, let to, from.count != to.count {
            report(
                "invalid-move",
                "'from' stands for \(from.count) repositories and 'to' for \(to.count)",
                node.range,
                "name as many on both sides"
            )
        } else if let from, let to, let same = from.first(where: to.contains) {
            report("invalid-move", "\(same) is moved to itself", node.range, "name another repository")
        }
    }

    mutating func decodePrune(_ node: SpecNode, _ file: String) {
        pruningFiles.insert(file)
        let rules = rules
        for item in node.mapping?["repositories"]?.oneOrMore ?? [] {
            let found = resolved(item) { text throws(ReferenceProblem) in
                let parts = try rules.scopedPattern(text)
                if parts.tag != nil || parts.digest != nil {
                    throw ReferenceProblem(
                        "invalid-reference",
                        "'\(text)' may not have a tag or digest here",
                        help: "write the tags under 'tags.match'"
                    )
                }
                return parts
            }
            for scope in found?.scopes ?? [] {
                if let registry = scope.registry { uses.add(registry, path: scope.path.description, at: item.range) }
            }
        }
    }
}
