internal import NIOCore
internal import NIOHTTP1
package import OCI
package import Registry
internal import Synchronization

extension HTTPRegistry {
    package func headBlob(_ digest: Digest, in repository: RepositoryName) async throws(RegistryError) -> Int64? {
        try await headBlob(digest, in: repository, scope: .pull(repository))
    }

    func headBlob(_ digest: Digest, in repository: RepositoryName, scope: TokenScope) async throws(RegistryError) -> Int64? {
        let purpose = purpose("look for", repository, "@\(digest)")
        let response = try await exchange.send(
            RegistryRequest(
                method: .HEAD,
                address: address(repository, "blobs/\(digest)"),
                purpose: purpose,
                headers: ["accept-encoding": "identity"],
                scopes: [scope]
            )
        )
        if try response.isAbsence(purpose) { return nil }
        guard response.isSuccess else { throw await exchange.error(for: response, purpose) }
        guard let size = response.contentLength, size >= 0 else {
            throw purpose.error(.badAnswer, status: response.status, "the registry does not say how large it is")
        }
        return size
    }

    package func blob(
        _ descriptor: Descriptor,
        from offset: Int64,
        in repository: RepositoryName
    ) async throws(RegistryError) -> BlobStream {
        let purpose = purpose("read", repository, "@\(descriptor.digest)")
        guard offset >= 0, offset <= descriptor.size else {
            throw purpose.error(.corrupt, "it has \(descriptor.size) bytes, so none at \(offset)")
        }
        let source = BlobSource(registry: self, descriptor: descriptor, repository: repository, purpose: purpose)
        if offset == descriptor.size { return BlobStream { { () async throws(RegistryError) -> BlobBytes? in nil } } }
        let opened = Once(try await source.open(at: offset))
        return BlobStream {
            let reading = BlobReading(source: source, offset: offset, opened: opened.take())
            return { () async throws(RegistryError) in try await reading.next() }
        }
    }
}

/// A value that is handed out once, so that its owner does not keep it alive.
private final class Once<Value: Sendable>: Sendable {
    private let value: Mutex<Value?>

    init(_ value: Value) {
        self.value = Mutex(value)
    }

    func take() -> Value? {
        value.withLock { value in
            defer { value = nil }
            return value
        }
    }
}

/// Opens a blob's bytes from an offset on.
struct BlobSource: Sendable {
    /// An answer whose body begins `skip` bytes before the wanted offset: a registry may ignore `Range`.
    struct Opened: Sendable {
        var response: RegistryResponse
        var skip: Int64
    }

    let registry: HTTPRegistry
    let descriptor: Descriptor
    let repository: RepositoryName
    let purpose: Purpose

    func open(at offset: Int64) async throws(RegistryError) -> Opened {
        var request = RegistryRequest(
            method: .GET,
            address: registry.address(repository, "blobs/\(descriptor.digest)"),
            purpose: purpose,
            // A body that is unpacked on the way has another digest.
            headers: ["accept-encoding": "identity"],
            scopes: [.pull(repository)],
            slot: .download
        )
        if offset > 0 { request.headers.add(name: "range", value: "bytes=\(offset)-") }
        let response = try await registry.exchange.send(request)
        switch response.status {
        case 206:
            let range = ContentRange(response.headers.first(name: "content-range"))
            guard let range, range.start == offset, range.total == nil || range.total == descriptor.size else {
                throw purpose.error(.badAnswer, status: 206, "the registry sent another part of it than was asked for")
            }
            return Opened(response: response, skip: 0)
        case 200..<300:
            if let length = response.contentLength, length != descriptor.size {
                throw purpose.error(.corrupt, "its manifest says \(descriptor.size) bytes, but the registry serves \(length)")
            }
            return Opened(response: response, skip: offset)
        default: throw await registry.exchange.error(for: response, purpose)
        }
    }
}

/// `bytes 100-199/200`
struct ContentRange: Hashable, Sendable {
    var start: Int64
    var total: Int64?

    init?(_ text: String?) {
        guard let text, text.lowercased().hasPrefix("bytes ") else { return nil }
        let halves = text.dropFirst(6).split(separator: "/")
        guard halves.count == 2 else { return nil }
        let bounds = halves[0].split(separator: "-", omittingEmptySubsequences: false).map { Int64($0) }
        guard bounds.count == 2, let start = bounds[0], let end = bounds[1], start <= end else { return nil }
        self.start = start
        total = Int64(halves[1])
        guard total.map({ end < $0 }) ?? (halves[1] == "*") else { return nil }
    }
}

/// Reads a blob to its end, over as many connections as that takes; gives up after three tries that bring nothing new.
private final class BlobReading {
    private let source: BlobSource
    private var offset: Int64
    private var skip: Int64 = 0
    private var opened: BlobSource.Opened?
    private var pieces: BodyIterator?
    private var pending: ByteBuffer?
    private var fruitlessTries = 0

    init(source: BlobSource, offset: Int64, opened: BlobSource.Opened?) {
        self.source = source
        self.offset = offset
        self.opened = opened
    }

    private static let largestPiece = 1 << 20
    private static let tries = 3

    func next() async throws(RegistryError) -> BlobBytes? {
        while offset < source.descriptor.size {
            if let piece = takePending() { return piece }
            do throws(TransportFailure) {
                if let buffer = try await nextBuffer() {
                    pending = buffer
                    continue
                }
                try await pause(after: .broken("it ended too early"))
            } catch {
                if case .foreign(let original) = error { throw original }
                if case .cancelled = error { throw source.purpose.cancelled }
                throw failure(error)
            }
        }
        finish()
        return nil
    }

    private func takePending() -> BlobBytes? {
        guard var buffer = pending else { return nil }
        if skip > 0 {
            let passed = Int(min(skip, Int64(buffer.readableBytes)))
            buffer.moveReaderIndex(forwardBy: passed)
            skip -= Int64(passed)
        }
        let count = Int(min(Int64(min(buffer.readableBytes, Self.largestPiece)), source.descriptor.size - offset))
        let piece = buffer.readSlice(length: count)
        pending = buffer.readableBytes > 0 ? buffer : nil
        guard var piece, count > 0 else { return nil }
        // A small part of a large buffer, as TLS gives it, must not keep all of it.
        if count * 4 < piece.storageCapacity { piece = ByteBuffer(buffer: piece) }
        offset += Int64(count)
        fruitlessTries = 0
        if offset == source.descriptor.size { finish() }
        return BlobBytes(piece)
    }

    private func nextBuffer() async throws(TransportFailure) -> ByteBuffer? {
        if pieces == nil {
            let current: BlobSource.Opened
            if let first = opened {
                current = first
            } else {
                do throws(RegistryError) {
                    current = try await source.open(at: offset)
                } catch {
                    throw .foreign(error)
                }
                opened = current
            }
            skip = current.skip
            pieces = BodyIterator(current.response.body, clock: source.registry.exchange.clock)
        }
        do {
            return try await pieces?.next()
        } catch {
            if Task.isCancelled { throw .cancelled }
            let reason = TransportFailure(error)
            guard Exchange.outcome(of: reason) != nil else { throw reason }
            try await pause(after: reason)
            return ByteBuffer()
        }
    }

    /// Lets the broken connection go, and waits before the next one.
    private func pause(after reason: TransportFailure) async throws(TransportFailure) {
        finish()
        fruitlessTries += 1
        guard fruitlessTries <= Self.tries else { throw reason }
        let clock = source.registry.exchange.clock
        do {
            try await clock.sleep(fruitlessTries == 1 ? 0 : Double(1 << fruitlessTries) * clock.jitter() / 2)
        } catch {
            throw .cancelled
        }
    }

    private func finish() {
        pieces = nil
        pending = nil
        opened = nil
        skip = 0
    }

    private func failure(_ error: TransportFailure) -> RegistryError {
        var result = Exchange.error(for: error, source.purpose, host: source.registry.id.description)
        result.reason += ", after \(offset) of \(source.descriptor.size) bytes"
        return result
    }
}
