/// A full three-part version with an optional `v` (semver.org, 2.0.0). Build metadata cannot stand in a tag.
package struct SemanticVersion: Hashable, Sendable, Comparable {
    package var major: Int
    package var minor: Int
    package var patch: Int
    package var prerelease: [String]

    /// `nil`: the text is not a full version.
    package init?(_ text: some StringProtocol) {
        var rest = Substring(text)
        if rest.hasPrefix("v") { rest = rest.dropFirst() }
        var core = rest
        prerelease = []
        if let dash = rest.firstIndex(of: "-") {
            core = rest[..<dash]
            prerelease = rest[rest.index(after: dash)...].split(separator: ".", omittingEmptySubsequences: false).map(String.init)
            guard prerelease.allSatisfy(Self.isIdentifier) else { return nil }
        }
        let numbers = core.split(separator: ".", omittingEmptySubsequences: false).map(Self.number)
        guard numbers.count == 3, let major = numbers[0], let minor = numbers[1], let patch = numbers[2] else { return nil }
        (self.major, self.minor, self.patch) = (major, minor, patch)
    }

    init(major: Int, minor: Int, patch: Int, prerelease: [String] = []) {
        (self.major, self.minor, self.patch) = (major, minor, patch)
        self.prerelease = prerelease
    }

    private static func isIdentifier(_ text: String) -> Bool {
        guard !text.isEmpty, text.utf8.allSatisfy({ isDigit($0) || isLetter($0) || $0 == UInt8(ascii: "-") }) else { return false }
        return !(text.utf8.count > 1 && text.hasPrefix("0") && text.utf8.allSatisfy(isDigit))
    }

    private static func isDigit(_ byte: UInt8) -> Bool { (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) }

    private static func isLetter(_ byte: UInt8) -> Bool {
        (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(byte) || (UInt8(ascii: "A")...UInt8(ascii: "Z")).contains(byte)
    }

    /// Digits without a leading zero; below the largest number, so that one more can be named.
    static func number(_ text: some StringProtocol) -> Int? {
        guard !text.isEmpty, text.utf8.allSatisfy(isDigit), text == "0" || !text.hasPrefix("0") else { return nil }
        return Int(text).flatMap { $0 < .max ? $0 : nil }
    }

    package static func < (left: SemanticVersion, right: SemanticVersion) -> Bool {
        let leftCore = (left.major, left.minor, left.patch)
        let rightCore = (right.major, right.minor, right.patch)
        if leftCore != rightCore { return leftCore < rightCore }
        if left.prerelease.isEmpty || right.prerelease.isEmpty { return !left.prerelease.isEmpty && right.prerelease.isEmpty }
        for (a, b) in zip(left.prerelease, right.prerelease) where a != b {
            switch (a.utf8.allSatisfy(isDigit), b.utf8.allSatisfy(isDigit)) {
            case (true, true): return (a.utf8.count, a) < (b.utf8.count, b)
            case (true, false): return true
            case (false, true): return false
            case (false, false): return a < b
            }
        }
        return left.prerelease.count < right.prerelease.count
    }
}

/// A range such as `>=1.4 <2`, `~1.4`, `^1.2.3`, `1.4.x`, `*`, or several joined by `||`.
/// Pre-releases count only when a comparison of the range names one of the same three parts.
package struct VersionRange: Hashable, Sendable, CustomStringConvertible {
    private enum Comparison: Hashable, Sendable {
        case less, lessOrEqual, equal, greaterOrEqual, greater
    }

    private struct Bound: Hashable, Sendable {
        var comparison: Comparison
        var version: SemanticVersion
    }

    package let description: String
    private let alternatives: [[Bound]]

    package struct Invalid: Error, Hashable, Sendable, CustomStringConvertible {
        package let description: String
    }

    package init(_ text: some StringProtocol) throws(Invalid) {
        description = String(text)
        var alternatives: [[Bound]] = []
        for part in Self.split(description, by: "||") {
            var bounds: [Bound] = []
            var pending = ""
            for word in part.split(whereSeparator: { $0 == " " || $0 == "," }) {
                // `>= 1.4` may be written with a space.
                if word.allSatisfy({ "<>=~^".contains($0) }) {
                    pending += word
                    continue
                }
                bounds += try Self.bounds(pending + word)
                pending = ""
            }
            guard pending.isEmpty else { throw Invalid(description: "'\(pending)' needs a version after it") }
            guard !bounds.isEmpty else {
                throw Invalid(description: "a range may not be empty; write '*' for every version")
            }
            alternatives.append(bounds)
        }
        self.alternatives = alternatives
    }

    private static func split(_ text: String, by separator: String) -> [Substring] {
        var parts: [Substring] = []
        var rest = text[...]
        while let range = rest.firstRange(of: separator) {
            parts.append(rest[..<range.lowerBound])
            rest = rest[range.upperBound...]
        }
        return parts + [rest]
    }

    package func contains(_ version: SemanticVersion) -> Bool {
        alternatives.contains { bounds in
            guard bounds.allSatisfy({ Self.holds($0, version) }) else { return false }
            return version.prerelease.isEmpty
                || bounds.contains {
                    !$0.version.prerelease.isEmpty
                        && ($0.version.major, $0.version.minor, $0.version.patch) == (version.major, version.minor, version.patch)
                }
        }
    }

    private static func holds(_ bound: Bound, _ version: SemanticVersion) -> Bool {
        switch bound.comparison {
        case .less: version < bound.version
        case .lessOrEqual: version <= bound.version
        case .equal: version == bound.version
        case .greaterOrEqual: version >= bound.version
        case .greater: version > bound.version
        }
    }

    /// One word of a range. A partial version such as `1.4` stands for all versions that begin so.
    private static func bounds(_ word: String) throws(Invalid) -> [Bound] {
        let symbol = word.prefix { "<>=~^".contains($0) }
        let (from, upTo) = try partial(String(word.dropFirst(symbol.count)))
        switch symbol {
        case "", "=", "==": return upTo.map { [Bound(comparison: .greaterOrEqual, version: from)] + below($0) } ?? exactly(from)
        case ">=": return [Bound(comparison: .greaterOrEqual, version: from)]
        case ">":
            return upTo.map { next in
                next.map { [Bound(comparison: .greaterOrEqual, version: $0)] } ?? [Bound(comparison: .less, version: from)]
            }
                ?? [Bound(comparison: .greater, version: from)]
        case "<": return [Bound(comparison: .less, version: from)]
        case "<=": return upTo.map { below($0) } ?? [Bound(comparison: .lessOrEqual, version: from)]
        case "~":
            let next = upTo ?? SemanticVersion(major: from.major, minor: from.minor + 1, patch: 0)
            return [Bound(comparison: .greaterOrEqual, version: from)] + below(next)
        case "^":
            // Up to the next change of the first part that is not 0; of `0` and `0.0`, of the last part written.
            let isZero = (from.major, from.minor) == (0, 0)
            let next = isZero ? upTo ?? caret(from) : caret(from)
            return [Bound(comparison: .greaterOrEqual, version: from)] + below(next)
        default: throw Invalid(description: "'\(symbol)' is not a comparison; use <, <=, =, >=, >, ~ or ^")
        }
    }

    private static func exactly(_ version: SemanticVersion) -> [Bound] { [Bound(comparison: .equal, version: version)] }

    private static func below(_ version: SemanticVersion?) -> [Bound] { version.map { [Bound(comparison: .less, version: $0)] } ?? [] }

    private static func caret(_ version: SemanticVersion) -> SemanticVersion {
        if version.major > 0 { return SemanticVersion(major: version.major + 1, minor: 0, patch: 0) }
        if version.minor > 0 { return SemanticVersion(major: 0, minor: version.minor + 1, patch: 0) }
        return SemanticVersion(major: 0, minor: 0, patch: version.patch + 1)
    }

    /// The lowest version and, for a partial one, the first version beyond it (`nil` inside: there is none, for `*`).
    private static func partial(_ text: String) throws(Invalid) -> (SemanticVersion, SemanticVersion??) {
        if let full = SemanticVersion(text) { return (full, nil) }
        var parts = (text.hasPrefix("v") ? text.dropFirst() : text[...]).split(separator: ".", omittingEmptySubsequences: false)
        while let last = parts.last, ["*", "x", "X"].contains(last) { parts.removeLast() }
        let numbers = parts.compactMap { SemanticVersion.number($0) }
        guard numbers.count == parts.count, numbers.count < 3, !text.isEmpty else {
            throw Invalid(description: "'\(text)' is not a version such as 1.4.2 or 1.4")
        }
        switch numbers.count {
        case 0: return (SemanticVersion(major: 0, minor: 0, patch: 0), .some(nil))
        case 1: return (SemanticVersion(major: numbers[0], minor: 0, patch: 0), SemanticVersion(major: numbers[0] + 1, minor: 0, patch: 0))
        default:
            return (
                SemanticVersion(major: numbers[0], minor: numbers[1], patch: 0),
                SemanticVersion(major: numbers[0], minor: numbers[1] + 1, patch: 0)
            )
        }
    }
}
