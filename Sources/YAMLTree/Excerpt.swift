/// Text of the file as it may stand within a message: short, on one line, with nothing invisible.
struct Excerpt: CustomStringConvertible {
    private static let length = 40

    let description: String

    init(_ text: String) {
        var shown = ""
        for scalar in text.unicodeScalars.prefix(Self.length) { shown += Self.visible(scalar) }
        description = text.unicodeScalars.dropFirst(Self.length).isEmpty ? shown : shown + "…"
    }

    static func visible(_ scalar: Unicode.Scalar) -> String {
        switch scalar.properties.generalCategory {
        case .control, .format, .lineSeparator, .paragraphSeparator, .privateUse, .unassigned:
            "\\u{\(String(scalar.value, radix: 16))}"
        default: String(scalar)
        }
    }
}
