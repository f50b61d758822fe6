import Diagnostics
import OCI
import Planning
import RegistryTestSupport
import Testing

@Suite struct RetentionTests {
    private let repository = "payments/api"

    private func policy(_ images: Int?, keepUntagged: Bool = true, days: Int = 0) -> RetentionPolicy {
        RetentionPolicy(imagesPerRepository: images, keepUntagged: keepUntagged, minimumAgeDays: days)
    }

    private func image(_ seed: UInt64, _ tags: String..., isIndex: Bool = false) throws -> InventoryImage {
        InventoryImage(
            digest: try Samples.image(seed: seed).digest,
            tags: try tags.map { try TagName($0) },
            mediaType: isIndex ? MediaType.ociIndex : MediaType.ociManifest,
            created: 1,
            size: 1
        )
    }

    /// An account whose analysis of `policy` names these images of `payments/api`.
    private func world(
        before: RetentionPolicy = .none,
        images: [InventoryImage] = [],
        victims: [InventoryImage] = [],
        of policy: RetentionPolicy
    ) throws -> World {
        var account = Account()
        account.add("payments")
        account.policies["payments"] = before
        let name = try RepositoryName(repository)
        account.images["payments"] = [name: images + victims]
        account.victims = victims.map { RetentionVictim(image: ImageName(name, $0.digest), tags: $0.tags) }
        var world = World()
        world.administration[try Names.registry("us")] = account.answers(analysing: policy)
        return world
    }

    private func spec(_ rule: NamespaceEntry.Retention) throws -> SpecBuilder {
        var spec = SpecBuilder()
        try spec.namespace("payments", retention: .policy(rule))
        return spec
    }

    @Test func `a new policy keeps untagged images unless it says otherwise, and shows what goes`() throws {
        let victim = try image(1, "0.9", "old")
        let world = try world(images: [image(2, "1.0", "1.1", "1.2", "1.3")], victims: [victim], of: policy(10))
        let planned = try world.plan(spec(.init(imagesPerRepository: 10)))
        let change = try planned.change("retention us.icr.io/payments")
        let lost = LostImage(try RepositoryName(repository), victim.digest, tags: victim.tags)
        #expect(planned.refusals == [])
        #expect(change.setting == .retention(before: .none, after: policy(10)))
        #expect(change.consequences.images == [lost])
        #expect(Set(change.preconditions) == [.retention(.none), .retentionVictims([lost.description])])
        #expect(change.undo == .setBack)
        #expect(try PlanFile.decode(PlanFile.encode(planned.plan).bytes).plan == planned.plan)
    }

    @Test(arguments: [
        (NamespaceEntry.Retention(imagesPerRepository: 5), RetentionPolicy(imagesPerRepository: 5, keepUntagged: false, minimumAgeDays: 7)),
        (.init(keepUntagged: true), RetentionPolicy(imagesPerRepository: 3, keepUntagged: true, minimumAgeDays: 7)),
        (.init(minimumAgeDays: 1), RetentionPolicy(imagesPerRepository: 3, keepUntagged: false, minimumAgeDays: 1)),
    ])
    func `what a policy leaves out stays as it is`(rule: NamespaceEntry.Retention, after: RetentionPolicy) throws {
        let before = policy(3, keepUntagged: false, days: 7)
        let planned = try world(before: before, of: after).plan(spec(rule))
        #expect(try planned.change("retention us.icr.io/payments").setting == .retention(before: before, after: after))
    }

    @Test func `a policy that is set already needs nothing, and asks for no analysis`() throws {
        let before = policy(3, days: 7)
        let planned = try world(before: before, of: before).plan(spec(.init(imagesPerRepository: 3)))
        #expect(planned.ids == [])
        #expect(planned.asked.count == 2)
    }

    @Test func `none removes the policy, and what never was needs no removal`() throws {
        var spec = SpecBuilder()
        try spec.namespace("payments", retention: NamespaceEntry.RetentionRule.none)
        let planned = try world(before: policy(3), of: .none).plan(spec)
        #expect(try planned.change("retention us.icr.io/payments").setting == .retention(before: policy(3), after: .none))
        #expect(try world(before: policy(nil, days: 4), of: .none).plan(spec).ids == [])
    }

    @Test func `the policy of a new namespace waits for it, and for nothing to analyse`() throws {
        var spec = try spec(.init(imagesPerRepository: 2, keepUntagged: false))
        spec.desired.namespaces[0].name = "birds"
        let planned = try world(of: policy(2)).plan(spec)
        #expect(planned.ids == ["namespace us.icr.io/birds", "retention us.icr.io/birds"])
        #expect(try planned.change("retention us.icr.io/birds").after.map(\.description) == ["namespace us.icr.io/birds"])
    }

    @Test func `a policy that keeps fewer images than a repository declares is refused`() throws {
        var spec = try spec(.init(imagesPerRepository: 1))
        var world = try world(of: policy(1))
        for number in 1...2 {
            try world.add(Samples.image(seed: UInt64(number)), to: "docker.io/x/y", tags: ["\(number)"])
            try spec.image(from: "docker.io/x/y:\(number)", to: ["us/payments/api"], tags: ["\(number)", "also-\(number)"])
        }
        let planned = try world.plan(spec)
        #expect(planned.refusals.map(\.code) == ["retention-declared"])
        #expect(planned.refusals.first?.subjects == ["us.icr.io/payments/api (2 images declared)"])
    }

    @Test func `an analysis that names a declared image is refused`() throws {
        var spec = try spec(.init(imagesPerRepository: 9))
        try spec.image(from: "docker.io/x/y:1", to: ["us/payments/api"], tags: ["1"])
        var world = try world(victims: [image(1, "1")], of: policy(9))
        try world.add(Samples.image(seed: 1), to: "docker.io/x/y", tags: ["1"])
        try world.add(Samples.image(seed: 1), to: "us/payments/api", tags: ["1"])
        let planned = try world.plan(spec)
        #expect(planned.refusals.map(\.code) == ["retention-needed"])
        #expect(planned.refusals.first?.subjects == ["us.icr.io/payments/api:1 (its tag 1 is declared)"])
    }

    @Test func `an analysis that names a child of an index that stays is refused`() throws {
        let sample = try Samples.multiPlatform(seed: 5)
        let child = try #require(sample.root.index?.manifests.first?.digest)
        let victim = InventoryImage(digest: child, tags: [], mediaType: MediaType.ociManifest, created: 1, size: 1)
        let index = InventoryImage(
            digest: sample.digest,
            tags: [try TagName("multi")],
            mediaType: MediaType.ociIndex,
            created: nil,
            size: 1
        )
        var world = try world(images: [index], victims: [victim], of: policy(9))
        try world.add(sample, to: "us/payments/api", tags: ["multi"])
        let planned = try world.plan(spec(.init(imagesPerRepository: 9)))
        #expect(planned.refusals.map(\.code) == ["retention-needed"])
        #expect(planned.refusals.first?.subjects == ["us.icr.io/payments/api@\(child) (an index that stays needs it)"])
    }

    @Test func `an analysis that names a signature of an image that stays is refused`() throws {
        let signed = try image(1, "1.0")
        let tag = TagName.companion(of: signed.digest, .signature)
        let signature = InventoryImage(
            digest: try Samples.image(seed: 2).digest,
            tags: [tag],
            mediaType: MediaType.ociManifest,
            created: 1,
            size: 1
        )
        let planned = try world(images: [signed], victims: [signature], of: policy(9)).plan(spec(.init(imagesPerRepository: 9)))
        #expect(planned.refusals.map(\.code) == ["retention-needed"])
        // Both may go together.
        let both = try world(images: [image(3, "2.0", "2.1", "2.2")], victims: [signed, signature], of: policy(9))
        #expect(try both.plan(spec(.init(imagesPerRepository: 9))).refusals == [])
    }

    @Test func `untagged images may go only where no index needs them, or where that is accepted`() throws {
        let wanted = policy(9, keepUntagged: false)
        let sample = try Samples.multiPlatform(seed: 5)
        let index = InventoryImage(
            digest: sample.digest,
            tags: [try TagName("multi")],
            mediaType: MediaType.ociIndex,
            created: nil,
            size: 1
        )
        var world = try world(images: [index], of: wanted)
        try world.add(sample, to: "us/payments/api", tags: ["multi"])
        let refused = try world.plan(spec(.init(imagesPerRepository: 9, keepUntagged: false)))
        #expect(refused.refusals.map(\.code) == ["retention-children"])
        let accepted = try world.plan(spec(.init(imagesPerRepository: 9, keepUntagged: false, acceptChildLoss: true)))
        #expect(accepted.refusals == [])
        #expect(accepted.ids == ["retention us.icr.io/payments"])
    }

    @Test func `what retention removes counts for protect and for the limits`() throws {
        let world = try world(images: [image(4, "2.0")], victims: [image(1, "1.0"), image(2, "1.1"), image(3)], of: policy(1))
        var spec = try spec(.init(imagesPerRepository: 1))
        try spec.protect("us/payments/api:1.1")
        spec.policy.limits.deletions = 4
        let planned = try world.plan(spec)
        // Three images and two tags; two of three tags of the repository.
        #expect(planned.refusals.map(\.code) == ["limit-deletions", "limit-share", "protected"])
        #expect(planned.refusals.last?.subjects == ["us.icr.io/payments/api:1.1"])
    }

    @Test func `retention waits for what is put into the namespace, and for copies from it`() throws {
        var spec = try spec(.init(imagesPerRepository: 9))
        try spec.image(from: "us/payments/api:1", to: ["docker.io/mirror/api"], tags: ["1"])
        try spec.image(from: "docker.io/x/y:1", to: ["us/payments/web"], tags: ["1"])
        var world = try world(images: [image(1, "1")], of: policy(9))
        try world.add(Samples.image(seed: 1), to: "us/payments/api", tags: ["1"])
        try world.add(Samples.image(seed: 2), to: "docker.io/x/y", tags: ["1"])
        let after = try world.plan(spec).change("retention us.icr.io/payments").after.map(\.description)
        #expect(after == ["put docker.io/mirror/api:1", "put us.icr.io/payments/web:1"])
    }

    @Test func `an analysis that cannot be read is an error, not an empty one`() throws {
        var world = try world(victims: [image(1, "1")], of: policy(9))
        world.unreadable.insert(.administration(try Names.registry("us"), .retentionVictims(policy(9), of: "payments")))
        let planned = try world.plan(spec(.init(imagesPerRepository: 9)))
        #expect(planned.errors.map(\.code) == ["unreadable"])
        #expect(planned.ids == [])
    }

    // MARK: Answers that cannot be trusted

    @Test func `tags that the analysis leaves out are those of the list`() throws {
        let victim = try image(1, "0.9", "prod")
        var world = try world(images: [image(2, "1.0")], victims: [victim], of: policy(10))
        let name = try RepositoryName(repository)
        let question = AdministrationQuestion.retentionVictims(policy(10), of: "payments")
        let bare = [RetentionVictim(image: ImageName(name, victim.digest), tags: [])]
        world.administration[try Names.registry("us")]?[question] = .retentionVictims(bare)
        var spec = try spec(.init(imagesPerRepository: 10))
        try spec.protect("us/payments/api:prod")
        spec.policy.limits.repositoryShare = nil
        let planned = try world.plan(spec)
        #expect(planned.refusals.map(\.code) == ["protected"])
        #expect(planned.refusals.first?.subjects == ["us.icr.io/payments/api:prod"])
    }

    @Test func `an image that the list does not show makes the analysis an error`() throws {
        let victim = try image(1, "0.9")
        var world = try world(images: [image(2, "1.0")], of: policy(10))
        let question = AdministrationQuestion.retentionVictims(policy(10), of: "payments")
        let unknown = [RetentionVictim(image: ImageName(try RepositoryName(repository), victim.digest), tags: victim.tags)]
        world.administration[try Names.registry("us")]?[question] = .retentionVictims(unknown)
        #expect(try world.plan(spec(.init(imagesPerRepository: 10))).errors.map(\.code) == ["analysis-unclear"])
    }

    @Test func `what the filters leave out is spared, and so is the source of an entry`() throws {
        let victim = try image(1, "0.9")
        let world = try world(images: [image(2, "1.0")], victims: [victim], of: policy(10))
        var excluded = try spec(.init(imagesPerRepository: 10))
        try excluded.exclude("us/payments/api:0.9")
        #expect(try world.plan(excluded).refusals.map(\.code) == ["retention-needed"])
        var source = try spec(.init(imagesPerRepository: 10))
        try source.image(from: "us/payments/api:0.9", to: ["de/payments/api"], tags: ["1"])
        #expect(try world.plan(source).refusals.map(\.code) == ["retention-needed"])
    }
}
