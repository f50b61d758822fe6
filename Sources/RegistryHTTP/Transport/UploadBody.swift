internal import NIOCore
internal import OCI
internal import Registry

/// A blob on its way to the registry. The last piece is let go only once digest and size are known to be right: the request announces
/// its length, so a registry that misses the end stores nothing.
struct UploadBody: AsyncSequence, Sendable {
    typealias Element = ByteBuffer

    let descriptor: Descriptor
    let source: BlobBody
    let purpose: Purpose

    struct AsyncIterator: AsyncIteratorProtocol {
        private let descriptor: Descriptor
        private let source: BlobBody
        private let purpose: Purpose
        private var pieces: BlobStream.AsyncIterator?
        private var hasher: Digest.ContentHasher
        private var count: Int64 = 0
        private var isDone = false

        init(_ body: UploadBody) {
            descriptor = body.descriptor
            source = body.source
            purpose = body.purpose
            hasher = Digest.ContentHasher(body.descriptor.digest.algorithm)
        }

        mutating func next() async throws(RegistryError) -> ByteBuffer? {
            guard let piece = try await nextPiece() else { return nil }
            return ByteBuffer(bytes: piece)
        }

        mutating func next(isolation actor: isolated (any Actor)?) async throws(RegistryError) -> ByteBuffer? {
            guard let piece = try await nextPiece() else { return nil }
            return ByteBuffer(bytes: piece)
        }

        private mutating func nextPiece() async throws(RegistryError) -> [UInt8]? {
            if isDone { return nil }
            if pieces == nil { pieces = try await source.open(0).makeAsyncIterator() }
            guard var current = pieces else { return nil }
            defer { pieces = current }
            while let piece = try await current.next() {
                if piece.isEmpty { continue }
                hasher.update(piece)
                count += Int64(piece.count)
                if count < descriptor.size { return piece }
                while count == descriptor.size, let extra = try await current.next() { count += Int64(extra.count) }
                try check()
                isDone = true
                return piece
            }
            try check()
            isDone = true
            return nil
        }

        private func check() throws(RegistryError) {
            if count != descriptor.size {
                let comparison = count > descriptor.size ? "more" : "only"
                let amount = count > descriptor.size ? "" : " \(count)"
                throw purpose.error(
                    .corrupt,
                    "\(descriptor.digest) should have \(descriptor.size) bytes, but its source gave \(comparison)\(amount)"
                )
            }
            let digest = hasher.finalize()
            guard digest == descriptor.digest else {
                throw purpose.error(
                    .corrupt,
                    "its source is corrupt: it gave \(digest) instead of \(descriptor.digest), after \(count) bytes"
                )
            }
        }
    }

    /// No part of an empty body is ever asked for, so its source is checked here.
    func checkEmpty() async throws(TransportFailure) {
        var iterator = makeAsyncIterator()
        do throws(RegistryError) {
            _ = try await iterator.next()
        } catch {
            throw .foreign(error)
        }
    }

    func makeAsyncIterator() -> AsyncIterator { AsyncIterator(self) }
}
