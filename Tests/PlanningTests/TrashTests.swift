import Diagnostics
import OCI
import Planning
import RegistryTestSupport
import Testing

/// What a registry's trash holds is restored, not sent again.
@Suite struct TrashTests {
    private func world(_ sample: Sample, tags: [String], live: [String] = []) throws -> World {
        var world = World()
        let us = try Names.registry("us")
        world.managed = [us]
        world.lacksReferrersAPI = [us]
        try world.add(Samples.image(seed: 99), to: "us/birds/other", tags: ["1"])
        try world.add(sample, to: "us/birds/api", tags: tags)
        let address = try Names.repository("us/birds/api")
        for document in sample.manifests.reversed() { world.discard(document.digest, from: address) }
        if !live.isEmpty { try world.add(Samples.image(seed: 50), to: "us/birds/api", tags: live) }
        try world.add(sample, to: "docker.io/x/y", tags: ["1"])
        return world
    }

    private func spec(_ tags: String...) throws -> SpecBuilder {
        var spec = SpecBuilder()
        try spec.icr("us")
        try spec.image(from: "docker.io/x/y:1", to: ["us/birds/api"], tags: tags)
        return spec
    }

    @Test func `an image comes back by its digest where all its tags are wanted`() throws {
        let sample = try Samples.image(seed: 1)
        let (planned, _) = try world(sample, tags: ["1", "stable"]).converge(spec("1", "stable", "new"))
        let restore = try planned.change("restore us.icr.io/birds/api@\(sample.digest)")
        #expect(restore.method == .management && restore.newDigest == sample.digest)
        #expect(try restore.preconditions == [.inTrash(sample.digest), .absent, .tagsOnDigest([TagName("1"), TagName("stable")])])
        for tag in ["1", "stable", "new"] {
            let put = try planned.change("put us.icr.io/birds/api:\(tag)")
            #expect(put.method == .tag && put.after == [restore.id])
            #expect(planned.plan.estimates[put.id]?.bytesToSend == 0)
        }
    }

    @Test func `it comes back by one tag where others would come along that nobody wants`() throws {
        let sample = try Samples.image(seed: 1)
        let (planned, after) = try world(sample, tags: ["1", "old"]).converge(spec("1"))
        #expect(planned.ids == ["put us.icr.io/birds/api:1", "restore us.icr.io/birds/api:1"])
        #expect(try after.repositories[Names.repository("us/birds/api")]?.tags.keys.map(\.description) == ["1"])
    }

    @Test func `it is copied where only unwanted tags would bring it back`() throws {
        let sample = try Samples.image(seed: 1)
        let (planned, _) = try world(sample, tags: ["old"]).converge(spec("1"))
        #expect(planned.ids == ["put us.icr.io/birds/api:1"])
        #expect(try planned.change("put us.icr.io/birds/api:1").method == .copy)
    }

    @Test func `a tag that is taken meanwhile moves onto what came back`() throws {
        let sample = try Samples.image(seed: 1)
        let (planned, _) = try world(sample, tags: ["1"], live: ["1"]).converge(spec("1"))
        let put = try planned.change("put us.icr.io/birds/api:1")
        #expect(put.isMove && put.method == .tag)
        #expect(put.after == [try planned.change("restore us.icr.io/birds/api@\(sample.digest)").id])
    }

    @Test func `an index comes back with its images, or is copied`() throws {
        let sample = try Samples.multiPlatform(attestations: false)
        let world = try world(sample, tags: ["1"])
        let (planned, after) = try world.converge(spec("1"))
        #expect(planned.plan.changes.count { $0.kind == .restore } == sample.manifests.count)
        #expect(try after.repositories[Names.repository("us/birds/api")]?.manifests.count == sample.manifests.count)
        var incomplete = world
        let child = try #require(sample.root.index?.manifests.first?.digest)
        incomplete.trash[try Names.repository("us/birds/api")]?[child] = nil
        #expect(try incomplete.converge(spec("1")).planned.ids == ["put us.icr.io/birds/api:1"])
    }

    @Test func `a trash that may not be read holds nothing`() throws {
        var world = try world(Samples.image(seed: 1), tags: ["1"])
        world.unreadable.insert(.administration(try Names.registry("us"), .trash(of: "birds")))
        let planned = try world.plan(spec("1"))
        #expect(planned.errors.isEmpty && planned.ids == ["put us.icr.io/birds/api:1"])
    }
}
