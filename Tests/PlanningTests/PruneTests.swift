import Diagnostics
import OCI
import Planning
import RegistryTestSupport
import Testing

/// `prune`: what nobody declared, within its scope alone.
@Suite struct PruneTests {
    private static let today: Int64 = 20_000

    /// `app/api` holds a declared tag, and three builds that are 1, 10 and 100 days old.
    private func world() throws -> World {
        var world = World()
        try world.add(Samples.image(seed: 1), to: "us/app/api", tags: ["stable"], created: Self.day(-500))
        for (seed, age) in [(UInt64(2), Int64(1)), (3, 10), (4, 100)] {
            try world.add(Samples.image(seed: seed), to: "us/app/api", tags: ["pr-\(seed)"], created: Self.day(-age))
        }
        return world
    }

    private static func day(_ offset: Int64) -> Int64 { (today + offset) * 86_400 }

    private func spec() throws -> SpecBuilder {
        var spec = SpecBuilder()
        try spec.image(from: "us/app/api:stable", to: ["us/app/api"], tags: ["prod"])
        spec.policy.limits.repositoryShare = nil
        spec.countAges(fromDay: Self.today)
        return spec
    }

    @Test func `undeclared tags that match are untagged, and the source of an entry stays`() throws {
        var spec = try spec()
        try spec.prune("us/app/api", .untag)
        let (planned, _) = try world().converge(spec)
        let removed = ["pr-2", "pr-3", "pr-4"].map { "untag us.icr.io/app/api:\($0)" }
        #expect(planned.ids == ["put us.icr.io/app/api:prod"] + removed)
        #expect(try planned.change(removed[0]).reason == "no entry declares it")
        #expect(planned.plan.asOf == nil)
        #expect(try planned.position("put us.icr.io/app/api:prod") < planned.position(removed[0]))
    }

    @Test func `only what matches, is older and is not among the newest goes`() throws {
        var spec = try spec()
        try spec.prune("us/app/*", .untag, match: ["pr-*"], olderThan: 5)
        #expect(try world().converge(spec).planned.ids.suffix(2) == ["untag us.icr.io/app/api:pr-3", "untag us.icr.io/app/api:pr-4"])
        spec.desired.prunes = []
        try spec.prune("us/app/*", .untag, match: ["pr-*"], keepNewest: 2)
        #expect(try world().converge(spec).planned.ids.suffix(1) == ["untag us.icr.io/app/api:pr-4"])
        spec.desired.prunes = []
        try spec.prune("us/app/*", .untag, match: ["pr-*"], keepNewest: 1, olderThan: 50)
        let planned = try world().converge(spec).planned
        #expect(planned.ids.suffix(1) == ["untag us.icr.io/app/api:pr-4"])
        #expect(planned.plan.asOf == "day 20000")
    }

    @Test func `images without a date that tells something stay and are counted`() throws {
        var world = try world()
        try world.add(Samples.image(seed: 5), to: "us/app/api", tags: ["pr-undated"])
        for digest in try Samples.image(seed: 5).manifests.compactMap(\.image?.config?.digest) {
            world.configs[digest] = ImageConfiguration(platform: nil, created: nil)
        }
        try world.add(Samples.image(seed: 6), to: "us/app/api", tags: ["pr-1970"], created: 0)
        var spec = try spec()
        try spec.prune("us/app/api", .untag, match: ["pr-*"], keepNewest: 0, olderThan: 50)
        let planned = try world.converge(spec).planned
        #expect(planned.ids.suffix(1) == ["untag us.icr.io/app/api:pr-4"])
        #expect(planned.notes.contains { $0.message == "2 tags of us.icr.io/app/api without a creation date stay" })
    }

    @Test func `report names what would go, and removes nothing`() throws {
        var spec = try spec()
        try spec.prune("us/app/api", .report, match: ["pr-*"])
        let planned = try world().converge(spec).planned
        #expect(planned.ids == ["put us.icr.io/app/api:prod"])
        #expect(planned.notes.contains { $0.message == "no entry declares 3 tags of us.icr.io/app/api: pr-2, pr-3, pr-4" })
    }

    @Test func `delete takes the image only when nothing else needs it`() throws {
        var world = try world()
        // Another tag that no rule covers, and an index over an image with a tag of its own.
        try world.add(Samples.image(seed: 4), to: "us/app/api", tags: ["keep"])
        let index = try Samples.multiPlatform(seed: 9)
        try world.add(index, to: "us/app/api", tags: ["release"])
        let child = try #require(index.manifests.first { $0.digest != index.digest })
        world.repositories[try Names.repository("us/app/api")]?.tags[try TagName("pr-child")] = child.digest
        var spec = try spec()
        try spec.prune("us/app/api", .delete, match: ["pr-*"])
        let (planned, _) = try world.converge(spec)
        let deleted = try [UInt64(2), 3].map { "delete us.icr.io/app/api@\(try Samples.image(seed: $0).digest)" }
        #expect(planned.ids.filter { $0.hasPrefix("delete") } == deleted.sorted())
        #expect(planned.ids.filter { $0.hasPrefix("untag") } == ["untag us.icr.io/app/api:pr-4", "untag us.icr.io/app/api:pr-child"])
        #expect(try planned.change(deleted[0]).consequences.removedTags == [TagName("pr-2")])
    }

    @Test func `untagged images go when no tag, index or subject leads to them, and not before their grace is over`() throws {
        var world = try world()
        world.listsDigests = [try Names.registry("us")]
        let (old, young, index) = (try Samples.image(seed: 20), try Samples.image(seed: 21), try Samples.multiPlatform(seed: 30))
        try world.add(old, to: "us/app/api", created: Self.day(-3))
        try world.add(young, to: "us/app/api", created: Self.day(0))
        try world.add(index, to: "us/app/api", tags: ["release"], created: Self.day(-90))
        let signature = try Samples.referrer(to: index.descriptor, seed: 31)
        try world.add(signature, to: "us/app/api", created: Self.day(-90))
        var spec = try spec()
        try spec.prune("us/app/api", untaggedOlderThan: 1)
        let (planned, _) = try world.converge(spec)
        #expect(planned.ids.filter { $0.hasPrefix("delete") } == ["delete us.icr.io/app/api@\(old.digest)"])
    }

    @Test func `what only an image needs that another entry deletes goes with it`() throws {
        var world = try world()
        world.listsDigests = [try Names.registry("us")]
        let index = try Samples.multiPlatform(seed: 30)
        try world.add(index, to: "us/app/api", tags: ["release"], created: Self.day(-90))
        var spec = try spec()
        try spec.absent("us/app/api@\(index.digest)")
        try spec.prune("us/app/api", untaggedOlderThan: 1)
        let (planned, _) = try world.converge(spec)
        let deletes = planned.ids.filter { $0.hasPrefix("delete") }
        #expect(Set(deletes) == Set(index.manifests.map { "delete us.icr.io/app/api@\($0.digest)" }))
        let first = try planned.position("delete us.icr.io/app/api@\(index.digest)")
        #expect(try deletes.allSatisfy { try planned.position($0) >= first })
    }

    @Test func `a registry that does not list its images tells of no untagged ones`() throws {
        var spec = try spec()
        try spec.prune("us/app/api", untaggedOlderThan: 1)
        let planned = try world().plan(spec)
        #expect(planned.errors.map(\.code) == ["cannot-list-images"])
        // What the rule itself untags it knows.
        spec.desired.prunes = []
        try spec.prune("us/app/api", .untag, match: ["pr-*"], untaggedOlderThan: 50)
        let ids = try world().converge(spec).planned.ids
        #expect(ids.filter { $0.hasPrefix("delete") } == ["delete us.icr.io/app/api@\(try Samples.image(seed: 4).digest)"])
        #expect(ids.filter { $0.hasPrefix("untag") }.count == 2)
    }

    @Test func `an entry whose source is gone keeps every tag of what it writes`() throws {
        var spec = try spec()
        try spec.image(from: "us/app/gone:1", to: ["us/app/api"], tags: ["other"], missing: .keep)
        try spec.prune("us/app/api", .untag)
        var world = try world()
        try world.add(Samples.image(seed: 1), to: "us/app/api", tags: ["other"])
        let planned = try world.converge(spec).planned
        #expect(planned.ids == ["put us.icr.io/app/api:prod"])
        #expect(planned.notes.contains { $0.code == "not-pruned" })
    }

    @Test func `half of a repository's tags is too much, and every tag is listed`() throws {
        var spec = try spec()
        spec.policy.limits.repositoryShare = 50
        try spec.prune("us/app/api", .untag)
        let refusal = try #require(try world().plan(spec).refusals.first { $0.code == "limit-share" })
        #expect(refusal.subjects == ["pr-2", "pr-3", "pr-4"].map { "us.icr.io/app/api:\($0)" })
        spec.desired.prunes[0].tags.undeclared = .delete
        #expect(try world().plan(spec).refusals.first { $0.code == "limit-share" }?.subjects == refusal.subjects)
    }

    @Test func `what a rule removes is no source of a copy, and the next plan is empty`() throws {
        var spec = try spec()
        try spec.prune("us/app/api", .untag, match: ["pr-*"], olderThan: 50)
        try spec.copy(from: "us/app/api", to: ["de/app/api"], tags: TagSelector(base: .match([Glob("pr-*")])), prune: .untag)
        let planned = try world().converge(spec).planned
        #expect(planned.ids.filter { $0.contains("de.icr.io") } == ["put de.icr.io/app/api:pr-2", "put de.icr.io/app/api:pr-3"])
    }

    // MARK: copies[].prune

    @Test func `a copy prunes what its selection at the source lacks, and nothing that another entry declares`() throws {
        var world = try world()
        for tag in ["1.0.0", "1.1.0", "1.2.0"] { try world.add(Samples.image(seed: 7), to: "us/app/web", tags: [tag]) }
        for tag in ["1.0.0", "0.9.0", "latest", "0.8.0"] { try world.add(Samples.image(seed: 7), to: "de/app/web", tags: [tag]) }
        var spec = try spec()
        let range = try VersionRange("*")
        try spec.copy(from: "us/app/web", to: ["de/app/web"], tags: TagSelector(base: .all, semver: range), prune: .untag)
        try spec.image(from: "us/app/web:1.0.0", to: ["de/app/web"], tags: ["0.8.0"])
        let planned = try world.converge(spec).planned
        #expect(planned.ids.filter { $0.hasPrefix("untag") } == ["untag de.icr.io/app/web:0.9.0"])
        #expect(try planned.change("untag de.icr.io/app/web:0.9.0").reason == "the source of the copy does not select it")
    }

    @Test func `a copy whose source cannot be read prunes nothing`() throws {
        var world = try world()
        try world.add(Samples.image(seed: 7), to: "de/app/web", tags: ["1.0.0"])
        world.unreadable = [.tags(try Names.repository("us/app/web"))]
        var spec = try spec()
        try spec.copy(from: "us/app/web", to: ["de/app/web"], tags: TagSelector(base: .all), prune: .untag)
        #expect(try world.plan(spec).ids.filter { $0.hasPrefix("untag") }.isEmpty)
        spec.options.keepGoing = true
        #expect(try world.plan(spec).ids.filter { $0.hasPrefix("untag") }.isEmpty)
    }

    // MARK: --removed-since

    @Test func `what an earlier revision declared and the specs do not is untagged`() throws {
        var spec = try spec()
        var earlier = SpecBuilder()
        try earlier.image(from: "us/app/api:stable", to: ["us/app/api"], tags: ["prod", "pr-2"])
        try earlier.copy(from: "us/app/api", to: ["us/app/api"], tags: TagSelector(base: .list([TagName("pr-3")])))
        spec.options.removedSince = .init(revision: "v1", desired: earlier.desired, deletes: false)
        let us = try Names.registry("us")
        spec.desired.registries[us] = RegistryDeclaration(id: us)
        let planned = try world().converge(spec).planned
        #expect(planned.ids == ["put us.icr.io/app/api:prod", "untag us.icr.io/app/api:pr-2"])
        #expect(try planned.change("untag us.icr.io/app/api:pr-2").reason == "declared at v1 and declared no more")
    }

    @Test func `the entry that went may have been the only one to name its registry`() throws {
        var spec = try spec()
        var earlier = SpecBuilder()
        try earlier.image(from: "us/app/api:pr-4", to: ["us/app/api"], tags: ["pr-2"])
        let us = try Names.registry("us")
        spec.desired.registries[us] = nil
        earlier.desired.registries[us] = RegistryDeclaration(id: us)
        spec.options.removedSince = .init(revision: "v1", desired: earlier.desired, deletes: false)
        #expect(try world().plan(spec).ids.contains("untag us.icr.io/app/api:pr-2"))

        let declaration = RegistryDeclaration(id: us, alias: "us")
        earlier.desired.registries[us] = declaration
        spec.options.removedSince = .init(revision: "v1", desired: earlier.desired, deletes: false, declared: [declaration])
        #expect(try world().plan(spec).ids.contains("untag us.icr.io/app/api:pr-2"))

        // How to reach it is not known any more.
        spec.options.removedSince = .init(revision: "v1", desired: earlier.desired, deletes: false)
        let lost = try world().plan(spec)
        #expect(lost.errors.map(\.code) == ["registry-gone"])
        #expect(!lost.ids.contains("untag us.icr.io/app/api:pr-2"))
    }

    @Test func `with delete, what is left without a tag goes too`() throws {
        var spec = try spec()
        var earlier = SpecBuilder()
        try earlier.image(from: "us/app/api:pr-4", to: ["us/app/api"], tags: ["pr-2", "pr-9"])
        spec.options.removedSince = .init(revision: "v1", desired: earlier.desired, deletes: true)
        let us = try Names.registry("us")
        spec.desired.registries[us] = RegistryDeclaration(id: us)
        let ids = try world().converge(spec).planned.ids
        #expect(ids.filter { !$0.hasPrefix("put") } == ["delete us.icr.io/app/api@\(try Samples.image(seed: 2).digest)"])
    }
}
