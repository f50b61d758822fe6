internal import AsyncHTTPClient
internal import NIOCore

/// The pieces of an answer's body. Dropping it ends the transfer. Throws `TransportFailure.broken` when they come too slowly.
final class BodyIterator {
    private var iterator: HTTPClientResponse.Body.AsyncIterator
    private let clock: RegistryClock
    private var speed = MinimumSpeed()

    init(_ body: HTTPClientResponse.Body, clock: RegistryClock) {
        iterator = body.makeAsyncIterator()
        self.clock = clock
    }

    func next() async throws -> ByteBuffer? {
        let begin = clock.uptime()
        guard let piece = try await iterator.next(isolation: #isolation) else { return nil }
        guard speed.isKept(by: piece.readableBytes, after: clock.uptime() - begin) else {
            throw TransportFailure.broken("it sends less than 1 KiB/s")
        }
        return piece
    }
}

extension HTTPClientResponse.Body {
    /// All of it, as `collect(upTo:)` does, but not slower than `MinimumSpeed` allows.
    func collect(upTo limit: Int, clock: RegistryClock) async throws -> [UInt8] {
        let pieces = BodyIterator(self, clock: clock)
        var bytes: [UInt8] = []
        while let piece = try await pieces.next() {
            guard piece.readableBytes <= limit - bytes.count else { throw NIOTooManyBytesError(maxBytes: limit) }
            bytes += piece.readableBytesView
        }
        return bytes
    }
}
