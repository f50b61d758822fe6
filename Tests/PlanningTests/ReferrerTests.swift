import Diagnostics
import OCI
import Planning
import RegistryTestSupport
import Testing

@Suite struct ReferrerTests {
    /// An index of two images; the index and its first image are signed, and the signature of the index is signed too.
    private struct Signed {
        var index: Sample
        var onIndex: Sample
        var onChild: Sample
        var onSignature: Sample

        init() throws {
            index = try Samples.multiPlatform(seed: 1)
            onIndex = try Samples.referrer(to: index.root.descriptor, seed: 1)
            let child = try #require(index.root.index?.manifests.first)
            onChild = try Samples.referrer(to: child, seed: 2)
            onSignature = try Samples.referrer(to: onIndex.root.descriptor, seed: 3)
        }
    }

    private func world(lackingAPI: [String] = []) throws -> World {
        var world = World()
        world.lacksReferrersAPI = Set(try lackingAPI.map { try Names.registry($0) })
        let signed = try Signed()
        try world.add(signed.index, to: "us/app/api", tags: ["1.0", "stable"])
        for sample in [signed.onIndex, signed.onChild, signed.onSignature] { try world.add(sample, to: "us/app/api") }
        return world
    }

    private func spec(_ rule: ReferrersRule = .always, platforms: [String]? = nil) throws -> SpecBuilder {
        var spec = SpecBuilder()
        try spec.image(from: "us/app/api:1.0", to: ["de/app/api"], tags: ["1.0"], platforms: platforms, referrers: rule)
        return spec
    }

    @Test(arguments: [[], ["us"], ["de"], ["us", "de"]])
    func `signatures of the index, of its children and of signatures go along`(lackingAPI: [String]) throws {
        let signed = try Signed()
        let (planned, after) = try world(lackingAPI: lackingAPI).converge(spec())
        #expect(planned.ids.count == 4)
        let onIndex = try planned.change("put de.icr.io/app/api@\(signed.onIndex.digest)")
        #expect(onIndex.after.map(\.description) == ["put de.icr.io/app/api:1.0"])
        let onSignature = try planned.change("put de.icr.io/app/api@\(signed.onSignature.digest)")
        #expect(onSignature.after == [onIndex.id])
        #expect(try after.referrers(of: signed.index.digest, in: Names.repository("de/app/api")).map(\.digest) == [signed.onIndex.digest])
    }

    @Test(arguments: [[], ["us"], ["us", "de"]])
    func `a signature made after the first copy arrives with the next plan`(lackingAPI: [String]) throws {
        var (_, world) = try world(lackingAPI: lackingAPI).converge(spec())
        let late = try Samples.referrer(to: Signed().index.root.descriptor, seed: 77)
        try world.add(late, to: "us/app/api")
        let (planned, _) = try world.converge(spec())
        #expect(planned.ids == ["put de.icr.io/app/api@\(late.digest)"])
        #expect(planned.plan.changes.first?.after.isEmpty == true)
    }

    @Test func `onCopy takes them along once`() throws {
        var (planned, world) = try world().converge(spec(.onCopy))
        #expect(planned.ids.count == 4)
        try world.add(Samples.referrer(to: Signed().index.root.descriptor, seed: 77), to: "us/app/api")
        #expect(try world.plan(spec(.onCopy)).ids.isEmpty)
    }

    @Test func `false leaves them behind, and asks nothing about them`() throws {
        let (planned, _) = try world().converge(spec(.never))
        #expect(planned.ids == ["put de.icr.io/app/api:1.0"])
        let about = planned.asked.filter { if case .referrers = $0 { true } else if case .tags = $0 { true } else { false } }
        #expect(about.isEmpty)
    }

    @Test func `of a reduced index only what belongs to the chosen images goes along`() throws {
        let signed = try Signed()
        let (planned, _) = try world().converge(spec(platforms: ["linux/amd64"]))
        #expect(planned.ids.contains("put de.icr.io/app/api@\(signed.onChild.digest)"))
        #expect(!planned.ids.contains("put de.icr.io/app/api@\(signed.onIndex.digest)"))
    }

    @Test func `cosign's companion tags go along and are kept in step`() throws {
        var world = World()
        let index = try Samples.multiPlatform(seed: 1)
        try world.add(index, to: "us/app/api", tags: ["1.0"])
        let child = try #require(index.root.index?.manifests.first?.digest)
        for digest in [index.digest, child] {
            let signature = try Samples.cosignSignature(of: digest, seed: 1)
            try world.add(signature.sample, to: "us/app/api", tags: [signature.tag.description])
        }
        var (planned, after) = try world.converge(spec())
        #expect(planned.ids.count == 3)
        let tag = TagName.companion(of: index.digest, .signature)
        #expect(try planned.change("put de.icr.io/app/api:\(tag)").after.map(\.description) == ["put de.icr.io/app/api:1.0"])
        #expect(planned.plan.scope.declaredTags == 1)
        let again = try Samples.cosignSignature(of: index.digest, seed: 2)
        try after.add(again.sample, to: "us/app/api", tags: [again.tag.description])
        let next = try after.converge(spec()).planned
        #expect(next.ids == ["put de.icr.io/app/api:\(tag)"])
        #expect(next.plan.changes.first?.isMove == true)
    }

    @Test func `a chain carries signatures to its end in one plan`() throws {
        let signed = try Signed()
        var world = World()
        try world.add(signed.index, to: "docker.io/x/y", tags: ["1"])
        for sample in [signed.onIndex, signed.onChild, signed.onSignature] { try world.add(sample, to: "docker.io/x/y") }
        let cosign = try Samples.cosignSignature(of: signed.index.digest)
        try world.add(cosign.sample, to: "docker.io/x/y", tags: [cosign.tag.description])
        // The first target has a signature of its own already.
        let own = try Samples.referrer(to: signed.index.root.descriptor, seed: 50)
        try world.add(own, to: "us/app/api")
        var spec = SpecBuilder()
        try spec.image(from: "docker.io/x/y:1", to: ["us/app/api"], tags: ["1.0", "stable"])
        try spec.image(from: "us/app/api:1.0", to: ["de/app/api", "jp/app/api"], tags: ["1.0"])
        try spec.image(from: "de/app/api:1.0", to: ["disk/app/api"], tags: ["1.0"])
        let (planned, after) = try world.converge(spec)
        let atEnd = try planned.change("put ./mirror/app/api@\(own.digest)")
        #expect(atEnd.after.map(\.description).contains("put de.icr.io/app/api@\(own.digest)"))
        let there = after.referrers(of: signed.index.digest, in: try Names.repository("disk/app/api")).map(\.digest)
        #expect(Set(there) == [signed.onIndex.digest, own.digest])
        #expect(try after.tags("disk/app/api").contains(cosign.tag.description))
    }

    @Test func `a put of a signature waits for every tag of its image`() throws {
        var spec = SpecBuilder()
        try spec.image(from: "us/app/api:1.0", to: ["de/app/api"], tags: ["1.0", "stable"])
        let planned = try world().plan(spec)
        let change = try planned.change("put de.icr.io/app/api@\(Signed().onIndex.digest)")
        #expect(change.after.map(\.description) == ["put de.icr.io/app/api:1.0", "put de.icr.io/app/api:stable"])
    }

    @Test func `a registry that denies a repository whose tag it has shown is not believed`() throws {
        var world = try world()
        world.denied = [.tags(try Names.repository("us/app/api"))]
        let planned = try world.plan(spec())
        #expect(planned.errors.map(\.code) == ["unreadable"])
        #expect(planned.errors.first?.message.contains("us.icr.io/app/api") == true)
    }

    @Test func `referrers that cannot be read are an error`() throws {
        var world = try world()
        world.unreadable = [.referrers(try Names.repository("us/app/api"), try Signed().index.digest)]
        #expect(try world.plan(spec()).errors.map(\.code) == ["unreadable"])
    }
}

@Suite struct QuestionBudgetTests {
    /// 40 images with two tags each in two registries, all in place.
    private func world(lackingAPI: Bool) throws -> World {
        var world = World()
        if lackingAPI { world.lacksReferrersAPI = [try Names.registry("us"), try Names.registry("de")] }
        for number in 0..<40 {
            let image = try Samples.image(seed: UInt64(number))
            for repository in ["us/app/api", "de/app/api"] {
                try world.add(image, to: repository, tags: ["1.\(number).0", "v\(number)"])
            }
        }
        return world
    }

    private func counts(_ asked: Set<Question>) -> [String: Int] {
        asked.reduce(into: [:]) { counts, question in
            let kind =
                switch question {
                case .head: "head"
                case .tags: "tags"
                case .repositories: "repositories"
                case .digests: "digests"
                case .manifest: "manifest"
                case .config: "config"
                case .referrers: "referrers"
                case .capability: "capability"
                case .probe: "probe"
                case .administration: "administration"
                case .content: "content"
                }
            counts[kind, default: 0] += 1
        }
    }

    @Test(arguments: [true, false]) func `a plan without changes asks one HEAD per tag and side, and one list`(lackingAPI: Bool) throws {
        var spec = SpecBuilder()
        try spec.copy(from: "us/app/api", to: ["de/app/api"], tags: .all)
        let planned = try world(lackingAPI: lackingAPI).plan(spec, answering: .allAtOnce)
        #expect(planned.ids.isEmpty)
        let expected = ["head": 160, "tags": 1, "capability": 1]
        #expect(counts(planned.asked) == (lackingAPI ? expected : expected.merging(["referrers": 40]) { $1 }))
    }

    @Test func `without referrers, named tags need no list at all`() throws {
        var spec = SpecBuilder()
        try spec.copy(from: "us/app/api", to: ["de/app/api"], tags: .list(["v1", "v2"]), referrers: .never)
        #expect(try counts(world(lackingAPI: false).plan(spec).asked) == ["head": 4])
    }

    @Test func `newest asks for one tag more than it takes`() throws {
        var spec = SpecBuilder()
        try spec.copy(from: "us/app/api", to: ["de/app/api"], tags: .match(["*"], semver: "*", newest: 3), referrers: .never)
        #expect(try counts(world(lackingAPI: false).plan(spec).asked) == ["head": 7, "tags": 1])
    }

    @Test func `an untag in a repository of many tags looks at its own tag alone`() throws {
        var world = try world(lackingAPI: false)
        for number in 0..<150 { try world.add(Samples.image(seed: UInt64(number)), to: "us/app/api", tags: ["n\(number)"]) }
        var spec = SpecBuilder()
        try spec.absent("us/app/api:v1")
        let planned = try world.plan(spec, answering: .allAtOnce)
        #expect(planned.ids.count == 1)
        #expect(counts(planned.asked) == ["head": 1, "tags": 1, "capability": 1, "manifest": 1, "config": 1, "referrers": 1])
        #expect(planned.plan.changes.first?.consequences.remainingTags == nil)
    }
}
