internal import Diagnostics
internal import OCI
internal import YAMLTree

extension NodeReader {
    /// Names under which people keep secrets, without `_`, `-` and capitals.
    private static let secretNames: Set<String> = [
        "password", "passwd", "pass", "pwd", "secret", "clientsecret", "token", "bearertoken", "accesstoken", "refreshtoken", "apikey",
        "iamapikey", "auth", "identitytoken", "privatekey", "username", "user",
    ]

    /// Returns the key that was meant, if one is near.
    mutating func reportUnknown(_ entry: YAMLEntry, _ form: MappingForm) -> String? {
        let key = entry.key.withVisibleControls
        let bare = entry.key.lowercased().filter { $0 != "_" && $0 != "-" }
        if Self.secretNames.contains(bare) {
            report(
                "secret-in-spec",
                "'\(key)' is not a key of \(form.title): secrets never stand in a spec",
                SourceRange(file: entry.keyRange.file, start: entry.keyRange.start, end: max(entry.keyRange.end, entry.value.range.end)),
                "name the environment variable that holds it: credentials: {usernameEnv: …, passwordEnv: …}",
                hidesSource: true
            )
            return nil
        }
        let nearest = Suggestion.nearest(to: entry.key, among: form.keys.map(\.name))
        let help = nearest.map { "did you mean '\($0)'?" } ?? "its keys are \(form.keys.map(\.name).joined(separator: ", "))"
        report("unknown-key", "'\(key)' is not a key of \(form.title)", entry.keyRange, help)
        return nearest
    }

    /// Required keys, and what holds between keys. Goes by what is written, so that a value reported already is not reported as missing;
    /// nor is what a misspelt key stands for (`meant`), or may stand for (`hasUnknown`).
    mutating func check(_ entries: [YAMLEntry], _ form: MappingForm, at range: SourceRange, meant: [String], hasUnknown: Bool) {
        func has(_ key: String) -> Bool { entries.contains { $0.key == key } || meant.contains(key) }
        for key in form.keys where key.isRequired && !has(key.name) {
            reportMissing(
                "'\(key.name)'",
                form,
                range,
                "add '\(key.name)': \(key.doc.prefix(1).lowercased())\(key.doc.dropFirst().dropLast())"
            )
        }
        for rule in form.rules {
            switch rule {
            case .exactlyOne(let sets):
                let written = Set(entries.map(\.key)).union(meant)
                if hasUnknown, sets.allSatisfy(written.isDisjoint) { continue }
                checkExactlyOne(sets, written, entries, form, at: range)
            case .atLeastOne(let keys):
                if !keys.contains(where: has), !hasUnknown { reportMissing(Self.words(keys, "or"), form, range, nil) }
            case .atMostOne(let keys):
                let present = keys.filter(has)
                if present.count > 1 { reportConflict(present, entries, form) }
            case .needs(let key, let others):
                if let entry = entries.first(where: { $0.key == key }), !others.contains(where: has) {
                    report("missing-key", "'\(key)' needs \(Self.words(others, "or")) beside it", entry.keyRange, nil)
                }
            case .requiredUnlessMapping(let key, let other):
                if meant.contains(key) { continue }
                checkUnlessMapping(key, other, entries, form, at: range)
            }
        }
    }

    private mutating func checkExactlyOne(
        _ sets: [[String]],
        _ written: Set<String>,
        _ entries: [YAMLEntry],
        _ form: MappingForm,
        at range: SourceRange
    ) {
        let begun = sets.filter { !written.isDisjoint(with: $0) }
        guard let first = begun.first else {
            reportMissing(Self.words(sets.map { $0.joined(separator: "' and '") }, "or"), form, range, nil)
            return
        }
        if begun.count > 1 {
            reportConflict(begun.compactMap { $0.first(where: written.contains) }, entries, form)
        } else {
            for key in first where !written.contains(key) {
                let present = first.first { written.contains($0) } ?? ""
                reportMissing("'\(key)'", form, range, "'\(present)' needs it beside it")
            }
        }
    }

    private mutating func checkUnlessMapping(
        _ key: String,
        _ other: String,
        _ entries: [YAMLEntry],
        _ form: MappingForm,
        at range: SourceRange
    ) {
        let isMapping = entries.first { $0.key == other }?.value.mapping != nil
        let entry = entries.first { $0.key == key }
        if let entry, isMapping {
            report("conflicting-keys", "'\(key)' does not go with a mapping under '\(other)'", entry.keyRange, "take '\(key)' out")
        } else if entry == nil, !isMapping {
            reportMissing("'\(key)'", form, range, nil)
        }
    }

    private mutating func reportMissing(_ keys: String, _ form: MappingForm, _ range: SourceRange, _ help: String?) {
        report("missing-key", "\(form.title) lacks \(keys)", Self.firstLine(range), help)
    }

    private mutating func reportConflict(_ keys: [String], _ entries: [YAMLEntry], _ form: MappingForm) {
        guard let second = entries.last(where: { keys.contains($0.key) }) else { return }
        let message = "\(form.title) takes only one of \(Self.words(keys, "and"))"
        report("conflicting-keys", message, second.keyRange, "take all but one out")
    }

    /// A mapping may be long; its beginning is enough to find it.
    private static func firstLine(_ range: SourceRange) -> SourceRange {
        guard range.end.line > range.start.line else { return range }
        return SourceRange(file: range.file, start: range.start, end: range.start)
    }

    private static func words(_ keys: [String], _ conjunction: String) -> String {
        let quoted = keys.map { "'\($0)'" }
        guard let last = quoted.last, quoted.count > 1 else { return quoted.first ?? "" }
        return quoted.dropLast().joined(separator: ", ") + " \(conjunction) " + last
    }
}
