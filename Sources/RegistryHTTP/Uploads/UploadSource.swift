internal import NIOCore
internal import OCI
internal import Registry

/// The content of an upload, for as many requests as that takes: read on where the next request begins where the last one ended, opened
/// again where a registry kept less. Every byte is hashed before it goes out, and the last ones wait until digest and size are known to be
/// right.
actor UploadSource {
    nonisolated let descriptor: Descriptor
    private let body: BlobBody
    private let purpose: Purpose
    private var hashes: HashCheckpoints
    /// Nil while nothing is open, or a request waits for its next piece.
    private var reading: UploadReading?
    /// The request that may take pieces; one that broke may still ask for more.
    private var turn = 0
    /// The bounds of what is left for it.
    private var next: Int64 = 0
    private var end: Int64 = 0

    init(_ descriptor: Descriptor, from body: BlobBody, for purpose: Purpose) {
        self.descriptor = descriptor
        self.body = body
        self.purpose = purpose
        hashes = HashCheckpoints(descriptor.digest.algorithm)
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
        var reading = UploadReading(descriptor, purpose, HashCheckpoints.Mark(descriptor.digest.algorithm))
        reading.pieces = try await body.open(0).makeAsyncIterator()
        _ = try await reading.piece(upTo: 1)
    }

    /// The next piece of a part; nil: that was all, or the part is over.
    func piece(for turn: Int) async throws(RegistryError) -> [UInt8]? {
        guard turn == self.turn, next < end else { return nil }
        var reading: UploadReading
        if let open = self.reading { reading = open } else { reading = try await open(at: next) }
        guard turn == self.turn else { return nil }
        self.reading = nil
        let piece = try await reading.piece(upTo: end - next)
        guard turn == self.turn else { return nil }
        hashes.keep(reading.mark)
        next += Int64(piece?.count ?? 0)
        self.reading = reading
        return piece
    }

    /// What the registry has already is hashed from the last known state of the hash on, and not sent.
    private func open(at offset: Int64) async throws(RegistryError) -> UploadReading {
        var reading = UploadReading(descriptor, purpose, hashes.goBack(to: offset))
        reading.pieces = try await body.open(reading.offset).makeAsyncIterator()
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
            queued += piece.count
            return ByteBuffer(bytes: piece)
        }
    }

    func makeAsyncIterator() -> AsyncIterator { AsyncIterator(body: self) }
}

/// States of a running hash at offsets that were passed lately: a registry that broke off mostly kept all but the last bytes.
struct HashCheckpoints: Sendable {
    struct Mark: Sendable {
        var offset: Int64 = 0
        var hasher: Digest.ContentHasher

        init(_ algorithm: Digest.Algorithm) {
            hasher = Digest.ContentHasher(algorithm)
        }
    }

    static let distance: Int64 = 1 << 20
    static let limit = 96

    private let start: Mark
    private var marks: [Mark] = []

    init(_ algorithm: Digest.Algorithm) {
        start = Mark(algorithm)
    }

    mutating func keep(_ mark: Mark) {
        guard mark.offset >= (marks.last ?? start).offset + Self.distance else { return }
        if marks.count == Self.limit { marks.removeFirst() }
        marks.append(mark)
    }

    /// The last state at or before `offset`; those behind it are forgotten, since what they stand for is read again.
    mutating func goBack(to offset: Int64) -> Mark {
        while let last = marks.last, last.offset > offset { marks.removeLast() }
        return marks.last ?? start
    }
}

/// A source as it is being read, hashed and cut to the bounds of requests.
struct UploadReading {
    private let descriptor: Descriptor
    private let purpose: Purpose
    var pieces: BlobStream.AsyncIterator?
    /// Up to where it was read, which is further than what was given away.
    private(set) var mark: HashCheckpoints.Mark
    private var rest: ArraySlice<UInt8> = []

    init(_ descriptor: Descriptor, _ purpose: Purpose, _ mark: HashCheckpoints.Mark) {
        self.descriptor = descriptor
        self.purpose = purpose
        self.mark = mark
    }

    /// The next byte to be given away.
    var offset: Int64 { mark.offset - Int64(rest.count) }

    /// Never empty; nil at the end.
    mutating func piece(upTo limit: Int64) async throws(RegistryError) -> [UInt8]? {
        if rest.isEmpty {
            guard let piece = try await read() else { return nil }
            if piece.count <= limit { return piece }
            rest = piece[...]
        }
        let piece = Array(rest.prefix(Int(min(limit, Int64(rest.count)))))
        rest = rest.dropFirst(piece.count)
        return piece
    }

    private mutating func read() async throws(RegistryError) -> [UInt8]? {
        guard var current = pieces else { return nil }
        defer { pieces = current }
        while let piece = try await current.next() {
            if piece.isEmpty { continue }
            mark.hasher.update(piece)
            mark.offset += Int64(piece.count)
            var count = mark.offset
            while count == descriptor.size, let extra = try await current.next() { count += Int64(extra.count) }
            if count >= descriptor.size { try check(count) }
            return piece
        }
        try check(mark.offset)
        return nil
    }

    private func check(_ count: Int64) throws(RegistryError) {
        if count != descriptor.size {
            let comparison = count > descriptor.size ? "more" : "only \(count)"
            throw purpose.error(
                .corrupt,
                "\(descriptor.digest) should have \(descriptor.size) bytes, but its source gave \(comparison)"
            )
        }
        let digest = mark.hasher.finalize()
        guard digest == descriptor.digest else {
            throw purpose.error(
                .corrupt,
                "its source is corrupt: it gave \(digest) instead of \(descriptor.digest), after \(count) bytes"
            )
        }
    }
}
