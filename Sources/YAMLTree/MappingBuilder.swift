internal import Diagnostics

/// Collects the entries of one mapping: finds keys that stand twice, and puts merged entries (`<<`) behind those written out.
struct MappingBuilder {
    private enum Pending {
        case nothing
        case key(String, SourceRange)
        case merge(SourceRange)
        /// A key that was refused; its value is read and dropped.
        case refused
    }

    private(set) var entries: [YAMLEntry] = []
    private var pending = Pending.nothing
    private var merges: [(position: Int, sources: [[YAMLEntry]])] = []
    private var firstMerge: SourceRange?
    /// Index of each key in `entries`, kept once there are many; a few are compared one by one.
    private var indexes: [String: Int] = [:]

    private static let fewKeys = 12

    var expectsKey: Bool {
        if case .nothing = pending { true } else { false }
    }

    mutating func add(_ node: YAMLNode) -> Diagnostic? {
        switch pending {
        case .nothing: return takeKey(node)
        case .key(let key, let range):
            pending = .nothing
            if entries.count == Self.fewKeys { indexAll() }
            if entries.count >= Self.fewKeys { indexes[key] = entries.count }
            entries.append(YAMLEntry(key: key, keyRange: range, value: node))
            return nil
        case .merge(let range):
            pending = .nothing
            return takeMerge(node, at: range)
        case .refused:
            pending = .nothing
            return nil
        }
    }

    // MARK: Keys

    private mutating func takeKey(_ node: YAMLNode) -> Diagnostic? {
        guard case .scalar(let scalar) = node.value else { return refuse("a key must be text, not a list or mapping", at: node.range) }
        if scalar.isPlain, scalar.text == "<<" { return takeMergeKey(at: node.range) }
        guard scalar.resolved == .string else { return refuse(scalar, at: node.range) }
        if let first = index(of: scalar.text) {
            pending = .refused
            return Self.duplicate(scalar.text, at: node.range, first: entries[first].keyRange)
        }
        pending = .key(scalar.text, node.range)
        return nil
    }

    private mutating func takeMergeKey(at range: SourceRange) -> Diagnostic? {
        if let firstMerge {
            pending = .refused
            return Self.duplicate("<<", at: range, first: firstMerge, help: "Write one `<<` with a list: `<<: [*first, *second]`.")
        }
        firstMerge = range
        pending = .merge(range)
        return nil
    }

    private static func duplicate(
        _ key: String,
        at range: SourceRange,
        first: SourceRange,
        help: String = "Remove one of the two, or rename it."
    ) -> Diagnostic {
        .error(
            "yaml-duplicate-key",
            "the key `\(Excerpt(key))` stands twice in one mapping",
            at: range,
            help: help,
            related: [Diagnostic.Related(message: "first here", range: first)]
        )
    }

    private mutating func refuse(_ scalar: YAMLScalar, at range: SourceRange) -> Diagnostic {
        if scalar.text.isEmpty { return refuse("a key is missing before the colon", at: range) }
        let kind =
            switch scalar.resolved {
            case .null: "null"
            case .bool: "true or false"
            default: "a number"
            }
        let key = Excerpt(scalar.text)
        return refuse("a key must be text, but `\(key)` reads as \(kind)", at: range, help: "Put the key in quotes: \"\(key)\".")
    }

    private mutating func refuse(_ message: String, at range: SourceRange, help: String = "Write the key as text.") -> Diagnostic {
        pending = .refused
        return .error("yaml-key", message, at: range, help: help)
    }

    private func index(of key: String) -> Int? {
        entries.count <= Self.fewKeys ? entries.firstIndex { $0.key == key } : indexes[key]
    }

    private mutating func indexAll() {
        for (index, entry) in entries.enumerated() { indexes[entry.key] = index }
    }

    // MARK: Merge keys

    private mutating func takeMerge(_ node: YAMLNode, at range: SourceRange) -> Diagnostic? {
        let sources = node.sequence ?? [node]
        if let stranger = sources.first(where: { $0.mapping == nil }) {
            return .error(
                "yaml-merge",
                "`<<` takes a mapping or a list of mappings",
                at: stranger.range,
                help: "Give it an alias of a mapping: `<<: *name`."
            )
        }
        merges.append((entries.count, sources.compactMap(\.mapping)))
        return nil
    }

    /// All entries. A key written out wins over a merged one, an earlier merged mapping over a later one.
    func finished() -> [YAMLEntry] {
        guard let merge = merges.first else { return entries }
        var known = Set(entries.map(\.key))
        var merged: [YAMLEntry] = []
        for source in merge.sources {
            for var entry in source where known.insert(entry.key).inserted {
                entry.isMerged = true
                merged.append(entry)
            }
        }
        return entries[..<merge.position] + merged + entries[merge.position...]
    }
}
