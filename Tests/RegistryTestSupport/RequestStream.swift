/// Finds the heads of HTTP/1.1 requests in the bytes of one connection, by `Content-Length` and chunks (RFC 9112). It changes nothing:
/// the parts put together are the bytes that came.
struct RequestStream: Sendable {
    enum Part: Hashable, Sendable {
        /// A whole head with the empty line that ends it.
        case head(method: String, target: String, bytes: [UInt8])
        case body([UInt8])
    }

    private enum State: Hashable, Sendable {
        case head
        case body(left: Int)
        /// The line with a chunk's size.
        case chunkSize
        /// A chunk's bytes and the line end after them.
        case chunk(left: Int)
        /// After the last chunk, until an empty line.
        case trailer
        /// Not HTTP, such as a client that tries TLS first: everything passes.
        case opaque
    }

    private var state = State.head
    /// A head or line that has not come to its end.
    private var pending: [UInt8] = []

    /// Every request that began has come to its end.
    var isBetweenRequests: Bool { state == .head && pending.isEmpty }

    mutating func feed(_ bytes: [UInt8]) -> [Part] {
        var parts: [Part] = []
        var rest = bytes[...]
        while !rest.isEmpty {
            switch state {
            case .head where pending.isEmpty && rest.first.map { !(65...90).contains($0) } ?? false: state = .opaque
            case .opaque:
                parts.append(.body(Array(rest)))
                rest = []
            case .head:
                guard let head = take(&rest, until: [13, 10, 13, 10]) else { break }
                parts.append(begin(head))
            case .body(let left):
                parts.append(.body(Array(rest.prefix(left))))
                state = rest.count >= left ? .head : .body(left: left - rest.count)
                rest = rest.dropFirst(left)
            case .chunk(let left):
                parts.append(.body(Array(rest.prefix(left))))
                state = rest.count >= left ? .chunkSize : .chunk(left: left - rest.count)
                rest = rest.dropFirst(left)
            case .chunkSize, .trailer:
                guard let line = take(&rest, until: [13, 10]) else { break }
                parts.append(.body(line))
                endLine(line)
            }
        }
        return parts
    }

    /// Moves bytes to `pending` until it ends with `mark`; gives it then.
    private mutating func take(_ rest: inout ArraySlice<UInt8>, until mark: [UInt8]) -> [UInt8]? {
        while let byte = rest.popFirst() {
            pending.append(byte)
            if byte == 10, pending.suffix(mark.count) == mark[...] {
                defer { pending = [] }
                return pending
            }
        }
        return nil
    }

    private mutating func begin(_ head: [UInt8]) -> Part {
        let lines = String(decoding: head, as: UTF8.self).split(separator: "\r\n")
        let words = lines.first.map { $0.split(separator: " ") } ?? []
        state = .head
        for line in lines.dropFirst() {
            let field = line.split(separator: ":", maxSplits: 1)
            guard field.count == 2 else { continue }
            let value = field[1].filter { !$0.isWhitespace }.lowercased()
            switch field[0].lowercased() {
            case "content-length":
                if let count = Int(value), count > 0 { state = .body(left: count) }
            case "transfer-encoding":
                if value.hasSuffix("chunked") {
                    state = .chunkSize
                    return .head(method: String(words.first ?? ""), target: words.count > 1 ? String(words[1]) : "", bytes: head)
                }
            default: continue
            }
        }
        return .head(method: String(words.first ?? ""), target: words.count > 1 ? String(words[1]) : "", bytes: head)
    }

    private mutating func endLine(_ line: [UInt8]) {
        if state == .trailer {
            state = line == [13, 10] ? .head : .trailer
            return
        }
        let digits = String(decoding: line, as: UTF8.self).prefix { $0.isHexDigit }
        let size = Int(digits, radix: 16) ?? 0
        state = size == 0 ? .trailer : .chunk(left: size + 2)
    }
}
