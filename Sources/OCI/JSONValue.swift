internal import FoundationEssentials

/// Any JSON value. Used where unknown members must be seen or kept, and for the canonical form that digests are computed over.
package enum JSONValue: Hashable, Sendable {
    case null
    case bool(Bool)
    case integer(Int64)
    case number(Double)
    case string(String)
    case array([JSONValue])
    case object([String: JSONValue])

    /// Why bytes are refused. The description is a clause, safe to show.
    package struct Invalid: Error, Hashable, Sendable, CustomStringConvertible {
        /// It may well be JSON, but not every program reads it, or not all read the same.
        package var isAmbiguous = false
        package let description: String
    }

    /// Reads a JSON text (RFC 8259) in UTF-8. Of two members of one name the first counts; a byte order mark is passed over.
    package init(parsing bytes: [UInt8]) throws(Invalid) {
        var parser = JSONParser(bytes)
        self = try parser.parse()
    }

    /// As `init(parsing:)`, and refuses what programs would read differently, so that crplan and who runs an image see the same: a byte
    /// order mark, two members of one name (most programs take the last), and outside of annotations a member of `names` that is written
    /// otherwise or whose number is not written as a whole one.
    package init(parsing bytes: [UInt8], strictly names: MemberNames) throws(Invalid) {
        var parser = JSONParser(bytes, names: names)
        self = try parser.parse()
        if let difference = parser.difference { throw difference }
    }

    /// The value as `Codable` writes it.
    package init(encoding value: some Encodable) throws(Invalid) {
        do {
            let encoder = JSONEncoder()
            encoder.outputFormatting = [.withoutEscapingSlashes]
            self = try JSONValue(parsing: Array(encoder.encode(value)))
        } catch {
            throw Invalid(description: "it cannot be written as JSON")
        }
    }

    package subscript(_ key: String) -> JSONValue? {
        if case .object(let members) = self { members[key] } else { nil }
    }

    package var string: String? { if case .string(let text) = self { text } else { nil } }
    package var array: [JSONValue]? { if case .array(let values) = self { values } else { nil } }
    package var object: [String: JSONValue]? { if case .object(let members) = self { members } else { nil } }

    /// Members sorted by their UTF-8 bytes, no white space, only what must be escaped is: the same value gives the same bytes.
    package var canonicalText: String {
        var text = ""
        write(into: &text, indent: nil)
        return text
    }

    /// As `canonicalText`, but with line breaks and two spaces per level, for people; ends with a line break.
    package var prettyText: String {
        var text = ""
        write(into: &text, indent: 0)
        text += "\n"
        return text
    }

    private func write(into text: inout String, indent: Int?) {
        switch self {
        case .null: text += "null"
        case .bool(let value): text += value ? "true" : "false"
        case .integer(let value): text += String(value)
        case .number(let value): text += value.isFinite ? String(value) : "null"
        case .string(let value): Self.write(value, into: &text)
        case .array(let values):
            Self.write(values, between: ("[", "]"), into: &text, indent: indent) { value, text, indent in
                value.write(into: &text, indent: indent)
            }
        case .object(let members):
            let sorted = members.sorted { $0.key.utf8.lexicographicallyPrecedes($1.key.utf8) }
            Self.write(sorted, between: ("{", "}"), into: &text, indent: indent) { member, text, indent in
                Self.write(member.key, into: &text)
                text += indent == nil ? ":" : ": "
                member.value.write(into: &text, indent: indent)
            }
        }
    }

    private static func write<Item>(
        _ items: [Item],
        between brackets: (String, String),
        into text: inout String,
        indent: Int?,
        _ writeItem: (Item, inout String, Int?) -> Void
    ) {
        text += brackets.0
        let inner = indent.map { $0 + 1 }
        for (position, item) in items.enumerated() {
            if position > 0 { text += "," }
            if let inner { text += "\n" + String(repeating: "  ", count: inner) }
            writeItem(item, &text, inner)
        }
        if let indent, !items.isEmpty { text += "\n" + String(repeating: "  ", count: indent) }
        text += brackets.1
    }

    private static func write(_ value: String, into text: inout String) {
        text += "\""
        for scalar in value.unicodeScalars {
            switch scalar {
            case "\"": text += "\\\""
            case "\\": text += "\\\\"
            case "\n": text += "\\n"
            case "\t": text += "\\t"
            case "\r": text += "\\r"
            case _ where scalar.value < 0x20 || scalar.value == 0x7f:
                let hex = String(scalar.value, radix: 16)
                text += "\\u" + String(repeating: "0", count: 4 - hex.count) + hex
            default: text.unicodeScalars.append(scalar)
            }
        }
        text += "\""
    }
}
