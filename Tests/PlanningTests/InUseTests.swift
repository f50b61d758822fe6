import Diagnostics
import OCI
import Planning
import RegistryTestSupport
import Testing

/// What a list names is neither untagged nor deleted.
@Suite struct InUseTests {
    /// An image, an index of two, and what to move to.
    private func world() throws -> World {
        var world = World()
        try world.add(image(), to: "us/app/api", tags: ["1.0", "stable"])
        try world.add(image(), to: "de/app/api", tags: ["1.0"])
        try world.add(index(), to: "us/app/web", tags: ["2.0"])
        try world.add(Samples.image(seed: 9), to: "docker.io/x/y", tags: ["1"])
        return world
    }

    private func image() throws -> Sample { try Samples.image(seed: 1) }
    private func index() throws -> Sample { try Samples.multiPlatform(seed: 2) }
    private func child() throws -> Digest { try index().manifests[0].digest }

    private func absent(_ references: String...) throws -> SpecBuilder {
        var spec = SpecBuilder()
        for reference in references { try spec.absent(reference) }
        return spec
    }

    private func refusal(_ spec: SpecBuilder, in world: World? = nil, sourceLocation: SourceLocation = #_sourceLocation) throws -> Refusal {
        let planned = try (world ?? self.world()).plan(spec, sourceLocation: sourceLocation)
        #expect(planned.refusals.count == 1, "\(planned.refusals)", sourceLocation: sourceLocation)
        return try #require(planned.refusals.first, sourceLocation: sourceLocation)
    }

    // MARK: Tags

    @Test func `a tag in use is not untagged`() throws {
        var spec = try absent("us/app/api:1.0")
        try spec.inUse("us/app/api:1.0")
        let found = try refusal(spec)
        #expect(found.code == "in-use")
        #expect(found.message == "us.icr.io/app/api:1.0 cannot be untagged: the tag 1.0 is in use (in-use.txt:1)")
        #expect(found.subjects == ["us.icr.io/app/api:1.0"])
        #expect(found.origin?.line == 10)
    }

    @Test func `an image under a tag in use is not deleted, and every tag of it is named`() throws {
        var spec = try absent("us/app/api@\(image().digest)")
        try spec.inUse("us/app/api:stable")
        let found = try refusal(spec)
        #expect(try found.message == "us.icr.io/app/api@\(image().digest) cannot be deleted: the tag stable is in use (in-use.txt:1)")
        #expect(try found.subjects == ["us.icr.io/app/api@\(image().digest)", "us.icr.io/app/api:1.0", "us.icr.io/app/api:stable"])
    }

    @Test func `the image that a tag in use holds stays under its other tags, and in other registries`() throws {
        for target in ["us/app/api:stable", "de/app/api:1.0", "de/app/api@\(try image().digest)"] {
            var spec = try absent(target)
            let us = try Names.registry("us")
            spec.policy.inUse.registries = [us]
            try spec.inUse("us/app/api:1.0")
            let found = try refusal(spec)
            #expect(found.code == "in-use" && found.message.contains("the image is in use (in-use.txt:1)"), "\(found)")
        }
    }

    @Test func `a tag of a registry that the specs do not name asks nothing there, and says so`() throws {
        var spec = try absent("de/app/api:1.0")
        try spec.inUse("us/app/api:1.0", "us/app/web:2.0")
        let planned = try world().plan(spec)
        #expect(planned.refusals.isEmpty)
        #expect(planned.ids == ["untag de.icr.io/app/api:1.0"])
        let us = try Names.registry("us")
        #expect(!planned.asked.contains { $0.registry == us })
        #expect(planned.notes.map(\.code) == ["in-use-elsewhere"])
        #expect(planned.notes.first?.message.hasPrefix("2 tags in use are of registries that the specs do not name (us.icr.io)") == true)
    }

    @Test func `a tag in use that is not there protects its name alone`() throws {
        var spec = try absent("us/app/api:1.0")
        try spec.inUse("us/app/api:0.9")
        #expect(try world().converge(spec).planned.ids.count == 1)
    }

    @Test func `of a tag with a digest both stay`() throws {
        for target in ["us/app/api:1.0", "us/app/web:2.0"] {
            var spec = try absent(target)
            try spec.inUse("us/app/api:1.0@\(index().digest)")
            #expect(try refusal(spec).code == "in-use")
        }
    }

    // MARK: Digests

    @Test(arguments: ["us/app/api:1.0", "de/app/api:1.0", "us/app/api@", "de/app/api@"])
    func `a digest in use stays in every registry`(target: String) throws {
        var spec = try absent(target.hasSuffix("@") ? "\(target)\(image().digest)" : target)
        try spec.inUse("other.example/app/api@\(image().digest)")
        let found = try refusal(spec)
        #expect(found.code == "in-use" && found.message.hasSuffix("the image is in use (in-use.txt:1)"), "\(found)")
    }

    @Test(arguments: ["us/app/web:2.0", "us/app/web@"]) func `a part in use keeps the index that it is a part of`(target: String) throws {
        var spec = try absent(target.hasSuffix("@") ? "\(target)\(index().digest)" : target)
        try spec.inUse("other.example/app/web@\(child())")
        let found = try refusal(spec)
        #expect(found.code == "in-use")
        #expect(try found.message.hasSuffix("its part \(child().short) is in use (in-use.txt:1)"), "\(found)")
        #expect(found.subjects.contains("us.icr.io/app/web:2.0"))
    }

    @Test func `a part deep in an index keeps it too`() throws {
        var world = try world()
        let outer = try Samples.index(of: [index()])
        try world.add(outer, to: "us/app/deep", tags: ["1"])
        var spec = try absent("us/app/deep:1")
        try spec.inUse("other.example/app/web@\(child())")
        #expect(try refusal(spec, in: world).code == "in-use")
    }

    @Test func `an index in use keeps its parts, wherever they are`() throws {
        var world = try world()
        let part = try #require(index().manifests.first)
        try world.put(part, into: Names.repository("de/app/part"))
        world.repositories[try Names.repository("de/app/part")]?.tags[try TagName("x")] = part.digest
        for target in ["de/app/part:x", "de/app/part@\(part.digest)"] {
            for reference in ["us/app/web@\(try index().digest)", "us/app/web:2.0"] {
                var spec = try absent(target)
                spec.policy.inUse.registries = [try Names.registry("us")]
                try spec.inUse(reference)
                let found = try refusal(spec, in: world)
                #expect(found.code == "in-use")
                #expect(try found.message.contains("the index \(index().digest.short), which it is a part of, is in use"), "\(found)")
            }
        }
    }

    @Test func `an index that runs from elsewhere keeps its parts beside it`() throws {
        var world = try world()
        try world.untag("us/app/web", "2.0")
        var spec = try absent("us/app/web@\(child())")
        try spec.inUse("other.example/app/web@\(index().digest)")
        #expect(try refusal(spec, in: world).code == "in-use")
    }

    @Test func `an image known by its id alone is known by its config`() throws {
        let config = try #require(image().root.image?.config?.digest)
        for target in ["us/app/api:1.0", "us/app/api@\(try image().digest)"] {
            var spec = try absent(target)
            try spec.inUse("\(config)")
            #expect(try refusal(spec).code == "in-use")
        }
        var other = try absent("us/app/api:1.0")
        try other.inUse("\(Digest.sha256(of: [1]))")
        #expect(try world().converge(other).planned.ids.count == 1)
    }

    // MARK: What goes on

    @Test func `a tag in use is moved, and the plan says so and asks nothing more`() throws {
        var spec = SpecBuilder()
        try spec.image(from: "docker.io/x/y:1", to: ["us/app/api"], tags: ["1.0", "new"])
        let without = try world().plan(spec).asked
        try spec.inUse("us/app/api:1.0", "us/app/api:new")
        try spec.inUse("us/app/api@\(image().digest)", file: "more.txt")
        let planned = try world().converge(spec).planned
        #expect(planned.asked == without)
        #expect(try planned.change("put us.icr.io/app/api:1.0").consequences.usedBy == ["in-use.txt", "more.txt"])
        #expect(try planned.change("put us.icr.io/app/api:new").consequences.usedBy == nil)
    }

    @Test func `what no list names goes`() throws {
        var spec = try absent("us/app/web@\(index().digest)")
        try spec.inUse("us/app/api:1.0", "us/app/api@\(image().digest)")
        #expect(try world().converge(spec).planned.ids.count == 1)
    }

    // MARK: Lists

    @Test(arguments: [
        InUseList.Content.unread, .unusable(["in-use.txt cannot be read: permission denied"]),
        .unusable(["in-use.txt:3 is not a reference: x"]),
    ])
    func `a list that tells nothing refuses every removal and nothing else`(content: InUseList.Content) throws {
        var spec = try absent("us/app/web:2.0", "de/app/api:1.0")
        spec.inUse(content)
        try spec.inUse("us/none/such:1", file: "more.txt")
        let found = try refusal(spec)
        #expect(found.code == "in-use-unknown")
        #expect(found.subjects == ["de.icr.io/app/api:1.0", "us.icr.io/app/web:2.0"])
        #expect(found.origin == Origin(file: "crplan.yaml", line: 7))
        #expect(found.message.hasPrefix("nothing can be untagged or deleted, since it is not known what is in use: in-use.txt"))
        var move = SpecBuilder()
        try move.image(from: "docker.io/x/y:1", to: ["us/app/api"], tags: ["1.0"])
        move.inUse(content)
        let planned = try world().converge(move).planned
        #expect(planned.ids == ["put us.icr.io/app/api:1.0"])
        #expect(planned.notes.map(\.code) == ["in-use-unknown"])
    }

    @Test func `a list is too old a second after its age`() {
        let list = InUseList(path: "./in-use.txt", kind: .references, maxAge: 86400, origin: Origin(file: "c", line: 1))
        #expect(list.ageProblem(written: 1000, now: 87400) == nil)
        #expect(list.ageProblem(written: 90_000, now: 0) == nil)
        #expect(
            list.ageProblem(written: 1000, now: 87401) == "in-use.txt is too old: it was written 24 hours ago, and its maxAge is 24 hours"
        )
        #expect(
            list.ageProblem(written: 0, now: 300_000) == "in-use.txt is too old: it was written 3 days ago, and its maxAge is 24 hours"
        )
        var unlimited = list
        unlimited.maxAge = nil
        #expect(unlimited.ageProblem(written: 0, now: .max) == nil)
    }

    @Test func `what cannot be read about something in use refuses every removal`() throws {
        var world = try world()
        world.unreadable = [.head(try Names.repository("us/app/web"), .tag(try TagName("2.0")))]
        var spec = try absent("us/app/api:1.0")
        try spec.inUse("us/app/web:2.0")
        let found = try refusal(spec, in: world)
        #expect(found.code == "in-use-unknown")
        #expect(found.subjects == ["us.icr.io/app/api:1.0"])
    }

    // MARK: Namespaces

    private func namespace() throws -> (SpecBuilder, World) {
        var world = World()
        world.managed = [try Names.registry("us")]
        world.listsDigests = world.managed
        try world.add(image(), to: "us/old/api", tags: ["1.0", "stable"])
        try world.add(index(), to: "us/old/web", tags: ["2.0"])
        var spec = SpecBuilder()
        try spec.absent(namespace: "old")
        spec.policy.limits.namespaceDeletions = 1
        return (spec, world)
    }

    @Test func `a namespace with something in use stays, and every tag is named`() throws {
        let (plain, world) = try namespace()
        #expect(try world.plan(plain).refusals.isEmpty)
        let cases: [(String, [String])] = [
            ("us/old/api:1.0", ["us.icr.io/old/api:1.0", "us.icr.io/old/api:stable"]),
            ("other.example/x@\(try image().digest)", ["us.icr.io/old/api:1.0", "us.icr.io/old/api:stable"]),
        ]
        for (reference, subjects) in cases {
            var spec = plain
            try spec.inUse(reference)
            let found = try refusal(spec, in: world)
            #expect(found.code == "in-use" && found.subjects == subjects, "\(found)")
            #expect(found.message == "'namespace us.icr.io/old' removes what is in use (in-use.txt:1)")
        }
        var part = plain
        try part.inUse("other.example/x@\(child())")
        let found = try refusal(part, in: world)
        #expect(try Set(found.subjects) == ["us.icr.io/old/web:2.0", "us.icr.io/old/web@\(child())"])
    }

    @Test func `a retention policy takes nothing that is in use`() throws {
        let name = try RepositoryName("payments/api")
        let images = try (1...2).map { seed in
            InventoryImage(
                digest: try Samples.image(seed: UInt64(seed)).digest,
                tags: [try TagName("\(seed)")],
                mediaType: MediaType.ociManifest,
                created: 1,
                size: 1
            )
        }
        var account = Account()
        account.add("payments")
        account.images["payments"] = [name: images]
        account.victims = [RetentionVictim(image: ImageName(name, images[0].digest), tags: images[0].tags)]
        var world = World()
        let policy = RetentionPolicy(imagesPerRepository: 1, keepUntagged: true)
        world.administration[try Names.registry("us")] = account.answers(analysing: policy)
        var spec = SpecBuilder()
        try spec.namespace("payments", retention: .policy(.init(imagesPerRepository: 1)))
        spec.policy.limits.repositoryShare = nil
        #expect(try world.plan(spec).refusals.isEmpty)
        try spec.inUse("other.example/x@\(images[0].digest)")
        let found = try refusal(spec, in: world)
        #expect(found.code == "in-use" && found.subjects == ["us.icr.io/payments/api:1"])
    }

    // MARK: Saved plans

    private func refusals(ofSaved plan: Plan, _ spec: SpecBuilder, in world: World) throws -> [Refusal] {
        var facts = Facts()
        for _ in 0..<100 {
            switch Planner.checkSaved(plan, spec.desired, policy: spec.policy, facts: facts) {
            case .result(let refusals): return refusals
            case .needs(let questions): for question in questions { facts.record(world.answer(question), to: question) }
            }
        }
        throw Stuck(description: "no end after 100 rounds")
    }

    @Test func `a saved plan is held against what is in use now: itself, its parts, and what it is a part of`() throws {
        var world = try world()
        let part = try #require(index().manifests.first)
        try world.put(part, into: Names.repository("de/app/part"))
        let spec = try absent("us/app/web@\(index().digest)", "de/app/part@\(part.digest)", "us/app/api:1.0")
        let plan = try world.plan(spec).plan
        #expect(plan.changes.count == 3)
        #expect(try refusals(ofSaved: plan, spec, in: world).isEmpty)
        let cases: [(reference: String, refused: [String])] = [
            ("us/app/api:1.0", ["us.icr.io/app/api:1.0"]),
            // The image that the tag came to hold.
            ("us/app/api:stable", ["us.icr.io/app/api:1.0"]),
            ("other.example/x@\(part.digest)", ["de.icr.io/app/part@\(part.digest)", "us.icr.io/app/web@\(try index().digest)"]),
            ("us/app/web@\(try index().digest)", ["de.icr.io/app/part@\(part.digest)", "us.icr.io/app/web@\(try index().digest)"]),
            ("other.example/x@\(try index().manifests[1].digest)", ["us.icr.io/app/web@\(try index().digest)"]),
        ]
        for (reference, refused) in cases {
            var used = spec
            try used.inUse(reference)
            let found = try refusals(ofSaved: plan, used, in: world)
            #expect(found.allSatisfy { $0.code == "in-use" })
            #expect(found.compactMap(\.subjects.first).sorted() == refused, "\(reference): \(found)")
        }
        var unread = spec
        unread.inUse(.unread)
        #expect(try refusals(ofSaved: plan, unread, in: world).map(\.code) == ["in-use-unknown"])
    }
}
