import Diagnostics
import OCI
import Planning
import RegistryTestSupport
import Testing

/// Registries that list whole namespaces answer for their tags and images.
@Suite struct InventoryTests {
    private func world() throws -> World {
        var world = World()
        world.managed = [try Names.registry("us")]
        world.lacksReferrersAPI = [try Names.registry("us")]
        world.listsDigests = [try Names.registry("us")]
        for number in 0..<20 {
            let name = "us/\(number < 10 ? "birds" : "bees")/app\(number)"
            try world.add(Samples.image(seed: UInt64(number)), to: name, tags: ["1.0", "pr-\(number)"])
        }
        return world
    }

    private func spec() throws -> SpecBuilder {
        var spec = SpecBuilder()
        try spec.icr("us")
        spec.policy.limits.repositoryShare = nil
        return spec
    }

    private func asked(_ planned: Planned) -> [Question] {
        planned.asked.filter { question in
            switch question {
            case .head, .tags, .digests, .repositories: true
            default: false
            }
        }
    }

    @Test func `one list for each namespace answers for all of its tags`() throws {
        var spec = try spec()
        try spec.absent("us/**:pr-*")
        try spec.image(from: "us/birds/app1:1.0", to: ["us/birds/app1"], tags: ["stable"])
        let (planned, _) = try world().converge(spec)
        #expect(planned.ids.count == 21)
        #expect(asked(planned).isEmpty)
        let lists = planned.asked.filter { if case .administration(_, .inventory) = $0 { true } else { false } }
        #expect(lists.count == 2)
        let untag = try planned.change("untag us.icr.io/birds/app1:pr-1")
        let old = try Samples.image(seed: 1).digest
        #expect(untag.method == .management && untag.undo == .retag(old))
        #expect(try untag.consequences.remainingTags == [TagName("1.0"), TagName("stable")])
        #expect(try planned.change("put us.icr.io/birds/app1:stable").method == .tag)
    }

    @Test(arguments: [true, false])
    func `without a login, or with one that may not list, the content is asked`(isDenied: Bool) throws {
        var spec = try spec()
        try spec.absent("us/birds/app1:pr-1")
        try spec.image(from: "us/birds/app1:1.0", to: ["us/birds/app1"], tags: ["stable"])
        var world = try world()
        let us = try Names.registry("us")
        if isDenied {
            for name in ["birds", "bees"] { world.unreadable.insert(.administration(us, .inventory(of: name))) }
        } else {
            world.managed = []
            world.cannotDeleteTags = [us]
        }
        let planned = try world.plan(spec)
        let pr = try TagName("pr-1")
        #expect(planned.asked.contains(.head(try Names.repository("us/birds/app1"), .tag(pr))))
        if isDenied {
            #expect(planned.errors.isEmpty)
        } else {
            #expect(planned.errors.map(\.code) == ["no-management"])
            let message = planned.errors.first?.message ?? ""
            #expect(message.hasPrefix("untagging us.icr.io/birds/app1:pr-1 needs the management API of us.icr.io"))
        }
    }

    @Test func `where the images cannot be listed nothing is deleted`() throws {
        var spec = try spec()
        let digest = try Samples.image(seed: 1).digest
        try spec.absent("us/birds/app1@\(digest)")
        var world = try world()
        world.unreadable = [.administration(try Names.registry("us"), .inventory(of: "birds"))]
        let planned = try world.plan(spec)
        #expect(planned.errors.map(\.code) == ["unreadable"])
        #expect(planned.notes.contains { $0.code == "not-listed" })
        #expect(planned.ids.isEmpty)
    }

    @Test func `what is absent in a namespace that is not there is absent already, and that is said`() throws {
        var spec = try spec()
        try spec.absent("us/gone/app:1")
        var world = try world()
        world.unreadable = [.head(try Names.repository("us/gone/app"), .tag(try TagName("1")))]
        let planned = try world.plan(spec)
        #expect(planned.errors.isEmpty)
        #expect(planned.notes.map(\.code) == ["not-visible"])
        #expect(planned.plan.scope.alreadyAbsent == 1)
    }

    @Test func `a registry that is only a source is not managed`() throws {
        var spec = try spec()
        try spec.image(from: "us/birds/app1:1.0", to: ["disk/app"], tags: ["1"])
        let planned = try world().plan(spec)
        #expect(planned.errors.isEmpty)
        let asked = planned.asked.filter { if case .administration = $0 { true } else { false } }
        #expect(asked == [.administration(try Names.registry("us"), .quota)], "pulls count there")
    }

    @Test func `a namespace that the login does not see is asked directly`() throws {
        var spec = try spec()
        try spec.image(from: "us/birds/app1:1.0", to: ["us/hidden/app"], tags: ["1"])
        let planned = try world().plan(spec)
        #expect(planned.asked.contains(.head(try Names.repository("us/hidden/app"), .tag(try TagName("1")))))
        #expect(planned.errors.map(\.code) == ["no-namespace"])
    }

    @Test func `an image whose type is not told is looked at`() throws {
        let sample = try Samples.multiPlatform(attestations: false)
        var world = World()
        world.managed = [try Names.registry("us")]
        let address = try Names.repository("us/birds/multi")
        try world.add(sample, to: "us/birds/multi", tags: ["1"])
        world.untyped = [address]
        var spec = try spec()
        let child = try #require(sample.root.index?.manifests.first?.digest)
        try spec.absent("us/birds/multi@\(child)")
        let planned = try world.plan(spec)
        #expect(planned.asked.contains(.head(address, .tag(try TagName("1")))))
        #expect(planned.refusals.map(\.code) == ["needed"])
    }

    @Test func `a delete can be undone from the trash, and reads the images that may share its blobs`() throws {
        var spec = try spec()
        let digest = try Samples.image(seed: 3).digest
        try spec.absent("us/birds/app3@\(digest)")
        var world = try world()
        let other = try Samples.image(seed: 77)
        try world.add(other, to: "us/birds/app3")
        let (planned, _) = try world.converge(spec)
        let change = try planned.change("delete us.icr.io/birds/app3@\(digest)")
        #expect(change.method == .management && change.undo == .trash(days: 30))
        let read = planned.asked.filter { if case .manifest = $0 { true } else { false } }
        let address = try Names.repository("us/birds/app3")
        #expect(read == [.manifest(address, digest), .manifest(address, other.digest)])
    }

    // MARK: Whole repositories

    @Test(arguments: [true, false])
    func `a repository goes with every image, indexes before their children`(isListed: Bool) throws {
        var world = World()
        let us = try Names.registry("us")
        world.managed = isListed ? [us] : []
        world.lacksReferrersAPI = [us]
        world.listsDigests = isListed ? [us] : []
        let multi = try Samples.multiPlatform(attestations: true)
        try world.add(multi, to: "us/birds/legacy", tags: ["1", "latest"])
        try world.add(Samples.image(seed: 5), to: "us/birds/legacy", tags: ["2"])
        try world.add(Samples.image(seed: 5), to: "us/birds/api", tags: ["2"])
        var spec = SpecBuilder()
        if isListed { try spec.icr("us") }
        try spec.absent(repository: "us/birds/legacy")
        let (planned, after) = try world.converge(spec)
        #expect(planned.plan.changes.allSatisfy { $0.kind == .delete })
        #expect(planned.ids.count == multi.manifests.count + 1)
        #expect(after.repositories[try Names.repository("us/birds/legacy")]?.manifests.isEmpty == true)
        #expect(after.repositories[try Names.repository("us/birds/api")]?.manifests.count == 1)
        let index = try planned.position("delete us.icr.io/birds/legacy@\(multi.digest)")
        for child in multi.root.index?.manifests ?? [] {
            #expect(try planned.position("delete us.icr.io/birds/legacy@\(child.digest)") > index)
        }
        spec.policy.limits.deletions = 2
        #expect(try world.plan(spec).refusals.map(\.code) == ["limit-deletions"])
    }

    @Test func `a repository with a declared tag is not absent, and one that is not there is so already`() throws {
        var world = World()
        try world.add(Samples.image(seed: 5), to: "us/birds/api", tags: ["2"])
        var spec = SpecBuilder()
        try spec.absent(repository: "us/birds/legacy")
        #expect(try world.converge(spec).planned.ids.isEmpty)
        try spec.image(from: "us/birds/api:2", to: ["us/birds/legacy"], tags: ["2"])
        #expect(try world.plan(spec).errors.map(\.code) == ["declared-and-absent"])
        var chained = SpecBuilder()
        try chained.absent(repository: "us/birds/api")
        try chained.image(from: "us/birds/api:2", to: ["us/birds/new"], tags: ["2"])
        #expect(try world.plan(chained).errors.map(\.code) == ["source-removed"])
    }
}
