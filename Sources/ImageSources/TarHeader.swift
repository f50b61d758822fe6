/// One header block of a tar file (POSIX.1-1988 ustar, with GNU's numbers).
struct TarHeader {
    static let blockSize = 512

    enum Kind: Hashable {
        case regular, hardLink, symbolicLink, folder
        /// Headers that describe the next member.
        case pax, globalPax, longName, longLink
        case sparse
        /// Devices and pipes.
        case other
    }

    /// Why a file is not a tar file. The description is a clause.
    struct Invalid: Error, CustomStringConvertible {
        let description: String
    }

    var name: String
    var linkName: String
    var size: Int64
    var kind: Kind

    /// `nil`: a block of zeros, which ends the archive.
    init?(_ block: [UInt8]) throws(Invalid) {
        if block.allSatisfy({ $0 == 0 }) { return nil }
        guard try Self.number(block[148..<156]) == Self.checksum(block) else {
            throw Invalid(description: "it is not a tar file, or a damaged one: a header's checksum is wrong")
        }
        size = try Self.number(block[124..<136])
        linkName = Self.text(block[157..<257])
        let isPosix = Array(block[257..<263]) == Array("ustar\0".utf8)
        let prefix = isPosix ? Self.text(block[345..<500]) : ""
        name = prefix.isEmpty ? Self.text(block[0..<100]) : "\(prefix)/\(Self.text(block[0..<100]))"
        kind =
            switch block[156] {
            case 0, UInt8(ascii: "0"), UInt8(ascii: "7"): .regular
            case UInt8(ascii: "1"): .hardLink
            case UInt8(ascii: "2"): .symbolicLink
            case UInt8(ascii: "5"): .folder
            case UInt8(ascii: "x"), UInt8(ascii: "X"): .pax
            case UInt8(ascii: "g"): .globalPax
            case UInt8(ascii: "L"): .longName
            case UInt8(ascii: "K"): .longLink
            case UInt8(ascii: "S"): .sparse
            default: .other
            }
    }

    private static func text(_ field: ArraySlice<UInt8>) -> String { String(decoding: field.prefix { $0 != 0 }, as: UTF8.self) }

    private static func checksum(_ block: [UInt8]) -> Int64 {
        block.enumerated().reduce(0) { $0 + ((148..<156).contains($1.offset) ? 32 : Int64($1.element)) }
    }

    /// Octal digits, or big-endian binary after a byte with the highest bit set. Never negative.
    private static func number(_ field: ArraySlice<UInt8>) throws(Invalid) -> Int64 {
        var value: Int64 = 0
        func add(_ digit: UInt8, base: Int64) throws(Invalid) {
            let (product, isTooLarge) = value.multipliedReportingOverflow(by: base)
            guard !isTooLarge, product <= Int64.max - Int64(digit) else {
                throw Invalid(description: "a header of it holds an absurd number")
            }
            value = product + Int64(digit)
        }
        if let first = field.first, first & 0x80 != 0 {
            guard first & 0x40 == 0 else { throw Invalid(description: "a header of it holds a negative number") }
            try add(first & 0x3f, base: 256)
            for byte in field.dropFirst() { try add(byte, base: 256) }
            return value
        }
        for byte in field.drop(while: { $0 == UInt8(ascii: " ") }).prefix(while: { $0 != 0 && $0 != UInt8(ascii: " ") }) {
            guard (UInt8(ascii: "0")...UInt8(ascii: "7")).contains(byte) else {
                throw Invalid(description: "a header of it holds no number")
            }
            try add(byte - UInt8(ascii: "0"), base: 8)
        }
        return value
    }

    /// The records of a pax header: `length key=value\n`, the length in decimal and over the whole record.
    static func paxRecords(_ bytes: [UInt8]) throws(Invalid) -> [String: String] {
        var records: [String: String] = [:]
        var rest = bytes[...]
        while let space = rest.firstIndex(of: UInt8(ascii: " ")) {
            guard let length = Int(String(decoding: rest[..<space], as: UTF8.self)), length > space - rest.startIndex + 1,
                length <= rest.count
            else { break }
            let record = rest[(space + 1)..<(rest.startIndex + length - 1)]
            guard let equals = record.firstIndex(of: UInt8(ascii: "=")) else { break }
            records[String(decoding: record[..<equals], as: UTF8.self)] = String(decoding: record[(equals + 1)...], as: UTF8.self)
            rest = rest[(rest.startIndex + length)...]
        }
        guard rest.allSatisfy({ $0 == 0 }) else { throw Invalid(description: "an extended header of it is damaged") }
        return records
    }
}
