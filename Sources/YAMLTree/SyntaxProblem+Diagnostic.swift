internal import Diagnostics

/// libyaml's words in plain English.
extension SyntaxProblem {
    private enum Place {
        case problem
        /// Where the construct began, such as the quote that nobody closed.
        case beginning
    }

    private struct Wording {
        var message: String
        var help: String
        var place = Place.problem

        init(_ message: String, _ help: String, at place: Place = .problem) {
            self.message = message
            self.help = help
            self.place = place
        }
    }

    /// `text` is what libyaml read.
    func diagnostic(file: String, text: [UInt8]) -> Diagnostic {
        let scalar = scalar(at: position, in: text)
        let wording = wording(at: scalar)
        let problemPosition = scalar == nil ? Self.end(of: text) : position
        let start = wording.place == .beginning ? contextPosition ?? problemPosition : problemPosition
        let range = SourceRange(file: file, start: start, end: SourcePosition(line: start.line, column: start.column + 1))
        return .error("yaml-syntax", wording.message, at: range, help: wording.help)
    }

    private func wording(at scalar: Unicode.Scalar?) -> Wording {
        let isTab = scalar == "\t"
        if isTab && problem == "found character that cannot start any token" || problem.hasPrefix("found a tab character") {
            return Wording("a tab may not indent", "Use spaces.")
        }
        return structureWording(at: scalar) ?? scalarWording(at: scalar) ?? propertyWording ?? directiveWording
            ?? Wording("this is not valid YAML: \(problem)", "Correct the text before this place.")
    }

    private func structureWording(at scalar: Unicode.Scalar?) -> Wording? {
        switch problem {
        case "mapping values are not allowed in this context":
            Wording("a colon may not stand here", "Quote text that holds `: `; begin a new line for a new key; check the indentation.")
        case "block sequence entries are not allowed in this context":
            Wording("a list may not begin here", "Put the `-` on a line of its own, below its key.")
        case "mapping keys are not allowed in this context":
            Wording("a key may not begin here", "Begin it on a line of its own.")
        case "could not find expected ':'":
            Wording("a key lacks its colon", "Write `key: value`, with a space after the colon.", at: .beginning)
        case "did not find expected key":
            Wording("a key is expected here", "Check the indentation: keys of one mapping begin in the same column.")
        case "did not find expected '-' indicator":
            Wording("a `-` is expected here", "Check the indentation: all `-` of one list stand in the same column.")
        case "did not find expected ',' or ']'":
            Wording("a `,` or `]` is expected here", "Close the list that `[` began, or separate its values with commas.")
        case "did not find expected ',' or '}'":
            Wording("a `,` or `}` is expected here", "Close the mapping that `{` began, or separate its entries with commas.")
        case "did not find expected node content":
            Wording("a value is expected here", "Write a value, or \"\" for empty text.")
        case "did not find expected <document start>" where scalar == nil:
            Wording("no document follows the lines that begin with `%`", "Remove them, or begin the document with `---`.")
        case "did not find expected <document start>":
            Wording("the document has ended before this", "Check the indentation; a new document begins with `---`.")
        default: nil
        }
    }

    private func scalarWording(at scalar: Unicode.Scalar?) -> Wording? {
        switch problem {
        case "found character that cannot start any token":
            Wording("a value may not begin with `\(scalar.map(Excerpt.visible) ?? "")`", "Put the value in quotes.")
        case "found unexpected end of stream":
            Wording("the quote that begins here is never closed", "Add the closing quote.", at: .beginning)
        case "found unexpected document indicator":
            Wording("the quote that begins here is not closed before the document ends", "Add the closing quote.", at: .beginning)
        case "found unknown escape character":
            Wording("there is no such escape in double quotes", "Write `\\\\` for a backslash, or use single quotes.")
        case "did not find expected hexdecimal number":
            Wording("the escape lacks hexadecimal digits", "Write `\\x41`, `\\u0041` or `\\U00000041`.")
        case "found invalid Unicode character escape code":
            Wording("the escape names no Unicode character", "Use a code up to 10FFFF outside D800 to DFFF.")
        case "found unexpected ':'":
            Wording("a colon may not stand here", "Put the text in quotes.")
        case "found an indentation indicator equal to 0":
            Wording("the indentation after `|` or `>` may not be 0", "Use 1 to 9, or leave the number out.")
        case "did not find expected comment or line break":
            Wording("only a comment may follow here", "Begin the text of `|` or `>` on the next line.")
        default: nil
        }
    }

    private var propertyWording: Wording? {
        switch problem {
        case "did not find expected alphabetic or numeric character":
            Wording("an anchor or alias is made of letters, digits, `-` and `_`", "Quote a value that begins with `*` or `&`.")
        case "found undefined tag handle", "did not find expected '!'", "did not find expected tag URI", "did not find the expected '>'",
            "did not find URI escaped octet", "found an incorrect leading UTF-8 octet", "found an incorrect trailing UTF-8 octet":
            Wording("this tag is not known", "Remove it; quote a value that begins with an exclamation mark.")
        case "did not find expected whitespace or line break":
            Wording("a space is expected here", "Put a space between tag and value; quote a value that begins with `!`.")
        default: nil
        }
    }

    private var directiveWording: Wording? {
        switch problem {
        case "found incompatible YAML document":
            Wording("this version of YAML is not known", "Remove the %YAML line; specs are YAML 1.2.")
        case "found duplicate %YAML directive", "found duplicate %TAG directive":
            Wording("this directive stands twice", "Remove one of them.")
        case "out of memory": Wording("there is not enough memory to read the file", "Split it into several files.")
        case _ where context?.contains("directive") ?? false:
            Wording(
                "a line that begins with `%` is a directive, and this one is not known",
                "Remove it, or put the value in quotes.",
                at: .beginning
            )
        default: nil
        }
    }

    /// Just behind the last text of the file: where something is missing at its end, that is the place to look at.
    private static func end(of text: [UInt8]) -> SourcePosition {
        let last = text.lastIndex { $0 > UInt8(ascii: " ") }
        return YAMLText.position(of: last.map { $0 + 1 } ?? 0, in: text)
    }

    /// The character at a place; nil at the end of the file.
    private func scalar(at position: SourcePosition, in text: [UInt8]) -> Unicode.Scalar? {
        var line = 1
        var start = text.startIndex
        while line < position.line {
            guard let lineFeed = text[start...].firstIndex(of: UInt8(ascii: "\n")) else { return nil }
            start = lineFeed + 1
            line += 1
        }
        let end = text[start...].firstIndex(of: UInt8(ascii: "\n")).map { $0 + 1 } ?? text.endIndex
        return String(decoding: text[start..<end], as: UTF8.self).unicodeScalars.dropFirst(position.column - 1).first
    }
}
