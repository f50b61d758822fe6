/// Which characters the texts of a spec may hold.
enum Characters {
    static func isLetterOrDigit(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"), UInt8(ascii: "0")...UInt8(ascii: "9"): true
        default: false
        }
    }

    static func isWord(_ byte: UInt8) -> Bool {
        isLetterOrDigit(byte) || byte == UInt8(ascii: "_") || byte == UInt8(ascii: "-")
    }

    static func isTagOrStar(_ byte: UInt8) -> Bool {
        isWord(byte) || byte == UInt8(ascii: ".") || byte == UInt8(ascii: "*")
    }

    /// As `ReferenceParts` has it, so that the message names the rule and not the place.
    static func isReference(_ text: String) -> Bool {
        !text.isEmpty
            && text.utf8.allSatisfy { $0 > 0x20 && $0 < 0x7f && $0 != UInt8(ascii: "%") && $0 != UInt8(ascii: "\\") }
    }

    static func isRepositoryGlob(_ text: String) -> Bool {
        var previous = UInt8(ascii: "/")
        for byte in text.utf8 {
            let isAllowed = isTagOrStar(byte) && !(UInt8(ascii: "A")...UInt8(ascii: "Z")).contains(byte)
            guard isAllowed || (byte == UInt8(ascii: "/") && previous != UInt8(ascii: "/")) else { return false }
            previous = byte
        }
        return previous != UInt8(ascii: "/")
    }

    /// A letter or `_`, then letters, digits and `_`.
    static func isName(_ text: String) -> Bool {
        guard let first = text.utf8.first, !(UInt8(ascii: "0")...UInt8(ascii: "9")).contains(first) else { return false }
        return text.utf8.allSatisfy { isLetterOrDigit($0) || $0 == UInt8(ascii: "_") }
    }

    static func isBaseURL(_ text: String) -> Bool {
        let rest: Substring
        if text.hasPrefix("https://") {
            rest = text.dropFirst(8)
        } else if text.hasPrefix("http://") {
            rest = text.dropFirst(7)
        } else {
            return false
        }
        guard let first = rest.utf8.first, first != UInt8(ascii: "/") else { return false }
        return rest.unicodeScalars.allSatisfy { $0.value > 0x20 && $0.value < 0x7f && $0 != "@" && $0 != "?" && $0 != "#" }
    }
}

/// Durations, sizes and percentages as a spec writes them.
package enum Quantities {
    static func seconds(_ text: String) -> Int? {
        let factors: [Character: Int] = ["s": 1, "m": 60, "h": 3600, "d": 86400, "w": 604_800]
        guard let unit = text.last, let factor = factors[unit] else { return nil }
        let digits = text.dropLast()
        guard digits.utf8.count <= 9, digits.first != "0", let number = whole(digits) else { return nil }
        return number * factor
    }

    /// Of a size such as `50GiB`; `nil`: it is none.
    package static func bytes(_ text: String) -> Int64? {
        let digits = text.prefix { ("0"..."9").contains($0) }
        let factors: [String: Int64] = [
            "B": 1, "KiB": 1 << 10, "MiB": 1 << 20, "GiB": 1 << 30, "TiB": 1 << 40,
            "KB": 1000, "MB": 1_000_000, "GB": 1_000_000_000, "TB": 1_000_000_000_000,
        ]
        guard digits.utf8.count <= 9, let factor = factors[String(text.dropFirst(digits.count))], let number = whole(digits) else {
            return nil
        }
        let (product, overflows) = Int64(number).multipliedReportingOverflow(by: factor)
        return overflows ? nil : product
    }

    static func percent(_ text: String) -> Int? {
        guard text.hasSuffix("%"), let number = whole(text.dropLast()), (0...100).contains(number) else { return nil }
        return text == "\(number)%" ? number : nil
    }

    private static func whole(_ digits: Substring) -> Int? {
        guard !digits.isEmpty, digits.utf8.allSatisfy({ (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) }) else { return nil }
        return Int(digits)
    }
}
