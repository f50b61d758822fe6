/// What becomes of the bytes of one reply on their way to the client. Pure: bytes in, bytes out.
struct ReplyShaper: Sendable {
    private let action: Fault.Action?
    private let isHead: Bool
    private var head: [UInt8] = []
    private var isInBody = false
    private var bodyLength = 0
    /// How much of the reply, or of its body, has passed.
    private var passed = 0
    private var passedBody = 0
    private var limit: Int?

    init(_ action: Fault.Action? = nil, method: String = "GET") {
        self.action = action
        isHead = method == "HEAD"
    }

    /// The bytes that pass, and whether the connection ends after them.
    mutating func feed(_ bytes: [UInt8]) -> (bytes: [UInt8], isEnd: Bool) {
        switch action {
        case .dropReply(0): return ([], true)
        case .dropReply, .truncate, .flipReply: break
        default: return (bytes, false)
        }
        var out: [UInt8] = []
        var rest = bytes[...]
        if !isInBody {
            while let byte = rest.popFirst() {
                head.append(byte)
                if byte == 10, head.suffix(4) == [13, 10, 13, 10] {
                    beginBody()
                    out = head
                    break
                }
            }
            guard isInBody else { return ([], false) }
        }
        out += shape(Array(rest))
        guard let limit, passed + out.count >= limit else {
            passed += out.count
            return (out, false)
        }
        return (Array(out.prefix(limit - passed)), true)
    }

    private mutating func beginBody() {
        isInBody = true
        bodyLength = isHead ? 0 : HeadFields(head).contentLength
        switch action {
        case .dropReply(let share): limit = Int(share * Double(head.count + bodyLength))
        case .truncate(let share): limit = head.count + Int(share * Double(bodyLength))
        default: limit = nil
        }
    }

    private mutating func shape(_ bytes: [UInt8]) -> [UInt8] {
        defer { passedBody += bytes.count }
        guard case .flipReply(let share) = action, bodyLength > 0 else { return bytes }
        return flipped(bytes, at: Int(share * Double(bodyLength)) - passedBody)
    }
}

/// `bytes` with another one at `place`, if that lies within.
func flipped(_ bytes: [UInt8], at place: Int) -> [UInt8] {
    guard bytes.indices.contains(place) else { return bytes }
    var bytes = bytes
    bytes[place] ^= 1
    return bytes
}

/// The fields of a message's head that a proxy needs.
struct HeadFields {
    var contentLength = 0

    init(_ head: [UInt8]) {
        for line in String(decoding: head, as: UTF8.self).split(separator: "\r\n").dropFirst() {
            let field = line.split(separator: ":", maxSplits: 1)
            guard field.count == 2, field[0].lowercased() == "content-length" else { continue }
            contentLength = Int(field[1].filter { !$0.isWhitespace }) ?? 0
        }
    }
}
