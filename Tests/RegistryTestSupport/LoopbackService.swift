internal import NIOCore
internal import NIOHTTP1
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
    var listeners: [Listener<HTTPServerRequestPart, HTTPServerResponsePart>] = []
    for _ in 0..<count { listeners.append(try await Listener { try wrap($0, tls) }) }
    let (services, context) = try make(listeners.map(\.port))
    return try await withThrowingTaskGroup(of: Void.self) { group in
        for (listener, service) in zip(listeners, services) {
            group.addTask { try await listener.serve { await LoopbackConnection(client: $0, server: service).run() } }
        }
        defer { group.cancelAll() }
        return try await body(context)
    }
}

typealias LoopbackChannel = NIOAsyncChannel<HTTPServerRequestPart, HTTPServerResponsePart>

@Sendable private func wrap(_ channel: any Channel, _ tls: NIOSSLContext?) throws -> LoopbackChannel {
    if let tls { try channel.pipeline.syncOperations.addHandler(NIOSSLServerHandler(context: tls)) }
    try channel.pipeline.syncOperations.configureHTTPServerPipeline(withPipeliningAssistance: false)
    return try LoopbackChannel(wrappingChannelSynchronously: channel)
}
