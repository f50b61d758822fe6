import OCI
import Registry
import RegistryTestSupport
import Synchronization
import Testing

@Suite struct InMemoryRegistryTests {
    private let registry: InMemoryRegistry
    private let repository: RepositoryName
    private let tag: TagName
    private let sample: Sample

    init() throws {
        registry = try InMemoryRegistry()
        repository = try RepositoryName("team/app")
        tag = try TagName("1")
        sample = try Samples.multiPlatform(attestations: true)
    }

    private static let failure = RegistryError(.unavailable, action: "test", object: "it", status: 503, reason: "only a test")

    @Test func aHookCanMoveATagBetweenTwoRequests() async throws {
        try registry.seed(sample, tags: ["1"], in: repository)
        let other = try Samples.image(seed: 9)
        let isFirst = Mutex(true)
        registry.setHook { [repository, tag] operation, registry in
            guard operation.kind == .putManifest,
                isFirst.withLock({ value in
                    defer { value = false }; return value
                })
            else { return }
            registry.update { $0.seed(other, tags: [tag], in: repository) }
        }
        let before = try await registry.head(.tag(tag), in: repository)
        try await registry.putManifest(sample.root, at: .digest(sample.digest), in: repository)
        let after = try await registry.head(.tag(tag), in: repository)
        #expect(before?.digest == sample.digest)
        #expect(after?.digest == other.digest)
    }

    @Test func faultsHitWhatTheyPickAndEnd() async throws {
        registry.failNext(2, where: { $0.kind == .head }, with: Self.failure)
        for _ in 1...2 {
            await #expect(throws: Self.failure) { try await registry.head(.tag(tag), in: repository) }
            #expect(try await registry.tags(in: repository) == nil)
        }
        #expect(try await registry.head(.tag(tag), in: repository) == nil)
        #expect(registry.count(.head) == 3)
    }

    @Test func aFaultAfterwardsLosesOnlyTheAnswer() async throws {
        try registry.seed(sample, tags: ["1"], in: repository)
        registry.failNext(where: { $0.kind == .deleteTag }, with: Self.failure, .after)
        await #expect(throws: Self.failure) { try await registry.deleteTag(tag, in: repository) }
        #expect(registry.tagsAndDigests(in: repository).isEmpty)
    }

    @Test func aBlobCanBreakOffInTheMiddle() async throws {
        try registry.seed(sample, in: repository)
        registry.pieceSize = 50
        registry.failNext(where: { $0.kind == .blobPiece && $0.offset == 100 }, with: Self.failure)
        let child = try #require(sample.manifests.first?.image)
        let layer = try #require(child.layers.first)
        var iterator = try await registry.blob(layer, from: 0, in: repository).makeAsyncIterator()
        #expect(try await iterator.next()?.count == 50)
        #expect(try await iterator.next()?.count == 50)
        await #expect(throws: Self.failure) { _ = try await iterator.next() }
    }

    @Test func aTargetCanStallInTheMiddleOfABlob() async throws {
        let gate = Gate()
        let bytes = Samples.bytes(100, seed: 1)
        let descriptor = Samples.descriptor(of: bytes)
        registry.setHook { operation, _ in if operation.kind == .bodyPiece, operation.offset == 50 { await gate.wait() } }
        async let upload: Void = registry.putBlob(Sample.body(bytes, as: descriptor, pieceSize: 50), into: repository)
        await gate.waitForArrivals()
        #expect(registry.snapshot().blob(descriptor.digest, in: repository) == nil)
        gate.open()
        try await upload
        #expect(registry.snapshot().blob(descriptor.digest, in: repository) == bytes)
        #expect(registry.requestCount == 1)
    }

    @Test(arguments: 1...5 as ClosedRange<UInt64>)
    func theContractHoldsInAnyOrder(_ seed: UInt64) async throws {
        let capabilities = Dictionary(uniqueKeysWithValues: RegistryFeature.allCases.map { ($0, Capability.yes) })
        let contract = RegistryContract("yielding", capabilities: capabilities, referrersSource: .api) { body in
            let registry = try InMemoryRegistry()
            registry.setHook(InMemoryRegistry.yielding(seed: seed))
            try await body(registry)
        }
        try await contract.run(.writersAtOnceLoseNothing)
    }

    @Test func whatDoesNotResolveIsNamed() throws {
        try registry.seed(sample, tags: ["1"], in: repository)
        #expect(registry.resolvesCompletely(repository, tag))
        let child = try #require(sample.manifests.first)
        registry.update { _ = $0.repositories[repository]?.remove(child.digest) }
        #expect(!registry.resolvesCompletely(repository, tag))
        #expect(registry.snapshot().defects(below: .tag(tag), in: repository) == ["\(repository)@\(child.digest) is missing"])
        try registry.seed(sample, in: repository)
        let blob = try #require(child.image?.layers.first?.digest)
        registry.update { $0.repositories[repository]?.blobs[blob] = [] }
        #expect(registry.snapshot().defects(below: .tag(tag), in: repository) == ["blob \(blob) is corrupt"])
    }

    @Test func snapshotsAreEqualWhenNothingChanged() async throws {
        try registry.seed(sample, tags: ["1"], in: repository)
        let before = registry.snapshot()
        _ = try await registry.manifest(.tag(tag), in: repository)
        #expect(registry.snapshot() == before)
        #expect(registry.writeCount == 0)
        try await registry.deleteTag(tag, in: repository)
        #expect(registry.snapshot() != before)
        #expect(registry.writeCount == 1)
    }

    @Test func leasesAreCounted() async throws {
        let lease = try await registry.beginWriting(in: repository)
        #expect(registry.openLeases == 1)
        await lease.end()
        #expect(registry.openLeases == 0)
    }

    @Test func aDirectoryKnowsItsRegistriesOnly() throws {
        let directory = InMemoryDirectory([registry])
        #expect(try directory.registry(registry.id).id == registry.id)
        let stranger = try RegistryID(host: "stranger.example")
        #expect(throws: RegistryError.self) { try directory.registry(stranger) }
    }

    @Test func samplesAreTheSameForTheSameSeed() throws {
        #expect(try Samples.multiPlatform(seed: 3, attestations: true) == Samples.multiPlatform(seed: 3, attestations: true))
        let digests = try (1...20).map { try Samples.image(seed: $0).digest }
        #expect(Set(digests).count == 20)
        var first = SeededGenerator(seed: 0)
        #expect(first.next() == 0xe220_a839_7b1d_cdaf, "SplitMix64's first number")
    }
}
