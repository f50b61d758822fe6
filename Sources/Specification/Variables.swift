internal import Diagnostics
internal import OCI
internal import YAMLTree

/// What `${name}` stands for in one file.
struct VariableScope: Sendable {
    /// A variable that a file defines. `nil` as value: its text could not be read, which was reported.
    struct Definition: Sendable {
        var name: String
        var text: String
        var range: SourceRange
    }

    /// `nil`: defined, but not to be had, which was reported.
    private(set) var values: [String: String?] = [:]

    /// Values in order of precedence: `overriding`, the file's own, those of `crplan.yaml`.
    init(overriding: [String: String], inherited: VariableScope? = nil, own: [Definition], diagnostics: inout [Diagnostic]) {
        values = inherited?.values ?? [:]
        var pending: [String: Definition] = [:]
        for definition in own { pending[definition.name] = definition }
        for (name, value) in overriding {
            values[name] = value
            pending[name] = nil
        }
        for definition in own where pending[definition.name] != nil { settle(definition.name, &pending, [], &diagnostics) }
    }

    /// Puts one definition's text in place after those it names.
    private mutating func settle(
        _ name: String,
        _ pending: inout [String: Definition],
        _ path: [String],
        _ diagnostics: inout [Diagnostic]
    ) {
        guard let definition = pending.removeValue(forKey: name) else { return }
        values[name] = .some(nil)
        for needed in Self.names(in: definition.text) {
            if needed == name || path.contains(needed) {
                let circle = ((path + [name]).drop { $0 != needed } + [needed]).joined(separator: " → ")
                diagnostics.append(
                    .error(
                        "circular-variable",
                        "variable '\(needed)' is defined by itself (\(circle))",
                        at: definition.range,
                        help: "give one of them a value of its own"
                    )
                )
                return
            }
            settle(needed, &pending, path + [name], &diagnostics)
        }
        values[name] = expand(definition.text, at: definition.range, &diagnostics)
    }

    /// Letters, digits, `_` and `-`, not beginning with a digit or `-`.
    static func isName(_ text: some StringProtocol) -> Bool {
        guard let first = text.utf8.first, Characters.isLetterOrDigit(first) || first == UInt8(ascii: "_") else { return false }
        return !(UInt8(ascii: "0")...UInt8(ascii: "9")).contains(first) && text.utf8.allSatisfy { Characters.isWord($0) }
    }

    static func mayExpand(_ text: String) -> Bool { text.utf8.contains(UInt8(ascii: "$")) }

    private static func names(in text: String) -> [String] {
        pieces(of: text).compactMap { if case .variable(let name) = $0 { name } else { nil } }
    }

    /// The text with variables put in and `$${` made `${`; `nil`: it could not be, which is reported at `range`.
    func expand(_ text: String, at range: SourceRange, _ diagnostics: inout [Diagnostic]) -> String? {
        var result = ""
        var isComplete = true
        for piece in Self.pieces(of: text) {
            switch piece {
            case .text(let part): result += part
            case .variable(let name):
                if let value = values[name] {
                    if let value { result += value } else { isComplete = false }
                } else {
                    isComplete = false
                    diagnostics.append(undefined(name, at: range))
                }
            case .broken(let reason):
                isComplete = false
                diagnostics.append(
                    .error(
                        "invalid-variable",
                        reason,
                        at: range,
                        help: "write ${name} for a variable, or $${ for the two characters themselves"
                    )
                )
            }
        }
        return isComplete ? result : nil
    }

    private func undefined(_ name: String, at range: SourceRange) -> Diagnostic {
        let nearest = Suggestion.nearest(to: name, among: values.keys)
        return .error(
            "undefined-variable",
            "variable '\(name)' is not defined",
            at: range,
            help: nearest.map { "did you mean '${\($0)}'?" } ?? "define it under 'variables', or give --var \(name)=VALUE"
        )
    }

    private enum Piece {
        case text(String)
        case variable(String)
        case broken(String)
    }

    private static func pieces(of text: String) -> [Piece] {
        var pieces: [Piece] = []
        var plain = ""
        var rest = text[...]
        while let dollar = rest.firstIndex(of: "$") {
            plain += rest[..<dollar]
            rest = rest[dollar...]
            if rest.hasPrefix("$${") {
                plain += "${"
                rest = rest.dropFirst(3)
            } else if rest.hasPrefix("${") {
                let body = rest.dropFirst(2)
                let end = body.firstIndex(of: "}")
                let name = body[..<(end ?? body.endIndex)]
                if end == nil {
                    pieces.append(.broken("'${' is not closed by '}'"))
                } else if !isName(name) {
                    pieces.append(.broken("'\(name.withVisibleControls)' is not the name of a variable"))
                } else {
                    pieces += [.text(plain), .variable(String(name))]
                    plain = ""
                }
                rest = end.map { body[body.index(after: $0)...] } ?? body[body.endIndex...]
            } else {
                plain += "$"
                rest = rest.dropFirst()
            }
        }
        return pieces + [.text(plain + rest)]
    }
}
