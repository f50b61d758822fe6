internal import Diagnostics
internal import OCI
internal import Planning

extension SpecDecoder {
    mutating func decodePolicies() {
        let policies = documents.compactMap { document in document.root["policy"]?.mapping.map { (document, $0) } }
        for (document, mapping) in policies {
            policy.protect += patterns(mapping.list("protect"), isGuard: true)
            policy.immutable += patterns(mapping.list("immutable"), isGuard: true)
            for node in mapping.list("owners") {
                guard let entry = node.mapping, let files = entry["files"]?.text else { continue }
                policy.owners.append(
                    OwnerRule(files: Glob(files), may: patterns(entry.list("may"), isGuard: false), origin: Self.origin(node.range))
                )
            }
            if let backup = mapping["backup"]?.mapping { decodeBackup(backup) }
            for node in mapping.list("inUse") { decodeInUse(node, document.file) }
        }
        policy.inUse.registries = Set(rules.names.aliases.values.map(\.declaration.id))
        decodeLimits(policies)
    }

    private mutating func decodeBackup(_ backup: SpecMapping) {
        guard let node = backup["to"] else { return }
        let rules = rules
        guard let places = resolved(node, { text throws(ReferenceProblem) in try rules.prefixes(text) }), let place = places.first else {
            return
        }
        uses.add(policy: place.registry)
        guard places.count == 1 else {
            let message = "the backup has one place, and this stands for \(places.count)"
            report("invalid-backup", message, node.range, "name one registry or path")
            return
        }
        let before = Set(backup.list("before").compactMap { $0.text.flatMap { BackupRule.Occasion(rawValue: $0) } })
        policy.backup = BackupRule(to: place, before: before, origin: Self.origin(node.range))
    }

    private mutating func decodeInUse(_ node: SpecNode, _ file: String) {
        guard let entry = node.mapping else { return }
        for (key, kind) in [("file", InUseList.Kind.references), ("kubernetes", .kubernetes)] {
            guard let path = entry[key]?.text else { continue }
            policy.inUse.lists.append(
                InUseList(
                    path: Self.path(path, in: file),
                    kind: kind,
                    maxAge: entry["maxAge"]?.text.flatMap(Quantities.seconds),
                    origin: Self.origin(node.range)
                )
            )
        }
    }

    private mutating func patterns(_ nodes: [SpecNode], isGuard: Bool) -> [ReferencePattern] {
        var patterns: [ReferencePattern] = []
        for node in nodes {
            let rules = rules
            guard let text = node.text, let parts = resolved(node, { text throws(ReferenceProblem) in try rules.policyPattern(text) })
            else { continue }
            for scope in parts.scopes {
                if let registry = scope.registry { uses.add(policy: registry) }
            }
            if isGuard, !parts.scopes.contains(where: uses.name) {
                diagnostics.append(
                    .warning(
                        "guards-nothing",
                        "'\(text)' guards nothing: no entry names this registry or namespace",
                        at: node.range,
                        help: "check the spelling; a guard is tested only on what entries touch"
                    )
                )
            }
            patterns.append(
                ReferencePattern(text: text, scopes: parts.scopes, tag: parts.tag, digest: parts.digest, origin: Self.origin(node.range))
            )
        }
        return patterns
    }
}

/// The limits of all files: what the owners say, then what other files lower. `nil` inside: no bound.
extension SpecDecoder {
    private mutating func decodeLimits(_ policies: [(SpecDocument, SpecMapping)]) {
        let limits = policies.compactMap { document, mapping in mapping["limits"]?.mapping.map { (document, $0) } }
        let owners = limits.filter(\.0.isOwner).map(\.1)
        let others = limits.filter { !$0.0.isOwner }.map(\.1)
        let defaults = PolicyLimits()
        policy.limits.deletions = limit("deletions", defaults.deletions, owners, others) { $0.integer }
        policy.limits.namespaceDeletions = limit("namespaceDeletions", defaults.namespaceDeletions, owners, others) { $0.integer }
        policy.limits.repositoryShare = limit("repositoryShare", defaults.repositoryShare, owners, others) {
            $0.text.flatMap(Quantities.percent)
        }
        policy.limits.upload = limit("upload", defaults.upload, owners, others) { $0.text.flatMap(Quantities.bytes) }
        let refuses = owners.contains { $0["quota"]?.text == "refuse" }
        policy.limits.refusesOverQuota = limits.contains { $0.1["quota"]?.text == "refuse" }
        for node in others.compactMap({ $0["quota"] }) where refuses && node.text == "warn" {
            report("raised-limit", "'quota: warn' is weaker than crplan.yaml's", node.range, "only crplan.yaml may weaken it")
        }
    }

    private mutating func limit<Number: Comparable>(
        _ key: String,
        _ defaultValue: Number?,
        _ owners: [SpecMapping],
        _ others: [SpecMapping],
        _ read: (SpecNode) -> Number?
    ) -> Number? {
        func lower(_ left: Number?, _ right: Number?) -> Number? {
            guard let left, let right else { return left ?? right }
            return min(left, right)
        }
        let set = owners.compactMap { $0[key] }.map(read)
        let base = set.first.map { first in set.dropFirst().reduce(first, lower) } ?? defaultValue
        var result = base
        for node in others.compactMap({ $0[key] }) {
            let value = read(node)
            if let base, value.map({ $0 > base }) ?? true {
                report("raised-limit", "'\(key)' is higher than crplan.yaml allows", node.range, "only crplan.yaml may raise a limit")
            } else {
                result = lower(result, value)
            }
        }
        return result
    }
}
