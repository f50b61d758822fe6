/// A pattern over names: `*` stands for any run of characters within one component or tag, `**` for any run across components.
package struct Glob: Hashable, Sendable, CustomStringConvertible {
    package let description: String

    package init(_ text: some StringProtocol) {
        description = String(text)
    }

    /// Whether it matches more than itself.
    package var isPattern: Bool { description.contains("*") }

    /// `**/` also matches no component, so that `**/api` covers `api` and `a/**/b` covers `a/b`; `a/**` covers `a/b` but not `a`.
    package func matches(_ text: some StringProtocol) -> Bool {
        guard isPattern else { return text == description }
        return Self.matches(Array(description.utf8), Array(text.utf8))
    }

    private static let star = UInt8(ascii: "*")
    private static let slash = UInt8(ascii: "/")

    /// What follows a star, and where in the text that was last tried.
    private struct Retreat {
        var pattern: Int
        var text: Int
        /// After `**/`: only at the beginning of a component.
        var isAtComponent = false
    }

    /// Greedy matching that returns to the last `*` and the last `**` only: polynomial, whatever the pattern.
    private static func matches(_ pattern: [UInt8], _ text: [UInt8]) -> Bool {
        var patternIndex = 0
        var textIndex = 0
        var single: Retreat?
        var double: Retreat?
        while true {
            if patternIndex < pattern.count, pattern[patternIndex] == star {
                let start = patternIndex
                while patternIndex < pattern.count, pattern[patternIndex] == star { patternIndex += 1 }
                if patternIndex - start == 1 {
                    single = Retreat(pattern: patternIndex, text: textIndex)
                    continue
                }
                let isComponent = start == 0 || pattern[start - 1] == slash
                if isComponent, patternIndex < pattern.count, pattern[patternIndex] == slash {
                    patternIndex += 1
                    double = Retreat(pattern: patternIndex, text: textIndex, isAtComponent: true)
                } else {
                    double = Retreat(pattern: patternIndex, text: textIndex)
                }
                single = nil
            } else if patternIndex == pattern.count, textIndex == text.count {
                return true
            } else if patternIndex < pattern.count, textIndex < text.count, pattern[patternIndex] == text[textIndex] {
                patternIndex += 1
                textIndex += 1
            } else if var back = single, back.text < text.count, text[back.text] != slash {
                back.text += 1
                (patternIndex, textIndex) = (back.pattern, back.text)
                single = back
            } else if var back = double, let next = next(after: back, in: text) {
                back.text = next
                (patternIndex, textIndex) = (back.pattern, back.text)
                double = back
                single = nil
            } else {
                return false
            }
        }
    }

    private static func next(after back: Retreat, in text: [UInt8]) -> Int? {
        if back.isAtComponent { return text[back.text...].firstIndex(of: slash).map { $0 + 1 } }
        return back.text < text.count ? back.text + 1 : nil
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
