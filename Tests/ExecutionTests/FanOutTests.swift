import OCI
import Planning
import Registry
import RegistryTestSupport
import Synchronization
import Testing

@testable import Execution

extension BlobFanOut {
    fileprivate init(_ members: Set<Member>, capacity: Int? = 2) {
        self.init(capacity: capacity)
        _ = join(members)
    }

    /// For the member's newest reading.
    fileprivate mutating func take(_ member: Member) -> Answer? { take(member, readings[member, default: 0]) }
}

@Suite struct BlobFanOutTests {
    private let a: RegistryID
    private let b: RegistryID

    init() throws {
        a = try RegistryID(host: "a.example")
        b = try RegistryID(host: "b.example")
    }

    private func piece(_ number: UInt8) -> [UInt8] { [number] }

    @Test func `nothing is read before somebody begins`() {
        var fan = BlobFanOut<[UInt8]>([a, b])
        #expect(fan.demand == nil)
        #expect(fan.begin(a) != nil)
        #expect(fan.demand == .read)
    }

    @Test func `everyone gets every piece in order, then the end`() {
        var fan = BlobFanOut<[UInt8]>([a, b], capacity: 2)
        #expect(fan.begin(a) != nil)
        #expect(fan.begin(b) != nil)
        fan.supply(piece(1))
        #expect(fan.take(a) == .piece([1]))
        fan.supply(piece(2))
        fan.finish()
        #expect(fan.take(b) == .piece([1]))
        #expect(fan.take(b) == .piece([2]))
        #expect(fan.take(a) == .piece([2]))
        #expect(fan.take(a) == .end)
        #expect(fan.take(b) == .end)
    }

    @Test func `where all is kept, nobody is waited for, and who comes late still gets it`() {
        var fan = BlobFanOut<[UInt8]>([a, b], capacity: nil)
        _ = fan.begin(a)
        for number in 1...3 as ClosedRange<UInt8> {
            #expect(fan.demand == .read)
            fan.supply(piece(number))
            #expect(fan.take(a) == .piece([number]))
        }
        fan.finish()
        #expect(fan.take(a) == .end && fan.demand == .over)
        fan.dismiss(a)
        fan.close()
        _ = fan.begin(b)
        #expect((1...3).map { _ in fan.take(b) } == [.piece([1]), .piece([2]), .piece([3])])
        #expect(fan.take(b) == .end && fan.pieces.isEmpty)
    }

    @Test func `no more pieces are kept than the capacity, at the pace of the slowest`() {
        var fan = BlobFanOut<[UInt8]>([a, b], capacity: 2)
        _ = fan.begin(a)
        fan.supply(piece(1))
        fan.supply(piece(2))
        #expect(fan.demand == nil)
        #expect(fan.take(a) == .piece([1]))
        #expect(fan.demand == nil)
        #expect(fan.take(a) == .piece([2]))
        #expect(fan.take(a) == nil)
        #expect(fan.demand == .blocked)
        #expect(fan.take(b) == .piece([1]))
        #expect(fan.demand == .read)
    }

    @Test func `who does not move while others wait leaves, and who moved stays`() throws {
        let c = try RegistryID(host: "c.example")
        var fan = BlobFanOut<[UInt8]>([a, b, c], capacity: 1)
        _ = fan.begin(a)
        fan.supply(piece(1))
        _ = fan.take(a)
        let laggards = fan.laggards
        #expect(Set(laggards.keys) == [b, c])
        #expect(fan.take(b) == .piece([1]))
        #expect(!fan.hasMoved(laggards))
        #expect(fan.expel(laggards).isEmpty)
        #expect(fan.take(c) == .left)
        #expect(fan.take(b) == nil)
        #expect(fan.demand == .read)
    }

    @Test func `who began and stopped is named, and leaves other groups in which it has taken nothing`() {
        var fan = BlobFanOut<[UInt8]>([a, b], capacity: 1)
        _ = fan.begin(a)
        _ = fan.begin(b)
        fan.supply(piece(1))
        _ = fan.take(a)
        #expect(Set(fan.expel(fan.laggards).keys) == [b])
        var (untouched, touched) = (BlobFanOut<[UInt8]>(), BlobFanOut<[UInt8]>())
        let claims = (untouched.join([a, b]) ?? 0, touched.join([a, b]) ?? 0)
        touched.supply(piece(1))
        _ = touched.take(b)
        untouched.withdraw(claims.0, at: b)
        touched.withdraw(claims.1, at: b)
        #expect(!untouched.has(b) && touched.has(b))
    }

    @Test func `who stops is named to those alone who count on it, and others may still do so elsewhere`() throws {
        var fan = BlobFanOut<[UInt8]>(capacity: 1)
        let first = fan.join([a, b]) ?? 0
        let second = fan.join([a]) ?? 0
        _ = fan.begin(a)
        _ = fan.begin(b)
        fan.supply(piece(1))
        _ = fan.take(a)
        #expect(fan.expel(fan.laggards) == [b: [first]])
        var other = BlobFanOut<[UInt8]>()
        let mine = other.join([b]) ?? 0
        _ = other.join([b])
        other.withdraw(mine, at: b)
        #expect(other.has(b) && second != first)
    }

    @Test func `who begins while it is waited for is waited for anew`() {
        var fan = BlobFanOut<[UInt8]>([a, b], capacity: 1)
        _ = fan.begin(a)
        fan.supply(piece(1))
        _ = fan.take(a)
        let laggards = fan.laggards
        _ = fan.begin(b)
        #expect(fan.hasMoved(laggards))
        #expect(fan.expel(laggards).isEmpty && fan.has(b))
    }

    @Test func `who does not need it may come back, and a group that nobody has begun is over when it is closed`() throws {
        var fan = BlobFanOut<[UInt8]>()
        let claim = fan.join([a, b]) ?? 0
        fan.release(claim, at: a)
        #expect(!fan.has(a))
        _ = fan.join([a])
        #expect(fan.has(a))
        var begun = fan
        _ = begun.begin(b)
        begun.close()
        fan.close()
        #expect(begun.has(a) && begun.demand == .read)
        // Nor where all who had begun have left.
        begun.dismiss(b)
        begun.close()
        #expect(!begun.has(a) && begun.isAbandoned && begun.failure == nil)
        #expect(!fan.has(a) && fan.demand == .over && fan.join([a]) == nil && fan.begin(b) == nil)
    }

    @Test func `nothing is kept for those who have left, and who comes then is too late`() {
        var fan = BlobFanOut<[UInt8]>([a, b])
        let reading = fan.begin(a)
        fan.supply(piece(1))
        #expect(fan.take(a) == .piece([1]))
        #expect(fan.pieces.count == 1)
        fan.end(reading ?? 0, of: a)
        #expect(fan.pieces.count == 1)
        fan.dismiss(b)
        #expect(fan.pieces.isEmpty)
        #expect(fan.join([a]) == nil)
    }

    @Test func `those that never began do not hold up a reader whose readers have gone`() {
        var fan = BlobFanOut<[UInt8]>([a, b], capacity: 1)
        _ = fan.begin(a)
        fan.supply(piece(1))
        fan.dismiss(a)
        #expect(fan.demand == .blocked)
        fan.expel(fan.laggards)
        #expect(fan.demand == .over)
    }

    @Test func `the group lasts until those who began have everything, and does not wait for others`() {
        var fan = BlobFanOut<[UInt8]>([a, b])
        _ = fan.begin(a)
        fan.supply(piece(1))
        fan.finish()
        #expect(fan.demand == nil)
        #expect(fan.take(a) == .piece([1]))
        #expect(fan.demand == .blocked)
        fan.expel(fan.laggards)
        #expect(fan.demand == .over)
        #expect(fan.take(a) == .end)
    }

    @Test func `who has taken a piece cannot begin again`() {
        var fan = BlobFanOut<[UInt8]>([a, b])
        _ = fan.begin(a)
        fan.supply(piece(1))
        _ = fan.take(a)
        #expect(fan.begin(a) == nil)
        #expect(fan.begin(b) != nil)
    }

    @Test func `an earlier reading of a member takes nothing from the one that counts, and ends without it`() throws {
        var fan = BlobFanOut<[UInt8]>([a, b])
        let (first, second) = (fan.begin(a) ?? 0, fan.begin(a) ?? 0)
        #expect(0 < first && first < second)
        fan.supply(piece(1))
        guard case .failed = fan.take(a, first) else { throw TestSupportError("an earlier reading goes on") }
        fan.end(first, of: a)
        #expect(fan.take(a, second) == .piece([1]))
        fan.end(second, of: a)
        #expect(!fan.has(a))
        // One that is dismissed while it reads goes on by itself.
        let late = fan.begin(b) ?? 0
        fan.expel([b: .init(taken: 0, hasBegun: true)])
        #expect(fan.take(b, late) == .left)
    }

    @Test func `an upload that is over gets nothing more, not even by a read of its own`() {
        var fan = BlobFanOut<[UInt8]>([a, b])
        let reading = fan.begin(a) ?? 0
        #expect(fan.take(a, reading) == nil)
        fan.dismiss(a)
        #expect(fan.take(a, reading) == .failed(.cancelledRun))
        #expect(fan.failed.isEmpty)
    }

    @Test func `others join as long as all pieces are there, and whoever left does not come back`() {
        var fan = BlobFanOut<[UInt8]>([a])
        #expect(fan.begin(a) != nil)
        fan.supply(piece(1))
        #expect(fan.join([b]) != nil)
        #expect(fan.take(a) == .piece([1]))
        #expect(fan.join([b]) != nil)
        fan.dismiss(a)
        #expect(fan.join([a]) != nil)
        #expect(!fan.has(a))
        #expect(fan.begin(b) != nil)
        #expect(fan.take(b) == .piece([1]))
        #expect(fan.join([a]) == nil)
    }

    @Test func `nobody joins a group that reads no more`() {
        var fan = BlobFanOut<[UInt8]>([a])
        fan.dismiss(a)
        #expect(fan.proceed() == .over)
        #expect(fan.join([b]) == nil)
        #expect(fan.proceed() == .over)
        var done = BlobFanOut<[UInt8]>([a])
        done.finish()
        #expect(done.join([b]) == nil)
    }

    @Test func `a member stays as long as anybody needs the blob there, or reads it`() {
        var fan = BlobFanOut<[UInt8]>()
        let (first, second) = (fan.join([a, b]) ?? 0, fan.join([a]) ?? 0)
        fan.release(first, at: a)
        fan.release(first, at: a)
        fan.release(first, at: b)
        #expect(fan.has(a) && !fan.has(b))
        _ = fan.begin(a)
        fan.release(second, at: a)
        #expect(fan.has(a))
        fan.dismiss(a)
        #expect(!fan.has(a))
    }

    @Test func `a failure reaches everyone after the pieces before it`() {
        let error = RegistryError(.corrupt, action: "read", object: "x", reason: "other bytes")
        var fan = BlobFanOut<[UInt8]>([a])
        _ = fan.begin(a)
        fan.supply(piece(1))
        fan.finish(error)
        #expect(fan.take(a) == .piece([1]))
        #expect(fan.failed.isEmpty)
        #expect(fan.take(a) == .failed(error))
        #expect(fan.failed == [a] && fan.failure == error && !fan.isAbandoned)
        #expect(fan.demand == .over)
    }
}

@Suite struct SlowTargetTests {
    private let us = "us.example/team/app"
    private let de = "de.example/team/app"

    /// An image with one blob of 20 pieces; `stumble` is called when `us.example` takes in the second one.
    private func world(
        _ stumble: @escaping @Sendable (Operation) async throws(RegistryError) -> Void
    ) throws -> (world: World, sample: Sample) {
        let world = try World()
        world.source.pieceSize = 5000
        world.us.setHook { operation, _ async throws(RegistryError) in
            if operation.kind == .bodyPiece, operation.offset == 5000 { try await stumble(operation) }
        }
        return (world, try Samples.image(layerCount: 1, layerSize: 100_000))
    }

    private func reads(_ world: World, _ sample: Sample) throws -> [Operation] {
        let layer = try #require(sample.root.image?.layers.first)
        return world.source.operations.filter { $0.kind == .blob && $0.reference == .digest(layer.digest) }
    }

    private let broken = RegistryError(.unavailable, action: "push", object: "blob", reason: "the connection broke")

    @Test func `a target that stands still leaves the group, and finishes by a read of its own`() async throws {
        let done = Mutex(false)
        let (world, sample) = try world { _ in
            // It goes on only once the other target is done.
            while !done.withLock({ $0 }) { await Task.yield() }
        }
        world.de.setHook { operation, _ in
            if operation.kind == .putManifest { done.withLock { $0 = true } }
        }
        world.clock.stopHolding(.seconds(1))
        let content = try world.sourced(sample)
        let puts = try [us, de].map { try Changes.put(content, to: $0, tag: "1") }
        let report = await world.run(puts, [content])
        #expect(report.verdict == .complete)
        let reads = try reads(world, sample)
        #expect(reads.map(\.offset).first == 0)
        // The slow one goes on where it stood, and sends nothing twice.
        #expect(reads.count == 2)
        #expect(puts.map { report.result($0)?.bytes.sent } == [report.bytes.sent / 2, report.bytes.sent / 2])
        #expect(world.us.resolvesCompletely(try world.repository(), try TagName("1")))
    }

    @Test func `as long as the pace is only slow, there is one read`() async throws {
        let (world, sample) = try world { _ in for _ in 0..<1000 { await Task.yield() } }
        let content = try world.sourced(sample)
        let puts = try [us, de].map { try Changes.put(content, to: $0, tag: "1") }
        #expect(await world.run(puts, [content]).verdict == .complete)
        #expect(try reads(world, sample).count == 1)
    }

    @Test func `a target that fails in the middle is served again alone, and the others never notice`() async throws {
        let hasFailed = Mutex(false)
        let (world, sample) = try world { [broken] _ throws(RegistryError) in
            let isFirst = hasFailed.withLock { failed in
                defer { failed = true }
                return !failed
            }
            if isFirst { throw broken }
        }
        let content = try world.sourced(sample)
        let puts = try [us, de].map { try Changes.put(content, to: $0, tag: "1") }
        #expect(await world.run(puts, [content]).verdict == .complete)
        #expect(try reads(world, sample).count == 2)
        #expect(world.de.count(.putBlob) == sample.blobs.count)
        #expect(world.us.resolvesCompletely(try world.repository(), try TagName("1")))
    }

    @Test func `a target that fails for good does not stop the others`() async throws {
        let (world, sample) = try world { [broken] _ throws(RegistryError) in throw broken }
        let content = try world.sourced(sample)
        let puts = try [us, de].map { try Changes.put(content, to: $0, tag: "1") }
        let report = await world.run(puts, [content])
        #expect(report.failureCode == .unavailable)
        #expect(report.outcome(puts[1]) == .done)
        #expect(world.us.tagsAndDigests(in: try world.repository()).isEmpty)
    }

    @Test(arguments: 0..<20 as Range<UInt64>) func `in whatever order tasks run, all is copied, and the source is read once`(seed: UInt64)
        async throws
    {
        let world = try World()
        world.clock.stopHolding(.seconds(5))
        // Small blobs are kept, larger ones are not.
        let size = seed.isMultiple(of: 2) ? 2000 : 100_000
        for (place, registry) in [world.source, world.us, world.de].enumerated() {
            registry.pieceSize = size / 20
            registry.setHook(InMemoryRegistry.yielding(seed: seed &* 3 &+ UInt64(place)))
        }
        let sample = try Samples.multiPlatform(seed: seed, layerSize: size, attestations: true)
        let part = try Samples.index(of: [try Samples.image(seed: seed &* 100, layerSize: size)])
        let contents = [try world.sourced(sample), try world.sourced(part)]
        let puts = try ["us.example/team/app", "us.example/team/web", "de.example/team/app"].flatMap { repository in
            try contents.enumerated().map { try Changes.put($1, to: repository, tag: "\($0)") }
        }
        let report = await world.run(puts, contents)
        #expect(report.verdict == .complete)
        #expect(world.us.resolvesCompletely(try world.repository("team/web"), try TagName("0")))
        #expect(world.de.resolvesCompletely(try world.repository(), try TagName("1")))
        // Within a registry each blob is sent once, and taken over for the second repository.
        #expect(world.us.count(.putBlob) == sample.blobs.merging(part.blobs) { first, _ in first }.count)
        #expect(world.us.openLeases + world.de.openLeases == 0)
    }

    @Test(.timeLimit(.minutes(1))) func `who lets go of a reading holds up nobody, and reads alone when it comes again`() async throws {
        let (world, sample) = try world { _ in }
        _ = try world.sourced(sample)
        let layer = try #require(sample.root.image?.layers.first)
        let (us, de) = (world.us.id, world.de.id)
        let repository = try world.repository()
        let blob = BlobBody(layer, at: "the source") { (offset) throws(RegistryError) in
            try await world.source.blob(layer, from: offset, in: repository)
        }
        let group = BlobGroup(blob, at: "the source")
        _ = group.join([us, de])
        // On this clock, a second of patience never ends.
        async let pump: Void = group.pump(transfers: Gate<Bool>(limit: 1), clock: world.clock)
        func letGo() async throws {
            var pieces = try await group.body(for: us, own: blob) { _ in }.open().makeAsyncIterator()
            #expect(try await pieces.next()?.bytes.count == 5000)
        }
        try await letGo()
        let taken = try await group.body(for: de, own: blob) { _ in }.open().collected()
        #expect(taken == sample.blobs[layer.digest])
        #expect(try await group.body(for: us, own: blob) { _ in }.open().collected() == taken)
        await pump
        #expect(try reads(world, sample).count == 2)
    }

    @Test func `no more large blobs are under way than allowed`() async throws {
        let world = try World()
        let piece = 1 << 19
        world.source.pieceSize = piece
        let underWay = Mutex((now: Set<Digest>(), most: 0))
        world.us.setHook { operation, _ in
            guard operation.kind == .bodyPiece, let digest = operation.reference?.digest else { return }
            for _ in 0..<20 { await Task.yield() }
            underWay.withLock { blobs in
                // Each layer has three pieces; the config has one.
                if operation.offset == 2 * Int64(piece) { blobs.now.remove(digest) } else { blobs.now.insert(digest) }
                blobs.most = max(blobs.most, blobs.now.count)
            }
        }
        let sample = try Samples.image(layerCount: 5, layerSize: 2 * piece + 1)
        let content = try world.sourced(sample)
        let put = try Changes.put(content, to: us, tag: "1")
        #expect(await world.run(Changes.plan([put], [content]), transfers: 1).verdict == .complete)
        // Beside the one layer: the config, which is small, and a layer that begins while the last piece of another is on its way.
        #expect((1...3).contains(underWay.withLock { $0.most }))
    }
}
