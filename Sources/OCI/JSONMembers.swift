internal import FoundationEssentials

/// What parsers of JSON read differently: `JSONDecoder` takes the first of two members of one name, most others the last. Content in
/// which that matters is refused, so that crplan and who runs the image see the same.
package enum JSONMembers {
    /// A name that stands twice in one object of `bytes`, which must be JSON.
    package static func duplicate(in bytes: [UInt8]) -> String? {
        /// The names of each open object; `nil` for an array.
        var open: [Set<String>?] = []
        var place = bytes.startIndex
        while place < bytes.endIndex {
            switch bytes[place] {
            case UInt8(ascii: "{"): open.append([])
            case UInt8(ascii: "["): open.append(nil)
            case UInt8(ascii: "}"), UInt8(ascii: "]"): _ = open.popLast()
            case UInt8(ascii: "\""):
                let end = closingQuote(bytes, from: place + 1)
                if let depth = open.indices.last, open[depth] != nil, isName(bytes, before: end + 1) {
                    let name = text(bytes[place..<min(end + 1, bytes.endIndex)])
                    if open[depth]?.insert(name).inserted == false { return name }
                }
                place = end
            default: break
            }
            place += 1
        }
        return nil
    }

    private static func closingQuote(_ bytes: [UInt8], from start: Int) -> Int {
        var place = start
        while place < bytes.endIndex, bytes[place] != UInt8(ascii: "\"") {
            place += bytes[place] == UInt8(ascii: "\\") ? 2 : 1
        }
        return place
    }

    /// Whether a colon follows.
    private static func isName(_ bytes: [UInt8], before place: Int) -> Bool {
        var place = place
        while place < bytes.endIndex, [0x20, 0x09, 0x0a, 0x0d].contains(bytes[place]) { place += 1 }
        return place < bytes.endIndex && bytes[place] == UInt8(ascii: ":")
    }

    /// Escapes count as what they stand for.
    private static func text(_ quoted: ArraySlice<UInt8>) -> String {
        if quoted.contains(UInt8(ascii: "\\")), let text = try? JSONDecoder().decode(String.self, from: Data(quoted)) { return text }
        return String(decoding: quoted.dropFirst().dropLast(), as: UTF8.self)
    }
}
