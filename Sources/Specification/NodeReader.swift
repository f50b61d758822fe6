internal import Diagnostics
internal import OCI
internal import YAMLTree

/// Something a spec asks for that this version cannot do.
struct UnavailableUse: Sendable {
    var diagnostic: Diagnostic
    /// The registry it was said of: it matters only when that registry is used.
    var alias: String?
}

/// Reads nodes by the key table: every value that has not the form asked for is reported at its place and left out.
struct NodeReader {
    let variables: VariableScope
    var diagnostics: [Diagnostic] = []
    var unavailable: [UnavailableUse] = []

    /// What names the entry at hand in messages.
    private var entryLabel: String?
    private var alias: String?
    /// Within something that is reported as a whole already.
    private var isWithinUnavailable = false

    init(variables: VariableScope) {
        self.variables = variables
    }

    /// `name` is what messages call the value: the key it stands under.
    mutating func read(_ node: YAMLNode, as form: ValueForm, name: String) -> SpecNode? {
        switch node.value {
        case .scalar(let scalar):
            guard !form.scalars.isEmpty else { return reject(node, form, name) }
            return readScalar(scalar, at: node.range, form, name).map { SpecNode(value: $0, range: node.range) }
        case .sequence(let items):
            guard case .items(let item, let atLeast)? = form.list else { return reject(node, form, name) }
            if items.count < atLeast {
                report("empty-list", "'\(name)' needs at least one value", node.range, "add one, or take the key out")
            }
            var values: [SpecNode] = []
            values.reserveCapacity(items.count)
            for value in items {
                if let value = read(value, as: item, name: name) { values.append(value) }
            }
            return SpecNode(value: .list(values), range: node.range)
        case .mapping(let entries):
            guard let shape = form.mapping else { return reject(node, form, name) }
            let mapping =
                switch shape {
                case .keys(let keys): readKeys(entries, keys, at: node.range)
                case .names(let nameForm, let value): readNames(entries, nameForm, value, name)
                }
            return SpecNode(value: .mapping(mapping), range: node.range)
        }
    }

    private mutating func readNames(_ entries: [YAMLEntry], _ nameForm: TextForm, _ form: ValueForm, _ name: String) -> SpecMapping {
        let outer = (entryLabel, alias)
        defer { (entryLabel, alias) = outer }
        var mapping = SpecMapping()
        mapping.entries.reserveCapacity(entries.count)
        for entry in entries {
            if let problem = nameForm.problem(entry.key) {
                report("invalid-name", "'\(entry.key.withVisibleControls)' is not \(nameForm.expectation): \(problem)", entry.keyRange, nil)
            }
            if name == "registries" { (entryLabel, alias) = (entry.key, entry.key) }
            if let node = read(entry.value, as: form, name: entry.key) {
                mapping.entries.append(SpecMapping.Entry(key: entry.key, keyRange: entry.keyRange, node: node))
            } else {
                mapping.broken.append(entry.key)
            }
        }
        return mapping
    }

    private mutating func readKeys(_ entries: [YAMLEntry], _ form: MappingForm, at range: SourceRange) -> SpecMapping {
        let outer = (entryLabel, isWithinUnavailable)
        defer { (entryLabel, isWithinUnavailable) = outer }
        if let label = form.labels.lazy.compactMap({ Self.label(in: entries, $0) }).first { entryLabel = label }
        if let list = form.laterEntryOf { markUnavailable(list, at: range) }
        var mapping = SpecMapping()
        mapping.entries.reserveCapacity(entries.count)
        var meant: [String] = []
        var hasUnknown = false
        for entry in entries {
            guard let key = form.key(entry.key) else {
                if let nearest = reportUnknown(entry, form) { meant.append(nearest) }
                hasUnknown = true
                continue
            }
            let wasWithin = isWithinUnavailable
            if key.since == .later { markUnavailable(key.name, at: entry.keyRange) }
            if let node = read(entry.value, as: key.form, name: key.name) {
                mapping.entries.append(SpecMapping.Entry(key: key.name, keyRange: entry.keyRange, node: node))
                noteLaterChoice(node, key, entry.keyRange)
            } else {
                mapping.broken.append(key.name)
            }
            isWithinUnavailable = wasWithin
        }
        check(entries, form, at: range, meant: meant, hasUnknown: hasUnknown)
        return mapping
    }

    private static func label(in entries: [YAMLEntry], _ key: String) -> String? {
        guard let value = entries.first(where: { $0.key == key })?.value else { return nil }
        return value.scalar?.text ?? value.sequence?.first?.scalar?.text
    }

    private mutating func markUnavailable(_ key: String, at range: SourceRange) {
        defer { isWithinUnavailable = true }
        guard !isWithinUnavailable else { return }
        noteUnavailable("'\(key)'", range)
    }

    private mutating func noteLaterChoice(_ node: SpecNode, _ key: Key, _ range: SourceRange) {
        guard !isWithinUnavailable, let text = node.text else { return }
        for case .choice(let choice) in key.form.scalars where choice.later.contains(text) {
            noteUnavailable("'\(key.name): \(text)'", range)
        }
    }

    private mutating func noteUnavailable(_ what: String, _ range: SourceRange) {
        let asker = entryLabel.map { "'\($0.withVisibleControls)'" } ?? "'policy'"
        let diagnostic = Diagnostic.error(
            "unavailable",
            "\(what) is not available in this version: \(asker) asks for it",
            at: range,
            help: "take it out to plan with this version"
        )
        unavailable.append(UnavailableUse(diagnostic: diagnostic, alias: alias))
    }

    mutating func report(_ code: String, _ message: String, _ range: SourceRange, _ help: String?, hidesSource: Bool = false) {
        var diagnostic = Diagnostic.error(code, message, at: range, help: help)
        diagnostic.hidesSource = hidesSource
        diagnostics.append(diagnostic)
    }

    private mutating func reject(_ node: YAMLNode, _ form: ValueForm, _ name: String) -> SpecNode? {
        let found =
            switch node.value {
            case .scalar(let scalar): scalar.resolved == .null ? "nothing" : "one value"
            case .sequence: "a list"
            case .mapping: "a mapping"
            }
        var help: String?
        if let scalar = node.scalar, scalar.resolved != .null, form.scalars.isEmpty, form.list != nil, form.mapping == nil {
            help = "write it as a list: [\(scalar.text.withVisibleControls)]"
        } else if node.scalar?.resolved == .null {
            help = "give it a value, or take the key out"
        }
        report("wrong-type", "'\(name)' must be \(form.expectation), not \(found)", node.range, help)
        return nil
    }
}
