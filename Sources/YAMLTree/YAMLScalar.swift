/// A text value: what was written, and what YAML 1.2's core schema (section 10.3 of the specification) reads from it.
package struct YAMLScalar: Hashable, Sendable {
    package enum Resolved: Hashable, Sendable {
        case null
        case bool(Bool)
        case int(Int64)
        /// Also whole numbers beyond 64 bits.
        case float(Double)
        case string
    }

    /// Which rules give the type: the schema's, or a tag such as `!!str` or `!!float`.
    enum Typing: Hashable, Sendable {
        case schema, string, float
    }

    /// The text as written, once quotes, escapes and folding are resolved; `010` and `1.10` stay just that.
    package var text: String
    /// Whether it stands without quotes, block indicator and tag, so that its type follows from its text.
    package var isPlain: Bool
    var typing: Typing

    package init(text: String, isPlain: Bool) {
        self.init(text: text, isPlain: isPlain, typing: isPlain ? .schema : .string)
    }

    init(text: String, isPlain: Bool, typing: Typing) {
        self.text = text
        self.isPlain = isPlain
        self.typing = typing
    }

    package var resolved: Resolved {
        switch typing {
        case .string: return .string
        case .schema: return Self.resolve(text)
        case .float:
            if case .int(let number) = Self.resolve(text) { return .float(Double(number)) }
            return Self.resolve(text)
        }
    }

    static func resolve(_ text: String) -> Resolved {
        switch text {
        case "", "~", "null", "Null", "NULL": return .null
        case "true", "True", "TRUE": return .bool(true)
        case "false", "False", "FALSE": return .bool(false)
        case ".nan", ".NaN", ".NAN": return .float(.nan)
        default: break
        }
        guard let first = text.utf8.first, isNumberStart(first) else { return .string }
        return integer(text) ?? float(text) ?? .string
    }

    private static func isNumberStart(_ byte: UInt8) -> Bool {
        isDigit(byte) || byte == UInt8(ascii: "-") || byte == UInt8(ascii: "+") || byte == UInt8(ascii: ".")
    }

    private static func isDigit(_ byte: UInt8) -> Bool { UInt8(ascii: "0")...UInt8(ascii: "9") ~= byte }

    /// `[-+]?[0-9]+`, `0o[0-7]+`, `0x[0-9a-fA-F]+`.
    private static func integer(_ text: String) -> Resolved? {
        if text.hasPrefix("0o") { return integer(text.dropFirst(2), radix: 8) }
        if text.hasPrefix("0x") { return integer(text.dropFirst(2), radix: 16) }
        let digits = text.utf8.drop { $0 == UInt8(ascii: "-") || $0 == UInt8(ascii: "+") }
        guard text.utf8.count - digits.count <= 1, !digits.isEmpty, digits.allSatisfy(isDigit) else { return nil }
        return Int64(text).map { .int($0) } ?? Double(text).map { .float($0) }
    }

    private static func integer(_ digits: Substring, radix: Int) -> Resolved? {
        guard !digits.isEmpty, digits.utf8.allSatisfy({ Character(UnicodeScalar($0)).hexDigitValue.map { $0 < radix } ?? false })
        else { return nil }
        if let number = Int64(digits, radix: radix) { return .int(number) }
        let value = digits.utf8.reduce(0.0) { sum, byte in
            sum * Double(radix) + Double(Character(UnicodeScalar(byte)).hexDigitValue ?? 0)
        }
        return .float(value)
    }

    /// `[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?` or a signed `.inf`.
    private static func float(_ text: String) -> Resolved? {
        var rest = Substring(text)
        let isNegative = rest.first == "-"
        if isNegative || rest.first == "+" { rest.removeFirst() }
        if [".inf", ".Inf", ".INF"].contains(rest) { return .float(isNegative ? -.infinity : .infinity) }
        var bytes = rest.utf8
        let whole = takeDigits(&bytes)
        var fraction = 0
        if bytes.first == UInt8(ascii: ".") {
            bytes.removeFirst()
            fraction = takeDigits(&bytes)
        }
        guard whole + fraction > 0 else { return nil }
        if let mark = bytes.first, mark == UInt8(ascii: "e") || mark == UInt8(ascii: "E") {
            bytes.removeFirst()
            if let sign = bytes.first, sign == UInt8(ascii: "-") || sign == UInt8(ascii: "+") { bytes.removeFirst() }
            guard takeDigits(&bytes) > 0 else { return nil }
        }
        guard bytes.isEmpty else { return nil }
        return Double(text).map { .float($0) }
    }

    private static func takeDigits(_ bytes: inout Substring.UTF8View) -> Int {
        let rest = bytes.drop(while: isDigit)
        defer { bytes = rest }
        return bytes.count - rest.count
    }
}
