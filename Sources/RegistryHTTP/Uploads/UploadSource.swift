internal import NIOCore
internal import OCI
internal import Registry

/// The content of an upload, for as many requests as that takes: read on where the next request begins where the last one ended, opened
/// again where a registry kept less. Every byte is hashed before it goes out, and the last ones wait until digest and size are known to be
/// right.
actor UploadSource {
    private let body: BlobBody
    private var checkpoints = PrefixCheckpoints()
    /// Nil while nothing is open, or a request waits for its next piece.
    private var reading: UploadReading?
    /// The request that may take pieces; one that broke may still ask for more.
    private var turn = 0
    /// The bounds of what is left for it.
    private var next: Int64 = 0
    private var end: Int64 = 0

    init(_ body: BlobBody) {
        self.body = body
    }

    /// The body of one request. What an earlier one gets from now on is nothing.
    func part(_ range: Range<Int64>, on loop: any EventLoop) -> UploadBody {
        if reading?.offset != range.lowerBound { reading = nil }
        turn += 1
        (next, end) = (range.lowerBound, range.upperBound)
        return UploadBody(source: self, turn: turn, loop: loop)
    }

    /// Ends the part, and tells up to where it was taken. Only one that was accepted is read on from there: the next try after a failure may
    /// be long in coming, and whoever shares the reading would wait as well.
    func endPart(wasAccepted: Bool) -> Int64 {
        turn += 1
        if !wasAccepted { reading = nil }
        return next
    }

    /// No piece of an empty body is ever asked for, so its source is checked here.
    func checkEmpty() async throws(RegistryError) {
        var pieces = try await body.open().makeAsyncIterator()
        _ = try await pieces.next()
    }

    /// The next piece of a part; nil: that was all, or the part is over.
    func piece(for turn: Int) async throws(RegistryError) -> ByteBuffer? {
        guard turn == self.turn, next < end else { return nil }
        var reading: UploadReading
        if let open = self.reading { reading = open } else { reading = try await open(at: next) }
        guard turn == self.turn else { return nil }
        self.reading = nil
        let piece = try await reading.piece(upTo: end - next)
        guard turn == self.turn else { return nil }
        if let prefix = reading.prefix { checkpoints.keep(prefix) }
        next += Int64(piece?.readableBytes ?? 0)
        self.reading = reading
        return piece
    }

    /// What the registry has already is read from the last checkpoint on, and not sent. That it is the same as what was sent is for the
    /// registry to find, which checks the digest of the whole (distribution-spec, "Pushing blobs").
    private func open(at offset: Int64) async throws(RegistryError) -> UploadReading {
        let prefix = checkpoints.goBack(to: offset)
        var reading = UploadReading(try await body.open(after: prefix).makeAsyncIterator(), after: prefix)
        while reading.offset < offset, try await reading.piece(upTo: offset - reading.offset) != nil {}
        return reading
    }
}

/// The body of one `PUT` or `PATCH`. The request announces its length, so a registry that misses the end stores nothing.
///
/// The HTTP client queues what it is given for its event loop, and says that there is enough only once the loop has come to it. A source
/// that is faster than a busy loop would fill the memory meanwhile, so the loop is waited for now and then.
struct UploadBody: AsyncSequence, Sendable {
    typealias Element = ByteBuffer

    let source: UploadSource
    let turn: Int
    /// Where the request runs.
    let loop: any EventLoop

    /// In bytes.
    private static let mostQueued = 128 << 10

    struct AsyncIterator: AsyncIteratorProtocol {
        let body: UploadBody
        private var queued = 0

        init(body: UploadBody) {
            self.body = body
        }

        mutating func next() async throws -> ByteBuffer? { try await next(isolation: nil) }

        mutating func next(isolation actor: isolated (any Actor)?) async throws -> ByteBuffer? {
            if queued >= UploadBody.mostQueued {
                try await body.loop.submit {}.get()
                queued = 0
            }
            guard let piece = try await body.source.piece(for: body.turn) else { return nil }
            queued += piece.readableBytes
            return piece
        }
    }

    func makeAsyncIterator() -> AsyncIterator { AsyncIterator(body: self) }
}

/// What of a blob was passed lately: a registry that broke off mostly kept all but the last bytes.
struct PrefixCheckpoints: Sendable {
    /// In bytes.
    static let distance: Int64 = 1 << 20
    static let limit = 96

    private var prefixes: [BlobBody.Prefix] = []

    mutating func keep(_ prefix: BlobBody.Prefix) {
        guard prefix.count >= (prefixes.last?.count ?? 0) + Self.distance else { return }
        if prefixes.count == Self.limit { prefixes.removeFirst() }
        prefixes.append(prefix)
    }

    /// The last one that ends at or before `offset`; nil: none. Those behind it are forgotten, since what they stand for is read again.
    mutating func goBack(to offset: Int64) -> BlobBody.Prefix? {
        while let last = prefixes.last, last.count > offset { prefixes.removeLast() }
        return prefixes.last
    }
}

/// A blob as it is being read, cut to the bounds of requests.
struct UploadReading {
    private var pieces: PieceStream<BlobBody.Piece>.AsyncIterator
    /// Up to where it was read, which is further than what was given away; nil: nothing yet.
    private(set) var prefix: BlobBody.Prefix?
    private var rest = ByteBuffer()

    init(_ pieces: PieceStream<BlobBody.Piece>.AsyncIterator, after prefix: BlobBody.Prefix?) {
        self.pieces = pieces
        self.prefix = prefix
    }

    /// The next byte to be given away.
    var offset: Int64 { (prefix?.count ?? 0) - Int64(rest.readableBytes) }

    /// Never empty; nil at the end.
    mutating func piece(upTo limit: Int64) async throws(RegistryError) -> ByteBuffer? {
        if rest.readableBytes == 0 {
            guard let piece = try await pieces.next() else { return nil }
            prefix = piece.prefix
            rest = piece.bytes.buffer
        }
        return rest.readSlice(length: Int(min(limit, Int64(rest.readableBytes))))
    }
}
