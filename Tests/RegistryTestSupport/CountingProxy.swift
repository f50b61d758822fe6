internal import NIOCore
internal import Synchronization

/// A request as it passed the proxy.
package struct ProxiedRequest: Hashable, Sendable {
    /// Counts from 1 over all connections.
    package var number: Int
    package var method: String
    package var target: String

    package var line: String { "\(method) \(target.prefix { $0 != "?" })" }
}

/// A proxy on loopback in front of a real registry without TLS. It passes bytes through, counts them and the requests, and lets a test
/// act at any request.
package final class CountingProxy: Sendable {
    package enum Verdict: Hashable, Sendable {
        case forward
        /// The connection is closed; the registry never sees the request.
        case drop
        /// The registry gets the request; its reply is lost with the connection.
        case dropReply
    }

    /// Called before the head of a request is passed on, which waits for the verdict.
    package typealias Handler = @Sendable (ProxiedRequest) async -> Verdict

    private struct State: Sendable {
        var requests: [ProxiedRequest] = []
        var bytesToRegistry: Int64 = 0
        var bytesFromRegistry: Int64 = 0
        var closed = 0
        var handler: Handler?
    }

    package let port: Int
    /// How many bytes a connection carries, both ways together, before it is closed.
    private let connectionLimit: Int64?
    private let state = Mutex(State())

    fileprivate init(port: Int, connectionLimit: Int64?) {
        self.port = port
        self.connectionLimit = connectionLimit
    }

    /// `127.0.0.1:PORT`.
    package var host: String { "127.0.0.1:\(port)" }
    package var requests: [ProxiedRequest] { state.withLock { $0.requests } }
    /// Requests and their bodies, as they went over the wire.
    package var bytesToRegistry: Int64 { state.withLock { $0.bytesToRegistry } }
    package var bytesFromRegistry: Int64 { state.withLock { $0.bytesFromRegistry } }

    /// Connections that were closed for their limit.
    package var closedConnections: Int { state.withLock { $0.closed } }

    package func setHandler(_ handler: Handler?) { state.withLock { $0.handler = handler } }

    /// Calls `action` when request number `number` comes, before the registry sees it.
    package func atRequest(_ number: Int, _ action: @escaping @Sendable (ProxiedRequest) async -> Verdict) {
        setHandler { request in request.number == number ? await action(request) : .forward }
    }

    package func forget() {
        state.withLock { state in
            state.requests = []
            state.bytesToRegistry = 0
            state.bytesFromRegistry = 0
            state.closed = 0
        }
    }

    fileprivate func verdict(_ method: String, _ target: String) async -> Verdict {
        let (request, handler) = state.withLock { state in
            let request = ProxiedRequest(number: state.requests.count + 1, method: method, target: target)
            state.requests.append(request)
            return (request, state.handler)
        }
        return await handler?(request) ?? .forward
    }

    fileprivate func countToRegistry(_ count: Int) { state.withLock { $0.bytesToRegistry += Int64(count) } }
    fileprivate func countFromRegistry(_ count: Int) { state.withLock { $0.bytesFromRegistry += Int64(count) } }

    fileprivate func allowance() -> Allowance { Allowance(connectionLimit) { self.state.withLock { $0.closed += 1 } } }
}

/// What one connection may still carry.
private final class Allowance: Sendable {
    private let left: Mutex<Int64>
    private let onEnd: @Sendable () -> Void

    init(_ limit: Int64?, onEnd: @escaping @Sendable () -> Void) {
        left = Mutex(limit ?? .max)
        self.onEnd = onEnd
    }

    /// Throws when it is used up.
    func spend(_ count: Int) throws {
        let (before, after) = left.withLock { left in
            defer { left -= Int64(count) }
            return (left, left - Int64(count))
        }
        guard after < 0 else { return }
        if before >= 0 { onEnd() }
        throw Dropped()
    }
}

/// Runs a proxy in front of `127.0.0.1:port` while `body` runs. With `closingAfter`, it closes each connection after so many bytes.
package func withCountingProxy<Result: Sendable>(
    to port: Int,
    closingAfter limit: Int64? = nil,
    _ body: @escaping @Sendable (CountingProxy) async throws -> Result
) async throws -> Result {
    try await withProxyListener({ CountingProxy(port: $0, connectionLimit: limit) }, relay: { await relay($0, to: port, $1) }, body)
}

/// Whether the client gets no more answers.
private final class Mute: Sendable {
    private let state = Mutex(false)

    var isOn: Bool { state.withLock { $0 } }
    func turnOn() { state.withLock { $0 = true } }
}

/// Either direction's end, or a verdict, ends both.
private func relay(_ client: BytesChannel, to port: Int, _ proxy: CountingProxy) async {
    do {
        try await client.executeThenClose { fromClient, toClient in
            let upstream = try await connect(to: port)
            try await upstream.executeThenClose { fromRegistry, toRegistry in
                let mute = Mute()
                let allowance = proxy.allowance()
                try await withThrowingTaskGroup(of: Void.self) { group in
                    group.addTask {
                        for try await buffer in fromRegistry {
                            if mute.isOn { throw Dropped() }
                            try allowance.spend(buffer.readableBytes)
                            proxy.countFromRegistry(buffer.readableBytes)
                            try await toClient.write(buffer)
                        }
                    }
                    group.addTask {
                        var stream = RequestStream()
                        for try await buffer in fromClient {
                            try allowance.spend(buffer.readableBytes)
                            for part in stream.feed(Array(buffer.readableBytesView)) {
                                try await forward(part, toRegistry, proxy) { mute.turnOn() }
                            }
                        }
                    }
                    defer { group.cancelAll() }
                    try await group.next()
                }
            }
        }
    } catch {
        // A side broke off, or the test said so; both connections are closed.
    }
}

private func forward(
    _ part: RequestStream.Part,
    _ toRegistry: NIOAsyncChannelOutboundWriter<ByteBuffer>,
    _ proxy: CountingProxy,
    mute: () -> Void
) async throws {
    let bytes: [UInt8]
    switch part {
    case .body(let body): bytes = body
    case .head(let method, let target, let head):
        bytes = head
        switch await proxy.verdict(method, target) {
        case .forward: break
        case .drop: throw Dropped()
        case .dropReply: mute()
        }
    }
    proxy.countToRegistry(bytes.count)
    try await toRegistry.write(ByteBuffer(bytes: bytes))
}
