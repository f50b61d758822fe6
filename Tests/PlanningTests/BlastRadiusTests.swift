import OCI
import Planning
import RegistryTestSupport
import Testing

/// What a plan says around a removal.
@Suite struct BlastRadiusTests {
    private static let layer = Samples.bytes(1000, seed: 7)

    private static func image(_ seed: UInt64, _ platform: String = "linux/amd64") throws -> Sample {
        // One layer is everybody's.
        try Samples.image(seed: seed, platform: Platform(platform), layers: [layer, Samples.bytes(300, seed: seed)])
    }

    private static func size(_ sample: Sample) -> Int64 {
        Int64(sample.blobs.values.reduce(0) { $0 + $1.count } + sample.root.bytes.count)
    }

    private static func absent(_ references: String...) throws -> SpecBuilder {
        var spec = SpecBuilder()
        for reference in references { try spec.absent(reference) }
        spec.policy.limits.repositoryShare = nil
        return spec
    }

    @Test func `a delete frees what no image that stays shares`() throws {
        let (gone, stays) = (try Self.image(1), try Self.image(2))
        var world = World()
        try world.add(gone, to: "us/app/api", tags: ["1"])
        try world.add(stays, to: "us/app/api", tags: ["2"])
        let (planned, _) = try world.converge(Self.absent("us/app/api@\(gone.digest)"))
        let change = try planned.change("delete us.icr.io/app/api@\(gone.digest)")
        let estimate = try #require(planned.plan.estimates[change.id])
        #expect(estimate.totalBytes == Self.size(gone))
        #expect(estimate.bytesFreed == Self.size(gone) - 1000)
        #expect(estimate.bytesToSend == 0)
        #expect(try change.consequences.platforms == [Platform("linux/amd64")])
        #expect(change.consequences.parents == nil)
    }

    @Test func `what two deletes share is freed once`() throws {
        let (first, second) = (try Self.image(1), try Self.image(2))
        var world = World()
        try world.add(first, to: "us/app/api", tags: ["1"])
        try world.add(second, to: "us/app/api", tags: ["2"])
        let spec = try Self.absent("us/app/api@\(first.digest)", "us/app/api@\(second.digest)")
        let (planned, _) = try world.converge(spec)
        let freed = planned.plan.estimates.values.compactMap(\.bytesFreed).reduce(0, +)
        #expect(freed == Self.size(first) + Self.size(second) - 1000)
    }

    @Test func `a delete with something unreadable beside it does not say what it frees`() throws {
        let (gone, stays) = (try Self.image(1), try Self.image(2))
        var world = World()
        try world.add(gone, to: "us/app/api", tags: ["1"])
        try world.add(stays, to: "us/app/api", tags: ["2"])
        world.unreadable = [.manifest(try Names.repository("us/app/api"), stays.digest)]
        let planned = try world.plan(Self.absent("us/app/api@\(gone.digest)"), answering: .allAtOnce)
        let change = try planned.change("delete us.icr.io/app/api@\(gone.digest)")
        #expect(planned.errors.isEmpty)
        #expect(planned.plan.estimates[change.id]?.bytesFreed == nil)
        #expect(planned.plan.estimates[change.id]?.totalBytes == Self.size(gone))
    }

    @Test func `an index that goes with its images says so on each`() throws {
        let images = [try Self.image(1), try Self.image(2, "linux/arm64")]
        let index = try Samples.index(of: images)
        var world = World()
        try world.add(index, to: "us/app/api", tags: ["1"])
        var spec = SpecBuilder()
        try spec.absent(repository: "us/app/api")
        let (planned, _) = try world.converge(spec)
        let whole = try planned.change("delete us.icr.io/app/api@\(index.digest)")
        #expect(try whole.consequences.platforms == [Platform("linux/amd64"), Platform("linux/arm64")])
        for image in images {
            #expect(try planned.change("delete us.icr.io/app/api@\(image.digest)").consequences.parents == [index.digest])
        }
    }

    @Test func `an untag names the index around the image, and its signatures`() throws {
        let image = try Self.image(1)
        let index = try Samples.index(of: [image])
        let signature = try Samples.referrer(to: image.descriptor)
        var world = World()
        try world.add(index, to: "us/app/api", tags: ["all"])
        try world.add(image, to: "us/app/api", tags: ["amd64"])
        try world.add(signature, to: "us/app/api")
        let (planned, _) = try world.converge(Self.absent("us/app/api:amd64"))
        let change = try planned.change("untag us.icr.io/app/api:amd64")
        #expect(change.consequences.parents == [index.digest])
        #expect(change.consequences.referrers == [signature.digest])
        #expect(change.consequences.losesLastTag)
        #expect(planned.plan.estimates[change.id] == Plan.Estimate(totalBytes: Self.size(image), bytesToSend: 0))
    }

    @Test func `an index whose image goes in the same plan cannot come back under its tag`() throws {
        let (kept, gone) = (try Self.image(1), try Self.image(2))
        let index = try Samples.index(of: [kept, gone])
        var world = World()
        try world.add(index, to: "us/app/api", tags: ["all"])
        try world.add(gone, to: "us/app/api", tags: ["part"])
        try world.add(kept, to: "de/app/api", tags: ["new"])
        var spec = try Self.absent("us/app/api@\(gone.digest)")
        try spec.image(from: "de/app/api:new", to: ["us/app/api"], tags: ["all"])
        let planned = try world.plan(spec, answering: .allAtOnce)
        #expect(try planned.change("put us.icr.io/app/api:all").undo == .none)
    }

    @Test func `an image that a move and a rule take comes back as the delete does`() throws {
        let (old, new) = (try Self.image(1), try Self.image(2))
        var world = World()
        world.listsDigests = [try Names.registry("us")]
        try world.add(old, to: "us/app/api", tags: ["stable"], created: 0)
        try world.add(new, to: "de/app/api", tags: ["new"])
        var spec = SpecBuilder()
        spec.countAges(fromDay: 20_000)
        try spec.image(from: "de/app/api:new", to: ["us/app/api"], tags: ["stable"])
        try spec.prune("us/app/api", untaggedOlderThan: 1)
        world.configs = world.configs.mapValues { ImageConfiguration(platform: $0.platform, created: 1_600_000_000) }
        let (planned, _) = try world.converge(spec)
        #expect(planned.ids == ["delete us.icr.io/app/api@\(old.digest)", "put us.icr.io/app/api:stable"])
        #expect(try planned.change("put us.icr.io/app/api:stable").undo == .none)
    }

    @Test func `an untag that cannot read the image is planned all the same`() throws {
        let image = try Self.image(1)
        var world = World()
        try world.add(image, to: "us/app/api", tags: ["1"])
        world.unreadable = [.manifest(try Names.repository("us/app/api"), image.digest)]
        let planned = try world.plan(Self.absent("us/app/api:1"), answering: .allAtOnce)
        #expect(planned.errors.isEmpty)
        #expect(try planned.change("untag us.icr.io/app/api:1").consequences.platforms == nil)
    }
}
