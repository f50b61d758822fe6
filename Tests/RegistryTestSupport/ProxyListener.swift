internal import NIOCore
internal import NIOPosix

typealias BytesChannel = NIOAsyncChannel<ByteBuffer, ByteBuffer>

/// What ends both connections of a proxy when a test says so.
struct Dropped: Error {}

/// Listens on a port of loopback while `body` runs; `make` is told the port, and `relay` serves each connection.
func withProxyListener<Proxy: Sendable, Result: Sendable>(
    _ make: (Int) -> Proxy,
    relay: @escaping @Sendable (BytesChannel, Proxy) async -> Void,
    _ body: @escaping @Sendable (Proxy) async throws -> Result
) async throws -> Result {
    let listener = try await Listener(wrap)
    let proxy = make(listener.port)
    return try await withThrowingTaskGroup(of: Void.self) { group in
        group.addTask { try await listener.serve { await relay($0, proxy) } }
        defer { group.cancelAll() }
        return try await body(proxy)
    }
}

/// A connection to what a proxy stands before.
func connect(to port: Int) async throws -> BytesChannel {
    try await ClientBootstrap(group: .singletonMultiThreadedEventLoopGroup).connect(host: "127.0.0.1", port: port) { channel in
        channel.eventLoop.makeCompletedFuture { try wrap(channel) }
    }
}

@Sendable private func wrap(_ channel: any Channel) throws -> BytesChannel {
    try BytesChannel(
        wrappingChannelSynchronously: channel,
        configuration: BytesChannel.Configuration(isOutboundHalfClosureEnabled: true)
    )
}
