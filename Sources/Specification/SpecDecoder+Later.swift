internal import Diagnostics
internal import OCI
internal import Planning

/// Entries that this version checks and cannot act on yet.
extension SpecDecoder {
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
                if let registry = scope.registry { uses.add(registry, path: scope.path.description) }
            }
        }
    }
}
