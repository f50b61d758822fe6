internal import OCI

/// The JSON Schema (draft 2020-12) of a spec, drawn from the key table.
package enum SpecSchema {
    /// What `crplan schema` prints and `schemas/spec.schema.json` holds.
    package static var text: String {
        var writer = SchemaWriter()
        var root = writer.object(KeyTable.root)
        root["$schema"] = .string("https://json-schema.org/draft/2020-12/schema")
        root["title"] = .string("A spec of crplan")
        root["$defs"] = .object(writer.definitions)
        return JSONValue.object(root).prettyText
    }
}

private struct SchemaWriter {
    typealias Members = [String: JSONValue]

    private(set) var definitions: Members = [
        "variable": .object([
            "description": .string("Text with ${name}, where a variable's value is put in."),
            "type": .string("string"),
            "pattern": .string("\\$\\{[A-Za-z_][A-Za-z0-9_-]*\\}"),
        ])
    ]

    mutating func object(_ form: MappingForm) -> Members {
        var properties: Members = [:]
        for key in form.keys {
            var members = value(key.form)
            members["description"] = .string(key.doc + (key.since == .later ? " Not available in this version." : ""))
            properties[key.name] = .object(members)
        }
        var members: Members = [
            "description": .string(form.doc + (form.laterEntryOf == nil ? "" : " Not available in this version.")),
            "type": .string("object"),
            "properties": .object(properties),
            "additionalProperties": .bool(false),
        ]
        let required = form.keys.filter(\.isRequired).map(\.name)
        if !required.isEmpty { members["required"] = Self.strings(required) }
        if !form.rules.isEmpty { members["allOf"] = .array(form.rules.flatMap(Self.conditions).map { .object($0) }) }
        return members
    }

    private mutating func value(_ form: ValueForm) -> Members {
        var alternatives: [Members] = form.scalars.map { scalar($0) }
        if form.expandsVariables, !alternatives.isEmpty, !form.takesAnyText { alternatives.append(Self.reference("variable")) }
        if case .items(let item, let atLeast)? = form.list {
            var list: Members = ["type": .string("array"), "items": .object(value(item))]
            if atLeast > 0 { list["minItems"] = .integer(Int64(atLeast)) }
            alternatives.append(list)
        }
        switch form.mapping {
        case nil: break
        case .keys(let keys)?: alternatives.append(define(keys.id) { writer in writer.object(keys) })
        case .names(let name, let value)?:
            alternatives.append([
                "type": .string("object"),
                "propertyNames": .object(name.pattern.map { ["pattern": .string($0)] } ?? [:]),
                "additionalProperties": .object(self.value(value)),
            ])
        }
        if alternatives.count == 1, let only = alternatives.first { return only }
        return ["anyOf": .array(alternatives.map { .object($0) })]
    }

    private mutating func scalar(_ form: ScalarForm) -> Members {
        switch form {
        case .boolean: return ["type": .string("boolean")]
        case .integer(let range):
            return ["type": .string("integer"), "minimum": .integer(Int64(range.lowerBound)), "maximum": .integer(Int64(range.upperBound))]
        case .choice(let choice):
            return ["enum": .array(choice.values.flatMap { value in Self.spellings(value) })]
        case .text(let text):
            return define(text.id) { _ in
                // Unquoted, 1.10 is a number to YAML; here it is the text that was written.
                var members: Members = [
                    "type": Self.strings(["string", "number", "boolean"]), "examples": Self.strings([text.example]),
                ]
                if let pattern = text.pattern { members["pattern"] = .string(pattern) }
                if text.pattern == nil, text.problem("") != nil { members["minLength"] = .integer(1) }
                return members
            }
        }
    }

    /// A word, or the truth value that YAML takes it for.
    private static func spellings(_ word: String) -> [JSONValue] {
        switch word {
        case "true": [.bool(true), .string(word)]
        case "false": [.bool(false), .string(word)]
        default: [.string(word)]
        }
    }

    private mutating func define(_ id: String, _ make: (inout SchemaWriter) -> Members) -> Members {
        if definitions[id] == nil {
            definitions[id] = .null
            definitions[id] = .object(make(&self))
        }
        return Self.reference(id)
    }

    private static func reference(_ id: String) -> Members { ["$ref": .string("#/$defs/\(id)")] }

    private static func strings(_ texts: [String]) -> JSONValue { .array(texts.map { .string($0) }) }

    private static func required(_ keys: [String]) -> Members { ["required": strings(keys)] }

    private static func any(_ keys: [String]) -> JSONValue { .array(keys.map { .object(required([$0])) }) }

    private static func conditions(_ rule: KeyRule) -> [Members] {
        switch rule {
        case .exactlyOne(let sets):
            // A set is whole, and nothing of the others stands beside it.
            let alternatives = sets.map { set in
                var members = required(set)
                let others = sets.filter { $0 != set }.flatMap { $0 }
                members["properties"] = .object(Members(others.map { ($0, .bool(false)) }) { first, _ in first })
                return JSONValue.object(members)
            }
            return [["oneOf": .array(alternatives)]]
        case .atLeastOne(let keys): return [["anyOf": any(keys)]]
        case .atMostOne(let keys):
            return keys.indices.flatMap { index in
                keys[(index + 1)...].map { ["not": .object(required([keys[index], $0]))] }
            }
        case .needs(let key, let others):
            return [["dependentSchemas": .object([key: .object(["anyOf": any(others)])])]]
        case .requiredUnlessMapping(let key, let other):
            return [
                [
                    "if": .object(["properties": .object([other: .object(["type": .string("object")])]), "required": strings([other])]),
                    "then": .object(["properties": .object([key: .bool(false)])]),
                    "else": .object(required([key])),
                ]
            ]
        }
    }
}

extension ValueForm {
    /// Whether every text passes, one with a variable included.
    fileprivate var takesAnyText: Bool {
        scalars.contains { if case .text(let form) = $0 { form.pattern == nil } else { false } }
    }
}
