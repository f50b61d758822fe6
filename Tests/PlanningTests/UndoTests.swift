import Diagnostics
import OCI
import Planning
import RegistryTestSupport
import Testing

/// The way back: tags to the images they were on, images out of backups and the trash.
@Suite struct UndoTests {
    private func world() throws -> World {
        var world = World()
        try world.add(Samples.image(seed: 1), to: "us/app/api", tags: ["1.0", "stable"])
        try world.add(Samples.image(seed: 2), to: "us/app/api", tags: ["2.0"])
        try world.add(Samples.multiPlatform(seed: 3), to: "us/app/api", tags: ["multi"])
        return world
    }

    private struct Undone {
        var undo: UndoPlan
        var planned: Planned
        var after: World
    }

    /// Plans the way back from all changes of a plan, applies it, and checks that nothing is left to take back.
    private func undo(_ plan: Plan, _ spec: SpecBuilder, in world: World) throws -> Undone {
        let made = ChangeOrder.sorted(plan.changes).enumerated().map {
            MadeChange($1, origin: Origin(file: "journal", line: $0 + 1))
        }
        var registries = spec.desired.registries
        for id in made.map(\.target.registry) where registries[id] == nil { registries[id] = RegistryDeclaration(id: id) }
        let (undo, planned) = try world.planUndo(of: made, registries, spec.policy)
        #expect(planned.errors.isEmpty)
        #expect(planned.refusals.isEmpty)
        var after = world
        try after.apply(planned.plan)
        let again = try after.planUndo(of: made, registries, spec.policy)
        #expect(again.planned.ids.isEmpty)
        return Undone(undo: undo, planned: planned, after: after)
    }

    private func tags(_ world: World, _ name: String = "us/app/api") throws -> [TagName: Digest] {
        try world.repositories[Names.repository(name)]?.tags ?? [:]
    }

    @Test func `new tags, moves and untags are taken back`() throws {
        var spec = SpecBuilder()
        try spec.image(from: "us/app/api:1.0", to: ["us/app/api", "de/app/api"], tags: ["new"])
        try spec.image(from: "us/app/api:2.0", to: ["us/app/api"], tags: ["stable"])
        try spec.absent("us/app/api:multi")
        let (planned, after) = try world().converge(spec)
        let undone = try undo(planned.plan, spec, in: after)
        #expect(undone.undo.stays == [])
        #expect(try tags(undone.after) == tags(world()))
        #expect(try tags(undone.after, "de/app/api").isEmpty)
        #expect(Set(undone.undo.undone.map(\.id)) == Set(planned.plan.changes.map(\.id)))
    }

    @Test func `what somebody else has changed since stays`() throws {
        var spec = SpecBuilder()
        try spec.image(from: "us/app/api:2.0", to: ["us/app/api"], tags: ["stable", "new"])
        var (planned, after) = try world().converge(spec)
        try after.add(Samples.image(seed: 9), to: "us/app/api", tags: ["stable"])
        let undone = try undo(planned.plan, spec, in: after)
        #expect(undone.undo.stays.map(\.change.description) == ["put us.icr.io/app/api:stable"])
        #expect(undone.planned.ids == ["untag us.icr.io/app/api:new"])
    }

    @Test func `a deleted image comes back out of its backup, with its tags`() throws {
        var spec = SpecBuilder()
        spec.policy.backup = BackupRule(
            to: RepositoryPrefix(try Names.registry("disk"), nil),
            before: [.delete],
            origin: Origin(file: "crplan.yaml", line: 1)
        )
        try spec.absent("us/app/api@\(Samples.image(seed: 1).digest)")
        let (planned, after) = try world().converge(spec)
        var alone = spec
        alone.policy.backup = nil
        let undone = try undo(planned.plan, alone, in: after)
        #expect(try tags(undone.after) == tags(world()))
        #expect(undone.undo.stays == [])
    }

    @Test func `without a backup or trash a deleted image is said to be gone`() throws {
        var spec = SpecBuilder()
        let digest = try Samples.image(seed: 1).digest
        try spec.absent("us/app/api@\(digest)")
        let (planned, after) = try world().converge(spec)
        let undone = try undo(planned.plan, spec, in: after)
        #expect(undone.undo.stays.map(\.change.description) == ["delete us.icr.io/app/api@\(digest)"])
        #expect(undone.planned.ids.isEmpty)
    }

    @Test func `a repository that was moved is in its old place again`() throws {
        var spec = SpecBuilder()
        try spec.move(from: "us/app/api", to: "us/app/new")
        let (planned, after) = try world().converge(spec)
        let undone = try undo(planned.plan, spec, in: after)
        #expect(try tags(undone.after) == tags(world()))
        #expect(try tags(undone.after, "us/app/new").isEmpty)
    }
}
