/// Reads the tokens and quoted strings of a header field (RFC 9110, section 5.6).
struct HeaderScanner {
    private var rest: Substring

    init(_ text: String) {
        rest = Substring(text)
    }

    var isAtEnd: Bool { rest.isEmpty }
    var peek: Character? { rest.first }

    mutating func skip(while predicate: (Character) -> Bool) {
        rest = rest.drop(while: predicate)
    }

    mutating func take(_ character: Character) -> Bool {
        guard rest.first == character else { return false }
        rest.removeFirst()
        return true
    }

    mutating func text(while predicate: (Character) -> Bool) -> String {
        let text = rest.prefix(while: predicate)
        rest = rest.dropFirst(text.count)
        return String(text)
    }

    /// The value of a quoted string that begins here; `nil` when none does. An unfinished one ends with the field.
    mutating func quoted() -> String? {
        guard take("\"") else { return nil }
        var value = ""
        while let character = rest.popFirst() {
            if character == "\"" { break }
            if character == "\\", let escaped = rest.popFirst() {
                value.append(escaped)
            } else {
                value.append(character)
            }
        }
        return value
    }
}
