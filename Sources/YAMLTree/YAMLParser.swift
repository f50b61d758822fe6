package import Diagnostics

/// Reads the bytes of one YAML file.
package enum YAMLParser {
    /// Never throws and always ends: mistakes are collected, each with its place. A mistake of syntax ends the reading of the file;
    /// duplicate keys, unknown aliases and tags do not. Where there are errors, `documents` holds what could be read, for further checks only.
    ///
    /// `file` is the name that ranges carry. Lines and columns count from 1, columns in Unicode scalars, without a byte-order mark.
    package static func parse(
        _ bytes: [UInt8],
        file: String,
        limits: YAMLLimits = .default
    ) -> (documents: [YAMLDocument], diagnostics: [Diagnostic]) {
        let text = YAMLText(bytes, file: file, limits: limits)
        guard text.isReadable else { return ([], text.diagnostics) }
        var builder = TreeBuilder(file: file, limits: limits)
        let end = YAMLText.position(of: text.bytes.count, in: text.bytes)
        let syntaxProblem = text.bytes.withUnsafeBufferPointer { read($0, end: end, into: &builder) }
        var diagnostics = text.diagnostics + builder.diagnostics
        if let syntaxProblem { diagnostics.append(syntaxProblem.diagnostic(file: file, text: text.bytes)) }
        return (builder.documents, diagnostics.inReadingOrder())
    }

    private static func read(_ text: UnsafeBufferPointer<UInt8>, end: SourcePosition, into builder: inout TreeBuilder) -> SyntaxProblem? {
        guard var parser = LibYAMLParser(reading: text, end: end) else {
            return SyntaxProblem(problem: "out of memory", context: nil, position: end, contextPosition: nil)
        }
        while true {
            switch parser.next() {
            case .problem(let problem): return problem
            case .event(let event):
                guard builder.take(event) else { return nil }
                if case .streamEnd = event.kind { return nil }
            }
        }
    }
}
