import Diagnostics
import OCI
import Planning
import RegistryTestSupport
import Testing

/// `policy.backup`: what loses its place is saved first.
@Suite struct BackupTests {
    private func world() throws -> World {
        var world = World()
        try world.add(Samples.image(seed: 1), to: "us/app/api", tags: ["1.0", "stable"])
        try world.add(Samples.image(seed: 2), to: "us/app/api", tags: ["2.0"])
        try world.add(Samples.image(seed: 3), to: "lab.example:5000/app/api", tags: ["1.0"])
        return world
    }

    private func spec(_ occasions: BackupRule.Occasion..., path: String? = nil) throws -> SpecBuilder {
        var spec = SpecBuilder()
        let place = RepositoryPrefix(try Names.registry("disk"), try path.map { try RepositoryName($0) })
        spec.policy.backup = BackupRule(to: place, before: Set(occasions), origin: Origin(file: "crplan.yaml", line: 9))
        spec.policy.limits.repositoryShare = nil
        return spec
    }

    private func name(_ sample: Sample, _ tag: String) -> String { "\(tag)-\(sample.digest.short)" }

    @Test func `an untag waits for its backup`() throws {
        var spec = try spec(.untag)
        try spec.absent("us/app/api:2.0")
        let (planned, after) = try world().converge(spec)
        let image = try Samples.image(seed: 2)
        let target = try Names.repository("disk/us.icr.io/app/api")
        let put = try planned.change("put \(target):\(name(image, "2.0"))")
        #expect(put.reason == "backup of us.icr.io/app/api:2.0")
        #expect(put.origin == Origin(file: "crplan.yaml", line: 9))
        #expect(try planned.change("untag us.icr.io/app/api:2.0").after == [put.id])
        #expect(try after.repositories[target]?.tags[TagName(name(image, "2.0"))] == image.digest)
    }

    @Test func `what cannot be saved stays, also with --keep-going`() throws {
        var spec = try spec(.untag, .delete)
        try spec.absent("us/app/api:stable")
        try spec.absent("us/app/api@\(Samples.image(seed: 2).digest)")
        spec.options.keepGoing = true
        var world = try world()
        world.unreadableRegistries = [try Names.registry("disk")]
        let planned = try world.plan(spec, answering: .allAtOnce)
        #expect(planned.ids.isEmpty)
        #expect(planned.plan.leftOut.filter { $0.reason == "its backup cannot be made" }.count == 2)
    }

    @Test func `a saved plan without the backup that the policy asks for now is refused`() throws {
        var bare = SpecBuilder()
        try bare.absent("us/app/api:2.0")
        let plan = try world().plan(bare).plan
        let spec = try spec(.untag)
        func codes(_ world: World) -> [String] {
            var facts = Facts()
            while true {
                switch Planner.checkSaved(plan, bare.desired, policy: spec.policy, facts: facts) {
                case .result(let refusals): return refusals.map(\.code)
                case .needs(let questions): for question in questions { facts.record(world.answer(question), to: question) }
                }
            }
        }
        #expect(try codes(world()) == ["no-backup"])
        var saved = try world()
        let image = try Samples.image(seed: 2)
        try saved.add(image, to: "disk/us.icr.io/app/api", tags: [name(image, "2.0")])
        #expect(codes(saved).isEmpty)
    }

    @Test func `a move is put only after the image that it leaves is saved`() throws {
        var spec = try spec(.move, path: "saved")
        try spec.image(from: "us/app/api:2.0", to: ["us/app/api"], tags: ["stable"])
        let (planned, _) = try world().converge(spec)
        let backup = "put \(try Names.repository("disk/saved/us.icr.io/app/api")):\(name(try Samples.image(seed: 1), "stable"))"
        #expect(planned.ids.sorted() == [backup, "put us.icr.io/app/api:stable"].sorted())
        #expect(try planned.position(backup) < planned.position("put us.icr.io/app/api:stable"))
    }

    @Test func `a delete saves every tag that goes along, and can be undone by it`() throws {
        var spec = try spec(.delete)
        let image = try Samples.image(seed: 1)
        try spec.absent("us/app/api@\(image.digest)")
        let (planned, _) = try world().converge(spec)
        let target = try Names.repository("disk/us.icr.io/app/api")
        let puts = ["1.0", "stable"].map { "put \(target):\(name(image, $0))" }
        let delete = try planned.change("delete us.icr.io/app/api@\(image.digest)")
        #expect(delete.after.map(\.description) == puts)
        #expect(delete.undo == .backup("\(target):\(name(image, "1.0"))"))
    }

    @Test func `other changes, what is saved already, and the backup itself are left alone`() throws {
        var spec = try spec(.move)
        try spec.absent("us/app/api:2.0")
        #expect(try world().converge(spec).planned.ids == ["untag us.icr.io/app/api:2.0"])
        var again = try self.spec(.untag)
        try again.absent("us/app/api:2.0")
        let image = try Samples.image(seed: 2)
        var saved = try world()
        try saved.add(image, to: "disk/us.icr.io/app/api", tags: [name(image, "2.0")])
        #expect(try saved.converge(again).planned.ids == ["untag us.icr.io/app/api:2.0"])
        var inside = try self.spec(.untag)
        try inside.absent("disk/us.icr.io/app/api:\(name(image, "2.0"))")
        let ids = try saved.converge(inside).planned.ids
        #expect(ids.count == 1 && ids[0].hasPrefix("untag"))
        // Nor does a rule that reaches it take anything from it.
        var pruned = try self.spec(.untag)
        try pruned.prune("disk/us.icr.io/app/api", .untag)
        #expect(try saved.converge(pruned).planned.ids.isEmpty)
    }

    @Test func `a name that holds another image already is an error`() throws {
        var spec = try spec(.untag)
        try spec.absent("us/app/api:2.0")
        var world = try world()
        let tag = name(try Samples.image(seed: 2), "2.0")
        try world.add(Samples.image(seed: 5), to: "disk/us.icr.io/app/api", tags: [tag])
        #expect(try world.plan(spec).errors.map(\.code) == ["no-backup"])
    }

    @Test func `a port is written as a path can hold it, and a long tag is cut`() throws {
        let long = String(repeating: "v", count: 128)
        var world = try world()
        try world.add(Samples.image(seed: 4), to: "lab.example:5000/app/api", tags: [long])
        var spec = try spec(.untag)
        try spec.absent("lab.example:5000/app/api:\(long)")
        let host = try Names.registry("lab.example:5000").description.replacing(":", with: "-")
        let tag = name(try Samples.image(seed: 4), String(repeating: "v", count: 115))
        let put = "put \(try Names.repository("disk/\(host)/app/api")):\(tag)"
        #expect(try world.converge(spec).planned.ids.contains(put))
    }
}
