import Diagnostics
import OCI
import Planning
import RegistryTestSupport
import Testing

/// How a tag is untagged where registries differ, and what becomes of a placeholder that a killed untag left.
@Suite struct PlaceholderTests {
    private let untag = "untag us.icr.io/app/api:1.0"
    private let put = "put us.icr.io/app/api:1.0"

    private func world() throws -> World {
        var world = World()
        try world.add(Samples.image(seed: 1), to: "us/app/api", tags: ["1.0", "stable"])
        try world.add(Samples.image(seed: 2), to: "us/app/api", tags: ["2.0"])
        world.unprobed = [try Names.registry("us")]
        return world
    }

    /// Nothing but the registry, which may allow placeholders.
    private func spec(allowsPlaceholder: Bool = true, probes: Bool = false, absent: String...) throws -> SpecBuilder {
        var spec = SpecBuilder()
        let id = try Names.registry("us")
        spec.desired.registries[id] = RegistryDeclaration(id: id, untag: allowsPlaceholder ? .placeholder : .refuse)
        spec.options.probes = probes
        spec.policy.limits.repositoryShare = nil
        for reference in absent { try spec.absent(reference) }
        return spec
    }

    // MARK: The method

    struct Row: Sendable, CustomTestStringConvertible {
        var allows: Bool
        var probes: Bool
        var deletesTags: Bool
        var deletesManifests: Bool
        /// Nil: it is an error.
        var method: ChangeMethod?

        var testDescription: String {
            "\(allows ? "opt-in" : "no opt-in"), \(probes ? "probed" : "not probed"), tags \(deletesTags), digests \(deletesManifests)"
        }
    }

    static let rows = [
        Row(allows: false, probes: false, deletesTags: false, deletesManifests: false, method: .deleteTag),
        Row(allows: true, probes: false, deletesTags: false, deletesManifests: false, method: .deleteTagElsePlaceholder),
        Row(allows: false, probes: true, deletesTags: true, deletesManifests: true, method: .deleteTag),
        Row(allows: true, probes: true, deletesTags: true, deletesManifests: true, method: .deleteTag),
        Row(allows: true, probes: true, deletesTags: true, deletesManifests: false, method: .deleteTag),
        Row(allows: true, probes: true, deletesTags: false, deletesManifests: true, method: .placeholder),
        Row(allows: false, probes: true, deletesTags: false, deletesManifests: true, method: nil),
        Row(allows: true, probes: true, deletesTags: false, deletesManifests: false, method: nil),
    ]

    @Test(arguments: rows) func `the plan says how, as far as it knows`(row: Row) throws {
        var world = try world()
        let us = try Names.registry("us")
        if !row.deletesTags { world.cannotDeleteTags = [us] }
        if !row.deletesManifests { world.cannotDeleteManifests = [us] }
        let spec = try spec(allowsPlaceholder: row.allows, probes: row.probes, absent: "us/app/api:1.0")
        let planned = try world.plan(spec)
        let probes = planned.asked.filter { if case .probe = $0 { true } else { false } }
        #expect(probes.isEmpty == !row.probes)
        if let method = row.method {
            #expect(try planned.change(untag).method == method)
            #expect(try PlanFile.decode(PlanFile.encode(planned.plan).bytes).plan == planned.plan)
        } else {
            #expect(planned.errors.map(\.code) == ["cannot-untag"])
            #expect(planned.ids.isEmpty)
        }
    }

    @Test func `a probe that proves nothing is an error`() throws {
        var world = try world()
        world.unreadable = [.probe(.deleteTag, try Names.repository("us/app/api"))]
        let planned = try world.plan(spec(probes: true, absent: "us/app/api:1.0"))
        #expect(planned.errors.map(\.code) == ["unreadable"])
        #expect(planned.ids.isEmpty)
    }

    @Test func `nothing is probed for a tag that is gone already`() throws {
        let planned = try world().plan(spec(probes: true, absent: "us/app/api:9.0"))
        #expect(planned.asked.allSatisfy { if case .probe = $0 { false } else { true } })
    }

    @Test func `a plan file cannot bring leave for a placeholder along`() throws {
        var plan = try world().plan(spec(absent: "us/app/api:1.0")).plan
        for place in plan.registries.indices { plan.registries[place].untag = .refuse }
        let bytes = try PlanFile.encode(plan).bytes
        #expect(throws: PlanFile.Invalid.self) { try PlanFile.decode(bytes) }
    }

    // MARK: What a killed run left

    /// As `world`, with a placeholder at 1.0.
    private func leftWorld() throws -> (world: World, placeholder: UntagPlaceholder, image: Digest) {
        var world = try world()
        let image = try Samples.image(seed: 1)
        let placeholder = try UntagPlaceholder(replacing: image.root, nonce: String(repeating: "3", count: 64))
        let address = try Names.repository("us/app/api")
        try world.put(placeholder.document, into: address)
        world.repositories[address]?.tags[try TagName("1.0")] = placeholder.digest
        return (world, placeholder, image.digest)
    }

    @Test func `an untag that is still wanted is finished`() throws {
        let (world, _, image) = try leftWorld()
        let (planned, after) = try world.converge(spec(absent: "us/app/api:1.0"))
        #expect(planned.ids == [untag])
        let change = try planned.change(untag)
        #expect(change.oldDigest == image && change.preconditions == [.at(image)] && change.undo == .retag(image))
        #expect(try change.consequences.remainingTags == [TagName("stable")])
        #expect(planned.notes.map(\.code) == ["placeholder-found"])
        #expect(planned.notes.first?.message.contains("this plan finishes it") == true)
        #expect(try after.tags("us/app/api") == ["2.0", "stable"])
    }

    @Test func `a tag that is declared as it was is put back`() throws {
        let (world, placeholder, image) = try leftWorld()
        var spec = try spec()
        try spec.image(from: "us/app/api:stable", to: ["us/app/api"], tags: ["1.0"])
        let (planned, after) = try world.converge(spec)
        #expect(planned.ids == [put])
        let change = try planned.change(put)
        #expect(change.oldDigest == placeholder.digest && change.newDigest == image && change.method == .tag)
        #expect(change.undo == .retag(image))
        #expect(planned.notes.first?.message.contains("puts the tag back") == true)
        #expect(try after.digest("us/app/api", "1.0") == image)
    }

    @Test func `a tag that shall have other content is moved from what it held`() throws {
        let (world, _, image) = try leftWorld()
        var spec = try spec()
        try spec.image(from: "us/app/api:2.0", to: ["us/app/api"], tags: ["1.0"])
        let (planned, _) = try world.converge(spec)
        #expect(planned.ids == [put])
        #expect(try planned.change(put).oldDigest == image)
    }

    @Test func `a tag that another untag in the repository came across is put back`() throws {
        let (world, _, image) = try leftWorld()
        let (planned, after) = try world.converge(spec(absent: "us/app/api:2.0"))
        #expect(planned.ids == [put, "untag us.icr.io/app/api:2.0"])
        #expect(try after.digest("us/app/api", "1.0") == image)
    }

    @Test func `a tag that a rule in the repository came across is put back, too`() throws {
        let (world, _, image) = try leftWorld()
        var spec = try spec()
        try spec.prune("us/app/api", .untag, match: ["2.*"])
        let (planned, after) = try world.converge(spec)
        #expect(planned.ids == [put, "untag us.icr.io/app/api:2.0"])
        #expect(try after.digest("us/app/api", "1.0") == image)
    }

    @Test func `undo of an untag that was killed puts the tag back`() throws {
        let (world, placeholder, image) = try leftWorld()
        let place = ChangeTarget.manifest(try Names.repository("us/app/api"), .tag(try TagName("1.0")))
        let made = MadeChange(
            id: Change.id(.untag, place),
            kind: .untag,
            target: place,
            before: image,
            after: nil,
            placeholder: placeholder.digest,
            origin: Origin(file: "journal", line: 2)
        )
        let spec = try spec()
        let (undo, planned) = try world.planUndo(of: [made], spec.desired.registries, spec.policy)
        #expect(undo.stays == [] && planned.ids == [put])
        var after = world
        try after.apply(planned.plan)
        #expect(try after.digest("us/app/api", "1.0") == image)
    }

    @Test func `the image is deleted with the tag that a placeholder holds`() throws {
        let (world, _, image) = try leftWorld()
        var spec = try spec(absent: "us/app/api@\(image)")
        spec.policy.limits.deletions = nil
        let (planned, after) = try world.converge(spec)
        #expect(planned.ids.count == 2 && planned.ids.contains(put))
        #expect(try after.tags("us/app/api") == ["2.0"])
    }

    @Test func `where it is only read, the image is read and nothing is written`() throws {
        let (world, _, image) = try leftWorld()
        var spec = try spec()
        try spec.copy(from: "us/app/api", to: ["de/app/api"], tags: .match(["1.*"]))
        let (planned, after) = try world.converge(spec)
        #expect(planned.ids == ["put de.icr.io/app/api:1.0"])
        #expect(try after.digest("de/app/api", "1.0") == image)
    }

    @Test func `with the image gone, the tag is removed as it is`() throws {
        let (left, placeholder, image) = try leftWorld()
        var world = left
        let address = try Names.repository("us/app/api")
        world.repositories[address]?.manifests[image] = nil
        world.repositories[address]?.tags[try TagName("stable")] = nil
        let (planned, _) = try world.converge(spec(absent: "us/app/api:1.0"))
        #expect(try planned.change(untag).oldDigest == placeholder.digest)
        #expect(planned.notes.first?.message.contains("its image is gone") == true)
    }

    @Test func `an image of the same size is read once, and is what it is`() throws {
        var world = try world()
        let text = String(decoding: try Samples.image(seed: 1).root.bytes, as: UTF8.self)
        let padded = text.dropLast() + String(repeating: " ", count: UntagPlaceholder.size - text.utf8.count) + "}"
        let document = try ManifestDocument(bytes: Array(padded.utf8), mediaType: MediaType.ociManifest)
        let address = try Names.repository("us/app/api")
        try world.put(document, into: address)
        world.repositories[address]?.tags[try TagName("1.0")] = document.digest
        let planned = try world.plan(spec(absent: "us/app/api:1.0"))
        #expect(try planned.change(untag).oldDigest == document.digest)
        #expect(planned.notes.isEmpty)
        #expect(planned.asked.contains(.manifest(address, document.digest)))
    }

    @Test func `what cannot be read is not guessed`() throws {
        let (world, placeholder, image) = try leftWorld()
        let address = try Names.repository("us/app/api")
        for question in [Question.manifest(address, placeholder.digest), .head(address, .digest(image))] {
            var world = world
            world.unreadable = [question]
            let planned = try world.plan(spec(absent: "us/app/api:1.0"))
            #expect(planned.errors.map(\.code) == ["unreadable"])
            #expect(planned.ids.isEmpty)
        }
    }
}
