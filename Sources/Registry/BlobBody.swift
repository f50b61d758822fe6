package import OCI

/// A blob to send. It is verified while it is read, so that whoever sends it need not hash it too, and can be opened again where an upload
/// has to start anew.
package struct BlobBody: Sendable {
    /// What was read of a blob so far, from its first byte on.
    package struct Prefix: Sendable {
        /// In bytes.
        package private(set) var count: Int64 = 0
        private var hasher: Digest.ContentHasher

        /// Nothing yet.
        package init(_ algorithm: Digest.Algorithm) {
            hasher = Digest.ContentHasher(algorithm)
        }

        fileprivate mutating func append(_ bytes: BlobBytes) {
            bytes.withUnsafeBytes { hasher.update($0) }
            count += Int64(bytes.count)
        }

        fileprivate var digest: Digest { hasher.finalize() }
    }

    package struct Piece: Sendable {
        /// Never empty.
        package let bytes: BlobBytes
        /// The blob up to the end of these bytes.
        package let prefix: Prefix
    }

    package let descriptor: Descriptor
    private let openVerified: @Sendable (_ prefix: Prefix) async throws(RegistryError) -> PieceStream<Piece>

    /// `open` promises what `open(after:)` does.
    package init(_ descriptor: Descriptor, open: @escaping @Sendable (_ prefix: Prefix) async throws(RegistryError) -> PieceStream<Piece>) {
        self.descriptor = descriptor
        openVerified = open
    }

    /// What `open` gives is not verified yet. `place`, `registry`: where it is read, for messages.
    package init(
        _ descriptor: Descriptor,
        at place: String,
        of registry: RegistryID? = nil,
        open: @escaping @Sendable (_ offset: Int64) async throws(RegistryError) -> BlobStream
    ) {
        self.init(descriptor) { (prefix) throws(RegistryError) in
            let pieces = try await open(prefix.count)
            return PieceStream {
                var reading = VerifiedReading(descriptor, place, registry, prefix, pieces.makeAsyncIterator())
                return { () async throws(RegistryError) in try await reading.next() }
            }
        }
    }

    /// The pieces behind a prefix that this body gave earlier, or another one of the same blob; nil: all. The last piece comes once digest
    /// and size of the whole are known to be right; where they are not, `.corrupt` is thrown instead.
    package func open(after prefix: Prefix? = nil) async throws(RegistryError) -> PieceStream<Piece> {
        try await openVerified(prefix ?? Prefix(descriptor.digest.algorithm))
    }
}

/// A blob as it is being read and hashed.
private struct VerifiedReading {
    private let descriptor: Descriptor
    private let place: String
    private let registry: RegistryID?
    private var prefix: BlobBody.Prefix
    private var pieces: BlobStream.AsyncIterator

    init(
        _ descriptor: Descriptor,
        _ place: String,
        _ registry: RegistryID?,
        _ prefix: BlobBody.Prefix,
        _ pieces: BlobStream.AsyncIterator
    ) {
        self.descriptor = descriptor
        self.place = place
        self.registry = registry
        self.prefix = prefix
        self.pieces = pieces
    }

    mutating func next() async throws(RegistryError) -> BlobBody.Piece? {
        while let bytes = try await pieces.next() {
            if bytes.count == 0 { continue }
            prefix.append(bytes)
            var count = prefix.count
            while count == descriptor.size, let extra = try await pieces.next() { count += Int64(extra.count) }
            if count >= descriptor.size { try check(count) }
            return BlobBody.Piece(bytes: bytes, prefix: prefix)
        }
        try check(prefix.count)
        return nil
    }

    private func check(_ count: Int64) throws(RegistryError) {
        guard count == descriptor.size else {
            let found = count > descriptor.size ? "more" : "\(count)"
            throw corrupt("its manifest says it has \(descriptor.size) bytes, and the source has \(found)")
        }
        let digest = prefix.digest
        guard digest == descriptor.digest else { throw corrupt("the source has other bytes, with the digest \(digest) instead") }
    }

    private func corrupt(_ reason: String) -> RegistryError {
        RegistryError(.corrupt, action: "read the blob", object: "\(place)@\(descriptor.digest)", registry: registry, reason: reason)
    }
}
