import Files

/// Writes tar files member by member, odd ones too.
struct TarBuilder {
    private(set) var bytes: [UInt8] = []

    enum Style: CaseIterable {
        case ustar, gnu, pax
    }

    mutating func file(_ name: String, _ content: [UInt8], _ style: Style = .ustar) {
        switch style {
        case .ustar: member(name, content)
        case .gnu:
            member("././@LongLink", Array(name.utf8) + [0], type: "L")
            member(String(name.prefix(90)), content)
        case .pax:
            member("PaxHeader", Self.record("path", name) + Self.record("size", String(content.count)), type: "x")
            member(String(name.prefix(90)), content)
        }
    }

    mutating func file(_ name: String, _ text: String) { member(name, Array(text.utf8)) }

    mutating func link(_ name: String, to target: String, type: Character) { member(name, [], type: type, link: target) }

    /// `size` overrides what the header says.
    mutating func member(_ name: String, _ content: [UInt8], type: Character = "0", link: String = "", size: [UInt8]? = nil) {
        var header = [UInt8](repeating: 0, count: 512)
        func put(_ text: some Sequence<UInt8>, at place: Int) { for (offset, byte) in text.enumerated() { header[place + offset] = byte } }
        put(Array(name.utf8.prefix(100)), at: 0)
        put("0000644\0".utf8, at: 100)
        let octal = String(content.count, radix: 8)
        put(size ?? Array((String(repeating: "0", count: 11 - octal.count) + octal + "\0").utf8), at: 124)
        put("        ".utf8, at: 148)
        put(type.utf8, at: 156)
        put(link.utf8, at: 157)
        put("ustar\u{0}00".utf8, at: 257)
        let sum = String(header.reduce(0) { $0 + Int($1) }, radix: 8)
        put((String(repeating: "0", count: 6 - sum.count) + sum + "\0 ").utf8, at: 148)
        bytes += header + content + [UInt8](repeating: 0, count: (512 - content.count % 512) % 512)
    }

    func write(to path: String) throws { try WholeFile.write(bytes + [UInt8](repeating: 0, count: 1024), to: path) }

    private static func record(_ key: String, _ value: String) -> [UInt8] {
        let body = " \(key)=\(value)\n"
        var length = body.utf8.count + 1
        while "\(length)\(body)".utf8.count != length { length += 1 }
        return Array("\(length)\(body)".utf8)
    }
}
