import FoundationEssentials
import OCI
import RegistryTestSupport
import Testing

/// `JSONDecoder` reads everything else in this package, so that both must agree about what a text means. They differ on purpose where
/// `JSONDecoder` is laxer than RFC 8259, or where other programs differ from it:
///
/// - It takes a comma before `]` and `}`.
/// - It takes UTF-16 and UTF-32, which it knows by a byte of zero or by a mark.
/// - It takes up to 512 nestings; here there are 64.
/// - It does not look into the values that it does not need, such as the second of two members of one name: `01` and half a character pass.
/// - It asks whether a number is whole after it was rounded: `4503599627370496.5` and `1e-400` are whole to it, and close to 2^63 some that
///   are whole are not.
@Suite struct JSONAgreementTests {
    private struct Decoded: Decodable {
        let value: JSONValue

        init(from decoder: any Decoder) throws {
            let single = try decoder.singleValueContainer()
            if single.decodeNil() {
                value = .null
            } else if let text = try? single.decode(String.self) {
                value = .string(text)
            } else if let number = try? single.decode(Int64.self) {
                value = .integer(number)
            } else if let members = try? single.decode([String: Decoded].self) {
                value = .object(members.mapValues(\.value))
            } else if let values = try? single.decode([Decoded].self) {
                value = .array(values.map(\.value))
            } else if let answer = try? single.decode(Bool.self) {
                value = .bool(answer)
            } else {
                value = .number(try single.decode(Double.self))
            }
        }
    }

    private struct TextGenerator {
        var random: SeededGenerator
        /// Whether every member has a name of its own.
        let isDistinct: Bool
        private var names = 0

        init(seed: UInt64, isDistinct: Bool = false) {
            random = SeededGenerator(seed: seed)
            self.isDistinct = isDistinct
        }

        mutating func pick<Item>(_ items: [Item]) -> Item { items[Int.random(in: items.indices, using: &random)] }

        mutating func count(_ most: Int) -> Int { Int.random(in: 0...most, using: &random) }

        mutating func value(_ depth: Int = 0) -> String {
            switch count(depth > 4 ? 5 : 9) {
            case 0: return pick(["null", "true", "false"])
            case 1, 2: return text()
            case 3: return number()
            case 4: return integer()
            case 5: return pick(["[]", "{}", "[ ]", "{\n}"])
            case 6, 7: return "[" + list { $0.value(depth + 1) } + "]"
            default: return "{" + list { $0.name() + $0.space() + ":" + $0.space() + $0.value(depth + 1) } + "}"
            }
        }

        mutating func list(_ item: (inout TextGenerator) -> String) -> String {
            var items: [String] = []
            for _ in 0...count(4) { items.append(space() + item(&self) + space()) }
            return items.joined(separator: ",")
        }

        mutating func space() -> String { pick(["", "", "", " ", "\n", "\t", "\r\n  "]) }

        mutating func name() -> String {
            names += 1
            return isDistinct ? "\"\(names)" + text().dropFirst() : text()
        }

        mutating func text() -> String {
            var text = "\""
            for _ in 0..<count(6) {
                text += pick([
                    "a", "b", "layers", "/", "é", "e\u{301}", "😀", "\u{7f}", "\u{2028}", "\u{ffff}", "\\n", "\\\"", "\\\\", "\\/", "\\b",
                    "\\f", "\\r", "\\t",
                    "\\u0000", "\\u00e9", "\\u00E9", "\\ud83d\\ude00", "\\uFFFF", "\\u0061",
                ])
            }
            return text + "\""
        }

        /// Few digits, so that rounding cannot make a whole number of a fraction.
        mutating func number() -> String {
            var number = pick(["", "-"]) + String(Int.random(in: 0...pick([9, 999, 1_234_567]), using: &random))
            if count(1) == 0 { number += "." + pick(["0", "5", "25", "000", "125000", "1234567"]) }
            if count(1) == 0 { number += pick(["e", "E"]) + pick(["", "+", "-"]) + pick(["0", "1", "05", "2", "12", "30"]) }
            return number
        }

        mutating func integer() -> String {
            let number = Int64.random(in: .min ... .max, using: &random) >> Int64(count(63))
            // Often more digits than 64 bits hold.
            return number != 0 && count(2) == 0 ? "\(number)\(count(9999))" : String(number)
        }

        mutating func mutated(_ text: String) -> [UInt8] {
            var bytes = Array(text.utf8)
            let marks =
                Array("{}[]:,\"\\'/ \t\n\u{0}\u{1}0123456789+-.eEnulltruefalse\u{e9}\u{feff}".utf8) + [0xff, 0xc0, 0xed, 0xa0, 0x80]
            for _ in 0...count(2) where !bytes.isEmpty {
                let place = Int.random(in: bytes.indices, using: &random)
                switch count(4) {
                case 0: bytes[place] = pick(marks)
                case 1: bytes.insert(pick(marks), at: place)
                case 2: bytes.remove(at: place)
                case 3: bytes.removeSubrange(place...)
                default:
                    bytes.insert(contentsOf: bytes[place..<min(place + 9, bytes.count)], at: Int.random(in: bytes.indices, using: &random))
                }
            }
            return bytes
        }
    }

    private func decoded(_ bytes: [UInt8]) -> JSONValue? { try? JSONDecoder().decode(Decoded.self, from: Data(bytes)).value }

    /// Numbers count as the same if they are so as a `Double`.
    private func isSame(_ one: JSONValue, _ other: JSONValue) -> Bool {
        switch (one, other) {
        case (.integer(let one), .number(let other)), (.number(let other), .integer(let one)): Double(one) == other
        case (.array(let one), .array(let other)): one.count == other.count && zip(one, other).allSatisfy(isSame)
        case (.object(let one), .object(let other)):
            one.count == other.count && one.allSatisfy { name, value in other[name].map { isSame(value, $0) } ?? false }
        default: one == other
        }
    }

    private func withoutLastCommas(_ bytes: [UInt8]) -> [UInt8] {
        var result: [UInt8] = []
        for byte in bytes {
            if byte == UInt8(ascii: "]") || byte == UInt8(ascii: "}"),
                let last = result.lastIndex(where: { ![0x20, 0x0a, 0x0d, 0x09].contains($0) }), result[last] == UInt8(ascii: ",")
            {
                result.remove(at: last)
            }
            result.append(byte)
        }
        return result
    }

    @Test(arguments: [1, 2, 3] as [UInt64])
    func `texts that are JSON have one value`(seed: UInt64) throws {
        var generator = TextGenerator(seed: seed)
        for _ in 0..<1_000 {
            let text = generator.space() + generator.value() + generator.space()
            let expected = try #require(decoded(Array(text.utf8)), "\(text)")
            let value = try #require(try? JSONValue(parsing: Array(text.utf8)), "\(text)")
            #expect(value == expected, "\(text)")
        }
    }

    @Test(arguments: [1, 2, 3] as [UInt64])
    func `texts with mistakes are refused by both, or mean the same to both`(seed: UInt64) throws {
        var generator = TextGenerator(seed: seed, isDistinct: true)
        var counts = (taken: 0, refused: 0)
        for _ in 0..<2_000 {
            let bytes = generator.mutated(generator.value())
            let place = Comment(rawValue: "\(bytes)")
            if let value = try? JSONValue(parsing: bytes) {
                counts.taken += 1
                let expected = try #require(decoded(bytes), place)
                #expect(isSame(value, expected), place)
            } else if decoded(bytes) == nil {
                counts.refused += 1
            } else if !bytes.contains(0) {
                let strict = withoutLastCommas(bytes)
                #expect(strict != bytes, place)
                #expect((try? JSONValue(parsing: strict)) == decoded(strict), place)
            }
        }
        #expect(counts.taken > 100 && counts.refused > 500, "\(counts)")
    }
}
