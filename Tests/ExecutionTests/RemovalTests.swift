import Execution
import OCI
import Planning
import Registry
import RegistryTestSupport
import Testing

@Suite struct RemovalTests {
    private let us = "us.example/team/app"

    // MARK: Untag

    @Test func `an untag removes one tag and leaves the image`() async throws {
        let world = try World()
        let sample = try Samples.image()
        try world.us.seed(sample, tags: ["1", "old"], in: world.repository())
        let untag = try Changes.untag(us, "old", at: sample.digest)
        #expect(await world.run([untag]).outcome(untag) == .done)
        #expect(world.us.tagsAndDigests(in: try world.repository()).keys.map(\.description) == ["1"])
        #expect(world.us.count(.deleteManifest) == 0)
        #expect(await world.run([untag]).outcome(untag) == .unchanged)
    }

    @Test func `a tag that moved is not removed`() async throws {
        let world = try World()
        let now = try Samples.image(seed: 2)
        let old = try Samples.image(seed: 1)
        try world.us.seed(now, tags: ["1"], in: world.repository())
        let untag = try Changes.untag(us, "1", at: old.digest)
        let report = await world.run([untag])
        #expect(report.outcome(untag) == .stale(expected: old.digest.description, found: now.digest.description))
        #expect(report.verdict == .stale)
        #expect(world.us.writeCount == 0)
    }

    @Test func `a registry that cannot delete a tag fails the untag, which never becomes a delete`() async throws {
        let world = try World()
        world.us.features.remove(.deleteTag)
        let sample = try Samples.image()
        try world.us.seed(sample, tags: ["1"], in: world.repository())
        let untag = try Changes.untag(us, "1", at: sample.digest)
        let report = await world.run([untag])
        #expect(report.failureCode == .unsupported)
        #expect(report.verdict == .failed)
        #expect(world.us.count(.deleteManifest) == 0)
        #expect(world.us.tagsAndDigests(in: try world.repository()).count == 1)
    }

    @Test func `a registry that removes the image with the tag has failed`() async throws {
        let world = try World()
        let sample = try Samples.image()
        let repository = try world.repository()
        try world.us.seed(sample, tags: ["1"], in: repository)
        world.us.setHook { operation, registry throws(RegistryError) in
            if operation.kind == .deleteTag { registry.update { _ = $0.deleteManifest(sample.digest, in: repository) } }
        }
        let untag = try Changes.untag(us, "1", at: sample.digest)
        let report = await world.run([untag])
        #expect(report.failureCode == .badAnswer)
        #expect(report.firstFailure?.error.reason.contains("removed the image") == true)
        #expect(report.verdict == .partial)
    }

    // MARK: Delete

    @Test func `a delete whose tags stay listed has failed, though the image is gone`() async throws {
        let world = try World()
        let sample = try Samples.image()
        try world.us.seed(sample, tags: ["1"], in: world.repository())
        let incomplete = RegistryError(.incomplete, action: "delete", object: "x", reason: "its tags are still listed")
        world.us.failNext(where: { $0.kind == .deleteManifest }, with: incomplete, .after)
        let delete = try Changes.delete(us, sample.digest, tags: ["1"])
        let report = await world.run([delete])
        #expect(report.failureCode == .incomplete)
        #expect(report.verdict == .partial)
        #expect(world.journal.lines.last == "unknown \(delete.id)")
    }

    @Test func `deletes of one repository list it once and take their tags along`() async throws {
        let world = try World()
        let samples = try (1...3).map { try Samples.image(seed: $0) }
        for (place, sample) in samples.enumerated() { try world.us.seed(sample, tags: ["pr-\(place)"], in: world.repository()) }
        let deletes = try (0..<2).map { try Changes.delete(us, samples[$0].digest, tags: ["pr-\($0)"]) }
        let report = await world.run(deletes)
        #expect(report.counts == ["done": 2])
        #expect(world.us.count(.tags) == 1)
        #expect(world.us.tagsAndDigests(in: try world.repository()).keys.map(\.description) == ["pr-2"])
        let tags = world.journal.entries.compactMap { if case .intent(let write) = $0 { write.tags.map(\.description) } else { nil } }
        #expect(Set(tags) == [["pr-0"], ["pr-1"]])
        #expect(await world.run(deletes).counts == ["unchanged": 2])
    }

    @Test(arguments: [["1"], ["1", "2", "3"], []])
    func `a delete whose image has other tags than planned is stale`(planned: [String]) async throws {
        let world = try World()
        let sample = try Samples.image()
        try world.us.seed(sample, tags: ["1", "2"], in: world.repository())
        let delete = try Changes.delete(us, sample.digest, tags: planned)
        let report = await world.run([delete])
        #expect(report.outcome(delete)?.name == "stale")
        #expect(world.us.writeCount == 0)
    }

    @Test(arguments: [true, false]) func `a child that an index still needs stays`(listsDigests: Bool) async throws {
        let world = try World()
        if !listsDigests { world.us.features.remove(.listDigests) }
        let child = try Samples.image(seed: 1)
        let index = try Samples.index(of: [Samples.index(of: [child])])
        try world.us.seed(index, tags: ["1"], in: world.repository())
        let delete = try Changes.delete(us, child.digest)
        #expect(await world.run([delete]).outcome(delete)?.name == "stale")
        #expect(world.us.writeCount == 0)
    }

    @Test func `an index goes first, and then its children`() async throws {
        let world = try World()
        let child = try Samples.image(seed: 1)
        let index = try Samples.index(of: [child])
        try world.us.seed(index, tags: ["1"], in: world.repository())
        let first = try Changes.delete(us, index.digest, tags: ["1"])
        let second = try Changes.delete(us, child.digest, after: [first])
        #expect(await world.run([first, second]).counts == ["done": 2])
        #expect(world.journal.lines == ["intent \(first.id)", "done \(first.id)", "intent \(second.id)", "done \(second.id)"])
    }

    @Test(arguments: [true, false]) func `what is attached to a kept image stays, and goes with a deleted one`(hasAPI: Bool) async throws {
        let world = try World()
        if !hasAPI { world.us.features.remove(.referrersAPI) }
        world.us.features.remove(.listDigests)
        let image = try Samples.image()
        let signature = try Samples.referrer(to: image.descriptor)
        try world.us.seed(image, tags: ["1"], in: world.repository())
        try world.us.seed(signature, in: world.repository())
        let alone = try Changes.delete(us, signature.digest)
        #expect(await world.run([alone]).outcome(alone)?.name == "stale")
        let whole = try Changes.delete(us, image.digest, tags: ["1"])
        #expect(await world.run([whole, alone]).counts == ["done": 2])
    }

    @Test func `cosign's tag keeps its signature only while the image is there`() async throws {
        let world = try World()
        let image = try Samples.image()
        let (tag, signature) = try Samples.cosignSignature(of: image.digest)
        try world.us.seed(image, tags: ["1"], in: world.repository())
        try world.us.seed(signature, tags: [tag.description], in: world.repository())
        let deletes = [
            try Changes.delete(us, image.digest, tags: ["1"]), try Changes.delete(us, signature.digest, tags: [tag.description]),
        ]
        #expect(await world.run(deletes).counts == ["done": 2])
    }

    @Test(arguments: [Operation.Kind.tags, .head, .manifest, .referrers])
    func `a repository that cannot be read whole loses nothing`(kind: Operation.Kind) async throws {
        let world = try World()
        world.us.features.remove(.listDigests)
        let sample = try Samples.image(seed: 1)
        try world.us.seed(sample, in: world.repository())
        try world.us.seed(Samples.multiPlatform(seed: 2), tags: ["1"], in: world.repository())
        let denied = RegistryError(.denied, action: "read", object: "x", status: 403, reason: "no")
        world.us.failNext(where: { $0.kind == kind }, with: denied)
        let delete = try Changes.delete(us, sample.digest)
        let report = await world.run([delete])
        #expect(report.failureCode == .denied)
        #expect(world.us.writeCount == 0)
    }

    @Test func `an image that is gone already is unchanged`() async throws {
        let world = try World()
        let delete = try Changes.delete(us, Samples.image().digest, tags: ["1"])
        #expect(await world.run([delete]).outcome(delete) == .unchanged)
    }

    @Test func `a delete that the registry shows late is waited for, for half a minute at most`() async throws {
        let world = try World()
        let sample = try Samples.image()
        let repository = try world.repository()
        try world.us.seed(sample, in: repository)
        world.us.setHook { operation, registry throws(RegistryError) in
            if operation.kind == .head { registry.update { $0.seed(sample, in: repository) } }
        }
        let delete = try Changes.delete(us, sample.digest)
        let report = await world.run([delete])
        #expect(report.failureCode == .badAnswer)
        #expect(world.clock.sleeps.reduce(.zero, +) == .seconds(30))
        #expect(world.events.all.contains { if case .waiting = $0 { true } else { false } })
    }

    // MARK: Order

    @Test func `nothing is removed before what replaces it is in place`() async throws {
        let world = try World()
        let old = try Samples.image(seed: 2)
        try world.us.seed(old, tags: ["old"], in: world.repository())
        let content = try world.sourced(Samples.image(seed: 1))
        let put = try Changes.put(content, to: us, tag: "1")
        let delete = try Changes.delete(us, old.digest, tags: ["old"], after: [put])
        #expect(await world.run([put, delete], [content]).counts == ["done": 2])
        #expect(world.journal.lines == ["intent \(put.id)", "done \(put.id)", "intent \(delete.id)", "done \(delete.id)"])
    }

    @Test func `a failed put keeps what it should have replaced`() async throws {
        let world = try World()
        let old = try Samples.image(seed: 2)
        try world.us.seed(old, tags: ["old"], in: world.repository())
        let content = try world.sourced(Samples.image(seed: 1))
        let denied = RegistryError(.denied, action: "push", object: "x", status: 403, reason: "no")
        world.us.failNext(.max, where: { $0.kind == .putBlob }, with: denied)
        let put = try Changes.put(content, to: us, tag: "1")
        let untag = try Changes.untag(us, "old", at: old.digest, after: [put])
        let report = await world.run([put, untag], [content])
        #expect(report.outcome(untag) == .skipped(because: put.id))
        #expect(report.verdict == .failed)
        #expect(world.us.tagsAndDigests(in: try world.repository()).count == 1)
    }
}
