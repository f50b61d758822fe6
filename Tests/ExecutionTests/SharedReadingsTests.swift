import OCI
import Planning
import Registry
import RegistryTestSupport
import Synchronization
import Testing

@testable import Execution

@Suite struct SharedReadingsTests {
    /// Two images with two layers in common, of two repositories, and puts of both to two registries.
    private func imagesWithCommonLayers(_ world: World, seed: UInt64) throws -> (
        layers: [[UInt8]], contents: [PlannedContent], puts: [Change]
    ) {
        world.clock.stopHolding(.seconds(5))
        // Small blobs are kept, larger ones are not.
        let size = seed.isMultiple(of: 2) ? 2000 : 100_000
        for (place, registry) in [world.source, world.us, world.de].enumerated() {
            registry.pieceSize = size / 20
            registry.setHook(InMemoryRegistry.yielding(seed: seed &* 3 &+ UInt64(place)))
        }
        let layers = (0..<2).map { Samples.bytes(size, seed: $0) }
        let contents = try ["app", "web"].enumerated().map { place, name in
            let sample = try Samples.image(seed: UInt64(place), layers: layers)
            try world.source.seed(sample, tags: ["from"], in: try world.repository("team/\(name)"))
            return try Changes.content(sample, from: "source.example/team/\(name)")
        }
        let puts = try zip(contents, ["app", "web"]).flatMap { content, name in
            try ["us", "de"].map { try Changes.put(content, to: "\($0).example/team/\(name)", tag: "1") }
        }
        return (layers, contents, puts)
    }

    @Test(arguments: 0..<50 as Range<UInt64>) func `what several images have in common is read once`(seed: UInt64) async throws {
        let world = try World()
        let (_, contents, puts) = try imagesWithCommonLayers(world, seed: seed)
        #expect(await world.run(puts, contents).verdict == .complete)
        let reads = world.source.operations.filter { $0.kind == .blob }.compactMap(\.reference)
        #expect(reads.count == 4 && Set(reads).count == 4)
        for registry in [world.us, world.de] {
            #expect(registry.count(.putBlob) == 4)
            for name in ["team/app", "team/web"] {
                #expect(registry.resolvesCompletely(try world.repository(name), try TagName("1")))
            }
        }
    }

    @Test(arguments: 0..<50 as Range<UInt64>) func `what one image's repository lacks fails no other image`(seed: UInt64) async throws {
        let world = try World()
        let (layers, contents, puts) = try imagesWithCommonLayers(world, seed: seed)
        let (app, lacking) = (try world.repository(), ManifestReference.digest(.sha256(of: layers[0])))
        let error = RegistryError(.notFound, action: "read", object: "the blob", reason: "it is not there")
        world.source.failNext(.max, where: { $0.kind == .blob && $0.repository == app && $0.reference == lacking }, with: error)
        let report = await world.run(puts, contents)
        for put in puts.suffix(2) { #expect(report.outcome(put) == .done) }
        for registry in [world.us, world.de] {
            #expect(registry.resolvesCompletely(try world.repository("team/web"), try TagName("1")))
        }
        // The other image's two targets share a reading of its own.
        let own = world.source.operations.count { $0.kind == .blob && $0.repository != app && $0.reference == lacking }
        #expect(own == 1)
    }

    @Test func `what a target refuses is not tried twice for it`() async throws {
        let world = try World()
        let (layers, contents, puts) = try imagesWithCommonLayers(world, seed: 1)
        let refused = ManifestReference.digest(.sha256(of: layers[0]))
        let error = RegistryError(.denied, action: "push", object: "the blob", registry: world.us.id, status: 403, reason: "not allowed")
        world.us.failNext(.max, where: { $0.kind == .putBlob && $0.reference == refused }, with: error)
        let report = await world.run(puts, contents)
        #expect(puts.map { report.outcome($0) == .done } == [false, true, false, true])
        #expect(world.us.operations.count { $0.kind == .putBlob && $0.reference == refused } == 2)
    }

    @Test func `a small blob is read once, however late a registry comes to it`() async throws {
        let world = try World()
        world.source.pieceSize = 500
        // Nobody is waited for.
        world.clock.stopHolding(.seconds(1))
        let sample = try Samples.image(layerCount: 3, layerSize: 2000)
        let content = try world.sourced(sample)
        let isDone = Mutex(false)
        world.us.setHook { operation, _ in if operation.kind == .putManifest { isDone.withLock { $0 = true } } }
        world.de.setHook { operation, _ in
            while operation.kind == .putBlob, !isDone.withLock({ $0 }) { await Task.yield() }
        }
        let puts = try ["us", "de"].map { try Changes.put(content, to: "\($0).example/team/app", tag: "1") }
        #expect(await world.run(puts, [content]).verdict == .complete)
        #expect(world.source.count(.blob) == 4)
        #expect(world.de.resolvesCompletely(try world.repository(), try TagName("1")))
    }

    @Test(.timeLimit(.minutes(1))) func `who is done with its image does not wait for another's registry`() async throws {
        let world = try World()
        let sample = try Samples.image(layerCount: 1, layerSize: 100_000)
        _ = try world.sourced(sample)
        let layer = try #require(sample.root.image?.layers.first)
        let path = [sample.root.digest]
        let readings = SharedReadings()
        func source(_ targets: Set<RepositoryAddress>) throws -> CopySource {
            let address = RepositoryAddress(world.source.id, try world.repository())
            let reader = RepositoryContent(world.source, address.repository)
            return CopySource(reader, .registry(address), targets: targets, readings: readings) { _ in nil }
        }
        let us = RepositoryAddress(world.us.id, try world.repository())
        let de = RepositoryAddress(world.de.id, try world.repository())
        let (one, other) = (try source([us]), try source([us, de]))
        let group = one.group(for: layer, path: path) { _ in false }.group
        #expect(other.group(for: layer, path: path) { _ in false }.group === group)
        // It finds the blob at its only target.
        group.dismiss(us.registry)
        one.settle(us, sample.root.digest)
        one.close()
        await one.runReaders(transfers: Gate<Bool>(limit: 1), clock: world.clock)
        // Who comes later has it read by itself.
        let own = other.group(for: layer, path: path) { _ in false }.group
        #expect(own !== group && own.isShared(with: de.registry))
        async let reading: Void = other.runReaders(transfers: Gate<Bool>(limit: 1), clock: world.clock)
        own.dismiss(us.registry)
        let taken = try await own.body(for: de.registry, own: other.body(of: layer)) { _ in }.open().collected()
        #expect(taken == sample.blobs[layer.digest])
        other.settle(de, sample.root.digest)
        other.close()
        await reading
        #expect(world.source.count(.blob) == 1)
    }
}
