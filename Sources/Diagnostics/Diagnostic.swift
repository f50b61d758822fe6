/// A place in a text file. Lines and columns count from 1; a column counts Unicode scalars, as editors do.
package struct SourcePosition: Hashable, Comparable, Sendable {
    package var line: Int
    package var column: Int

    package init(line: Int, column: Int) {
        self.line = line
        self.column = column
    }

    package static func < (left: SourcePosition, right: SourcePosition) -> Bool {
        (left.line, left.column) < (right.line, right.column)
    }
}

/// A stretch of one file, from `start` up to but not including `end`.
package struct SourceRange: Hashable, Comparable, Sendable {
    /// The path as it is shown to the user: relative to the workspace's root, or as it was given.
    package var file: String
    package var start: SourcePosition
    package var end: SourcePosition

    package init(file: String, start: SourcePosition, end: SourcePosition) {
        self.file = file
        self.start = start
        self.end = end
    }

    package static func < (left: SourceRange, right: SourceRange) -> Bool {
        (left.file, left.start, left.end) < (right.file, right.start, right.end)
    }
}

/// One finding about what a user wrote or asked for. It is a value: nothing here prints.
package struct Diagnostic: Hashable, Sendable {
    package enum Severity: Int, Hashable, Comparable, Sendable {
        case note, warning, error

        package static func < (left: Severity, right: Severity) -> Bool { left.rawValue < right.rawValue }
    }

    /// A second place that belongs to the finding, such as the first of two definitions.
    package struct Related: Hashable, Sendable {
        package var message: String
        package var range: SourceRange

        package init(message: String, range: SourceRange) {
            self.message = message
            self.range = range
        }
    }

    package var severity: Severity
    /// A stable short name for tools, such as `unknown-key`.
    package var code: String
    /// One sentence without a full stop: what is wrong.
    package var message: String
    package var range: SourceRange?
    /// What to do next, as one sentence.
    package var help: String?
    package var related: [Related]
    /// The line may hold a secret that was written there by mistake: it must not be shown.
    package var hidesSource = false

    package init(
        _ severity: Severity,
        code: String,
        _ message: String,
        at range: SourceRange? = nil,
        help: String? = nil,
        related: [Related] = []
    ) {
        self.severity = severity
        self.code = code
        self.message = message
        self.range = range
        self.help = help
        self.related = related
    }

    package static func error(
        _ code: String,
        _ message: String,
        at range: SourceRange? = nil,
        help: String? = nil,
        related: [Related] = []
    ) -> Diagnostic {
        Diagnostic(.error, code: code, message, at: range, help: help, related: related)
    }

    package static func warning(_ code: String, _ message: String, at range: SourceRange? = nil, help: String? = nil) -> Diagnostic {
        Diagnostic(.warning, code: code, message, at: range, help: help)
    }

    package static func note(_ code: String, _ message: String, at range: SourceRange? = nil, help: String? = nil) -> Diagnostic {
        Diagnostic(.note, code: code, message, at: range, help: help)
    }
}

extension [Diagnostic] {
    package var hasErrors: Bool { contains { $0.severity == .error } }

    /// By file, place, then code and message, so that the same input gives the same text; findings without a place come last.
    package func inReadingOrder() -> [Diagnostic] {
        sorted { left, right in
            switch (left.range, right.range) {
            case (let leftRange?, let rightRange?) where leftRange != rightRange: leftRange < rightRange
            case (_?, nil): true
            case (nil, _?): false
            default: (left.code, left.message) < (right.code, right.message)
            }
        }
    }
}
