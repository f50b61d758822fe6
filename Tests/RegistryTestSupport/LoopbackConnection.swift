internal import NIOCore
internal import NIOHTTP1

/// One connection of a loopback server: requests one after the other until either side closes.
struct LoopbackConnection: Sendable {
    let client: LoopbackChannel
    let server: any LoopbackService

    private struct Closed: Error {}

    func run() async {
        server.connectionBegan()
        do {
            try await client.executeThenClose { inbound, outbound in
                var parts = inbound.makeAsyncIterator()
                while let part = try await parts.next(isolation: #isolation) {
                    guard case .head(let head) = part else { continue }
                    try await answer(head, &parts, outbound)
                    if !head.isKeepAlive { return }
                }
            }
        } catch {
            // Scripts close connections, and clients may break off: both end here.
        }
    }

    private typealias Parts = NIOAsyncChannelInboundStream<HTTPServerRequestPart>.AsyncIterator
    private typealias Output = NIOAsyncChannelOutboundWriter<HTTPServerResponsePart>

    private func answer(_ head: HTTPRequestHead, _ parts: inout Parts, _ output: Output) async throws {
        let (request, script) = server.received(LoopbackRequest(number: 0, head))
        if let script, script.isEarly, let reply = script.reply {
            server.answered(request, bodySize: 0, status: reply.status)
            try await send(reply, script, head, output)
            _ = try await body(&parts, limit: nil, nil)
            return
        }
        let (bytes, count): ([UInt8], Int)
        do {
            if head.headers.first(name: "expect")?.lowercased() == "100-continue" {
                try await output.write(.head(HTTPResponseHead(version: .http1_1, status: .continue)))
            }
            let receiver = script?.reply == nil ? server.receiver(for: request) : nil
            (bytes, count) = try await body(&parts, limit: script?.closeAfterRequestBytes, receiver)
        } catch {
            server.answered(request, bodySize: script?.closeAfterRequestBytes ?? 0, status: nil)
            throw error
        }
        await script?.gate?.wait()
        var reply: LoopbackReply
        if let scripted = script?.reply { reply = scripted } else { reply = await server.reply(to: request, body: bytes) }
        script?.change?(&reply)
        let isClosed = script?.delivery == .close
        server.answered(request, bodySize: count, status: isClosed ? nil : reply.status)
        if isClosed { throw Closed() }
        try await send(reply, script, head, output)
    }

    private func body(
        _ parts: inout Parts,
        limit: Int?,
        _ receiver: (@Sendable ([UInt8]) -> Void)?
    ) async throws -> (bytes: [UInt8], count: Int) {
        var (bytes, count): ([UInt8], Int) = ([], 0)
        if let limit, limit <= 0 { throw Closed() }
        while let part = try await parts.next(isolation: #isolation) {
            switch part {
            case .head: throw Closed()
            case .body(let buffer):
                let piece = buffer.readableBytesView.prefix(limit.map { $0 - count } ?? buffer.readableBytes)
                count += piece.count
                if let receiver { receiver(Array(piece)) } else { bytes += piece }
            case .end: return (bytes, count)
            }
            if let limit, count >= limit { throw Closed() }
        }
        throw Closed()
    }

    private func send(_ reply: LoopbackReply, _ script: ScriptedAnswer?, _ request: HTTPRequestHead, _ output: Output) async throws {
        var headers = HTTPHeaders(reply.headers.sorted { $0.key < $1.key }.map { ($0.key, $0.value) })
        let isMeasured = headers.contains(name: "content-length") || headers.contains(name: "transfer-encoding")
        if !isMeasured, reply.status != 204, reply.status != 304 {
            headers.add(name: "Content-Length", value: "\(reply.body.count)")
        }
        let status = HTTPResponseStatus(statusCode: reply.status)
        try await output.write(.head(HTTPResponseHead(version: .http1_1, status: status, headers: headers)))
        if request.method != .HEAD {
            try await send(reply.body, script, output)
        }
        try await output.write(.end(nil))
    }

    private func send(_ body: [UInt8], _ script: ScriptedAnswer?, _ output: Output) async throws {
        // Until the client has had enough and closes the connection.
        while case .endless = script?.delivery {
            try await output.write(.body(.byteBuffer(ByteBuffer(repeating: UInt8(ascii: " "), count: 1 << 16))))
        }
        var last = body.count
        if case .cut(let count) = script?.delivery { last = min(count, last) }
        let pause = script?.gateInBody == nil ? nil : last / 2
        var next = 0
        while next < last {
            if let pause, next == pause { await script?.gateInBody?.wait() }
            var end = min(next + 1 << 16, last)
            if let pause, next < pause { end = min(end, pause) }
            try await output.write(.body(.byteBuffer(ByteBuffer(bytes: body[next..<end]))))
            next = end
        }
        if case .cut = script?.delivery {
            // What was written is on its way before the connection closes.
            try await client.channel.writeAndFlush(HTTPServerResponsePart.body(.byteBuffer(ByteBuffer()))).get()
            throw Closed()
        }
    }
}
