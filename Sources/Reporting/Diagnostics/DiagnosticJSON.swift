package import Diagnostics
package import OCI

/// Findings for tools.
package enum DiagnosticJSON {
    package static let formatVersion: Int64 = 1

    /// `{"formatVersion": 1, "diagnostics": […]}` in reading order, with a line break at the end.
    package static func render(_ diagnostics: [Diagnostic]) -> String {
        JSONValue.object(["formatVersion": .integer(formatVersion), "diagnostics": value(diagnostics)]).prettyText
    }

    /// An array; a finding without a place has no `file`.
    package static func value(_ diagnostics: [Diagnostic]) -> JSONValue {
        .array(
            diagnostics.inReadingOrder().map { diagnostic in
                var members: [String: JSONValue] = [
                    "severity": .string(diagnostic.severity.word), "code": .string(diagnostic.code), "message": .string(diagnostic.message),
                ]
                if let range = diagnostic.range { members.merge(place(range)) { own, _ in own } }
                if let help = diagnostic.help { members["help"] = .string(help) }
                if !diagnostic.related.isEmpty {
                    members["related"] = .array(
                        diagnostic.related.map { related in
                            .object(place(related.range).merging(["message": .string(related.message)]) { own, _ in own })
                        }
                    )
                }
                return .object(members)
            }
        )
    }

    private static func place(_ range: SourceRange) -> [String: JSONValue] {
        [
            "file": .string(range.file), "line": .integer(Int64(range.start.line)), "column": .integer(Int64(range.start.column)),
            "endLine": .integer(Int64(range.end.line)), "endColumn": .integer(Int64(range.end.column)),
        ]
    }
}
