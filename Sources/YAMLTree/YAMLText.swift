internal import Diagnostics

/// The bytes of a file made ready for libyaml: what it would stumble over is reported here, with a place, and replaced,
/// so that the rest of the file is still checked.
struct YAMLText {
    private(set) var bytes: [UInt8]
    private(set) var diagnostics: [Diagnostic] = []
    /// False when nothing in the file could be understood.
    private(set) var isReadable = true

    private let file: String

    init(_ bytes: [UInt8], file: String, limits: YAMLLimits) {
        self.bytes = bytes
        self.file = file
        isReadable = makeReadable(limits)
    }

    private mutating func makeReadable(_ limits: YAMLLimits) -> Bool {
        guard checkSize(limits), checkByteOrderMark() else { return false }
        repairEncoding()
        return checkCharacters(limits)
    }

    private mutating func checkSize(_ limits: YAMLLimits) -> Bool {
        guard bytes.count > limits.fileBytes else { return true }
        let mebibyte = 1024 * 1024
        let limit = limits.fileBytes.isMultiple(of: mebibyte) ? "\(limits.fileBytes / mebibyte) MiB" : "\(limits.fileBytes) bytes"
        report("yaml-limit", "the file is larger than \(limit)", at: 0, help: "Split it into several files.")
        return false
    }

    private mutating func checkByteOrderMark() -> Bool {
        if bytes.starts(with: [0xff, 0xfe]) || bytes.starts(with: [0xfe, 0xff]) {
            report("yaml-byte-order-mark", "the file is UTF-16, not UTF-8", at: 0, help: "Save it as UTF-8 without a byte-order mark.")
            return false
        }
        if bytes.starts(with: [0xef, 0xbb, 0xbf]) {
            bytes.removeFirst(3)
            report(
                "yaml-byte-order-mark",
                "the file begins with a byte-order mark",
                at: 0,
                help: "Save it as UTF-8 without a byte-order mark (BOM)."
            )
        }
        return true
    }

    private mutating func repairEncoding() {
        do throws(UTF8.ValidationError) {
            _ = try UTF8Span(validating: bytes.span)
        } catch {
            let offset = error.byteOffsets.lowerBound
            let byte = "0x" + String(bytes[offset], radix: 16, uppercase: true)
            report("yaml-encoding", "the byte \(byte) is not valid UTF-8", at: offset, help: "Save the file as UTF-8.")
            bytes = Array(String(decoding: bytes, as: UTF8.self).utf8)
        }
    }

    // MARK: Characters

    private enum Flaw: Hashable { case nul, carriageReturn, character }

    private mutating func checkCharacters(_ limits: YAMLLimits) -> Bool {
        var flaws: [(flaw: Flaw, range: Range<Int>)] = []
        var tagDirectives = 0
        bytes.withUnsafeBufferPointer { bytes in
            var offset = 0
            while offset < bytes.count {
                if bytes[offset] == UInt8(ascii: "%"), offset == 0 || bytes[offset - 1] == UInt8(ascii: "\n") {
                    tagDirectives += bytes[offset...].starts(with: "%TAG".utf8) ? 1 : 0
                }
                if let (flaw, length) = Self.flaw(at: offset, in: bytes) {
                    flaws.append((flaw, offset..<offset + length))
                    offset += length
                } else {
                    offset += 1
                }
                if flaws.count > Self.mostFlaws { break }
            }
        }
        var reported: Set<Flaw> = []
        for (flaw, range) in flaws where reported.insert(flaw).inserted { report(flaw, at: range.lowerBound) }
        if tagDirectives > limits.tagDirectives {
            report(
                "yaml-limit",
                "the file has more than \(limits.tagDirectives) %TAG lines",
                at: 0,
                help: "Remove them: specs use no tags."
            )
            return false
        }
        replace(flaws.map(\.range))
        return !reported.contains(.nul) && flaws.count <= Self.mostFlaws
    }

    /// With more than this the file is no text.
    private static let mostFlaws = 1000

    /// What libyaml refuses, or takes for a line end where editors and YAML 1.2 do not.
    private static func flaw(at offset: Int, in bytes: UnsafeBufferPointer<UInt8>) -> (Flaw, length: Int)? {
        let byte = bytes[offset]
        func follows(_ expected: UInt8, _ distance: Int) -> Bool { offset + distance < bytes.count && bytes[offset + distance] == expected }
        switch byte {
        case 0x09, 0x0a, 0x20...0x7e: return nil
        case 0x00: return (.nul, 1)
        case 0x0d: return follows(0x0a, 1) ? nil : (.carriageReturn, 1)
        case ..<0x20, 0x7f: return (.character, 1)
        case 0xc2: return offset + 1 < bytes.count && bytes[offset + 1] < 0xa0 ? (.character, 2) : nil
        case 0xe2: return follows(0x80, 1) && (follows(0xa8, 2) || follows(0xa9, 2)) ? (.character, 3) : nil
        case 0xef:
            if follows(0xbb, 1), follows(0xbf, 2) { return (.character, 3) }
            return follows(0xbf, 1) && (follows(0xbe, 2) || follows(0xbf, 2)) ? (.character, 3) : nil
        default: return nil
        }
    }

    /// Puts U+FFFD in place of each character, so that columns stay as they are.
    private mutating func replace(_ ranges: [Range<Int>]) {
        guard !ranges.isEmpty else { return }
        var repaired: [UInt8] = []
        var copied = 0
        for range in ranges {
            repaired += bytes[copied..<range.lowerBound]
            repaired += [0xef, 0xbf, 0xbd]
            copied = range.upperBound
        }
        bytes = repaired + bytes[copied...]
    }

    // MARK: Reports

    private mutating func report(_ flaw: Flaw, at offset: Int) {
        switch flaw {
        case .nul:
            report("yaml-encoding", "a NUL byte stands here; this is no text file", at: offset, help: "Save the file as UTF-8 text.")
        case .carriageReturn:
            report(
                "yaml-character",
                "a carriage return stands here without a line feed",
                at: offset,
                help: "End lines with a line feed (LF), or with CR LF."
            )
        case .character:
            let scalar = String(decoding: bytes[offset...].prefix(4), as: UTF8.self).unicodeScalars.first ?? " "
            let code = String(scalar.value, radix: 16, uppercase: true)
            let padded = String(repeating: "0", count: max(0, 4 - code.count)) + code
            report(
                "yaml-character",
                "the character U+\(padded) may not stand in YAML",
                at: offset,
                help: "Remove it, or write it as \"\\u\(padded)\" in double quotes."
            )
        }
    }

    private mutating func report(_ code: String, _ message: String, at offset: Int, help: String) {
        let start = Self.position(of: offset, in: bytes)
        let end = SourcePosition(line: start.line, column: start.column + 1)
        diagnostics.append(.error(code, message, at: SourceRange(file: file, start: start, end: end), help: help))
    }

    static func position(of offset: Int, in bytes: [UInt8]) -> SourcePosition {
        var position = SourcePosition(line: 1, column: 1)
        let before = bytes[..<offset]
        for byte in before where byte == UInt8(ascii: "\n") { position.line += 1 }
        let line = before.lastIndex(of: UInt8(ascii: "\n")).map { bytes[($0 + 1)..<offset] } ?? before
        position.column += String(decoding: line, as: UTF8.self).unicodeScalars.count
        return position
    }
}
