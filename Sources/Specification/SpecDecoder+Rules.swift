internal import Diagnostics
internal import OCI
internal import Planning

/// Entries that remove what no entry names one by one.
extension SpecDecoder {
    mutating func decodeMove(_ node: SpecNode) {
        guard let entry = node.mapping else { return }
        guard let from = targets(entry["from"]), let to = targets(entry["to"]) else { return }
        guard from.count == to.count else {
            report(
                "invalid-move",
                "'from' stands for \(from.count) repositories and 'to' for \(to.count)",
                node.range,
                "name as many on both sides"
            )
            return
        }
        // Names that a move reads and writes in circles would have to be moved all at once.
        if let same = from.first(where: to.contains) {
            report("invalid-move", "\(same) is moved to itself", node.range, "name another repository")
            return
        }
        for (old, new) in zip(from, to) {
            if let other = desired.moves.first(where: { $0.from == old || $0.from == new || $0.to == old }) {
                report(
                    "invalid-move",
                    "\(old) is moved to \(new), and the entry at \(other.origin) moves \(other.from) to \(other.to)",
                    node.range,
                    "move one after the other, each in a plan of its own"
                )
                return
            }
            desired.moves.append(MoveEntry(origin: Self.origin(node.range), from: old, to: new))
        }
    }

    mutating func decodePrune(_ node: SpecNode, _ file: String) {
        pruningFiles.insert(file)
        let rules = rules
        var scopes: [RepositoryPattern]? = []
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
            if let found { scopes? += found.scopes } else { scopes = nil }
        }
        guard let entry = node.mapping, entry.broken.isEmpty, let scopes, !scopes.isEmpty else { return }
        guard let tags = prunedTags(entry["tags"]?.mapping), let age = untaggedAge(entry["untagged"]?.mapping) else { return }
        desired.prunes.append(
            PruneEntry(
                origin: Self.origin(node.range),
                scopes: Self.unique(scopes).sorted(),
                tags: tags,
                deletesUntaggedOlderThan: age.seconds
            )
        )
    }

    /// `nil`: it has a mistake, which was reported.
    private func prunedTags(_ tags: SpecMapping?) -> PruneEntry.Tags? {
        guard let tags else { return PruneEntry.Tags() }
        guard tags.broken.isEmpty else { return nil }
        return PruneEntry.Tags(
            undeclared: tags["undeclared"]?.text.flatMap { PruneRule(rawValue: $0) } ?? .keep,
            match: tags.list("match").compactMap { $0.text.map { Glob($0) } },
            keepNewest: tags["keepNewest"]?.integer,
            olderThan: tags["olderThan"]?.text.flatMap(Quantities.seconds)
        )
    }

    private static let leastGrace = 86_400

    /// `nil`: it has a mistake, which was reported.
    private mutating func untaggedAge(_ untagged: SpecMapping?) -> Grace? {
        guard let untagged else { return .forEver }
        guard untagged.broken.isEmpty else { return nil }
        guard untagged["delete"]?.boolean == true else { return .forEver }
        guard let node = untagged["olderThan"] else { return .seconds(Self.leastGrace) }
        guard let age = node.text.flatMap(Quantities.seconds) else { return nil }
        guard age >= Self.leastGrace else {
            report(
                "no-grace",
                "untagged images need at least one day's grace: whoever pushes an index pushes its images first",
                node.range,
                "write '1d' or more"
            )
            return nil
        }
        return .seconds(age)
    }

    /// How long untagged images stay.
    private enum Grace {
        case forEver
        case seconds(Int)

        var seconds: Int? { if case .seconds(let number) = self { number } else { nil } }
    }
}
