internal import Diagnostics
internal import OCI
internal import Planning

extension SpecDecoder {
    mutating func decodeNamespaces() {
        var first: [RepositoryPrefix: SourceRange] = [:]
        for node in documents.flatMap({ $0.root.list("namespaces") }) {
            guard let entry = node.mapping else { continue }
            let name = entry["name"]
            let registries = Self.unique((entry["registries"]?.oneOrMore ?? []).flatMap { registryNames($0) }).sorted()
            for registry in registries {
                guard let name, let path = name.text.flatMap({ try? RepositoryName($0) }) else { continue }
                uses.add(registry, path: path.description)
                let key = RepositoryPrefix(registry, path)
                if let known = first[key] {
                    diagnostics.append(.duplicate("namespace \(key.description)", at: name.range, first: known))
                } else {
                    first[key] = name.range
                }
            }
            guard let name, let text = name.text, !registries.isEmpty, !entry.broken.contains("retention") else { continue }
            if let registry = registries.first(where: { rules.names.declaration(of: $0).kind == .icr }), !Self.fitsICR(text) {
                report(
                    "invalid-namespace",
                    "'\(text)' cannot be a namespace of \(registry)",
                    name.range,
                    "use 4 to 30 characters of a-z, 0-9, '-' and '_', with a letter or digit at both ends"
                )
            }
            desired.namespaces.append(
                NamespaceEntry(
                    origin: Self.origin(node.range),
                    name: text,
                    registries: registries,
                    resourceGroup: entry["resourceGroup"]?.text,
                    retention: Self.retention(entry["retention"])
                )
            )
        }
    }

    /// IBM's rule (reference of ICR, section E.5).
    private static func fitsICR(_ name: String) -> Bool {
        func isAlphanumeric(_ byte: UInt8) -> Bool {
            (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(byte) || (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte)
        }
        let bytes = Array(name.utf8)
        guard (4...30).contains(bytes.count), let first = bytes.first, let last = bytes.last else { return false }
        return isAlphanumeric(first) && isAlphanumeric(last)
            && bytes.allSatisfy { isAlphanumeric($0) || $0 == UInt8(ascii: "-") || $0 == UInt8(ascii: "_") }
    }

    private static func retention(_ node: SpecNode?) -> NamespaceEntry.RetentionRule? {
        guard let node else { return nil }
        guard let mapping = node.mapping else { return NamespaceEntry.RetentionRule.none }
        return .policy(
            NamespaceEntry.Retention(
                imagesPerRepository: mapping["imagesPerRepository"]?.integer,
                keepUntagged: mapping["keepUntagged"]?.boolean,
                minimumAgeDays: mapping["minimumAgeDays"]?.integer,
                acceptChildLoss: mapping["acceptChildLoss"]?.boolean ?? false
            )
        )
    }

    /// Registries alone, without paths.
    private mutating func registryNames(_ node: SpecNode) -> [RegistryID] {
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

    /// `absent: - namespace: …`
    mutating func absent(_ prefixes: [RepositoryPrefix], at range: SourceRange) {
        for (name, group) in Dictionary(grouping: prefixes, by: { $0.path?.description ?? "" }).sorted(by: { $0.key < $1.key }) {
            let registries = Self.unique(group.map(\.registry)).sorted()
            desired.namespaceAbsences.append(NamespaceAbsence(origin: Self.origin(range), name: name, registries: registries))
        }
    }
}
