import Diagnostics
import Reporting
import Testing

@Suite("Lines that may hold a secret")
struct HiddenSourceTests {
    private func range(_ line: Int, _ columns: Range<Int>) -> SourceRange {
        SourceRange(
            file: "crplan.yaml",
            start: SourcePosition(line: line, column: columns.lowerBound),
            end: SourcePosition(line: line, column: columns.upperBound)
        )
    }

    @Test("no finding shows the line, whichever it is about; other lines are shown")
    func hides() {
        var secret = Diagnostic.error("secret-in-spec", "secrets never stand in a spec", at: range(1, 1..<9))
        secret.hidesSource = true
        let sameLine = Diagnostic.error("unknown-key", "'x' is not a key", at: range(1, 20..<21))
        let otherLine = Diagnostic.error("unknown-key", "'y' is not a key", at: range(2, 1..<2))
        let text = DiagnosticText.render([sameLine, secret, otherLine]) { _ in "password: hunter2, x: 1\ny: 2\n" }
        #expect(!text.contains("hunter2"))
        #expect(text.contains("y: 2"))
        #expect(text.contains("crplan.yaml:1:1: error: secrets never stand in a spec"))
    }

    @Test("a line that looks as if it held a secret is not shown, even where the file is no YAML")
    func hidesByLooks() {
        let diagnostics = (1...4).map { Diagnostic.error("yaml-syntax", "the quote is never closed", at: range($0, 1..<2)) }
        let source = "password: \"hunter2\n{API-Key : hunter2\n'clientSecret': hunter2\npasswordEnv: NAME\n"
        let text = DiagnosticText.render(diagnostics) { _ in source }
        #expect(!text.contains("hunter2"))
        #expect(text.contains("passwordEnv: NAME"))
    }
}
