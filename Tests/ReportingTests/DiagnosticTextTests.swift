import Diagnostics
import OCI
import Reporting
import Testing

@Suite struct DiagnosticTextTests {
    private func range(_ line: Int, _ column: Int, _ end: Int, lines: Int = 0, file: String = "a.yaml") -> SourceRange {
        SourceRange(
            file: file,
            start: SourcePosition(line: line, column: column),
            end: SourcePosition(line: line + lines, column: end)
        )
    }

    private func excerpt(_ source: String, _ range: SourceRange) -> [String] {
        let text = DiagnosticText.render([.error("code", "message", at: range)]) { _ in source }
        return text.split(separator: "\n").dropFirst().map { String($0.dropFirst("  1 | ".count)) }
    }

    @Test func `findings with everything`() throws {
        let source = "apiVersion: crplan/v1\nimages:\n  - to: us/payments/api\n    tagz: [a]\n    from: nginx\n"
        let findings: [Diagnostic] = [
            .note("no-place", "3 other YAML files were passed over"),
            .error("unknown-key", "unknown key 'tagz'", at: range(4, 5, 9), help: "did you mean 'tags'?"),
            .error(
                "defined-twice",
                "the registry 'us' is defined twice",
                at: range(3, 9, 11),
                related: [.init(message: "first defined here", range: range(1, 1, 11))]
            ),
            .warning("elsewhere", "a file that is not at hand", at: range(7, 1, 2, file: "b.yaml")),
        ]
        let read: (String) -> String? = { $0 == "a.yaml" ? source : nil }
        try Golden.check(DiagnosticText.render(findings, source: read), "diagnostics.txt")
        try Golden.check(DiagnosticText.render(findings, styling: .coloured, source: read), "diagnostics-coloured.txt")
        try Golden.check(DiagnosticJSON.render(findings), "diagnostics.json")
        #expect(DiagnosticText.render(findings.reversed(), source: read) == DiagnosticText.render(findings, source: read))
        #expect(DiagnosticText.count(findings) == "2 errors, 1 warning, 1 note")
    }

    @Test func `none give no text`() {
        #expect(DiagnosticText.render([]) { _ in nil }.isEmpty)
        #expect(DiagnosticText.count([]).isEmpty)
    }

    @Test func `the marker stands below what is meant`() {
        #expect(excerpt("a: wrong", range(1, 4, 9)) == ["a: wrong", "   ^~~~~"])
    }

    @Test func `tabs become blanks`() {
        #expect(excerpt("\ta:\twrong", range(1, 5, 10)) == ["    a:  wrong", "        ^~~~~"])
    }

    @Test func `wide characters take two columns and combining ones none`() {
        #expect(excerpt("名前: x", range(1, 5, 6)) == ["名前: x", "      ^"])
        #expect(excerpt("e\u{301}: x", range(1, 5, 6)) == ["e\u{301}: x", "   ^"])
        #expect(excerpt("名前: x", range(1, 1, 3)) == ["名前: x", "^~~~"])
    }

    @Test func `control characters are spelled out`() {
        #expect(excerpt("a\u{1b}: x", range(1, 5, 6)) == ["a\\u{1b}: x", "         ^"])
    }

    @Test func `line ends of Windows are no part of the line`() {
        #expect(excerpt("a: 1\r\nb: 2\r\n", range(2, 4, 5)) == ["b: 2", "   ^"])
    }

    @Test(arguments: ["\r", "\r\n", "\n", "\u{85}", "\u{2028}"])
    func `lines end where the parser ends them`(end: String) {
        #expect(excerpt("\u{feff}a: 1\(end)b: 2\(end)", range(2, 4, 5)) == ["b: 2", "   ^"])
        #expect(excerpt("\u{feff}a: 1\(end)b: 2\(end)", range(1, 4, 5)) == ["a: 1", "   ^"])
    }

    @Test func `a range over lines is marked to the end of its first`() {
        #expect(excerpt("a: [1,\n 2]", range(1, 4, 3, lines: 1)) == ["a: [1,", "   ^~~"])
    }

    @Test func `a place behind the end is marked there`() {
        #expect(excerpt("a: ", range(1, 9, 9)) == ["a: ", "   ^"])
        #expect(excerpt("a: ", range(5, 1, 1)).isEmpty)
    }

    @Test func `a long line is cut around the marker`() {
        let line = String(repeating: "a", count: 300) + "HERE" + String(repeating: "b", count: 300)
        let shown = excerpt(line, range(1, 301, 305))
        #expect(shown[0].count == 120)
        #expect(shown[0].hasPrefix("…a") && shown[0].hasSuffix("b…"))
        let marked = zip(shown[0], shown[1]).filter { $0.1 != " " }.map(\.0)
        #expect(String(marked) == "HERE")
    }

    @Test func `a long range in a long line is cut too`() {
        let shown = excerpt(String(repeating: "a", count: 500), range(1, 1, 501))
        #expect(shown[0].count <= 120)
        #expect(shown[1].count <= 120)
    }
}
