import Diagnostics
import Testing
import YAMLTree

@Suite struct AliasTests {
    @Test(
        "Aliases stand for what was anchored, merge keys for its entries",
        arguments: [
            ("a: &x 1\nb: *x\n", "{a: 1, b: 1}"), ("a: &x [1, 2]\nb: [*x, *x]\n", "{a: [1, 2], b: [[1, 2], [1, 2]]}"),
            ("a: &x 1\nb: &x 2\nc: *x\n", "{a: 1, b: 2, c: 2}"), ("&k a: 1\nb: *k\n", "{a: 1, b: a}"),
            ("- &k a\n- {*k : 1}\n", "[a, {a: 1}]"),
            ("a: &x [&x 1]\nb: *x\n", "{a: [1], b: 1}"), ("a: &x {p: 1, q: 2}\nb: {<<: *x, q: 3}\n", "{a: {p: 1, q: 2}, b: {+p: 1, q: 3}}"),
            ("a: &x {p: 1, q: 2}\nb: {q: 3, <<: *x}\n", "{a: {p: 1, q: 2}, b: {q: 3, +p: 1}}"),
            ("- &x {p: 1}\n- &y {p: 2, q: 2}\n- {<<: [*x, *y], r: 3}\n", "[{p: 1}, {p: 2, q: 2}, {+p: 1, +q: 2, r: 3}]"),
            ("a: {<<: {p: 1}, q: 2}\n", "{a: {+p: 1, q: 2}}"),
            ("- &x {p: 1}\n- &y {<<: *x}\n- {<<: *y, p: 2}\n", "[{p: 1}, {+p: 1}, {p: 2}]"),
            ("'<<': 1\n", "{<<: 1}"), ("a: {<<: []}\n", "{a: {}}"),
        ] as [(String, String)]
    )
    func expansion(text: String, expected: String) {
        let outline = Outline(text)
        #expect(outline.documents == [expected])
        #expect(outline.mistakes == [])
    }

    @Test("An alias stands where it is written, its content where it was anchored") func places() throws {
        let root = try #require(YAMLParser.parse(Array("a: &x [1]\nb: *x\n".utf8), file: "x.yaml").documents.first?.root)
        #expect(root["b"]?.range.start == SourcePosition(line: 2, column: 4))
        #expect(root["b"]?.sequence?.first?.range.start == SourcePosition(line: 1, column: 8))
    }

    @Test(
        "Broken aliases and merge keys are named, with their place",
        arguments: [
            ("a: *x\n", "1:4 yaml-alias there is no anchor for the alias `*x`"),
            ("a: &x 1\n---\nb: *x\n", "3:4 yaml-alias there is no anchor for the alias `*x`"),
            ("a: &x [1, *x]\n", "1:11 yaml-alias the alias `*x` stands within what it stands for"),
            ("a: &x\n  <<: *x\n", "2:7 yaml-alias the alias `*x` stands within what it stands for"),
            ("<<: 1\n", "1:5 yaml-merge `<<` takes a mapping or a list of mappings"),
            ("<<: [{a: 1}, 2]\n", "1:14 yaml-merge `<<` takes a mapping or a list of mappings"),
            ("<<: {a: 1}\n<<: {b: 1}\n", "2:1 yaml-duplicate-key the key `<<` stands twice in one mapping"),
            ("- &x {a: 1}\n- {<<: *x, a: 2, a: 3}\n", "2:18 yaml-duplicate-key the key `a` stands twice in one mapping"),
        ]
    )
    func mistakes(text: String, expected: String) {
        #expect(Outline(text).mistakes.first == expected)
    }

    @Test("A misspelt alias gets a suggestion") func suggestion() {
        #expect(Outline("a: &regions [us]\nb: *region\n").diagnostics.first?.help == "Did you mean `*regions`?")
    }
}
