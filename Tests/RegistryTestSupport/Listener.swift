internal import NIOCore
internal import NIOPosix
internal import Synchronization

/// A connection that a listener took in, until somebody serves it. NIO ends the program where one that it has wrapped is dropped without
/// being closed, which happens to those that arrive while the listener stops.
final class AcceptedConnection<Inbound: Sendable, Outbound: Sendable>: Sendable {
    private let channel: Mutex<NIOAsyncChannel<Inbound, Outbound>?>

    init(_ channel: NIOAsyncChannel<Inbound, Outbound>) {
        self.channel = Mutex(channel)
    }

    /// Nil: it was taken before.
    func take() -> NIOAsyncChannel<Inbound, Outbound>? {
        channel.withLock { channel in
            defer { channel = nil }
            return channel
        }
    }

    deinit {
        guard let channel = take() else { return }
        Task { try? await channel.executeThenClose { _, _ in } }
    }
}

/// A port of 127.0.0.1 on which connections wait to be served.
struct Listener<Inbound: Sendable, Outbound: Sendable>: Sendable {
    let port: Int
    private let channel: NIOAsyncChannel<AcceptedConnection<Inbound, Outbound>, Never>

    init(_ wrap: @escaping @Sendable (any Channel) throws -> NIOAsyncChannel<Inbound, Outbound>) async throws {
        channel = try await ServerBootstrap(group: .singletonMultiThreadedEventLoopGroup)
            .bind(host: "127.0.0.1", port: 0) { channel in
                channel.eventLoop.makeCompletedFuture { AcceptedConnection(try wrap(channel)) }
            }
        guard let port = channel.channel.localAddress?.port else { throw TestSupportError("no port to listen on") }
        self.port = port
    }

    /// Serves every connection by itself until the task is cancelled.
    func serve(_ serve: @escaping @Sendable (NIOAsyncChannel<Inbound, Outbound>) async -> Void) async throws {
        try await withThrowingDiscardingTaskGroup { group in
            try await channel.executeThenClose { connections in
                for try await connection in connections {
                    group.addTask { if let channel = connection.take() { await serve(channel) } }
                }
            }
        }
    }
}
