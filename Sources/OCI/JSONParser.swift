/// One pass over a JSON text (RFC 8259). It gives the value, and finds what other programs would read differently.
struct JSONParser {
    typealias Invalid = JSONValue.Invalid

    /// Objects and lists within each other; the pass calls itself for each.
    static let deepest = 64
    /// Bytes of a member's name that has more than ASCII.
    static let longestName = 1024

    private let bytes: [UInt8]
    private let names: MemberNames?
    private var place = 0
    /// The first place that programs read differently.
    private var ambiguity: (place: Int, clause: String)?
    /// Whether the number read last has neither a fraction nor an exponent.
    private var isPlain = true

    /// `names`: of members that must be written like this outside of annotations.
    init(_ bytes: [UInt8], names: MemberNames? = nil) {
        self.bytes = bytes
        self.names = names
    }

    /// Why other programs would read what was parsed differently; of two members of one name the value has the first.
    var difference: Invalid? { ambiguity.map { Invalid(isAmbiguous: true, description: $0.clause) } }

    mutating func parse() throws(Invalid) -> JSONValue {
        if bytes.starts(with: [0xef, 0xbb, 0xbf]) {
            note("it begins with a byte order mark", at: 0)
            place = 3
        }
        skipSpace()
        let value = try readValue(depth: 0, isFree: false)
        skipSpace()
        guard place == bytes.count else { throw notJSON }
        return value
    }

    // MARK: Places and problems

    /// 0 at the end: no JSON has that byte.
    private var next: UInt8 { place < bytes.count ? bytes[place] : 0 }

    private mutating func skipSpace() {
        while next == 0x20 || next == 0x0a || next == 0x0d || next == 0x09 { place += 1 }
    }

    private mutating func take(_ byte: Unicode.Scalar) -> Bool {
        guard next == UInt8(ascii: byte) else { return false }
        place += 1
        return true
    }

    /// Text with a byte of zero is most likely UTF-16.
    private var notJSON: Invalid {
        bytes.contains(0) ? Invalid(isAmbiguous: true, description: "it is not UTF-8") : Invalid(description: "it is not JSON")
    }

    private mutating func note(_ clause: String, at place: Int) {
        if ambiguity.map({ place < $0.place }) ?? true { ambiguity = (place, clause) }
    }

    // MARK: Values

    /// `isFree`: within annotations.
    private mutating func readValue(depth: Int, isFree: Bool) throws(Invalid) -> JSONValue {
        switch next {
        case UInt8(ascii: "\""): return .string(try readText())
        case UInt8(ascii: "{"), UInt8(ascii: "["):
            guard depth < Self.deepest else {
                throw Invalid(isAmbiguous: true, description: "it is nested more than \(Self.deepest) deep")
            }
            return next == UInt8(ascii: "{") ? try readObject(depth + 1, isFree) : try readList(depth + 1, isFree)
        case UInt8(ascii: "-"), UInt8(ascii: "0")...UInt8(ascii: "9"): return try readNumber()
        case UInt8(ascii: "t"): return try readWord("true", .bool(true))
        case UInt8(ascii: "f"): return try readWord("false", .bool(false))
        case UInt8(ascii: "n"): return try readWord("null", .null)
        default: throw notJSON
        }
    }

    private mutating func readWord(_ word: StaticString, _ value: JSONValue) throws(Invalid) -> JSONValue {
        for offset in 0..<word.utf8CodeUnitCount {
            guard next == word.utf8Start[offset] else { throw notJSON }
            place += 1
        }
        return value
    }

    private mutating func readList(_ depth: Int, _ isFree: Bool) throws(Invalid) -> JSONValue {
        place += 1
        skipSpace()
        if take("]") { return .array([]) }
        var values: [JSONValue] = []
        while true {
            values.append(try readValue(depth: depth, isFree: isFree))
            skipSpace()
            if take("]") { return .array(values) }
            guard take(",") else { throw notJSON }
            skipSpace()
        }
    }

    private mutating func readObject(_ depth: Int, _ isFree: Bool) throws(Invalid) -> JSONValue {
        place += 1
        skipSpace()
        if take("}") { return .object([:]) }
        var members: [String: JSONValue] = [:]
        while true {
            let start = place
            guard next == UInt8(ascii: "\"") else { throw notJSON }
            let name = try readText()
            // Comparing texts takes long when they have thousands of accents in a wrong order.
            guard name.utf8.count <= Self.longestName || name.utf8.allSatisfy({ $0 < 0x80 }) else {
                throw Invalid(isAmbiguous: true, description: "the name of one of its members is too long")
            }
            if members.count == 1 { members.reserveCapacity(4) }
            skipSpace()
            guard take(":") else { throw notJSON }
            skipSpace()
            let value = try readValue(depth: depth, isFree: isFree || name == "annotations")
            if let first = members.updateValue(value, forKey: name) {
                members[name] = first
                note("its member '\(name.withVisibleControls)' stands there twice", at: start)
            } else if !isFree {
                checkSpelling(name, value, at: start)
            }
            skipSpace()
            if take("}") { return .object(members) }
            guard take(",") else { throw notJSON }
            skipSpace()
        }
    }

    private mutating func checkSpelling(_ name: String, _ value: JSONValue, at start: Int) {
        guard let spelling = names?.spelling(of: name) else { return }
        if spelling != name {
            note("its member '\(name.withVisibleControls)' is '\(spelling)' to some programs and unknown to others", at: start)
            return
        }
        switch value {
        case .integer, .number: if !isPlain { note("its member '\(name)' is not written as a whole number", at: start) }
        default: break
        }
    }

    // MARK: Texts

    private mutating func readText() throws(Invalid) -> String {
        place += 1
        let start = place
        var end = start
        var seen: UInt8 = 0
        while end < bytes.count {
            let byte = bytes[end]
            if byte == UInt8(ascii: "\"") {
                place = end + 1
                // Most texts are ASCII, for which there is a faster way than to validate them.
                if seen < 0x80 { return String(decoding: bytes[start..<end], as: UTF8.self) }
                guard let text = String(validating: bytes[start..<end], as: UTF8.self) else { throw notJSON }
                return text
            }
            if byte == UInt8(ascii: "\\") {
                place = end
                return try readEscapedText(from: start)
            }
            guard byte >= 0x20 else { throw notJSON }
            seen |= byte
            end += 1
        }
        throw notJSON
    }

    /// The text that began at `start`, whose first escape stands at `place`.
    private mutating func readEscapedText(from start: Int) throws(Invalid) -> String {
        var text = Array(bytes[start..<place])
        while place < bytes.count {
            let byte = bytes[place]
            place += 1
            switch byte {
            case UInt8(ascii: "\""):
                guard let text = String(validating: text, as: UTF8.self) else { throw notJSON }
                return text
            case UInt8(ascii: "\\"): text.append(contentsOf: try readEscape().utf8)
            case 0..<0x20: throw notJSON
            default: text.append(byte)
            }
        }
        throw notJSON
    }

    private mutating func readEscape() throws(Invalid) -> Unicode.Scalar {
        let byte = next
        place += 1
        switch byte {
        case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): return Unicode.Scalar(byte)
        case UInt8(ascii: "b"): return "\u{8}"
        case UInt8(ascii: "f"): return "\u{c}"
        case UInt8(ascii: "n"): return "\n"
        case UInt8(ascii: "r"): return "\r"
        case UInt8(ascii: "t"): return "\t"
        case UInt8(ascii: "u"):
            var value = try readHexDigits()
            // Characters beyond 16 bits are written as two halves; half a character is none.
            if (0xd800..<0xdc00).contains(value), take("\\"), take("u") {
                let low = try readHexDigits()
                guard (0xdc00..<0xe000).contains(low) else { throw notJSON }
                value = 0x10000 + (value - 0xd800) << 10 + (low - 0xdc00)
            }
            guard let scalar = Unicode.Scalar(value) else { throw notJSON }
            return scalar
        default: throw notJSON
        }
    }

    private mutating func readHexDigits() throws(Invalid) -> UInt32 {
        var value: UInt32 = 0
        for _ in 0..<4 {
            guard let digit = Character(Unicode.Scalar(next)).hexDigitValue else { throw notJSON }
            value = value << 4 | UInt32(digit)
            place += 1
        }
        return value
    }

    // MARK: Numbers

    private mutating func readNumber() throws(Invalid) -> JSONValue {
        let start = place
        _ = take("-")
        if !take("0") { try skipDigits() }
        isPlain = true
        if take(".") {
            isPlain = false
            try skipDigits()
        }
        if take("e") || take("E") {
            isPlain = false
            if !take("+") { _ = take("-") }
            try skipDigits()
        }
        let text = String(decoding: bytes[start..<place], as: UTF8.self)
        if let whole = isPlain ? Int64(text) : Self.wholeNumber(bytes[start..<place]) { return .integer(whole) }
        guard let value = Double(text), value.isFinite else {
            throw Invalid(isAmbiguous: true, description: "one of its numbers is too large")
        }
        return .number(value)
    }

    /// At least one.
    private mutating func skipDigits() throws(Invalid) {
        let start = place
        while (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(next) { place += 1 }
        guard place > start else { throw notJSON }
    }

    /// What a number with a fraction or an exponent is exactly, if that is whole: `1.50e2` is 150.
    private static func wholeNumber(_ text: ArraySlice<UInt8>) -> Int64? {
        let zero = UInt8(ascii: "0")
        let parts = text.split { $0 == UInt8(ascii: "e") || $0 == UInt8(ascii: "E") }
        guard parts[0].contains(where: { (zero + 1...zero + 9).contains($0) }) else { return 0 }
        let exponent = parts.count > 1 ? Int(String(decoding: parts[1], as: UTF8.self)) : 0
        guard let exponent, (-1_000...1_000).contains(exponent) else { return nil }
        let digits = parts[0].split(separator: UInt8(ascii: "."))
        let fraction = digits.count > 1 ? digits[1].prefix(through: digits[1].lastIndex { $0 != zero } ?? digits[1].startIndex) : []
        var whole = digits[0] + fraction
        let surplus = fraction.count - exponent
        if surplus > 0 {
            guard whole.suffix(surplus).allSatisfy({ $0 == zero }) else { return nil }
            whole = whole.dropLast(surplus)
        } else {
            whole.append(contentsOf: repeatElement(zero, count: -surplus))
        }
        return Int64(String(decoding: whole, as: UTF8.self))
    }
}
