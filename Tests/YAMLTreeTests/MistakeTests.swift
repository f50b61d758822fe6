import Diagnostics
import Testing
import YAMLTree

@Suite struct MistakeTests {
    @Test(
        "A mistake of syntax is told in plain words, with its place",
        arguments: [
            ("a:\n\tb: 1\n", "2:1 yaml-syntax a tab may not indent"),
            ("a: b\n\tc: 2\n", "2:1 yaml-syntax a tab may not indent"),
            ("a: |\n\tb\n", "2:1 yaml-syntax a tab may not indent"),
            ("\ta: 1\n", "1:1 yaml-syntax a tab may not indent"),
            ("a: b: c\n", "1:5 yaml-syntax a colon may not stand here"),
            ("a: 1\n b: 2\n", "2:3 yaml-syntax a colon may not stand here"),
            ("a: - b\n", "1:4 yaml-syntax a list may not begin here"),
            ("a: ? b\n", "1:4 yaml-syntax a key may not begin here"),
            ("a: 1\nb\nc: 2\n", "2:1 yaml-syntax a key lacks its colon"),
            ("a:\n  b: 1\n c: 2\n", "3:2 yaml-syntax a key is expected here"),
            ("- a\nb: 1\n", "2:1 yaml-syntax a `-` is expected here"),
            ("a: [1, 2\nb: 3\n", "2:2 yaml-syntax a `,` or `]` is expected here"),
            ("a: {b: 1\n", "1:9 yaml-syntax a `,` or `}` is expected here"),
            ("a: @b\n", "1:4 yaml-syntax a value may not begin with `@`"),
            ("a: `b`\n", "1:4 yaml-syntax a value may not begin with ```"),
            ("a: %b\n", "1:4 yaml-syntax a value may not begin with `%`"),
            ("a: \"b\nc: 1\n", "1:4 yaml-syntax the quote that begins here is never closed"),
            ("a: 'b\n---\n", "1:4 yaml-syntax the quote that begins here is not closed before the document ends"),
            ("a: \"\\q\"\n", "1:5 yaml-syntax there is no such escape in double quotes"),
            ("a: \"\\xzz\"\n", "1:7 yaml-syntax the escape lacks hexadecimal digits"),
            ("a: \"\\ud800\"\n", "1:7 yaml-syntax the escape names no Unicode character"),
            ("a: |0\n", "1:5 yaml-syntax the indentation after `|` or `>` may not be 0"),
            ("a: | text\n", "1:6 yaml-syntax only a comment may follow here"),
            ("a: *\n", "1:5 yaml-syntax an anchor or alias is made of letters, digits, `-` and `_`"),
            ("a: !x!y z\n", "1:4 yaml-syntax this tag is not known"),
            ("%YAML 2.0\n---\na\n", "1:1 yaml-syntax this version of YAML is not known"),
            ("%FOO\n---\na\n", "1:1 yaml-syntax a line that begins with `%` is a directive, and this one is not known"),
            ("%YAML 1.2\n", "1:10 yaml-syntax no document follows the lines that begin with `%`"),
            ("[1]\na\n", "2:1 yaml-syntax the document has ended before this"),
            ("[a, , b]\n", "1:5 yaml-syntax a value is expected here"),
            ("ü: 🚀: 1\n", "1:5 yaml-syntax a colon may not stand here"),
        ]
    )
    func syntax(text: String, expected: String) {
        let outline = Outline(text)
        #expect(outline.mistakes == [expected])
        #expect(outline.diagnostics.allSatisfy { $0.help?.isEmpty == false && $0.range?.file == "spec.yaml" })
    }

    @Test(
        "What is well-formed but not allowed is collected, and reading goes on",
        arguments: [
            (
                "a: 1\nb: 2\na: 3\nb: 4\n",
                [
                    "3:1 yaml-duplicate-key the key `a` stands twice in one mapping",
                    "4:1 yaml-duplicate-key the key `b` stands twice in one mapping",
                ]
            ),
            ("a: 1\n\"a\": 2\n", ["2:1 yaml-duplicate-key the key `a` stands twice in one mapping"]),
            (
                "a: !foo 1\nb: !!binary aGk=\n",
                ["1:4 yaml-tag the tag `!foo` is not known", "2:4 yaml-tag the tag `!!binary` is not known"]
            ),
            ("a: !foo [1]\nb: !!set {}\n", ["1:4 yaml-tag the tag `!foo` is not known", "2:4 yaml-tag the tag `!!set` is not known"]),
            ("a: !!int x\n", ["1:4 yaml-tag the value after `!!int` is not a whole number"]),
            (
                "a: !!seq {}\nb: !!str []\n",
                ["1:4 yaml-tag the value after `!!seq` is not a list", "2:4 yaml-tag the value after `!!str` is not text"]
            ),
            ("a: !!map x\n", ["1:4 yaml-tag the value after `!!map` is not a mapping"]),
            (
                "1: a\n1.5: b\ntrue: c\n~: d\n? \n: e\n",
                [
                    "1:1 yaml-key a key must be text, but `1` reads as a number",
                    "2:1 yaml-key a key must be text, but `1.5` reads as a number",
                    "3:1 yaml-key a key must be text, but `true` reads as true or false",
                    "4:1 yaml-key a key must be text, but `~` reads as null",
                    "5:2 yaml-key a key is missing before the colon",
                ]
            ),
            (
                "? [a]\n: 1\n? {b: 1}\n: 2\n",
                ["1:3 yaml-key a key must be text, not a list or mapping", "3:3 yaml-key a key must be text, not a list or mapping"]
            ),
            ("a: \"x\\0y\"\n", ["1:4 yaml-character text may not hold a NUL character"]),
            (
                "a: 1\na: 2\nb: [\n",
                ["2:1 yaml-duplicate-key the key `a` stands twice in one mapping", "3:5 yaml-syntax a value is expected here"]
            ),
        ] as [(String, [String])]
    )
    func collected(text: String, expected: [String]) {
        #expect(Outline(text).mistakes == expected)
    }

    @Test("A key that stands twice shows both places and keeps the first value") func duplicate() throws {
        let outline = Outline("x:\n  a: 1\n  a: 2\n")
        #expect(outline.documents == ["{x: {a: 1}}"])
        let related = try #require(outline.diagnostics.first?.related.first)
        #expect(related.range.start == SourcePosition(line: 2, column: 3))
    }

    @Test(
        "Bytes that are no clean UTF-8 text are named, with their place",
        arguments: [
            (
                [0xef, 0xbb, 0xbf] + Array("a: 1\na: 2\n".utf8),
                [
                    "1:1 yaml-byte-order-mark the file begins with a byte-order mark",
                    "2:1 yaml-duplicate-key the key `a` stands twice in one mapping",
                ]
            ),
            ([0xff, 0xfe, 0x61, 0x00], ["1:1 yaml-byte-order-mark the file is UTF-16, not UTF-8"]),
            ([0xfe, 0xff, 0x00, 0x61], ["1:1 yaml-byte-order-mark the file is UTF-16, not UTF-8"]),
            ([0x61, 0x00, 0x3a, 0x00], ["1:2 yaml-encoding a NUL byte stands here; this is no text file"]),
            (
                Array("a: ü\nb: ü".utf8) + [0xe9] + Array("\nb: 2\n".utf8),
                [
                    "2:5 yaml-encoding the byte 0xE9 is not valid UTF-8", "3:1 yaml-duplicate-key the key `b` stands twice in one mapping",
                ]
            ),
            (Array("a: \"x\u{1b}[2J\"\n".utf8), ["1:6 yaml-character the character U+001B may not stand in YAML"]),
            (Array("a: x\u{85}y\n".utf8), ["1:5 yaml-character the character U+0085 may not stand in YAML"]),
            (Array("a: x\u{2028}y\n".utf8), ["1:5 yaml-character the character U+2028 may not stand in YAML"]),
            (Array("a: x\u{feff}y\n".utf8), ["1:5 yaml-character the character U+FEFF may not stand in YAML"]),
            (Array("a: x\u{ffff}y\n".utf8), ["1:5 yaml-character the character U+FFFF may not stand in YAML"]),
            (Array("a: 1\rb: 2\n".utf8), ["1:5 yaml-character a carriage return stands here without a line feed"]),
        ] as [([UInt8], [String])]
    )
    func characters(bytes: [UInt8], expected: [String]) {
        #expect(Outline(bytes: bytes).mistakes.prefix(expected.count) == expected[...])
    }

    @Test("Messages do not repeat long or invisible input") func excerpts() {
        let long = String(repeating: "k", count: 500)
        let mistakes = Outline("\(long): 1\n\(long): 2\n\"a\\e\": 1\n\"a\\e\": 2\nb: *\(long)\nc: !\(long) x\n").mistakes
        #expect(mistakes.count == 4)
        #expect(mistakes.allSatisfy { $0.count < 140 })
        #expect(mistakes.contains("4:1 yaml-duplicate-key the key `a\\u{1b}` stands twice in one mapping"))
    }
}
