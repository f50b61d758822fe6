import AsyncHTTPClient
import Glibc
import NIOCore
import OCI
import Registry
import RegistryTestSupport
import Synchronization
import Testing

@testable import RegistryHTTP

@Suite struct UploadSourceTests {
    private static let content = Samples.bytes(5 << 20, seed: 7)

    /// A source that notes where it is opened, and the uploads of its content.
    private final class Opened: Sendable {
        private let state = Mutex([Int64]())
        var offsets: [Int64] { state.withLock { $0 } }

        func source(_ bytes: [UInt8], as descriptor: Descriptor, pieceSize: Int = 1 << 18) -> UploadSource {
            let body = BlobBody(descriptor, at: "sample") { [self] offset in
                state.withLock { $0.append(offset) }
                return BlobStream(bytes, from: offset, pieceSize: pieceSize)
            }
            return UploadSource(body)
        }
    }

    private static func read(_ body: UploadBody, atMost limit: Int = .max) async throws -> [UInt8] {
        var bytes: [UInt8] = []
        while bytes.count < limit, let piece = try await body.source.piece(for: body.turn) { bytes += piece.readableBytesView }
        return bytes
    }

    @Test(arguments: [Digest.Algorithm.sha256, .sha512])
    func partsOneAfterTheOtherReadTheSourceOnce(_ algorithm: Digest.Algorithm) async throws {
        let opened = Opened()
        let digest = Digest.of(Self.content, with: algorithm)
        let source = opened.source(Self.content, as: Descriptor(mediaType: "x", digest: digest, size: Int64(Self.content.count)))
        var sent: [UInt8] = []
        for start in stride(from: 0, to: Int64(Self.content.count), by: 1_000_003) {
            let part = start..<min(start + 1_000_003, Int64(Self.content.count))
            let bytes = try await Self.read(source.part(part))
            #expect(bytes.count == part.count)
            sent += bytes
            #expect(await source.endPart(wasAccepted: true) == part.upperBound)
        }
        #expect(sent == Self.content)
        #expect(opened.offsets == [0])
    }

    @Test func aBusyEventLoopIsWaitedForBeforeMuchIsQueued() async throws {
        let source = Opened().source(Self.content, as: Samples.descriptor(of: Self.content), pieceSize: 1 << 16)
        let loop = HTTPClient.defaultEventLoopGroup.next()
        let isFree = Atomic(false)
        loop.execute { while !isFree.load(ordering: .acquiring) { sched_yield() } }
        async let release: Void = {
            try await Task.sleep(for: .milliseconds(50))
            isFree.store(true, ordering: .releasing)
        }()
        var pieces = await source.part(0..<Int64(Self.content.count), on: loop).makeAsyncIterator()
        var early = 0
        while let piece = try await pieces.next() { if !isFree.load(ordering: .acquiring) { early += piece.readableBytes } }
        try await release
        #expect(early <= 128 << 10)
    }

    @Test func aRegistryThatKeptLessIsServedFromTheLastKnownHash() async throws {
        let opened = Opened()
        let source = opened.source(Self.content, as: Samples.descriptor(of: Self.content))
        let size = Int64(Self.content.count)
        _ = try await Self.read(source.part(0..<size), atMost: 4 << 20)
        #expect(await source.endPart(wasAccepted: true) == 4 << 20)
        let rest = try await Self.read(source.part(2_500_000..<size))
        #expect(rest == Array(Self.content[2_500_000...]))
        #expect(opened.offsets == [0, 2 << 20])
        // Further back than any mark that is kept, it begins at 0.
        let all = try await Self.read(source.part(10..<size))
        #expect(all == Array(Self.content[10...]))
        #expect(opened.offsets.last == 0)
    }

    @Test(arguments: [true, false]) func onlyAReadingThatGoesOnStaysOpen(_ wasAccepted: Bool) async throws {
        final class Reading: Sendable {
            let content = UploadSourceTests.content
        }
        let isOpen = Mutex<@Sendable () -> Bool>({ false })
        let body = BlobBody(Samples.descriptor(of: Self.content), at: "sample") { offset in
            let reading = Reading()
            isOpen.withLock { $0 = { [weak reading] in reading != nil } }
            let pieces = BlobStream(reading.content, from: offset)
            return BlobStream {
                var iterator = pieces.makeAsyncIterator()
                return { () async throws(RegistryError) in
                    defer { withExtendedLifetime(reading) {} }
                    return try await iterator.next()
                }
            }
        }
        let source = UploadSource(body)
        _ = try await Self.read(source.part(0..<1 << 20))
        #expect(isOpen.withLock { $0 }())
        #expect(await source.endPart(wasAccepted: wasAccepted) == 1 << 20)
        #expect(isOpen.withLock { $0 }() == wasAccepted)
        let size = Int64(Self.content.count)
        #expect(try await Self.read(source.part(1 << 20..<size)) == Array(Self.content[(1 << 20)...]))
    }

    @Test func aBodyWhosePartIsOverGetsNothingMore() async throws {
        let source = Opened().source(Self.content, as: Samples.descriptor(of: Self.content))
        let first = await source.part(0..<1 << 20)
        _ = try await Self.read(first, atMost: 1)
        let second = await source.part(0..<100)
        #expect(try await Self.read(first) == [])
        #expect(try await Self.read(second) == Array(Self.content[..<100]))
    }

    @Test(arguments: [0, 1 << 20, (5 << 20) - 1])
    func theLastBytesOfWrongContentStayHere(_ flipped: Int) async throws {
        var wrong = Self.content
        wrong[flipped] ^= 1
        let source = Opened().source(wrong, as: Samples.descriptor(of: Self.content))
        let size = Int64(wrong.count)
        _ = try await Self.read(source.part(0..<size / 2))
        var sent = 0
        await #expect(throws: RegistryError.self) {
            let body = await source.part(size / 2..<size)
            while let piece = try await source.piece(for: body.turn) { sent += piece.readableBytes }
        }
        #expect(sent < size - size / 2)
    }

    @Test func aSourceThatChangesBetweenTwoReadingsIsFound() async throws {
        let isFirst = Mutex(true)
        let body = BlobBody(Samples.descriptor(of: Self.content), at: "sample") { offset in
            var bytes = Self.content
            if !isFirst.withLock({ first in
                defer { first = false }; return first
            }) {
                bytes[3 << 20] ^= 1
            }
            return BlobStream(bytes, from: offset, pieceSize: 1 << 18)
        }
        let source = UploadSource(body)
        let size = Int64(Self.content.count)
        _ = try await Self.read(source.part(0..<size), atMost: 4 << 20)
        await #expect(throws: RegistryError.self) { _ = try await Self.read(source.part(2 << 20..<size)) }
    }

    @Test func onlySoManyCheckpointsAreKept() async throws {
        let piece = [UInt8](repeating: 0, count: 1 << 20)
        let body = BlobBody(Descriptor(mediaType: "x", digest: .sha256(of: piece), size: 1 << 40), at: "sample") { _ in
            BlobStream {
                var isWhole = false
                return {
                    isWhole.toggle()
                    return BlobBytes(isWhole ? piece : [0, 0, 0, 0, 0])
                }
            }
        }
        var checkpoints = PrefixCheckpoints()
        var pieces = try await body.open().makeAsyncIterator()
        for _ in 1...200 { checkpoints.keep(try #require(try await pieces.next()).prefix) }
        let step: Int64 = 5 + 1 << 20
        #expect(checkpoints.goBack(to: 100 * step - 6)?.count == 99 * step - 5)
        #expect(checkpoints.goBack(to: 5 * step)?.count == 5 * step - 5)
        #expect(checkpoints.goBack(to: 5 * step - 6) == nil)
    }
}

extension UploadSource {
    fileprivate func part(_ range: Range<Int64>) -> UploadBody { part(range, on: HTTPClient.defaultEventLoopGroup.next()) }
}
