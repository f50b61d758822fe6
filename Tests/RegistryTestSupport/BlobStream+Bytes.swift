package import OCI
package import Registry

extension BlobStream {
    /// The bytes from `offset` on.
    package init(_ bytes: [UInt8], from offset: Int64 = 0, pieceSize: Int = 1 << 16) {
        self.init(bytes, from: offset, pieceSize: pieceSize) { _ throws(RegistryError) in }
    }

    /// As above; `beforePiece` gets the offset of each piece before it is handed out, and may throw or suspend.
    package init(
        _ bytes: [UInt8],
        from offset: Int64,
        pieceSize: Int,
        beforePiece: @escaping @Sendable (Int64) async throws(RegistryError) -> Void
    ) {
        self.init {
            var next = Swift.min(Swift.max(Int(offset), 0), bytes.count)
            return { () async throws(RegistryError) in
                guard next < bytes.count else { return nil }
                try await beforePiece(Int64(next))
                let end = Swift.min(next + pieceSize, bytes.count)
                defer { next = end }
                return BlobBytes(Array(bytes[next..<end]))
            }
        }
    }

    /// All of it, in memory.
    package func collected() async throws(RegistryError) -> [UInt8] {
        var result: [UInt8] = []
        var iterator = makeAsyncIterator()
        while let piece = try await iterator.next() { result += piece.array }
        return result
    }
}

extension PieceStream<BlobBody.Piece> {
    /// All of it, in memory.
    package func collected() async throws(RegistryError) -> [UInt8] {
        var result: [UInt8] = []
        var iterator = makeAsyncIterator()
        while let piece = try await iterator.next() { result += piece.bytes.array }
        return result
    }
}
