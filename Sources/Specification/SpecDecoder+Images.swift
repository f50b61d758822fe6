internal import Diagnostics
internal import OCI
internal import Planning

extension SpecDecoder {
    mutating func decodeImage(_ node: SpecNode, _ file: String) {
        guard let entry = node.mapping else { return }
        let targets = targets(entry["to"])
        let source = source(entry["from"], file)
        let tags = tags(entry["tags"])
        let rules = transferRules(entry)
        for target in targets ?? [] { declare(tags, source, in: target, at: node.range) }
        guard let targets, let source, !targets.isEmpty, !tags.isEmpty else { return }
        desired.images.append(
            ImageEntry(origin: Self.origin(node.range), source: source, targets: targets, tags: tags, rules: rules)
        )
    }

    /// The repositories of one or several targets; `nil`: none, or not all could be resolved.
    mutating func targets(_ node: SpecNode?) -> [RepositoryAddress]? {
        guard let node, node.mapping == nil else { return nil }
        var addresses: [RepositoryAddress] = []
        var isComplete = true
        for item in node.oneOrMore {
            let rules = rules
            guard let found = resolved(item, { text throws(ReferenceProblem) in try rules.targets(text) }) else {
                isComplete = false
                continue
            }
            for address in found { uses.add(address.registry, path: address.repository.description) }
            addresses += found
        }
        return isComplete ? Self.unique(addresses).sorted() : nil
    }

    private mutating func source(_ node: SpecNode?, _ file: String) -> ImageEntry.Source? {
        guard let mapping = node?.mapping else {
            return reference(node).map { .reference($0.0, $0.1) }
        }
        let image = mapping["image"]?.text
        if let path = mapping["layout"]?.text { return .local(.layout(path: Self.path(path, in: file), reference: image)) }
        if let path = mapping["archive"]?.text { return .local(.archive(path: Self.path(path, in: file), image: image)) }
        if let base = mapping["files"]?.mapping?["base"] { _ = reference(base) }
        return nil
    }

    private mutating func reference(_ node: SpecNode?) -> (RepositoryAddress, ManifestReference)? {
        let rules = rules
        guard let node, let found = resolved(node, { text throws(ReferenceProblem) in try rules.source(text) }) else { return nil }
        uses.add(found.0.registry, path: found.0.repository.description)
        return found
    }

    /// In the order written, without duplicates. What is no tag was reported when it was read.
    func tags(_ node: SpecNode?) -> [TagName] {
        Self.unique((node?.list ?? []).compactMap { item in item.text.flatMap { try? TagName($0) } })
    }

    func transferRules(_ entry: SpecMapping) -> TransferRules {
        TransferRules(
            platforms: entry["platforms"]?.list.map { items in
                Self.unique(items.compactMap { item in item.text.flatMap { try? Platform($0) } }).sorted()
            },
            missing: entry["missing"]?.text.flatMap(MissingRule.init) ?? .error,
            existing: entry["existing"]?.text.flatMap(ExistingRule.init) ?? .move,
            referrers: entry["referrers"]?.text.flatMap(ReferrersRule.init) ?? .always
        )
    }

    static func unique<Item: Hashable>(_ items: [Item]) -> [Item] {
        guard items.count > 1 else { return items }
        var seen: Set<Item> = []
        return items.filter { seen.insert($0).inserted }
    }

    private mutating func declare(_ tags: [TagName], _ source: ImageEntry.Source?, in target: RepositoryAddress, at range: SourceRange) {
        declare(tags, in: target, at: range)
        if hasAbsences, case .reference(_, .digest(let digest))? = source { declarations.digests[target, default: [:]][digest] = range }
    }

    mutating func declare(_ tags: [TagName], in target: RepositoryAddress, at range: SourceRange) {
        guard hasAbsences else { return }
        for tag in tags {
            if declarations.tags[target]?[tag] == nil { declarations.tags[target, default: [:]][tag] = range }
        }
    }
}
