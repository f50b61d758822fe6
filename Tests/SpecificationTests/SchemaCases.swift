import OCI

@testable import Specification

/// A whole spec that the key table says is right or wrong, for the schema and for reading alike.
struct SchemaCase: Sendable {
    var name: String
    var document: JSONValue
    var isValid: Bool
}

/// Makes, for every key of the table, a spec with it, specs with wrong values in its place, and specs that break each rule between keys.
struct SchemaCases {
    private(set) var cases: [SchemaCase] = []

    static func all() -> [SchemaCase] {
        var maker = SchemaCases()
        maker.visit(KeyTable.root, path: "spec") { $0 }
        return maker.cases
    }

    private typealias Wrap = (JSONValue) -> JSONValue

    private mutating func visit(_ form: MappingForm, path: String, _ wrap: @escaping Wrap) {
        add("\(path) with an unknown key", wrap(.object(Self.members(form, with: nil).merging(["noSuchKey": .integer(1)]) { $1 })), false)
        for key in form.keys {
            let place = "\(path).\(key.name)"
            let inside: Wrap = { wrap(.object(Self.members(form, with: key, value: $0))) }
            for sample in Self.samples(key.form) { add(place, inside(sample), true) }
            for wrong in Self.wrongValues(key.form) { add("\(place): \(wrong.canonicalText)", inside(wrong), false) }
            if key.isRequired {
                var members = Self.members(form, with: nil)
                members[key.name] = nil
                add("\(path) without \(key.name)", wrap(.object(members)), false)
            }
            descend(key.form, path: place, inside)
        }
        for rule in form.rules { breakRule(rule, form, path: path, wrap) }
    }

    private mutating func descend(_ form: ValueForm, path: String, _ wrap: @escaping Wrap) {
        if case .items(let item, _)? = form.list {
            for wrong in Self.wrongValues(item) where !Self.isAmongItems(wrong, item) {
                add("\(path)[]: \(wrong.canonicalText)", wrap(.array([wrong])), false)
            }
            descend(item, path: path + "[]") { wrap(.array([$0])) }
        }
        switch form.mapping {
        case nil: break
        case .keys(let keys)?: visit(keys, path: path, wrap)
        case .names(let name, let value)?:
            add("\(path) with a wrong name", wrap(.object(["% %": Self.sample(value)])), false)
            for wrong in Self.wrongValues(value) { add("\(path).*: \(wrong.canonicalText)", wrap(.object([name.example: wrong])), false) }
            descend(value, path: path + ".*") { wrap(.object([name.example: $0])) }
        }
    }

    private static func isAmongItems(_ value: JSONValue, _ item: ValueForm) -> Bool {
        if case .array = value { item.list != nil } else { false }
    }

    private mutating func breakRule(_ rule: KeyRule, _ form: MappingForm, path: String, _ wrap: @escaping Wrap) {
        func without(_ keys: [String], adding more: [String] = []) -> JSONValue {
            var members = Self.members(form, with: nil)
            for key in keys { members[key] = nil }
            for key in more { members[key] = form.key(key).map { Self.sample($0.form) } }
            return wrap(.object(members))
        }
        switch rule {
        case .exactlyOne(let sets):
            let all = sets.flatMap { $0 }
            add("\(path) with none of \(all)", without(all), false)
            add("\(path) with two of \(all)", without(all, adding: sets[0] + sets[1]), false)
            for set in sets where set.count > 1 { add("\(path) with part of \(set)", without(all, adding: [set[0]]), false) }
        case .atLeastOne(let keys): add("\(path) with none of \(keys)", without(keys), false)
        case .atMostOne(let keys): add("\(path) with both of \(keys)", without([], adding: keys), false)
        case .needs(let key, let others): add("\(path) with \(key) alone", without(others, adding: [key]), false)
        case .requiredUnlessMapping(let key, let other):
            add("\(path) without \(key)", without([key]), false)
            let mapping = form.key(other)?.form.mapping.map { Self.sample($0) }
            var members = Self.members(form, with: nil)
            members[other] = mapping
            add("\(path) with \(key) beside a mapping", wrap(.object(members)), false)
        }
    }

    private mutating func add(_ name: String, _ document: JSONValue, _ isValid: Bool) {
        cases.append(SchemaCase(name: name, document: document, isValid: isValid))
    }
}

/// Right and wrong values.
extension SchemaCases {
    /// The fewest members that satisfy the form, with `key` among them.
    private static func members(_ form: MappingForm, with key: Key?, value: JSONValue? = nil) -> [String: JSONValue] {
        var names = Set(form.keys.filter(\.isRequired).map(\.name))
        if let key { names.insert(key.name) }
        for rule in form.rules {
            switch rule {
            case .exactlyOne(let sets):
                let chosen = sets.first { set in key.map { set.contains($0.name) } ?? false }
                names.formUnion(chosen ?? sets[0])
            case .atLeastOne(let keys): if names.isDisjoint(with: keys) { names.insert(keys[0]) }
            case .atMostOne: continue
            case .needs(let name, let others):
                // What a key needs may be one of several alternatives that exclude each other.
                if names.contains(name), names.isDisjoint(with: others) { names.insert(others[0]) }
            case .requiredUnlessMapping(let name, let other):
                if key?.name != other || value?.object == nil { names.insert(name) }
            }
        }
        var members: [String: JSONValue] = [:]
        for name in names { members[name] = form.key(name).map { sample($0.form) } }
        if let key { members[key.name] = value ?? sample(key.form) }
        return members
    }

    /// One right value of each shape.
    static func samples(_ form: ValueForm) -> [JSONValue] {
        var samples = form.scalars.map { sample($0) }
        if case .items(let item, let atLeast)? = form.list {
            samples.append(.array([sample(item)]))
            if atLeast == 0 { samples.append(.array([])) }
        }
        if let mapping = form.mapping { samples.append(sample(mapping)) }
        return samples
    }

    private static func sample(_ form: ValueForm) -> JSONValue { samples(form).first ?? .null }

    private static func sample(_ shape: MappingShape) -> JSONValue {
        switch shape {
        case .keys(let keys): .object(members(keys, with: nil))
        case .names(let name, let value): .object([name.example: sample(value)])
        }
    }

    private static func sample(_ form: ScalarForm) -> JSONValue {
        switch form {
        case .text(let text): .string(text.example)
        case .boolean: .bool(true)
        case .integer(let range): .integer(Int64(range.lowerBound))
        case .choice(let choice): .string(choice.values[0])
        }
    }

    /// Wrong values: nothing, every shape the form lacks, and for each scalar form what it does not take.
    private static func wrongValues(_ form: ValueForm) -> [JSONValue] {
        var values: [JSONValue] = [.null]
        if form.mapping == nil { values.append(.object(["a": .integer(1)])) }
        switch form.list {
        case nil: values.append(.array([.string("x")]))
        case .items(_, let atLeast)?: if atLeast > 0 { values.append(.array([])) }
        }
        guard !form.scalars.isEmpty else { return values + [.string("no-such-value")] }
        let candidates: [JSONValue] = [
            .string("% %"), .string("~x"), .string(""), .string("no-such-value"), .integer(-1), .integer(1 << 40),
        ]
        return values + candidates.filter { candidate in form.scalars.allSatisfy { !takes($0, candidate) } }
    }

    private static func takes(_ form: ScalarForm, _ value: JSONValue) -> Bool {
        switch (form, value) {
        // The schema lets numbers pass for text, which a tag may look like.
        case (.text, .integer): true
        case (.text(let text), .string(let string)): text.problem(string) == nil
        case (.integer(let range), .integer(let number)): range.contains(Int(number))
        case (.choice(let choice), .string(let string)): choice.values.contains(string)
        default: false
        }
    }
}
