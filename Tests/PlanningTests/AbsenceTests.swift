import Diagnostics
import OCI
import Planning
import RegistryTestSupport
import Testing

@Suite struct AbsenceTests {
    private func world() throws -> World {
        var world = World()
        try world.add(Samples.image(seed: 1), to: "us/app/api", tags: ["1.0", "stable"])
        try world.add(Samples.image(seed: 2), to: "us/app/api", tags: ["pr-7"])
        try world.add(Samples.image(seed: 3), to: "us/app/api", tags: ["pr-8"])
        try world.add(Samples.image(seed: 4), to: "us/app/web", tags: ["pr-9"])
        return world
    }

    private func absent(_ references: String...) throws -> SpecBuilder {
        var spec = SpecBuilder()
        for reference in references { try spec.absent(reference) }
        spec.policy.limits.repositoryShare = nil
        return spec
    }

    @Test func `a tag is untagged, and its image stays for its other tags`() throws {
        let (planned, after) = try world().converge(absent("us/app/api:1.0"))
        let change = try planned.change("untag us.icr.io/app/api:1.0")
        let digest = try Samples.image(seed: 1).digest
        #expect(planned.ids.count == 1)
        #expect(change.oldDigest == digest)
        #expect(change.method == .deleteTag)
        #expect(change.preconditions == [.at(digest)])
        #expect(change.undo == .retag(digest))
        #expect(try change.consequences.remainingTags == [TagName("stable")])
        #expect(try after.document(Names.repository("us/app/api"), .digest(digest)) != nil)
    }

    @Test func `a glob untags what it matches, and says when an image loses its last tag`() throws {
        let (planned, _) = try world().converge(absent("us/app/api:pr-*"))
        #expect(planned.ids == ["untag us.icr.io/app/api:pr-7", "untag us.icr.io/app/api:pr-8"])
        #expect(planned.plan.changes.allSatisfy { $0.consequences.losesLastTag })
    }

    @Test func `a glob over repositories asks which there are`() throws {
        let (planned, _) = try world().converge(absent("us/app/*:pr-*"))
        #expect(planned.ids.count == 3)
        #expect(planned.asked.contains(.repositories(try Names.registry("us"))))
    }

    @Test func `a glob over every registry reaches all of the workspace`() throws {
        var spec = try absent("**:pr-*")
        for alias in ["us", "de"] {
            let id = try Names.registry(alias)
            spec.desired.registries[id] = RegistryDeclaration(id: id)
        }
        #expect(try world().converge(spec).planned.ids.count == 3)
    }

    @Test func `a glob over repositories of a registry that cannot list them is an error`() throws {
        var world = try world()
        world.unreadable = [.repositories(try Names.registry("us"))]
        #expect(try world.plan(absent("us/app/*:pr-*")).errors.map(\.code) == ["unreadable"])
    }

    @Test func `what is absent already is counted and silent`() throws {
        let gone = Digest.sha256(of: [1, 2, 3])
        let planned = try world().plan(absent("us/app/api:0.9", "us/app/api:nightly-*", "us/app/api@\(gone)", "us/none/there:1"))
        #expect(planned.ids.isEmpty)
        #expect(planned.diagnostics.isEmpty)
        #expect(planned.plan.scope.alreadyAbsent == 4)
    }

    @Test(arguments: ["us/app/api:stable", "us/app/api:st*"]) func `declared and absent is an error with both places`(text: String) throws {
        var spec = try absent(text)
        try spec.image(from: "us/app/web:pr-9", to: ["us/app/api"], tags: ["stable"])
        let error = try #require(world().plan(spec).errors.first)
        #expect(error.code == "declared-and-absent")
        #expect(error.range?.start.line == 10)
        #expect(error.related.map(\.range.start.line) == [20])
    }

    @Test func `a declared tag that is not there yet is not matched by a glob either`() throws {
        var spec = try absent("us/app/api:new-*")
        try spec.image(from: "us/app/web:pr-9", to: ["us/app/api"], tags: ["new-1"])
        #expect(try world().plan(spec).errors.map(\.code) == ["declared-and-absent"])
    }

    @Test func `a registry that cannot delete a tag makes an untag an error, never a delete`() throws {
        var world = try world()
        world.cannotDeleteTags = [try Names.registry("us")]
        let planned = try world.plan(absent("us/app/api:1.0"))
        #expect(planned.errors.map(\.code) == ["cannot-untag"])
        #expect(planned.ids.isEmpty)
    }

    @Test func `a layout is edited`() throws {
        var world = World()
        let image = try Samples.image(seed: 1)
        try world.add(image, to: "disk/app/api", tags: ["1", "2"])
        try world.add(Samples.image(seed: 2), to: "disk/app/api", tags: ["3"])
        let (planned, _) = try world.converge(absent("disk/app/api@\(image.digest)", "disk/app/api:3"))
        #expect(planned.plan.changes.map(\.method) == [.layoutEdit, .layoutEdit])
    }

    @Test func `companion tags are not matched by a glob, but can be named`() throws {
        var world = try world()
        let signature = try Samples.cosignSignature(of: Samples.image(seed: 1).digest)
        try world.add(signature.sample, to: "us/app/api", tags: [signature.tag.description])
        #expect(try !world.plan(absent("us/app/api:*")).ids.contains { $0.contains("sha256-") })
        #expect(try world.plan(absent("us/app/api:\(signature.tag)")).ids.count == 1)
    }

    @Test func `a removal comes after every put of the repository and every copy that reads from it`() throws {
        var spec = try absent("us/app/api:pr-7")
        try spec.image(from: "us/app/web:pr-9", to: ["us/app/api"], tags: ["new"])
        try spec.copy(from: "us/app/api", to: ["de/app/api"], tags: .all)
        let (planned, after) = try world().converge(spec)
        let waits = Set(try planned.change("untag us.icr.io/app/api:pr-7").after.map(\.description))
        #expect(waits.isSuperset(of: ["put us.icr.io/app/api:new", "put de.icr.io/app/api:stable", "put de.icr.io/app/api:pr-8"]))
        #expect(try after.tags("de/app/api") == ["1.0", "new", "pr-8", "stable"])
    }
}

@Suite struct DeleteTests {
    private let index = Result { try Samples.multiPlatform(seed: 1) }
    private let image = Result { try Samples.image(seed: 2) }

    private func absent(_ digests: Digest...) throws -> SpecBuilder {
        var spec = SpecBuilder()
        for digest in digests { try spec.absent("us/app/api@\(digest)") }
        return spec
    }

    private func world(index tags: [String] = ["1.0"]) throws -> World {
        var world = World()
        try world.add(index.get(), to: "us/app/api", tags: tags)
        try world.add(image.get(), to: "us/app/api", tags: ["pr-7", "pr-8"])
        return world
    }

    private func child(_ position: Int = 0) throws -> Digest { try #require(index.get().root.index).manifests[position].digest }

    @Test func `an image is deleted with every tag on it, which are named`() throws {
        let digest = try image.get().digest
        let (planned, after) = try world().converge(absent(digest))
        let change = try #require(planned.plan.changes.first)
        #expect(planned.ids == ["delete us.icr.io/app/api@\(digest)"])
        #expect(change.method == .deleteManifest)
        #expect(change.consequences.removedTags.map(\.description) == ["pr-7", "pr-8"])
        #expect(change.preconditions == [.tagsOnDigest(change.consequences.removedTags), .unneeded(digest)])
        #expect(try after.tags("us/app/api") == ["1.0"])
    }

    @Test func `an untag of a tag that goes with its image is not planned twice`() throws {
        var spec = try absent(image.get().digest)
        try spec.absent("us/app/api:pr-7")
        #expect(try world().converge(spec).planned.ids == ["delete us.icr.io/app/api@\(image.get().digest)"])
    }

    @Test func `a declared tag keeps its image`() throws {
        var spec = try absent(image.get().digest)
        try spec.image(from: "docker.io/x/y:1", to: ["us/app/api"], tags: ["pr-8"])
        var world = try world()
        try world.add(image.get(), to: "docker.io/x/y", tags: ["1"])
        let planned = try world.plan(spec)
        #expect(planned.refusals.map(\.code) == ["declared"])
        #expect(planned.refusals.first?.subjects == ["us.icr.io/app/api:pr-8"])
    }

    @Test func `a tag that moves away does not keep the image, and the delete comes after the move`() throws {
        var spec = try absent(image.get().digest)
        try spec.image(from: "docker.io/x/y:1", to: ["us/app/api"], tags: ["pr-8"])
        var world = try world()
        try world.add(Samples.image(seed: 9), to: "docker.io/x/y", tags: ["1"])
        let (planned, _) = try world.converge(spec)
        let delete = try planned.change("delete us.icr.io/app/api@\(image.get().digest)")
        #expect(delete.consequences.removedTags.map(\.description) == ["pr-7"])
        #expect(delete.after.map(\.description) == ["put us.icr.io/app/api:pr-8"])
    }

    @Test func `an image that this plan would put is refused before it is there`() throws {
        var world = World()
        try world.add(index.get(), to: "docker.io/x/y", tags: ["1"])
        var spec = try absent(index.get().digest)
        try spec.image(from: "docker.io/x/y:1", to: ["us/app/api"], tags: ["1"])
        #expect(try world.plan(spec).refusals.map(\.code) == ["declared"])
        var child = try absent(child())
        try child.image(from: "docker.io/x/y:1", to: ["us/app/api"], tags: ["1"])
        #expect(try world.plan(child).refusals.map(\.code) == ["needed"])
    }

    @Test func `a child of a kept index stays, also of one inside another`() throws {
        #expect(try world().plan(absent(child())).refusals.map(\.code) == ["needed"])
        var world = World()
        let outer = try Samples.index(of: [index.get()])
        try world.add(outer, to: "us/app/api", tags: ["outer"])
        let planned = try world.plan(absent(child()))
        #expect(planned.refusals.map(\.code) == ["needed"])
        #expect(planned.refusals.first?.subjects == ["us.icr.io/app/api:outer"])
    }

    @Test func `a child of an index that this plan is about to put stays`() throws {
        var world = World()
        try world.add(index.get(), to: "docker.io/x/y", tags: ["1"])
        let address = try Names.repository("us/app/api")
        let first = try #require(index.get().manifests.first { $0.index == nil })
        try world.put(first, into: address)
        var spec = try absent(first.digest)
        try spec.image(from: "docker.io/x/y:1", to: ["us/app/api"], tags: ["1"])
        #expect(try world.plan(spec).refusals.map(\.code) == ["needed"])
    }

    @Test func `a child of an untagged index stays where the registry lists it`() throws {
        var world = try world(index: [])
        world.listsDigests = [try Names.registry("us")]
        #expect(try world.plan(absent(child())).refusals.map(\.code) == ["needed"])
    }

    @Test func `an index goes before its children`() throws {
        let digest = try index.get().digest
        let (planned, _) = try world().converge(absent(child(0), child(1), digest))
        #expect(planned.ids.count == 3)
        let position = try planned.position("delete us.icr.io/app/api@\(digest)")
        #expect(position == 0)
        #expect(try planned.change("delete us.icr.io/app/api@\(digest)").consequences.children == 2)
    }

    @Test(arguments: [true, false]) func `a signature of an image that stays is kept, tagged or not`(isTagged: Bool) throws {
        var world = try world()
        if !isTagged { try world.untag("us/app/api", "pr-7"); try world.untag("us/app/api", "pr-8") }
        let signature = try Samples.referrer(to: image.get().root.descriptor)
        try world.add(signature, to: "us/app/api")
        #expect(try world.plan(absent(signature.digest)).refusals.map(\.code) == ["needed"])
        // With its image it may go.
        let (planned, _) = try world.converge(absent(signature.digest, image.get().digest))
        #expect(planned.ids.count == 2)
        let ofImage = try #require(planned.plan.changes.first { $0.oldDigest != signature.digest })
        #expect(planned.plan.changes.first { $0.oldDigest == signature.digest }?.after == [ofImage.id])
    }

    @Test func `the signatures that lose their image are named`() throws {
        var world = try world()
        let signature = try Samples.referrer(to: image.get().root.descriptor)
        try world.add(signature, to: "us/app/api")
        let planned = try world.plan(absent(image.get().digest))
        #expect(planned.plan.changes.first?.consequences.referrers == [signature.digest])
    }

    @Test func `referrers that cannot be read refuse the delete`() throws {
        var world = try world()
        world.unreadable = [.referrers(try Names.repository("us/app/api"), try image.get().digest)]
        #expect(try world.plan(absent(image.get().digest)).refusals.map(\.code) == ["referrers-unknown"])
    }

    @Test func `no delete is decided on half a graph`() throws {
        var world = try world()
        world.unreadable = [.manifest(try Names.repository("us/app/api"), try index.get().digest)]
        let planned = try world.plan(absent(image.get().digest))
        #expect(planned.errors.map(\.code) == ["unreadable"])
        #expect(planned.ids.isEmpty)
    }

    @Test func `a registry that allows no deletes makes it an error`() throws {
        var world = try world()
        world.cannotDeleteManifests = [try Names.registry("us")]
        #expect(try world.plan(absent(image.get().digest)).errors.map(\.code) == ["cannot-delete"])
    }

    @Test func `in a repository of many tags, those that are plainly images are not read`() throws {
        var world = try world()
        for seed in UInt64(20)..<220 { try world.add(Samples.image(seed: seed), to: "us/app/api", tags: ["t\(seed)"]) }
        let planned = try world.plan(absent(image.get().digest))
        let manifests = planned.asked.filter { if case .manifest = $0 { true } else { false } }
        #expect(manifests.count == 2)
    }

    @Test func `an index that the registry shows and does not give fails the delete of its child`() throws {
        let index = try Samples.multiPlatform(seed: 5)
        var world = World()
        try world.add(index, to: "us/app/api", tags: ["1.0"])
        let address = try Names.repository("us/app/api")
        let child = try #require(index.root.index?.manifests.first?.digest)
        world.denied = [.manifest(address, index.digest)]
        var spec = SpecBuilder()
        try spec.absent("us/app/api@\(child)")
        let planned = try world.plan(spec)
        #expect(planned.errors.map(\.code) == ["unreadable"])
        #expect(planned.errors.first?.message.contains("shows that it is there, and does not give it") == true)
        #expect(planned.ids.isEmpty)
    }
}
