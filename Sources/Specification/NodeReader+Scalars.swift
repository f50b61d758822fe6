internal import Diagnostics
internal import OCI
internal import YAMLTree

extension NodeReader {
    mutating func readScalar(_ scalar: YAMLScalar, at range: SourceRange, _ form: ValueForm, _ name: String) -> SpecNode.Value? {
        if scalar.isPlain, scalar.resolved == .null {
            reportNull(scalar, at: range, form, name)
            return nil
        }
        var text = scalar.text
        let isExpanded = VariableScope.mayExpand(text) && form.expandsVariables
        if isExpanded {
            guard let expanded = variables.expand(text, at: range, &diagnostics) else { return nil }
            text = expanded
        }
        // Text in quotes is never a number or a truth value; what a variable brought may be either.
        let isTyped = scalar.isPlain || isExpanded
        var reason: String?
        for scalarForm in form.scalars {
            switch scalarForm {
            case .boolean:
                if isTyped, case .bool(let flag) = YAMLScalar(text: text, isPlain: true).resolved { return .boolean(flag) }
            case .integer(let range):
                if isTyped, let number = Int(text), range.contains(number) { return .integer(number) }
            case .choice(let choice):
                if choice.values.contains(text) { return .text(text) }
                if case .bool(let flag) = scalar.resolved, choice.values.contains("\(flag)") { return .text("\(flag)") }
            case .text(let textForm):
                guard let problem = textForm.problem(text) else { return .text(text) }
                reason = reason ?? problem
            }
        }
        reportInvalid(text, reason: reason, at: range, form, name)
        return nil
    }

    private mutating func reportNull(_ scalar: YAMLScalar, at range: SourceRange, _ form: ValueForm, _ name: String) {
        let takesText = form.scalars.contains { if case .text = $0 { true } else { false } }
        let found = scalar.text.isEmpty ? "an empty value" : "a plain \(scalar.text)"
        let help =
            takesText && !scalar.text.isEmpty
            ? "write \"\(scalar.text)\" in quotes if the text itself is meant" : "give it a value, or take it out"
        report("null-value", "'\(name)' must be \(form.expectation); \(found) means nothing in YAML", range, help)
    }

    private mutating func reportInvalid(_ text: String, reason: String?, at range: SourceRange, _ form: ValueForm, _ name: String) {
        let mayBeShown = form.scalars.allSatisfy(\.mayBeShown) && !text.mayHoldLogin
        let shown = mayBeShown ? "'\(text.withVisibleControls)'" : "what stands here"
        if form.scalars.count == 1, let reason, case .text(let textForm)? = form.scalars.first {
            let help = "an example is \(textForm.example)"
            report("invalid-value", "'\(name)': \(shown) is not \(textForm.expectation): \(reason)", range, help, hidesSource: !mayBeShown)
            return
        }
        var help: String?
        let words = form.scalars.flatMap { if case .choice(let choice) = $0 { choice.values } else { [String]() } }
        if let nearest = Suggestion.nearest(to: text, among: words) {
            help = "did you mean '\(nearest)'?"
        } else if form.scalars.contains(where: { if case .boolean = $0 { true } else { false } }) {
            help = "write true or false, without quotes"
        }
        report("invalid-value", "'\(name)' must be \(form.expectation), not \(shown)", range, help, hidesSource: !mayBeShown)
    }
}

extension String {
    /// A user and password before a host, as in a URL. A reference by digest is none.
    fileprivate var mayHoldLogin: Bool {
        guard let at = lastIndex(of: "@"), self[..<at].contains(":") else { return false }
        return !["sha256:", "sha512:"].contains { self[index(after: at)...].hasPrefix($0) }
    }
}

extension ScalarForm {
    var mayBeShown: Bool {
        switch self {
        case .text(let form): form.mayBeShown
        case .choice(let form): form.mayBeShown
        case .boolean, .integer: true
        }
    }
}

extension ValueForm {
    /// With articles, as in "must be …".
    var expectation: String {
        var parts: [String] = []
        for scalar in scalars {
            switch scalar {
            case .text(let form): parts.append(form.expectation)
            case .boolean: parts.append("true or false")
            case .integer(let range): parts.append("a whole number from \(range.lowerBound) to \(range.upperBound)")
            case .choice(let choice): parts += choice.values.map { "'\($0)'" }
            }
        }
        if list != nil { parts.append("a list") }
        if mapping != nil { parts.append("a mapping") }
        guard let last = parts.last, parts.count > 1 else { return parts.first ?? "nothing" }
        return parts.dropLast().joined(separator: ", ") + " or " + last
    }

    var expandsVariables: Bool {
        scalars.allSatisfy { if case .text(let form) = $0 { form.isExpanded } else { true } }
    }
}
