import Diagnostics
import OCI
import Planning
import RegistryTestSupport
import Testing

@Suite struct UnreadableTests {
    private func world() throws -> World {
        var world = World()
        try world.add(Samples.image(seed: 1), to: "docker.io/x/y", tags: ["1"])
        try world.add(Samples.image(seed: 2), to: "us/app/api", tags: ["1.0", "pr-7", "pr-8"])
        try world.add(Samples.image(seed: 3), to: "us/app/api", tags: ["stable"])
        try world.add(Samples.image(seed: 2), to: "de/app/api", tags: ["1.0", "pr-7"])
        return world
    }

    /// docker.io → us and de; us → jp; removals in us and de.
    private func spec() throws -> SpecBuilder {
        var spec = SpecBuilder()
        try spec.image(from: "docker.io/x/y:1", to: ["us/app/api", "de/app/api"], tags: ["2.0"])
        try spec.image(from: "us/app/api:stable", to: ["jp/app/api"], tags: ["stable"])
        try spec.absent("us/app/api:pr-7")
        try spec.absent("de/app/api:pr-7")
        return spec
    }

    @Test(arguments: ["docker.io", "us", "de", "jp"]) func `a registry that cannot be read is an error of each entry`(name: String) throws {
        var world = try world()
        world.unreadableRegistries = [try Names.registry(name)]
        let planned = try world.plan(spec())
        let lines = ["docker.io": [10], "us": [10, 20, 30], "de": [10, 40], "jp": [20]][name]
        #expect(Set(planned.errors.compactMap(\.range?.start.line)) == Set(lines ?? []))
        #expect(planned.errors.allSatisfy { $0.code == "unreadable" })
    }

    @Test func `keepGoing leaves out what could not be read, and every removal of that registry`() throws {
        var world = try world()
        world.unreadable = [.head(try Names.repository("us/app/api"), .tag(try TagName("2.0")))]
        var spec = try spec()
        spec.options.keepGoing = true
        let planned = try world.plan(spec)
        #expect(planned.errors.isEmpty)
        #expect(planned.ids == ["put de.icr.io/app/api:2.0", "put jp.icr.io/app/api:stable", "untag de.icr.io/app/api:pr-7"])
        #expect(planned.plan.leftOut.map(\.what) == ["entry at spec.yaml:10", "untag us.icr.io/app/api:pr-7"])
    }

    @Test func `a source that cannot be read leaves its entry out, and removals where it writes`() throws {
        var world = try world()
        world.unreadableRegistries = [RegistryID.dockerHub]
        var spec = try spec()
        spec.options.keepGoing = true
        let planned = try world.plan(spec)
        #expect(planned.errors.isEmpty)
        #expect(planned.ids == ["put jp.icr.io/app/api:stable"])
        #expect(planned.plan.leftOut.count == 3)
    }

    @Test func `a tag that a left-out entry declares is not removed`() throws {
        var world = try world()
        world.unreadableRegistries = [RegistryID.dockerHub]
        var spec = SpecBuilder()
        try spec.image(from: "docker.io/x/y:1", to: ["us/app/api"], tags: ["pr-7"])
        try spec.absent("us/app/api:pr-*")
        spec.options.keepGoing = true
        spec.policy.limits.repositoryShare = nil
        let planned = try world.plan(spec)
        #expect(planned.errors.map(\.code) == ["declared-and-absent"])
        #expect(planned.ids.isEmpty)
    }

    @Test func `what reads from an entry that is left out is left out too`() throws {
        var world = try world()
        world.unreadableRegistries = [RegistryID.dockerHub]
        var spec = SpecBuilder()
        try spec.image(from: "docker.io/x/y:1", to: ["us/app/api"], tags: ["stable"])
        try spec.copy(from: "us/app/api", to: ["jp/app/api"], tags: .match(["st*"]))
        try spec.image(from: "us/app/api:1.0", to: ["jp/app/api"], tags: ["1.0"])
        spec.options.keepGoing = true
        let planned = try world.plan(spec)
        #expect(planned.ids == ["put jp.icr.io/app/api:1.0"])
        #expect(planned.plan.leftOut.map(\.origin?.line) == [10, 20])
    }

    @Test func `a selector does not pass over a tag whose digest cannot be read`() throws {
        var world = try world()
        world.unreadable = [.head(try Names.repository("us/app/api"), .tag(try TagName("stable")))]
        var spec = SpecBuilder()
        try spec.copy(from: "us/app/api", to: ["jp/app/api"], tags: .all)
        spec.options.keepGoing = true
        let planned = try world.plan(spec)
        #expect(planned.ids.isEmpty)
        #expect(planned.plan.leftOut.map(\.what) == ["entry at spec.yaml:10"])
    }

    @Test func `a list that cannot be read is not an empty one`() throws {
        var world = try world()
        world.unreadable = [.tags(try Names.repository("us/app/api"))]
        var spec = SpecBuilder()
        try spec.absent("us/app/api:pr-*")
        let planned = try world.plan(spec)
        #expect(planned.errors.map(\.code) == ["unreadable"])
        #expect(planned.plan.scope.alreadyAbsent == 0)
    }

    @Test func `keepGoing plans no delete where referrers cannot be read`() throws {
        var world = try world()
        let digest = try Samples.image(seed: 3).digest
        world.unreadable = [.referrers(try Names.repository("us/app/api"), digest)]
        var spec = SpecBuilder()
        try spec.absent("us/app/api@\(digest)")
        try spec.absent("us/app/api:pr-7")
        spec.options.keepGoing = true
        let planned = try world.plan(spec)
        #expect(planned.refusals.isEmpty)
        #expect(planned.ids.isEmpty)
        #expect(planned.plan.leftOut.map(\.what) == ["entry at spec.yaml:10", "untag us.icr.io/app/api:pr-7"])
    }

    @Test func `what this version cannot do is refused before any registry is asked`() throws {
        var spec = try spec()
        spec.desired.unavailable = [.error("unavailable", "not in this version")]
        let planned = try world().plan(spec)
        #expect(planned.asked.isEmpty)
        #expect(planned.errors.count == 1)
    }
}

@Suite struct FilterTests {
    private func world() throws -> World {
        var world = World()
        try world.add(Samples.image(seed: 1), to: "docker.io/x/y", tags: ["1"])
        try world.add(Samples.image(seed: 2), to: "us/app/api", tags: ["1.0", "pr-7"])
        return world
    }

    private func spec() throws -> SpecBuilder {
        var spec = SpecBuilder()
        try spec.image(from: "docker.io/x/y:1", to: ["us/app/api", "de/app/api"], tags: ["2.0", "stable"])
        try spec.copy(from: "us/app/api", to: ["jp/app/api"], tags: .match(["1.*"]))
        try spec.absent("us/app/api:pr-7")
        return spec
    }

    @Test func `targets leave the rest out, and contact no registry that only the rest uses`() throws {
        var spec = try spec()
        try spec.target("jp/**")
        let planned = try world().plan(spec)
        #expect(planned.ids == ["put jp.icr.io/app/api:1.0"])
        #expect(Set(planned.asked.compactMap(\.registry?.description)) == ["us.icr.io", "jp.icr.io"])
        #expect(planned.plan.targetFilters == ["jp/**"])
    }

    @Test func `a target may name one tag`() throws {
        var spec = try spec()
        try spec.target("us/app/api:stable")
        #expect(try world().plan(spec).ids == ["put us.icr.io/app/api:stable"])
        var none = try self.spec()
        try none.target("us/app/api:none")
        let planned = try world().plan(none)
        #expect(planned.ids.isEmpty)
        #expect(planned.asked.isEmpty)
    }

    @Test func `excludes leave out what they match`() throws {
        var spec = try spec()
        try spec.exclude("us/**")
        try spec.exclude("**:stable")
        #expect(try world().plan(spec).ids == ["put de.icr.io/app/api:2.0", "put jp.icr.io/app/api:1.0"])
        var tag = try self.spec()
        try tag.exclude("us/app/api:pr-*")
        #expect(try !world().plan(tag).ids.contains("untag us.icr.io/app/api:pr-7"))
    }

    @Test func `an entry that the filters leave out still keeps its tag's image`() throws {
        let digest = try Samples.image(seed: 2).digest
        var spec = SpecBuilder()
        try spec.image(from: "docker.io/x/z:1", to: ["us/app/api"], tags: ["1.0"])
        try spec.absent("us/app/api@\(digest)")
        try spec.target("us/app/api@\(digest)")
        #expect(try world().plan(spec).refusals.map(\.code) == ["declared"])
        var excluded = SpecBuilder()
        try excluded.absent("us/app/api@\(digest)")
        try excluded.exclude("us/app/api:pr-7")
        #expect(try world().plan(excluded).refusals.map(\.code) == ["out-of-scope"])
    }
}

@Suite struct DeterminismTests {
    @Test(arguments: [1, 2, 3, 4, 5]) func `the order of entries makes no difference`(seed: UInt64) throws {
        var world = World()
        let image = try Samples.multiPlatform(seed: 1)
        try world.add(image, to: "docker.io/x/y", tags: ["1", "same"])
        try world.add(Samples.referrer(to: image.root.descriptor), to: "docker.io/x/y")
        try world.add(Samples.image(seed: 2), to: "us/app/api", tags: ["1.0", "pr-7", "old"])
        var spec = SpecBuilder()
        try spec.image(from: "docker.io/x/y:1", to: ["us/app/api", "de/app/api"], tags: ["1.0", "stable"])
        try spec.image(from: "docker.io/x/y:same", to: ["us/app/api"], tags: ["1.0"], existing: .move)
        try spec.image(from: "us/app/api:1.0", to: ["jp/app/api"], tags: ["1.0"])
        try spec.copy(from: "us/app/api", to: ["de/app/api", "disk/app/api"], tags: .match(["1.*", "stable"]))
        try spec.copy(from: "docker.io/x/y", to: ["jp/app/api"], tags: .all)
        try spec.absent("us/app/api:old")
        try spec.absent("us/app/api:o*")
        let bytes = try PlanFile.encode(world.plan(spec).plan).bytes
        #expect(try world.plan(spec).plan.changes.count > 8)
        var generator = SeededGenerator(seed: seed)
        spec.desired.images.shuffle(using: &generator)
        spec.desired.copies.shuffle(using: &generator)
        spec.desired.absences.shuffle(using: &generator)
        #expect(try PlanFile.encode(world.plan(spec).plan).bytes == bytes)
    }
}
