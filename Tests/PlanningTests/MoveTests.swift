import Diagnostics
import OCI
import Planning
import RegistryTestSupport
import Testing

/// `moved`: one repository takes the place of another.
@Suite struct MoveTests {
    private func world() throws -> World {
        var world = World()
        let index = try Samples.multiPlatform(seed: 1)
        try world.add(index, to: "us/app/old", tags: ["1.0", "stable"])
        try world.add(Samples.referrer(to: index.descriptor, seed: 2), to: "us/app/old")
        try world.add(Samples.image(seed: 3), to: "us/app/old", tags: ["1.1"])
        return world
    }

    private func spec() throws -> SpecBuilder {
        var spec = SpecBuilder()
        try spec.move(from: "us/app/old", to: "us/app/new")
        return spec
    }

    @Test func `everything is put into the new repository before the old one goes`() throws {
        let (planned, after) = try world().converge(spec())
        let (old, new) = (try Names.repository("us/app/old"), try Names.repository("us/app/new"))
        let tags = try world().repositories[old]?.tags
        #expect(after.repositories[new]?.tags == tags)
        #expect(after.repositories[new]?.manifests.count == (try world().repositories[old]?.manifests.count))
        #expect(after.repositories[old]?.tags.isEmpty == true)
        let digest = try Samples.image(seed: 3).digest
        let delete = try planned.change("delete us.icr.io/app/old@\(digest)")
        #expect(delete.undo == .backup("us.icr.io/app/new@\(digest)"))
        #expect(delete.after.contains(Change.id(.put, .manifest(new, .tag(try TagName("1.1"))))))
    }

    @Test func `untagged images go along where the registry tells of them`() throws {
        var world = try world()
        world.listsDigests = [try Names.registry("us")]
        let untagged = try Samples.image(seed: 9)
        try world.add(untagged, to: "us/app/old")
        let (planned, after) = try world.converge(spec())
        #expect(planned.ids.contains("put us.icr.io/app/new@\(untagged.digest)"))
        #expect(after.repositories[try Names.repository("us/app/new")]?.manifests[untagged.digest] != nil)
        #expect(after.repositories[try Names.repository("us/app/old")]?.manifests.isEmpty == true)
    }

    @Test func `what goes to another repository counts for no limit`() throws {
        var spec = try spec()
        spec.policy.limits.deletions = 0
        spec.policy.limits.repositoryShare = 0
        #expect(try world().plan(spec).refusals.isEmpty)
    }

    @Test func `a tag that both hold with different digests is an error`() throws {
        var world = try world()
        try world.add(Samples.image(seed: 4), to: "us/app/new", tags: ["1.1"])
        let planned = try world.plan(spec())
        #expect(planned.errors.map(\.code) == ["moved-conflict"])
    }

    @Test func `neither repository is an error, and a finished move is nothing to do`() throws {
        #expect(try World().plan(spec()).errors.map(\.code) == ["source-missing"])
        var world = World()
        try world.add(Samples.image(seed: 4), to: "us/app/new", tags: ["1.1"])
        #expect(try world.converge(spec()).planned.ids.isEmpty)
    }

    @Test func `a protected tag is not moved away`() throws {
        var spec = try spec()
        try spec.protect("us/app/old:stable")
        #expect(try world().plan(spec).refusals.map(\.code) == ["protected"])
    }

    @Test func `a tag that an entry declares in the old repository is an error`() throws {
        var (world, spec) = (try world(), try spec())
        try world.add(Samples.image(seed: 8), to: "us/app/else", tags: ["1"])
        try spec.image(from: "us/app/else:1", to: ["us/app/old"], tags: ["next"])
        #expect(try world.plan(spec).errors.contains { $0.code == "declared-and-absent" })
    }

    @Test func `a list of referrers is not moved: whoever puts the referrers writes it anew`() throws {
        let image = try Samples.image(seed: 1)
        let signature = try Samples.referrer(to: image.descriptor)
        var world = World()
        world.lacksReferrersAPI = [try Names.registry("us")]
        try world.add(image, to: "us/app/old", tags: ["1.0"])
        try world.add(signature, to: "us/app/old")
        let planned = try world.plan(spec(), answering: .allAtOnce)
        let list = TagName.companion(of: image.digest, .referrers)
        #expect(planned.errors.isEmpty && planned.refusals.isEmpty)
        #expect(planned.ids.contains("put us.icr.io/app/new@\(signature.digest)"))
        #expect(!planned.ids.contains("put us.icr.io/app/new:\(list)"))
        // It is rebuilt there, so nothing is lost with the old one.
        let old = try #require(try world.digest("us/app/old", list.description))
        #expect(try planned.change("delete us.icr.io/app/old@\(old)").reason == "moved to us.icr.io/app/new")
    }

    @Test func `nothing is read from a repository that is moved, since the next plan could not`() throws {
        var image = try spec()
        try image.image(from: "us/app/old:1.0", to: ["de/app/api"], tags: ["1.0"])
        #expect(try world().plan(image).errors.map(\.code) == ["source-moved"])
        var copy = try spec()
        try copy.copy(from: "us/app/old", to: ["de/app/api"], tags: .all, allowEmpty: true, prune: .untag)
        #expect(try world().plan(copy).errors.map(\.code) == ["source-moved"])
    }

    @Test func `what is moved and what goes are not asked for of one repository at once`() throws {
        var spec = try spec()
        try spec.absent("us/app/old:*")
        #expect(try world().plan(spec).errors.map(\.code) == ["moved-and-absent"])
    }

    @Test func `filters do not cut a repository that is moved`() throws {
        for name in ["us/app/old:1.0", "us/app/new:1.0"] {
            var spec = try spec()
            try spec.exclude(name)
            #expect(try world().plan(spec).errors.map(\.code) == ["filtered-move"], "\(name)")
        }
    }
}
