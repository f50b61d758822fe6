/// A text cut into lines as YAML cuts it (YAML 1.1, "Line Break Characters"), so that the numbers fit those of the parser.
struct SourceLines {
    private var lines: [Substring.UnicodeScalarView] = []

    init(_ text: String) {
        // By scalars: as a character, a carriage return and its line feed are one.
        var rest = text.unicodeScalars[...]
        // The parser does not count a byte order mark.
        if rest.first == "\u{feff}" { rest.removeFirst() }
        while let end = rest.firstIndex(where: Self.isBreak) {
            lines.append(rest[..<end])
            var next = rest.index(after: end)
            if rest[end] == "\r", next < rest.endIndex, rest[next] == "\n" { next = rest.index(after: next) }
            rest = rest[next...]
        }
        lines.append(rest)
    }

    /// Counted from 1, without its line break.
    func line(_ number: Int) -> Substring.UnicodeScalarView? {
        lines.indices.contains(number - 1) ? lines[number - 1] : nil
    }

    /// Whether a line looks as if a password or the like stood in it. In a file that is no YAML nothing else can tell.
    func mayHoldSecret(_ number: Int) -> Bool {
        guard let line = line(number), line.contains(":") else { return false }
        let parts = String(line).lowercased().split(separator: ":", omittingEmptySubsequences: false)
        return parts.dropLast().contains { part in
            let name = part.filter { !"_- \t\"'".contains($0) }
            return Self.secretNames.contains { name.hasSuffix($0) }
        }
    }

    private static let secretNames = ["password", "passwd", "pwd", "secret", "token", "apikey", "auth", "privatekey"]

    private static func isBreak(_ scalar: Unicode.Scalar) -> Bool {
        switch scalar {
        case "\n", "\r", "\u{85}", "\u{2028}", "\u{2029}": true
        default: false
        }
    }
}
