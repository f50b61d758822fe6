import Testing
import YAMLTree

@Suite struct YAMLScalarTests {
    @Test(
        "Plain text is typed by the core schema of YAML 1.2",
        arguments: [
            ("", .null), ("~", .null), ("null", .null), ("Null", .null), ("NULL", .null), ("nULL", .string),
            ("true", .bool(true)), ("True", .bool(true)), ("TRUE", .bool(true)), ("tRUE", .string),
            ("false", .bool(false)), ("False", .bool(false)), ("FALSE", .bool(false)),
            ("yes", .string), ("no", .string), ("on", .string), ("off", .string), ("y", .string),
            ("0", .int(0)), ("-0", .int(0)), ("+12", .int(12)), ("-7", .int(-7)), ("010", .int(10)), ("0o17", .int(15)), ("0x1F", .int(31)),
            ("0o8", .string), ("0xg", .string), ("0o", .string), ("0x", .string), ("0b1", .string), ("1_000", .string), ("-0x1", .string),
            ("+-1", .string), ("--1", .string), ("-", .string), ("+", .string), (".", .string), ("-.", .string),
            ("9223372036854775807", .int(.max)), ("-9223372036854775808", .int(.min)),
            ("9223372036854775808", .float(9_223_372_036_854_775_808)), ("0xffffffffffffffff", .float(18_446_744_073_709_551_616)),
            ("1.10", .float(1.1)), ("1.", .float(1)), (".5", .float(0.5)), ("-.5", .float(-0.5)), ("1e3", .float(1000)),
            ("1.5E-1", .float(0.15)),
            ("1e", .string), ("1e+", .string), ("e3", .string), ("1.2.3", .string), ("1.e2", .float(100)),
            (".inf", .float(.infinity)), ("-.INF", .float(-.infinity)), ("+.Inf", .float(.infinity)), (".iNF", .string), ("inf", .string),
            ("nan", .string), ("2024-01-01", .string), ("12:30", .string), ("1 2", .string), ("٣", .string), ("<<", .string),
        ] as [(String, YAMLScalar.Resolved)]
    )
    func coreSchema(text: String, expected: YAMLScalar.Resolved) {
        #expect(YAMLScalar(text: text, isPlain: true).resolved == expected)
    }

    @Test("Not a number is a number all the same", arguments: [".nan", ".NaN", ".NAN"])
    func notANumber(text: String) {
        guard case .float(let number) = YAMLScalar(text: text, isPlain: true).resolved else {
            Issue.record("no float")
            return
        }
        #expect(number.isNaN)
    }

    @Test(
        "Quoted text is text",
        arguments: ["'null'", "\"~\"", "'1'", "\"true\"", "''", "|-\n  12", ">-\n  null", "!!str 12", "!!str ~", "!!str"]
    )
    func quoted(text: String) throws {
        let result = YAMLParser.parse(Array("key: \(text)".utf8), file: "spec.yaml")
        let scalar = try #require(result.documents.first?.root?["key"]?.scalar)
        #expect(result.diagnostics == [])
        #expect(scalar.resolved == .string)
        #expect(!scalar.isPlain)
    }

    @Test(
        "Unquoted tags keep their text",
        arguments: ["1.10", "010", "0x10", "1e3", "yes", "2024-01-01", "1_000", "null", "~", "1.0", "0o7"]
    )
    func textAsWritten(text: String) throws {
        let root = try #require(YAMLParser.parse(Array("tags: [\(text)]".utf8), file: "spec.yaml").documents.first?.root)
        #expect(root["tags"]?.sequence?.first?.scalar == YAMLScalar(text: text, isPlain: true))
    }

    @Test(
        "Tags of the core schema are honoured",
        arguments: [
            ("!!int 12", .int(12)), ("!!int '12'", .int(12)), ("!!float 12", .float(12)), ("!!float 1.5", .float(1.5)),
            ("!!bool true", .bool(true)),
            ("!!null ''", .null), ("!!null", .null), ("!!str true", .string), ("!<tag:yaml.org,2002:int> 0x10", .int(16)),
            ("!!float 010", .float(10)),
        ] as [(String, YAMLScalar.Resolved)]
    )
    func coreTags(text: String, expected: YAMLScalar.Resolved) throws {
        let result = YAMLParser.parse(Array("key: \(text)".utf8), file: "spec.yaml")
        #expect(result.diagnostics == [])
        #expect(result.documents.first?.root?["key"]?.scalar?.resolved == expected)
    }
}
