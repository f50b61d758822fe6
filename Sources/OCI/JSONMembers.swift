internal import FoundationEssentials

/// What parsers of JSON read differently: of two members of one name `JSONDecoder` takes the first and most others the last; Go takes
/// `Layers` for `layers`, and refuses `1e3` as a size. Content in which that matters is refused, so that crplan and who runs the image see
/// the same.
package enum JSONMembers {
    /// Objects and lists within each other.
    package static let deepest = 64

    /// The members that decide what a manifest, an index or an `index.json` means.
    package static let ofManifests = MemberNames([
        "schemaVersion", "mediaType", "artifactType", "config", "layers", "blobs", "manifests", "subject", "digest", "size", "urls",
        "data", "platform", "os", "architecture", "variant", "annotations",
    ])

    /// Why parsers would read `bytes`, which must be JSON, in different ways, or too deep; a clause, safe to show. `names` must be written
    /// as they are here, wherever they stand; the keys of annotations are free.
    package static func ambiguity(in bytes: [UInt8], names: MemberNames = MemberNames([])) -> String? {
        if bytes.starts(with: [0xef, 0xbb, 0xbf]) { return "it begins with a byte order mark" }
        if bytes.contains(0) { return "it is not UTF-8" }
        var walk = JSONWalk(bytes, names: names)
        return walk.findAmbiguity()
    }
}

/// Names that must be written as they are here.
package struct MemberNames: Sendable {
    /// By their folded form.
    fileprivate let spellings: [String: String]

    package init(_ names: Set<String>) {
        spellings = Dictionary(names.map { (Self.folded($0), $0) }) { first, _ in first }
    }

    /// As Go compares names: the long s and the Kelvin sign are letters of ASCII to it.
    fileprivate static func folded(_ name: String) -> String {
        if name.utf8.allSatisfy({ $0 < 0x80 && !(0x41...0x5a).contains($0) }) { return name }
        var result = ""
        for scalar in name.unicodeScalars {
            switch scalar.value {
            case 0x17f: result += "s"
            case 0x212a: result += "k"
            case 0x41...0x5a: result.unicodeScalars.append(Unicode.Scalar(UInt8(scalar.value + 0x20)))
            default: result.unicodeScalars.append(scalar)
            }
        }
        return result
    }
}

/// One pass over the bytes of a JSON text.
private struct JSONWalk {
    private struct Frame {
        /// The names so far; `nil`: a list.
        var names: Set<String>?
        /// Within annotations.
        var isFree: Bool
    }

    private let bytes: [UInt8]
    private let names: MemberNames
    private var open: [Frame] = []
    private var place = 0
    /// The name whose value comes next.
    private var name: String?

    init(_ bytes: [UInt8], names: MemberNames) {
        self.bytes = bytes
        self.names = names
    }

    mutating func findAmbiguity() -> String? {
        while place < bytes.endIndex {
            switch bytes[place] {
            case UInt8(ascii: "{"), UInt8(ascii: "["):
                let isFree = name == "annotations" || open.last?.isFree ?? false
                open.append(Frame(names: bytes[place] == UInt8(ascii: "{") ? [] : nil, isFree: isFree))
                name = nil
                if open.count > JSONMembers.deepest { return "it is nested more than \(JSONMembers.deepest) deep" }
            case UInt8(ascii: "}"), UInt8(ascii: "]"): _ = open.popLast()
            case UInt8(ascii: ","): name = nil
            case UInt8(ascii: "\""):
                if let problem = readText() { return problem }
            default: break
            }
            place += 1
        }
        return nil
    }

    /// Reads a text, and leaves `place` at its end.
    private mutating func readText() -> String? {
        let end = closingQuote(from: place + 1)
        defer { place = end }
        guard let last = open.indices.last, open[last].names != nil, let colon = colon(after: end) else { return nil }
        let found = text(bytes[place..<min(end + 1, bytes.endIndex)])
        guard open[last].names?.insert(found).inserted == true else {
            return "its member '\(found.withVisibleControls)' stands there twice"
        }
        name = found
        guard !open[last].isFree, let spelling = names.spellings[MemberNames.folded(found)] else { return nil }
        if spelling != found { return "its member '\(found.withVisibleControls)' is '\(spelling)' to some programs and unknown to others" }
        return isNumberInWords(after: colon) ? "its member '\(found)' is not written as a whole number" : nil
    }

    /// `1e3` and `1.0` are whole numbers to some parsers only.
    private func isNumberInWords(after colon: Int) -> Bool {
        var next = colon + 1
        while next < bytes.endIndex, Self.isSpace(bytes[next]) { next += 1 }
        guard next < bytes.endIndex, bytes[next] == UInt8(ascii: "-") || Self.isDigit(bytes[next]) else { return false }
        let rest = bytes[(next + 1)...].drop(while: Self.isDigit)
        return rest.first.map { [UInt8(ascii: "."), UInt8(ascii: "e"), UInt8(ascii: "E")].contains($0) } ?? false
    }

    private func closingQuote(from start: Int) -> Int {
        var place = start
        while place < bytes.endIndex, bytes[place] != UInt8(ascii: "\"") {
            place += bytes[place] == UInt8(ascii: "\\") ? 2 : 1
        }
        return place
    }

    /// `nil`: what ends there is a value.
    private func colon(after quote: Int) -> Int? {
        var place = quote + 1
        while place < bytes.endIndex, Self.isSpace(bytes[place]) { place += 1 }
        return place < bytes.endIndex && bytes[place] == UInt8(ascii: ":") ? place : nil
    }

    private static func isSpace(_ byte: UInt8) -> Bool { byte == 0x20 || byte == 0x09 || byte == 0x0a || byte == 0x0d }
    private static func isDigit(_ byte: UInt8) -> Bool { (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) }

    /// Escapes count as what they stand for.
    private func text(_ quoted: ArraySlice<UInt8>) -> String {
        if quoted.contains(UInt8(ascii: "\\")), let text = try? JSONDecoder().decode(String.self, from: Data(quoted)) { return text }
        return String(decoding: quoted.dropFirst().dropLast(), as: UTF8.self)
    }
}
