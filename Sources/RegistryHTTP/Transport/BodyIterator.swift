internal import AsyncHTTPClient
internal import NIOCore

/// The pieces of an answer's body. Dropping it ends the transfer.
final class BodyIterator {
    private var iterator: HTTPClientResponse.Body.AsyncIterator

    init(_ body: HTTPClientResponse.Body) {
        iterator = body.makeAsyncIterator()
    }

    func next() async throws -> ByteBuffer? {
        try await iterator.next(isolation: #isolation)
    }
}
