import OCI
import Testing

@Suite struct JSONParserTests {
    private func value(_ text: String) -> JSONValue? { try? JSONValue(parsing: Array(text.utf8)) }

    private func problem(_ bytes: [UInt8]) -> String? {
        do throws(JSONValue.Invalid) {
            _ = try JSONValue(parsing: bytes)
            return nil
        } catch {
            return error.description
        }
    }

    @Test(
        arguments: [
            ("null", .null), ("true", .bool(true)), ("false", .bool(false)), ("\"\"", .string("")), ("[]", .array([])),
            ("{}", .object([:])),
            (" \t\r\n[ 1 , \"a\" ]\n", .array([.integer(1), .string("a")])),
            (#"{"":{"a":[null]}}"#, .object(["": .object(["a": .array([.null])])])),
            ("\u{feff}[]", .array([])),
        ] as [(String, JSONValue)]
    )
    func valuesAreRead(text: String, expected: JSONValue) {
        #expect(value(text) == expected)
    }

    @Test(
        arguments: [
            ("0", .integer(0)), ("-0", .integer(0)), ("-0.0", .integer(0)), ("0e400", .integer(0)), ("1.0", .integer(1)),
            ("1e5", .integer(100_000)), ("1E+2", .integer(100)), ("100e-2", .integer(1)), ("1.50e2", .integer(150)),
            ("-12.0e-0", .integer(-12)), ("9223372036854775807", .integer(.max)), ("-9223372036854775808", .integer(.min)),
            ("9007199254740993.0", .integer(9_007_199_254_740_993)), ("1e18", .integer(1_000_000_000_000_000_000)),
            ("1.5", .number(1.5)), ("-1.5", .number(-1.5)), ("1e-2", .number(0.01)), ("0.30000000000000004", .number(0.30000000000000004)),
            ("9223372036854775808", .number(9_223_372_036_854_775_808)), ("99999999999999999999", .number(1e20)), ("1e19", .number(1e19)),
            ("1.7976931348623157e308", .number(.greatestFiniteMagnitude)), ("5e-324", .number(.leastNonzeroMagnitude)),
            // Not whole, though a Double has no room for the rest.
            ("1e-400", .number(0)), ("4503599627370496.5", .number(4_503_599_627_370_496)), ("1.0000000000000000000001", .number(1)),
            // Whole and small enough, though a Double is not.
            ("9223372036854775807.0", .integer(.max)),
        ] as [(String, JSONValue)]
    )
    func numbersAreWholeIfWhatIsWrittenIs(text: String, expected: JSONValue) {
        #expect(value(text) == expected)
        #expect(value("[\(text)]") == .array([expected]))
    }

    @Test(arguments: ["1e400", "-1e400", "1e99999999999999999999", "1.7976931348623159e308", String(repeating: "9", count: 400)])
    func numbersBeyondADoubleAreRefused(text: String) {
        #expect(problem(Array(text.utf8)) == "one of its numbers is too large")
    }

    @Test(arguments: [
        "1.", ".5", "01", "00", "-01", "+1", "-", "--1", "-.5", "1.e3", "1e", "1e+", "1e5x", "12e3.4", "0x10", "1_000", "NaN", "Infinity",
        "-Infinity", "1 2",
    ])
    func whatIsNoNumberIsRefused(text: String) {
        #expect(problem(Array(text.utf8)) == "it is not JSON")
        #expect(problem(Array("{\"a\":\(text)}".utf8)) == "it is not JSON")
    }

    @Test(arguments: [
        (#""\ud83d\ude00""#, "😀"), (#""a\u00E9\u00e9""#, "aéé"), (#""\u0000""#, "\0"), (#""\uffff""#, "\u{ffff}"),
        (#""\ue000\ud7ff""#, "\u{e000}\u{d7ff}"),
        (#""\/\b\f\n\r\t\"\\""#, "/\u{8}\u{c}\n\r\t\"\\"), (#""é\n😀""#, "é\n😀"),
        ("\"é😀\u{7f}\u{feff}\u{ffff}\"", "é😀\u{7f}\u{feff}\u{ffff}"),
        (#""\ud800\udc00\udbff\udfff""#, "\u{10000}\u{10ffff}"), (#""\\u0041""#, "\\u0041"),
    ])
    func textsAreRead(text: String, expected: String) {
        #expect(value(text)?.string?.unicodeScalars.elementsEqual(expected.unicodeScalars) == true)
        #expect(value("{\(text):1}")?.object?.keys.first?.unicodeScalars.elementsEqual(expected.unicodeScalars) == true)
    }

    @Test(arguments: [
        #""\ud83d""#, #""\ud83dx""#, #""\ud83d\n""#, #""\ud83d\u0041""#, #""\ude00""#, #""\ud83d\ud83d""#, #""\u00g9""#, #""\u12""#,
        #""\U0041""#, #""\x41""#, #""\'""#, #""\0""#, "\"a\tb\"", "\"a\nb\"", "\"\\n\u{1}\"", "\"\u{1f}\"", "'a'", "\"a", "\"a\\",
        "\"a\\\"",
        #""\u00"#, "\"\\",
    ])
    func whatIsNoTextIsRefused(text: String) {
        #expect(problem(Array(text.utf8)) == "it is not JSON")
    }

    @Test(
        arguments: [
            [0xc0, 0x80], [0xe0, 0x80, 0xaf], [0xed, 0xa0, 0x80], [0xf4, 0x90, 0x80, 0x80], [0xff], [0xc3], [0x80], [0xf0, 0x9f, 0x98],
        ] as [[UInt8]]
    )
    func bytesThatAreNotUTF8AreRefused(bytes: [UInt8]) {
        for (before, after) in [("\"", "\""), ("\"\\n", "\""), ("\"", "\\n\""), ("{\"", "\":1}"), ("[", "]"), ("", "")] {
            #expect(problem(Array(before.utf8) + bytes + Array(after.utf8)) == "it is not JSON")
        }
    }

    @Test(arguments: [
        "", " ", "[1,]", #"{"a":1,}"#, "[,1]", "{,}", "[1 2]", #"{"a" 1}"#, #"{"a":}"#, "{a:1}", "{1:2}", "[1]x", "[1] [2]", " \u{feff}1",
        "1\u{feff}",
        "\u{feff}", "tru", "truex", "nul", "True", "[\u{a0}1]", "[1\u{b}]", "// c\n1", "[1}", "{]", "[", "{", "]", "}", ",", ":",
        #"{"a":1"#, #"{"a""#,
        #"{"a":"#, "[[[]]", #"{"a":1 "b":2}"#, #"{"a":1,,"b":2}"#, "[1",
    ])
    func whatIsNotJSONIsRefused(text: String) {
        #expect(problem(Array(text.utf8)) == "it is not JSON")
    }

    @Test func textOfWiderUnitsIsRefused() {
        let units = Array(#"{"a":1}"#.utf16)
        let little = units.flatMap { unit -> [UInt8] in [UInt8(truncatingIfNeeded: unit), UInt8(unit >> 8)] }
        let big = units.flatMap { unit -> [UInt8] in [UInt8(unit >> 8), UInt8(truncatingIfNeeded: unit)] }
        let four = units.flatMap { unit -> [UInt8] in [UInt8(truncatingIfNeeded: unit), 0, 0, 0] }
        for bytes in [little, big, [0xff, 0xfe] + little, [0xfe, 0xff] + big, four] {
            #expect(problem(bytes) == "it is not UTF-8")
        }
    }

    @Test func nestingHasALimit() {
        func nested(_ depth: Int, _ open: String, _ close: String) -> [UInt8] {
            Array((String(repeating: open, count: depth) + "1" + String(repeating: close, count: depth)).utf8)
        }
        for (open, close) in [("[", "]"), (#"{"a":"#, "}"), ("[ 0, ", "]")] {
            #expect(problem(nested(64, open, close)) == nil)
            #expect(problem(nested(65, open, close)) == "it is nested more than 64 deep")
        }
        #expect(problem(Array(repeating: UInt8(ascii: "["), count: 1 << 20)) == "it is nested more than 64 deep")
    }

    @Test func longNamesBeyondASCIIAreRefused() {
        let accents = String(repeating: "\u{301}", count: 600) + String(repeating: "\u{327}", count: 600)
        #expect(problem(Array("{\"\(accents)\":1}".utf8)) == "the name of one of its members is too long")
        #expect(problem(Array("{\"\(String(repeating: "é", count: 512))\":1}".utf8)) == nil)
        #expect(problem(Array("{\"\(String(repeating: "a", count: 100_000))\":\"\(accents)\"}".utf8)) == nil)
    }

    @Test func whatIsWrittenIsReadBack() throws {
        let value = JSONValue.object([
            "a": .array([.null, .bool(true), .integer(.min), .number(0.1), .number(1e300), .string("\u{0}\u{1f}\"\\/é😀\u{7f}")]),
            "": .object([:]),
        ])
        #expect(try JSONValue(parsing: Array(value.canonicalText.utf8)) == value)
        #expect(try JSONValue(parsing: Array(value.prettyText.utf8)) == value)
        #expect(try JSONValue(encoding: ["a/b": [1, 2.5]]) == .object(["a/b": .array([.integer(1), .number(2.5)])]))
        #expect(throws: JSONValue.Invalid.self) { try JSONValue(encoding: Double.nan) }
    }
}
