import Diagnostics
import OCI
import Planning
import RegistryTestSupport
import Testing

@Suite struct PolicyTests {
    private func world(_ tags: Int = 4) throws -> World {
        var world = World()
        for number in 0..<tags { try world.add(Samples.image(seed: UInt64(number + 10)), to: "us/app/api", tags: ["pr-\(number)"]) }
        try world.add(Samples.image(seed: 1), to: "us/app/api", tags: ["prod", "v1"])
        try world.add(Samples.image(seed: 2), to: "docker.io/x/y", tags: ["1"])
        return world
    }

    private func move(_ tag: String) throws -> SpecBuilder {
        var spec = SpecBuilder()
        try spec.image(from: "docker.io/x/y:1", to: ["us/app/api"], tags: [tag])
        return spec
    }

    private func absent(_ references: String...) throws -> SpecBuilder {
        var spec = SpecBuilder()
        for reference in references { try spec.absent(reference) }
        return spec
    }

    @Test(arguments: ["us/app/api:prod", "us/app/api:p*d", "us/app/*:prod", "**:prod", "us/app/api", "us/**"])
    func `a protected tag is not moved, untagged or deleted`(pattern: String) throws {
        let world = try world()
        let digest = try Samples.image(seed: 1).digest
        for var spec in [try move("prod"), try absent("us/app/api:prod"), try absent("us/app/api@\(digest)")] {
            try spec.protect(pattern)
            let planned = try world.plan(spec)
            #expect(planned.refusals.map(\.code) == ["protected"])
            #expect(planned.refusals.first?.subjects.contains("us.icr.io/app/api:prod") == true)
        }
    }

    @Test func `a protected digest keeps its tags`() throws {
        let world = try world()
        let digest = try Samples.image(seed: 1).digest
        for var spec in [try move("prod"), try absent("us/app/api:prod"), try absent("us/app/api@\(digest)")] {
            try spec.protect("us/app/api@\(digest)")
            #expect(try world.plan(spec).refusals.map(\.code) == ["protected"])
        }
    }

    @Test func `protection asks nothing, and stops nothing that is new or in place`() throws {
        var spec = try move("new")
        let without = try world().plan(spec).asked
        try spec.protect("**")
        let planned = try world().converge(spec).planned
        #expect(planned.asked == without)
        #expect(planned.ids == ["put us.icr.io/app/api:new"])
    }

    @Test func `an immutable tag is created, never moved`() throws {
        var spec = try move("v1")
        try spec.immutable("**:v*")
        #expect(try world().plan(spec).refusals.map(\.code) == ["immutable"])
        var fresh = try move("v2")
        try fresh.immutable("**:v*")
        #expect(try world().converge(fresh).planned.ids.count == 1)
    }

    @Test func `more than twenty removals are refused, and all are named`() throws {
        var spec = try absent("us/app/api:pr-*")
        spec.policy.limits.repositoryShare = nil
        #expect(try world(20).plan(spec).refusals.isEmpty)
        let refusal = try #require(world(21).plan(spec).refusals.first)
        #expect(refusal.code == "limit-deletions")
        #expect(refusal.subjects.count == 21)
        spec.policy.limits.deletions = nil
        #expect(try world(21).plan(spec).refusals.isEmpty)
    }

    @Test func `a glob may not remove more than its share of a repository`() throws {
        // 4 of the 6 tags.
        let refusal = try #require(world().plan(absent("us/app/api:pr-*")).refusals.first)
        #expect(refusal.code == "limit-share")
        #expect(refusal.subjects.count == 4)
        #expect(refusal.message.contains("4 of the 6 tags"))
        #expect(try world().plan(absent("us/app/api:pr-0", "us/app/api:pr-1", "us/app/api:pr-2", "us/app/api:pr-3")).refusals.isEmpty)
        var lifted = try absent("us/app/api:pr-*")
        lifted.policy.limits.repositoryShare = nil
        #expect(try world().plan(lifted).refusals.isEmpty)
        var exact = try absent("us/app/api:pr-*")
        exact.policy.limits.repositoryShare = 67
        #expect(try world().plan(exact).refusals.isEmpty)
    }

    @Test func `companion tags do not make a repository look larger`() throws {
        var world = try world()
        for number in 0..<10 {
            let signature = try Samples.cosignSignature(of: Samples.image(seed: UInt64(number + 10)).digest)
            try world.add(signature.sample, to: "us/app/api", tags: [signature.tag.description])
        }
        #expect(try world.plan(absent("us/app/api:pr-*")).refusals.map(\.code) == ["limit-share"])
    }

    @Test func `an upload beyond the limit is refused`() throws {
        var spec = try move("new")
        spec.policy.limits.upload = 100
        #expect(try world().plan(spec).refusals.map(\.code) == ["limit-upload"])
        spec.policy.limits.upload = 1 << 20
        #expect(try world().plan(spec).refusals.isEmpty)
    }

    @Test func `a file declares within its owner's scope alone`() throws {
        var spec = try move("new")
        try spec.owner(files: "specs/app/**", may: ["us/app/**"])
        spec.desired.images[0].origin.file = "specs/app/api.yaml"
        #expect(try world().plan(spec).refusals.isEmpty)
        spec.desired.images[0].origin.file = "specs/other.yaml"
        let refusal = try #require(world().plan(spec).refusals.first)
        #expect(refusal.code == "not-owner")
        #expect(refusal.subjects == ["us.icr.io/app/api:new"])
        spec.desired.images[0].origin.file = "crplan.yaml"
        #expect(try world().plan(spec).refusals.isEmpty)
    }

    @Test func `an entry beside one of the owner is refused by itself`() throws {
        var spec = try move("new")
        try spec.owner(files: "specs/app/**", may: ["us/app/**"])
        spec.desired.images[0].origin.file = "specs/app/api.yaml"
        var other = spec.desired.images[0]
        other.origin.file = "specs/zebra.yaml"
        spec.desired.images.append(other)
        #expect(try world().plan(spec).refusals.map(\.origin?.file) == ["specs/zebra.yaml"])
    }

    @Test(arguments: [
        ("us/app/api", true), ("us/app/**", true), ("us/**", true), ("us/other/**", false), ("de/app/**", false), ("us/app/api:pr-*", true),
        ("us/app/api:v*", false),
    ])
    func `copies and absent entries lie in the owner's scope`(may: String, isAllowed: Bool) throws {
        var spec = try absent("us/app/api:pr-*")
        try spec.copy(from: "docker.io/x/y", to: ["us/app/api"], tags: .match(["pr-none"]), allowEmpty: true)
        try spec.owner(files: "spec.yaml", may: [may])
        spec.policy.limits.repositoryShare = nil
        #expect(try world().plan(spec).refusals.isEmpty == isAllowed)
    }

    @Test(arguments: [("us/app/api", true), ("us/app/**", true), ("us/app/api:pr-*", false)])
    func `copies that prune need the whole repository`(may: String, isAllowed: Bool) throws {
        var spec = SpecBuilder()
        try spec.copy(from: "docker.io/x/y", to: ["us/app/api"], tags: .match(["pr-none"]), allowEmpty: true, prune: .untag)
        try spec.owner(files: "spec.yaml", may: [may])
        #expect(try world().plan(spec).refusals.isEmpty == isAllowed)
    }

    @Test func `copies below a prefix and globs over repositories need the whole of it`() throws {
        var spec = try absent("us/**:none-*")
        try spec.copy(below: "docker.io", repositories: ["x/*"], to: ["us/mirror"], tags: .all)
        try spec.owner(files: "spec.yaml", may: ["us/mirror/x/**"])
        #expect(try world().plan(spec).refusals.map(\.origin?.line) == [10, 20])
        spec.policy.owners = []
        try spec.owner(files: "*.yaml", may: ["us/mirror/**", "us/**"])
        #expect(try world().plan(spec).refusals.isEmpty)
    }
}
