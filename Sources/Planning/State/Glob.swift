/// A pattern over names: `*` stands for any run of characters within one component or tag, `**` for any run across components.
package struct Glob: Hashable, Sendable, CustomStringConvertible {
    package let description: String

    package init(_ text: some StringProtocol) {
        description = String(text)
    }

    /// Whether it matches more than itself.
    package var isPattern: Bool { description.contains("*") }

    /// `**/` at the beginning of a path also matches nothing, so that `**/api` covers `api`; `a/**` covers `a/b` but not `a`.
    package func matches(_ text: some StringProtocol) -> Bool {
        guard isPattern else { return text == description }
        return Self.matches(Array(description.utf8)[...], Array(text.utf8)[...])
    }

    private static let star = UInt8(ascii: "*")
    private static let slash = UInt8(ascii: "/")

    /// Greedy matching that returns to the last star only: quadratic at worst, whatever the pattern.
    private static func matches(_ pattern: ArraySlice<UInt8>, _ text: ArraySlice<UInt8>) -> Bool {
        var patternIndex = pattern.startIndex
        var textIndex = text.startIndex
        // Where to go on after a mismatch: behind the last `*`, and behind the last `**`, with the text one character further.
        var single: (pattern: Int, text: Int)?
        var double: (pattern: Int, text: Int)?
        while true {
            if patternIndex < pattern.endIndex, pattern[patternIndex] == star {
                let isDouble = patternIndex + 1 < pattern.endIndex && pattern[patternIndex + 1] == star
                var next = patternIndex + (isDouble ? 2 : 1)
                while next < pattern.endIndex, pattern[next] == star { next += 1 }
                if isDouble {
                    // `**/` matches no component at all, too.
                    let atStart = patternIndex == pattern.startIndex || pattern[patternIndex - 1] == slash
                    if atStart, next < pattern.endIndex, pattern[next] == slash, matches(pattern[(next + 1)...], text[textIndex...]) {
                        return true
                    }
                    double = (next, textIndex)
                    single = nil
                } else {
                    single = (next, textIndex)
                }
                patternIndex = next
                continue
            }
            if patternIndex == pattern.endIndex, textIndex == text.endIndex { return true }
            if patternIndex < pattern.endIndex, textIndex < text.endIndex, pattern[patternIndex] == text[textIndex] {
                patternIndex += 1
                textIndex += 1
                continue
            }
            if let back = single, back.text < text.endIndex, text[back.text] != slash {
                single = (back.pattern, back.text + 1)
                (patternIndex, textIndex) = (back.pattern, back.text + 1)
            } else if let back = double, back.text < text.endIndex {
                double = (back.pattern, back.text + 1)
                single = nil
                (patternIndex, textIndex) = (back.pattern, back.text + 1)
            } else {
                return false
            }
        }
    }
}

extension Glob: Comparable, Codable {
    package static func < (left: Glob, right: Glob) -> Bool { left.description < right.description }

    package init(from decoder: any Decoder) throws {
        self.init(try decoder.singleValueContainer().decode(String.self))
    }

    package func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        try container.encode(description)
    }
}
