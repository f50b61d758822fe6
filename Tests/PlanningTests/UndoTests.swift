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
            MadeChange($1, of: plan, origin: Origin(file: "journal", line: $0 + 1))
        }
        var registries = spec.desired.registries
        let named = made.flatMap { [$0.target.registry] + ($0.source.map { [$0.registry] } ?? []) }
        for id in named where registries[id] == nil { registries[id] = RegistryDeclaration(id: id) }
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

    @Test func `an image without a tag comes back out of its backup`() throws {
        var world = try world()
        let image = try Samples.image(seed: 7)
        try world.add(image, to: "us/app/api")
        var spec = SpecBuilder()
        spec.policy.backup = BackupRule(
            to: RepositoryPrefix(try Names.registry("disk"), nil),
            before: [.delete],
            origin: Origin(file: "crplan.yaml", line: 1)
        )
        try spec.absent("us/app/api@\(image.digest)")
        let (planned, after) = try world.converge(spec)
        var alone = spec
        alone.policy.backup = nil
        let undone = try undo(planned.plan, alone, in: after)
        #expect(undone.undo.stays == [])
        #expect(try undone.after.document(Names.repository("us/app/api"), .digest(image.digest)) != nil)
        #expect(try tags(undone.after, "disk/us.icr.io/app/api").isEmpty)
    }

    @Test func `an image that an earlier run has saved or moved comes back`() throws {
        var world = try world()
        let image = try Samples.image(seed: 7)
        try world.add(image, to: "us/app/api")
        let rule = BackupRule(
            to: RepositoryPrefix(try Names.registry("disk"), nil),
            before: [.delete],
            origin: Origin(file: "crplan.yaml", line: 1)
        )
        let place = try Names.repository("us/app/api")
        let deletion = MadeChange(
            id: Change.id(.delete, .manifest(place, .digest(image.digest))),
            kind: .delete,
            target: .manifest(place, .digest(image.digest)),
            before: image.digest,
            after: nil,
            origin: Origin(file: "journal", line: 1)
        )
        let ids = try ["us", "disk", "de"].map { try Names.registry($0) }
        let registries = Dictionary(uniqueKeysWithValues: ids.map { ($0, RegistryDeclaration(id: $0)) })
        world.repositories[place]?.manifests[image.digest] = nil
        #expect(try world.planUndo(of: [deletion], registries, Policy(), backup: rule).undo.stays.count == 1)

        var saved = world
        try saved.add(image, to: "disk/us.icr.io/app/api")
        let (undo, planned) = try saved.planUndo(of: [deletion], registries, Policy(), backup: rule)
        #expect(undo.stays == [] && planned.ids == ["put us.icr.io/app/api@\(image.digest)"])

        var moved = world
        try moved.add(image, to: "de/app/api")
        let move = MoveEntry(origin: rule.origin, from: place, to: try Names.repository("de/app/api"))
        #expect(try moved.planUndo(of: [deletion], registries, Policy(), moves: [move]).planned.ids == planned.ids)
    }

    @Test func `a copy stays when what it was made from is gone`() throws {
        var spec = SpecBuilder()
        try spec.image(from: "us/app/api:2.0", to: ["de/app/api"], tags: ["2.0"])
        var (planned, after) = try world().converge(spec)
        after.repositories[try Names.repository("us/app/api")]?.tags[try TagName("2.0")] = nil
        after.repositories[try Names.repository("us/app/api")]?.manifests[try Samples.image(seed: 2).digest] = nil
        let undone = try undo(planned.plan, spec, in: after)
        #expect(undone.planned.ids.isEmpty)
        #expect(undone.undo.stays.map(\.reason) == ["us.icr.io/app/api does not hold the image any more, so this may be the last of it"])
    }

    @Test func `a copy stays when the specs no longer name what it was made from`() throws {
        var spec = SpecBuilder()
        try spec.image(from: "us/app/api:2.0", to: ["de/app/api"], tags: ["2.0"])
        let (planned, after) = try world().converge(spec)
        let made = planned.plan.changes.map { MadeChange($0, of: planned.plan, origin: Origin(file: "journal", line: 1)) }
        let target = try Names.repository("de/app/api").registry
        let undone = try after.planUndo(of: made, [target: RegistryDeclaration(id: target)], spec.policy)
        #expect(undone.planned.ids.isEmpty)
        #expect(
            undone.undo.stays.map(\.reason) == [
                "the specs at hand do not name the registry us.icr.io; name it there, or give other specs with -f"
            ]
        )
    }

    @Test func `a backup stays when its tag was taken meanwhile`() throws {
        var spec = SpecBuilder()
        spec.policy.backup = BackupRule(
            to: RepositoryPrefix(try Names.registry("disk"), nil),
            before: [.delete],
            origin: Origin(file: "crplan.yaml", line: 1)
        )
        let image = try Samples.image(seed: 2)
        try spec.absent("us/app/api@\(image.digest)")
        var (planned, after) = try world().converge(spec)
        try after.add(Samples.image(seed: 9), to: "us/app/api", tags: ["2.0"])
        var alone = spec
        alone.policy.backup = nil
        let undone = try undo(planned.plan, alone, in: after)
        #expect(undone.planned.ids.isEmpty)
        #expect(try tags(undone.after, "disk/us.icr.io/app/api").values.contains(image.digest))
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
