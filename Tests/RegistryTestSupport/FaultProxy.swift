internal import NIOCore
internal import Synchronization

/// A proxy on loopback in front of a registry without TLS, simulated or real, that does to its requests what a script says.
package final class FaultProxy: Sendable {
    private struct State: Sendable {
        var counts: [RequestKind: Int] = [:]
        var struck: [String: Int] = [:]
    }

    package let port: Int
    private let script: FaultScript
    private let expireTokens: @Sendable () -> Void
    private let state = Mutex(State())

    fileprivate init(port: Int, script: FaultScript, expireTokens: @escaping @Sendable () -> Void) {
        self.port = port
        self.script = script
        self.expireTokens = expireTokens
    }

    /// `127.0.0.1:PORT`.
    package var host: String { "127.0.0.1:\(port)" }
    /// How many requests of each kind have come.
    package var counts: [RequestKind: Int] { state.withLock { $0.counts } }
    /// How often each fault has been done, by its name.
    package var struck: [String: Int] { state.withLock { $0.struck } }

    fileprivate func action(_ method: String, _ target: String) async throws -> Fault.Action? {
        let kind = RequestKind(method: method, target: target)
        let action = state.withLock { state -> Fault.Action? in
            let ordinal = state.counts[kind, default: 0] + 1
            state.counts[kind] = ordinal
            let action = script.fault(at: kind, ordinal)?.action
            if let action { state.struck[action.name, default: 0] += 1 }
            return action
        }
        if case .delay(let milliseconds) = action { try await Task.sleep(for: .milliseconds(milliseconds)) }
        if action == .expireTokens { expireTokens() }
        return action
    }
}

/// Runs a proxy in front of `127.0.0.1:port` while `body` runs. `expireTokens` ends the tokens that were given.
package func withFaultProxy<Result: Sendable>(
    to port: Int,
    _ script: FaultScript,
    expireTokens: @escaping @Sendable () -> Void = {},
    _ body: @escaping @Sendable (FaultProxy) async throws -> Result
) async throws -> Result {
    try await withProxyListener(
        { FaultProxy(port: $0, script: script, expireTokens: expireTokens) },
        relay: { await relay($0, to: port, $1) },
        body
    )
}

private typealias Writer = NIOAsyncChannelOutboundWriter<ByteBuffer>

/// The shaper of the reply that comes next, which the request before it sets.
private final class SharedShaper: Sendable {
    private let shaper = Mutex(ReplyShaper())

    func feed(_ bytes: [UInt8]) -> (bytes: [UInt8], isEnd: Bool) { shaper.withLock { $0.feed(bytes) } }

    func begin(_ action: Fault.Action?, _ method: String) { shaper.withLock { $0 = ReplyShaper(action, method: method) } }
}

/// Either direction's end, or a fault, ends both.
private func relay(_ client: BytesChannel, to port: Int, _ proxy: FaultProxy) async {
    do {
        try await client.executeThenClose { fromClient, toClient in
            let upstream = try await connect(to: port)
            try await upstream.executeThenClose { fromRegistry, toRegistry in
                let shaper = SharedShaper()
                try await withThrowingTaskGroup(of: Void.self) { group in
                    group.addTask {
                        for try await buffer in fromRegistry {
                            let bytes = Array(buffer.readableBytesView)
                            let (shaped, isEnd) = shaper.feed(bytes)
                            try await toClient.write(ByteBuffer(bytes: shaped))
                            guard isEnd else { continue }
                            // What was written is on its way before the connection closes.
                            try await client.channel.writeAndFlush(ByteBuffer()).get()
                            throw Dropped()
                        }
                    }
                    group.addTask {
                        var requests = FaultyRequests(proxy: proxy, toRegistry: toRegistry, toClient: toClient)
                        for try await buffer in fromClient {
                            try await requests.pass(Array(buffer.readableBytesView)) { action, method in
                                shaper.begin(action, method)
                            }
                        }
                    }
                    defer { group.cancelAll() }
                    try await group.next()
                }
            }
        }
    } catch {
        // A side broke off, or the script said so; both connections are closed.
    }
}

/// The requests of one connection, one after the other.
private struct FaultyRequests {
    let proxy: FaultProxy
    let toRegistry: Writer
    let toClient: Writer
    private var stream = RequestStream()
    private var action: Fault.Action?
    /// The proxy's own answer, given when the request has come to its end.
    private var answer: [UInt8]?
    private var headSize = 0
    private var bodySize = 0
    private var passed = 0

    init(proxy: FaultProxy, toRegistry: Writer, toClient: Writer) {
        self.proxy = proxy
        self.toRegistry = toRegistry
        self.toClient = toClient
    }

    mutating func pass(_ bytes: [UInt8], _ begin: (Fault.Action?, String) -> Void) async throws {
        for part in stream.feed(bytes) {
            switch part {
            case .body(let body): try await forward(body)
            case .head(let method, let target, let head):
                action = try await proxy.action(method, target)
                (headSize, bodySize, passed) = (head.count, HeadFields(head).contentLength, 0)
                answer = action.flatMap { CannedAnswer.bytes($0, RequestKind(method: method, target: target), method) }
                begin(action, method)
                try await forward(head)
            }
        }
        if let whole = answer, stream.isBetweenRequests {
            answer = nil
            try await toClient.write(ByteBuffer(bytes: whole))
        }
    }

    private mutating func forward(_ bytes: [UInt8]) async throws {
        guard answer == nil else { return }
        var bytes = bytes
        switch action {
        case .dropRequest(let share):
            let limit = Int(share * Double(headSize + bodySize))
            if passed + bytes.count > limit {
                try await toRegistry.write(ByteBuffer(bytes: bytes.prefix(limit - passed)))
                throw Dropped()
            }
        case .flipRequest(let share) where bodySize > 0:
            bytes = flipped(bytes, at: headSize + Int(share * Double(bodySize)) - passed)
        default: break
        }
        passed += bytes.count
        try await toRegistry.write(ByteBuffer(bytes: bytes))
    }
}

/// What the proxy answers by itself.
private enum CannedAnswer {
    static func bytes(_ action: Fault.Action, _ kind: RequestKind, _ method: String) -> [UInt8]? {
        switch action {
        case .page:
            let text = "<html><head><title>404 Not Found</title></head><body>\(String(repeating: "nothing here ", count: 50))</body></html>"
            return message(404, "text/html", text, method)
        case .status(let status, let retryAfter):
            let text = #"{"errors":[{"code":"\#(code(status, kind))","message":"the proxy says so"}]}"#
            return message(status, "application/json", text, method, retryAfter.map { ["Retry-After: \($0)"] } ?? [])
        default: return nil
        }
    }

    private static func message(_ status: Int, _ type: String, _ body: String, _ method: String, _ fields: [String] = []) -> [UInt8] {
        let lines = ["HTTP/1.1 \(status) Fault", "Content-Type: \(type)", "Content-Length: \(body.utf8.count)"] + fields
        return Array((lines.joined(separator: "\r\n") + "\r\n\r\n" + (method == "HEAD" ? "" : body)).utf8)
    }

    private static func code(_ status: Int, _ kind: RequestKind) -> String {
        switch (status, kind) {
        case (401, _): "UNAUTHORIZED"
        case (403, _): "DENIED"
        case (404, .getBlob), (404, .headBlob): "BLOB_UNKNOWN"
        case (404, .putManifest): "MANIFEST_BLOB_UNKNOWN"
        case (404, .putUpload), (404, .otherUpload): "BLOB_UPLOAD_UNKNOWN"
        case (404, .getManifest), (404, .headManifest), (404, .deleteManifest): "MANIFEST_UNKNOWN"
        case (404, _): "NAME_UNKNOWN"
        case (429, _): "TOOMANYREQUESTS"
        case (503, _): "UNAVAILABLE"
        default: "UNKNOWN"
        }
    }
}
