import Diagnostics
import Testing
import YAMLTree

@Suite struct YAMLParserTests {
    @Test(
        "Files become documents of nodes in the order of the text",
        arguments: [
            ("", []), ("# nothing\n", []), ("---\n", ["-"]), ("--- # empty\n...\n", ["-"]), ("--- ~\n", ["~"]), ("--- ''\n", ["\"\""]),
            ("b: 1\na: 2\n", ["{b: 1, a: 2}"]), ("- 1\n- [x, 'y']\n- {k: v}\n", ["[1, [x, \"y\"], {k: v}]"]),
            ("a: 1\n---\nb: 2\n---\n---\nc", ["{a: 1}", "{b: 2}", "-", "c"]), ("a:\nb: ~\n", ["{a: , b: ~}"]),
            ("a: |\n  one\n  two\nb: >-\n  one\n  two\n", ["{a: \"one\ntwo\n\", b: \"one two\"}"]),
            ("a: \"\\u00e9\\x41\\n\"\n", ["{a: \"éA\n\"}"]), ("a: 'it''s'\n", ["{a: \"it's\"}"]), ("? a\n: b\n", ["{a: b}"]),
            ("[a: b]", ["[{a: b}]"]),
            ("a:\r\n  - 1\r\n  - 2\r\nb: |\r\n  x\r\n  y\r\n", ["{a: [1, 2], b: \"x\ny\n\"}"]), ("%YAML 1.2\n---\na: 1\n", ["{a: 1}"]),
            ("host: lab:5000\nref: a/b@sha256:12\n", ["{host: lab:5000, ref: a/b@sha256:12}"]), ("'1': a\n!!str 2: b\n", ["{1: a, 2: b}"]),
            ("yes: 1\non: 2\n", ["{yes: 1, on: 2}"]), ("a: 🚀 ü\n", ["{a: 🚀 ü}"]), ("a: x\ty\t# tab\n", ["{a: x\ty}"]),
            ("{a: [\t1,\t2 ]}", ["{a: [1, 2]}"]),
            ("!!map {a: !!seq [!!str 1]}", ["{a: [\"1\"]}"]),
        ] as [(String, [String])]
    )
    func documents(text: String, expected: [String]) {
        let outline = Outline(text)
        #expect(outline.documents == expected)
        #expect(outline.mistakes == [])
    }

    @Test("Every node and key knows its place; columns count Unicode scalars from 1") func ranges() throws {
        let text = """
            # comment
            name: "ü🚀"
            list:
              - a
              - {k: vv}

            flow: [ 1,
              2 ]
            none:
            """
        let root = try #require(YAMLParser.parse(Array(text.utf8), file: "spec.yaml").documents.first?.root)
        #expect(
            Outline.ranges(of: root).dropFirst() == [
                "name: 2:1-2:5", "\"ü🚀\" 2:7-2:11",
                "list: 3:1-3:5", "[a, {k: vv}] 4:3-5:12", "a 4:5-4:6", "{k: vv} 5:5-5:12", "k: 5:6-5:7", "vv 5:9-5:11",
                "flow: 7:1-7:5", "[1, 2] 7:7-8:6", "1 7:9-7:10", "2 8:3-8:4",
                "none: 9:1-9:5", " 9:6-9:6",
            ]
        )
        #expect(root.range.start == SourcePosition(line: 2, column: 1))
        #expect(root.range.end == SourcePosition(line: 9, column: 6))
        #expect(root.range.file == "spec.yaml")
    }

    @Test("Documents know where they begin and end") func documentRanges() {
        let documents = YAMLParser.parse(Array("a: 1\n---\nb: 2\n".utf8), file: "x.yaml").documents
        #expect(documents.map(\.range.start.line) == [1, 2])
    }

    @Test("A key is found by its name") func lookUp() throws {
        let root = try #require(YAMLParser.parse(Array("a: {b: c}".utf8), file: "x.yaml").documents.first?.root)
        #expect(root["a"]?["b"]?.scalar?.text == "c")
        #expect(root["b"] == nil)
        #expect(root["a"]?["b"]?["c"] == nil)
    }

    @Test("A line of a million characters is read") func longLine() {
        let long = String(repeating: "x", count: 1_000_000)
        #expect(Outline("a: \(long)").documents == ["{a: \(long)}"])
    }

    @Test("A mapping of many keys is read, and the one that stands twice is found") func manyKeys() {
        let lines = (0..<5_000).map { "key\($0): \($0)\n" }.joined()
        #expect(Outline(lines).mistakes == [])
        #expect(Outline(lines + "key4999: x\n").mistakes == ["5001:1 yaml-duplicate-key the key `key4999` stands twice in one mapping"])
        #expect(Outline(lines + "key0: x\n").mistakes == ["5001:1 yaml-duplicate-key the key `key0` stands twice in one mapping"])
    }
}
