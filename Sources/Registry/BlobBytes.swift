package import NIOCore

/// Bytes of a blob. Handing them on copies nothing.
package struct BlobBytes: Sendable {
    package let buffer: ByteBuffer

    package init(_ buffer: ByteBuffer) {
        self.buffer = buffer
    }

    /// A copy.
    package init(_ bytes: [UInt8]) {
        buffer = ByteBuffer(bytes: bytes)
    }

    package var count: Int { buffer.readableBytes }

    /// A copy.
    package var array: [UInt8] { Array(buffer.readableBytesView) }

    package func withUnsafeBytes<Result, Failure>(
        _ body: (UnsafeRawBufferPointer) throws(Failure) -> Result
    ) throws(Failure) -> Result {
        try buffer.withUnsafeReadableBytes(body)
    }
}
