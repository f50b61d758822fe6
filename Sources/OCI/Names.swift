/// Why a text is not a name of the distribution specification. The description is a clause that can follow "is not a valid tag: ".
package struct InvalidName: Error, Hashable, Sendable, CustomStringConvertible {
    package let description: String

    package init(_ description: String) {
        self.description = description
    }
}

/// The path of a repository below its registry, such as `payments/api` (distribution-spec, "Pulling manifests").
package struct RepositoryName: Hashable, Sendable, CustomStringConvertible, Comparable {
    package let description: String

    package init(_ text: some StringProtocol) throws(InvalidName) {
        var text = String(text)
        if let problem = text.withUTF8(Self.problem) { throw InvalidName(problem) }
        description = text
    }

    /// What stands against it. Large specs have many names, so that they are looked at byte by byte.
    private static func problem(_ path: UnsafeBufferPointer<UInt8>) -> String? {
        guard !path.isEmpty else { return "a repository needs a name" }
        guard path.count <= 255 else { return "a repository path has at most 255 characters" }
        var start = 0
        while true {
            let end = path[start...].firstIndex(of: UInt8(ascii: "/")) ?? path.count
            if let problem = problem(ofComponent: path[start..<end]) { return problem }
            guard end < path.count else { return nil }
            start = end + 1
        }
    }

    /// `[a-z0-9]+` joined by one `.`, one or two `_`, or any run of `-`.
    private static func problem(ofComponent component: Slice<UnsafeBufferPointer<UInt8>>) -> String? {
        guard !component.isEmpty else { return "no component of a path may be empty" }
        if component.contains(where: (UInt8(ascii: "A")...UInt8(ascii: "Z")).contains) { return "a repository must be lower case" }
        let badSeparator = "between letters or digits stands one '.', one or two '_', or any run of '-'"
        var next = component.startIndex
        var isAfterCharacter = false
        while next < component.endIndex {
            let first = next
            let byte = component[first]
            switch byte {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "0")...UInt8(ascii: "9"):
                isAfterCharacter = true
                next += 1
            case UInt8(ascii: "."), UInt8(ascii: "_"), UInt8(ascii: "-"):
                while next < component.endIndex, component[next] == byte { next += 1 }
                let longest = byte == UInt8(ascii: ".") ? 1 : byte == UInt8(ascii: "_") ? 2 : Int.max
                // A separator of another kind behind it does not come after a letter or digit.
                guard isAfterCharacter, next - first <= longest, next < component.endIndex else { return badSeparator }
                isAfterCharacter = false
            default: return "a repository has only a-z, 0-9, '.', '_', '-' and '/'"
            }
        }
        return nil
    }

    /// The first component: the namespace, in registries that have namespaces.
    package var namespace: String {
        description.utf8.firstIndex(of: UInt8(ascii: "/")).map { String(description[..<$0]) } ?? description
    }

    package var components: [Substring] { description.split(separator: "/") }

    package static func < (left: RepositoryName, right: RepositoryName) -> Bool { left.description < right.description }
}

/// A tag: `[A-Za-z0-9_][A-Za-z0-9._-]{0,127}` (distribution-spec, "Pulling manifests").
package struct TagName: Hashable, Sendable, CustomStringConvertible, Comparable {
    package let description: String

    package init(_ text: some StringProtocol) throws(InvalidName) {
        var text = String(text)
        if let problem = text.withUTF8(Self.problem) { throw InvalidName(problem) }
        description = text
    }

    private static func problem(_ text: UnsafeBufferPointer<UInt8>) -> String? {
        guard let first = text.first else { return "a tag may not be empty" }
        guard text.count <= 128 else { return "a tag has at most 128 characters" }
        guard first != UInt8(ascii: "."), first != UInt8(ascii: "-") else { return "a tag may not begin with '.' or '-'" }
        for byte in text {
            switch byte {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"), UInt8(ascii: "0")...UInt8(ascii: "9"),
                UInt8(ascii: "_"), UInt8(ascii: "."), UInt8(ascii: "-"):
                continue
            default: return "a tag has only letters, digits, '_', '.' and '-'"
            }
        }
        return nil
    }

    package static func < (left: TagName, right: TagName) -> Bool { left.description < right.description }

    /// A tag that belongs to another image: the referrers fallback `sha256-<hex>` (distribution-spec, "Referrers Tag Schema"),
    /// or one of cosign's `.sig`, `.att`, `.sbom`.
    package struct Companion: Hashable, Sendable {
        package enum Kind: String, Hashable, Sendable {
            case referrers = "", signature = ".sig", attestation = ".att", sbom = ".sbom"
        }

        /// As it stands in the tag: the algorithm and the first 64 hex digits.
        package var subject: String
        package var kind: Kind

        /// The subject's digest; nil where the tag holds a part of it only.
        package var digest: Digest? {
            subject.hasPrefix("sha256-") ? try? Digest("sha256:\(subject.dropFirst(7))") : nil
        }
    }

    package var companion: Companion? {
        let text = description
        guard text.utf8.count > 64, text.utf8.first == UInt8(ascii: "s") else { return nil }
        for algorithm in [Digest.Algorithm.sha256, .sha512] {
            let prefix = "\(algorithm.rawValue)-"
            guard text.hasPrefix(prefix) else { continue }
            let rest = text.dropFirst(prefix.count)
            let hex = rest.prefix(64)
            guard hex.utf8.count == 64, hex.allSatisfy({ ("0"..."9").contains($0) || ("a"..."f").contains($0) }) else { continue }
            guard let kind = Companion.Kind(rawValue: String(rest.dropFirst(64))) else { continue }
            return Companion(subject: prefix + hex, kind: kind)
        }
        return nil
    }

    /// The companion tag of `subject`. The text is valid by construction.
    package static func companion(of subject: Digest, _ kind: Companion.Kind) -> TagName {
        TagName(unchecked: "\(subject.algorithm.rawValue)-\(subject.encoded.prefix(64))\(kind.rawValue)")
    }

    /// A tag that nobody has, for a probe: `noise` are random bits. The text is valid by construction.
    package static func probe(_ noise: Digest) -> TagName { TagName(unchecked: "crplan-probe-\(noise.encoded.prefix(64))") }

    private init(unchecked text: String) {
        description = text
    }
}

extension RepositoryName: Codable {
    package init(from decoder: any Decoder) throws {
        self = try decodeName(from: decoder) { text throws(InvalidName) in try RepositoryName(text) }
    }

    package func encode(to encoder: any Encoder) throws { try encodeName(description, to: encoder) }
}

extension TagName: Codable {
    package init(from decoder: any Decoder) throws {
        self = try decodeName(from: decoder) { text throws(InvalidName) in try TagName(text) }
    }

    package func encode(to encoder: any Encoder) throws { try encodeName(description, to: encoder) }
}

func decodeName<Name>(from decoder: any Decoder, _ parse: (String) throws(InvalidName) -> Name) throws -> Name {
    let container = try decoder.singleValueContainer()
    let text = try container.decode(String.self)
    do throws(InvalidName) {
        return try parse(text)
    } catch {
        throw DecodingError.dataCorruptedError(in: container, debugDescription: "'\(text)' is not valid: \(error.description)")
    }
}

func encodeName(_ text: String, to encoder: any Encoder) throws {
    var container = encoder.singleValueContainer()
    try container.encode(text)
}
