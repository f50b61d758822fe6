import Diagnostics
import Testing

@Suite struct SuggestionTests {
    @Test(
        arguments: [
            ("registires", ["registries", "groups"], "registries"), ("tag", ["tags", "to"], "tags"), ("to", ["from", "tags"], nil),
            ("From", ["from"], "from"), ("imgaes", ["images", "absent"], "images"), ("zzz", ["images"], nil), ("", ["a", "bb"], "a"),
            ("platfroms", ["platforms"], "platforms"), ("us", ["de", "jp"], nil), ("xy", ["xz", "xa"], "xa"),
        ] as [(String, [String], String?)]
    )
    func theNearestIsOffered(_ word: String, _ candidates: [String], _ nearest: String?) {
        #expect(Suggestion.nearest(to: word, among: candidates) == nearest)
        #expect(Suggestion.nearest(to: word, among: candidates.reversed()) == nearest)
    }

    @Test(arguments: [
        ("abc", "abc", 0), ("abc", "ABC", 0), ("abc", "abd", 1), ("abc", "acb", 1), ("abc", "ab", 1), ("abc", "abcd", 1), ("abc", "cab", 2),
        ("", "ab", 2), ("", "", 0), ("kitten", "sitting", 3), ("aaaa", "bbbb", 4), ("ab", "abcdefgh", 4),
    ])
    func editsAreCountedUpToTheLimit(_ left: String, _ right: String, _ distance: Int) {
        #expect(Suggestion.distance(left, right, limit: 3) == distance)
        #expect(Suggestion.distance(right, left, limit: 3) == distance)
    }
}

@Suite struct DiagnosticTests {
    private func at(_ file: String, _ line: Int, _ column: Int = 1) -> SourceRange {
        SourceRange(file: file, start: SourcePosition(line: line, column: column), end: SourcePosition(line: line, column: column + 1))
    }

    @Test func findingsComeInReadingOrder() {
        let findings = [
            Diagnostic.note("z", "without a place"), .error("b", "second file", at: at("b.yaml", 1)),
            .error("a", "later line", at: at("a.yaml", 10)), .warning("a", "later column", at: at("a.yaml", 2, 9)),
            .error("b", "same place, b", at: at("a.yaml", 2)), .error("a", "same place, a", at: at("a.yaml", 2)),
        ]
        let expected = ["same place, a", "same place, b", "later column", "later line", "second file", "without a place"]
        #expect(findings.inReadingOrder().map(\.message) == expected)
        #expect(Array(findings.reversed()).inReadingOrder().map(\.message) == expected)
    }

    @Test func onlyErrorsAreErrors() {
        #expect(![Diagnostic.note("a", "b"), .warning("c", "d")].hasErrors)
        #expect([Diagnostic.note("a", "b"), .error("c", "d")].hasErrors)
    }
}
