import Testing

@testable import RegistryTestSupport

@Suite struct RequestStreamTests {
    private static let text = [
        "GET /v2/ HTTP/1.1\r\nHost: h\r\n\r\n",
        "PUT /a?b=c HTTP/1.1\r\ncontent-length: 5\r\n\r\nGET /",
        "POST /c HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n4;x=y\r\n\r\n\r\n\r\nA\r\n0123456789\r\n0\r\nTrailer: v\r\n\r\n",
        "POST /empty HTTP/1.1\r\nContent-Length: 0\r\n\r\n",
        "DELETE /d HTTP/1.1\r\n\r\n",
    ].joined()

    @Test func headsAreFoundHoweverTheBytesCome() {
        let bytes = Array(Self.text.utf8)
        for size in 1...bytes.count {
            var stream = RequestStream()
            var parts: [RequestStream.Part] = []
            for start in stride(from: 0, to: bytes.count, by: size) {
                parts += stream.feed(Array(bytes[start..<min(start + size, bytes.count)]))
            }
            let lines = parts.compactMap { if case .head(let method, let target, _) = $0 { "\(method) \(target)" } else { nil } }
            #expect(lines == ["GET /v2/", "PUT /a?b=c", "POST /c", "POST /empty", "DELETE /d"], "in pieces of \(size)")
            let whole = parts.flatMap { part in
                switch part {
                case .head(_, _, let bytes), .body(let bytes): bytes
                }
            }
            #expect(whole == bytes, "in pieces of \(size)")
        }
    }

    @Test func whatIsNotHTTPPasses() {
        var stream = RequestStream()
        #expect(stream.feed([22, 3, 1]) == [.body([22, 3, 1])])
        #expect(stream.feed(Array("GET".utf8)) == [.body(Array("GET".utf8))])
    }
}
