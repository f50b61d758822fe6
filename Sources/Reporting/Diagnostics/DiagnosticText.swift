package import Diagnostics
internal import OCI

/// Findings for people: place, message, the line with a marker, what to do, and the places that belong to it.
package enum DiagnosticText {
    /// The text of a file by the name that ranges use; `nil` when it is not at hand.
    package typealias SourceText = (String) -> String?

    /// All of them in reading order, an empty line between two. Ends with a line break; empty when there are none.
    package static func render(_ diagnostics: [Diagnostic], styling: Styling = .plain, source: SourceText) -> String {
        var files: [String: SourceLines?] = [:]
        func lines(_ file: String) -> SourceLines? {
            if let known = files[file] { return known }
            let read = source(file).map(SourceLines.init)
            files[file] = .some(read)
            return read
        }
        let hidden = Set(
            diagnostics.filter(\.hidesSource).compactMap(\.range).flatMap { range in
                (range.start.line...max(range.start.line, range.end.line)).map { HiddenLine(file: range.file, line: $0) }
            }
        )
        func visible(_ file: String, _ line: Int) -> SourceLines? {
            guard !hidden.contains(HiddenLine(file: file, line: line)), let lines = lines(file) else { return nil }
            return lines.mayHoldSecret(line) ? nil : lines
        }
        let blocks = diagnostics.inReadingOrder().map { block($0, styling, visible).joined(separator: "\n") }
        return blocks.isEmpty ? "" : blocks.joined(separator: "\n\n") + "\n"
    }

    /// A line that may hold a secret is shown by no finding, whichever it is about.
    private struct HiddenLine: Hashable {
        var file: String
        var line: Int
    }

    /// `2 errors, 1 warning`
    package static func count(_ diagnostics: [Diagnostic]) -> String {
        let rows: [(Diagnostic.Severity, String)] = [(.error, "error"), (.warning, "warning"), (.note, "note")]
        let counts = rows.compactMap { severity, noun in
            let number = diagnostics.count { $0.severity == severity }
            return number == 0 ? nil : Amounts.count(number, noun)
        }
        return counts.joined(separator: ", ")
    }

    private static func block(_ diagnostic: Diagnostic, _ styling: Styling, _ source: (String, Int) -> SourceLines?) -> [String] {
        let kind = styling.paint("\(diagnostic.severity.word):", diagnostic.severity.colour)
        var lines = ["\(place(diagnostic.range))\(kind) \(diagnostic.message.withVisibleControls) [\(diagnostic.code)]"]
        lines += excerpt(diagnostic.range, diagnostic.severity.colour, styling, source)
        if let help = diagnostic.help { lines.append("  help: \(help.withVisibleControls)") }
        for related in diagnostic.related {
            lines.append("\(place(related.range))\(styling.paint("note:", .cyan)) \(related.message.withVisibleControls)")
            lines += excerpt(related.range, .cyan, styling, source)
        }
        return lines
    }

    private static func place(_ range: SourceRange?) -> String {
        range.map { "\($0.file.withVisibleControls):\($0.start.line):\($0.start.column): " } ?? ""
    }

    private static func excerpt(
        _ range: SourceRange?,
        _ colour: Styling.Colour,
        _ styling: Styling,
        _ source: (String, Int) -> SourceLines?
    ) -> [String] {
        guard let range, let lines = source(range.file, range.start.line), let excerpt = SourceExcerpt(of: range, in: lines) else {
            return []
        }
        let number = String(range.start.line)
        let margin = String(repeating: " ", count: number.count)
        return ["  \(number) | \(excerpt.text)", "  \(margin) | \(styling.paint(excerpt.marker, colour))"]
    }
}

extension Diagnostic.Severity {
    var word: String {
        switch self {
        case .note: "note"
        case .warning: "warning"
        case .error: "error"
        }
    }

    var colour: Styling.Colour {
        switch self {
        case .note: .cyan
        case .warning: .yellow
        case .error: .red
        }
    }
}
