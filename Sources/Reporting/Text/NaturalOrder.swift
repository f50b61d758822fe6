/// The order people expect: `1.9` before `1.10`.
enum NaturalOrder {
    static func precedes(_ left: String, _ right: String) -> Bool {
        var (a, b) = (left.utf8[...], right.utf8[...])
        while let first = a.first, let second = b.first {
            if isDigit(first), isDigit(second) {
                let (one, other) = (takeNumber(&a), takeNumber(&b))
                if one.count != other.count { return one.count < other.count }
                if !one.elementsEqual(other) { return one.lexicographicallyPrecedes(other) }
            } else {
                if first != second { return first < second }
                a.removeFirst()
                b.removeFirst()
            }
        }
        if a.isEmpty != b.isEmpty { return a.isEmpty }
        return left.utf8.lexicographicallyPrecedes(right.utf8)
    }

    /// The digits that `text` begins with, without leading zeros.
    private static func takeNumber(_ text: inout Substring.UTF8View) -> Substring.UTF8View {
        let digits = text.prefix(while: isDigit)
        text = text[digits.endIndex...]
        return digits.drop { $0 == UInt8(ascii: "0") }
    }

    private static func isDigit(_ byte: UInt8) -> Bool { (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) }
}
