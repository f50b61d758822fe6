import Diagnostics
import YAMLTree

/// A parsed file in a short written form that tests compare.
struct Outline {
    var documents: [String]
    /// `line:column code message`
    var mistakes: [String]
    var diagnostics: [Diagnostic]

    init(_ text: String, limits: YAMLLimits = .default) {
        self.init(bytes: Array(text.utf8), limits: limits)
    }

    init(bytes: [UInt8], limits: YAMLLimits = .default) {
        let result = YAMLParser.parse(bytes, file: "spec.yaml", limits: limits)
        documents = result.documents.map { $0.root.map(Self.describe) ?? "-" }
        diagnostics = result.diagnostics
        mistakes = result.diagnostics.map { diagnostic in
            let start = diagnostic.range?.start
            return "\(start?.line ?? 0):\(start?.column ?? 0) \(diagnostic.code) \(diagnostic.message)"
        }
    }

    /// Plain text bare, other text in quotes, merged keys with a `+`.
    static func describe(_ node: YAMLNode) -> String {
        switch node.value {
        case .scalar(let scalar): scalar.isPlain ? scalar.text : "\"\(scalar.text)\""
        case .sequence(let items): "[" + items.map(describe).joined(separator: ", ") + "]"
        case .mapping(let entries):
            "{" + entries.map { ($0.isMerged ? "+" : "") + $0.key + ": " + describe($0.value) }.joined(separator: ", ") + "}"
        }
    }

    /// Every node with its range, in the order of the file.
    static func ranges(of node: YAMLNode) -> [String] {
        let own = "\(describe(node)) \(describe(node.range))"
        return switch node.value {
        case .scalar: [own]
        case .sequence(let items): [own] + items.flatMap(ranges)
        case .mapping(let entries): [own] + entries.flatMap { ["\($0.key): \(describe($0.keyRange))"] + ranges(of: $0.value) }
        }
    }

    private static func describe(_ range: SourceRange) -> String {
        "\(range.start.line):\(range.start.column)-\(range.end.line):\(range.end.column)"
    }
}
