internal import NIOCore
internal import NIOHTTP1
internal import NIOPosix
package import NIOSSL

/// What answers behind a port on loopback.
package protocol LoopbackService: Sendable {
    func connectionBegan()
    /// Sees each request's head first: gives it its number, and says what is to happen instead of the usual work.
    func received(_ request: LoopbackRequest) -> (request: LoopbackRequest, answer: ScriptedAnswer?)
    /// Takes the request's body as it comes; `reply` gets none then. Nil: it is collected.
    func receiver(for request: LoopbackRequest) -> (@Sendable ([UInt8]) -> Void)?
    func reply(to request: LoopbackRequest, body: [UInt8]) async -> LoopbackReply
    /// The end of each request. No status: the connection was closed without an answer.
    func answered(_ request: LoopbackRequest, bodySize: Int, status: Int?)
}

extension LoopbackService {
    package func receiver(for request: LoopbackRequest) -> (@Sendable ([UInt8]) -> Void)? { nil }
}

/// Listens on `count` free ports of 127.0.0.1 while `body` runs. `make` is told the ports and gives a service for each.
package func withLoopbackListeners<Context: Sendable, Result: Sendable>(
    _ count: Int,
    _ tls: NIOSSLContext? = nil,
    _ make: ([Int]) throws -> (services: [any LoopbackService], context: Context),
    body: @escaping @Sendable (Context) async throws -> Result
) async throws -> Result {
    var listeners: [NIOAsyncChannel<LoopbackChannel, Never>] = []
    for _ in 0..<count { listeners.append(try await listen(tls)) }
    let ports = listeners.compactMap { $0.channel.localAddress?.port }
    guard ports.count == count else { throw TestSupportError("no port to listen on") }
    let (services, context) = try make(ports)
    return try await withThrowingTaskGroup(of: Void.self) { group in
        for (listener, service) in zip(listeners, services) {
            group.addTask { try await serve(listener, service) }
        }
        defer { group.cancelAll() }
        return try await body(context)
    }
}

typealias LoopbackChannel = NIOAsyncChannel<HTTPServerRequestPart, HTTPServerResponsePart>

private func listen(_ context: NIOSSLContext?) async throws -> NIOAsyncChannel<LoopbackChannel, Never> {
    try await ServerBootstrap(group: .singletonMultiThreadedEventLoopGroup)
        .bind(host: "127.0.0.1", port: 0) { channel in
            channel.eventLoop.makeCompletedFuture {
                if let context { try channel.pipeline.syncOperations.addHandler(NIOSSLServerHandler(context: context)) }
                try channel.pipeline.syncOperations.configureHTTPServerPipeline(withPipeliningAssistance: false)
                return try LoopbackChannel(wrappingChannelSynchronously: channel)
            }
        }
}

private func serve(_ listener: NIOAsyncChannel<LoopbackChannel, Never>, _ service: any LoopbackService) async throws {
    try await withThrowingDiscardingTaskGroup { group in
        try await listener.executeThenClose { clients in
            for try await client in clients {
                group.addTask { await LoopbackConnection(client: client, server: service).run() }
            }
        }
    }
}
