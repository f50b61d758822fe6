import Diagnostics
import OCI
import Planning
import RegistryTestSupport
import Testing

@Suite struct ImagesTests {
    /// The first `images` entry and the first `copies` entry of the README.
    private func firstEntries() throws -> (SpecBuilder, World) {
        var spec = SpecBuilder()
        try spec.image(
            from: "docker.io/library/nginx:1.27.4",
            to: ["us/payments/api", "de/payments/api", "jp/payments/api"],
            tags: ["1.4.2", "stable"],
            platforms: ["linux/amd64", "linux/arm64"]
        )
        try spec.copy(
            from: "us/payments/api",
            to: ["de/payments/api", "jp/payments/api", "disk/payments/api"],
            tags: .match(["1.*"], semver: ">=1.4 <2", except: ["*-rc*"], newest: 5)
        )
        var world = World()
        let platforms = ["linux/amd64", "linux/arm64", "linux/s390x"]
        try world.add(
            Samples.multiPlatform(seed: 1, platforms: platforms.map { try Platform($0) }, attestations: true),
            to: "docker.io/library/nginx",
            tags: ["1.27.4"]
        )
        return (spec, world)
    }

    @Test func `a copied image is promoted in the same plan, and the next plan is empty`() throws {
        let (spec, world) = try firstEntries()
        let (planned, after) = try world.converge(spec)
        #expect(
            planned.ids == [
                "put ./mirror/payments/api:1.4.2", "put de.icr.io/payments/api:1.4.2", "put de.icr.io/payments/api:stable",
                "put jp.icr.io/payments/api:1.4.2", "put jp.icr.io/payments/api:stable", "put us.icr.io/payments/api:1.4.2",
                "put us.icr.io/payments/api:stable",
            ]
        )
        let onDisk = try planned.change("put ./mirror/payments/api:1.4.2")
        #expect(onDisk.after.map(\.description) == ["put us.icr.io/payments/api:1.4.2"])
        #expect(try after.digest("disk/payments/api", "1.4.2") == after.digest("us/payments/api", "stable"))
        #expect(planned.plan.scope.declaredTags == 7)
        #expect(planned.plan.scope.registries == 4)
    }

    private func entry(
        from source: String = "docker.io/library/nginx:1",
        to targets: [String] = ["us/app/api"],
        missing: MissingRule = .error,
        existing: ExistingRule = .move
    ) throws -> SpecBuilder {
        var spec = SpecBuilder()
        try spec.image(from: source, to: targets, tags: ["1.0"], missing: missing, existing: existing)
        return spec
    }

    /// nginx:1 as image 1; with `live`, us/app/api:1.0 holds image 2.
    private func world(live: Bool = false) throws -> World {
        var world = World()
        try world.add(Samples.image(seed: 1), to: "docker.io/library/nginx", tags: ["1"])
        if live { try world.add(Samples.image(seed: 2), to: "us/app/api", tags: ["1.0", "stable"]) }
        return world
    }

    @Test func `a change says what it does, from what, and how it is undone`() throws {
        let planned = try world().plan(entry())
        let change = try planned.change("put us.icr.io/app/api:1.0")
        let digest = try Samples.image(seed: 1).digest
        #expect(change.method == .copy)
        #expect(change.oldDigest == nil)
        #expect(change.newDigest == digest)
        #expect(change.undo == .remove)
        #expect(change.preconditions == [.absent])
        #expect(change.origin == Origin(file: "spec.yaml", line: 10))
        #expect(planned.plan.registries.map(\.id.description) == ["docker.io", "us.icr.io"])
        #expect(planned.plan.contents.map(\.label) == ["docker.io/library/nginx:1"])
        #expect(planned.plan.estimates[change.id]?.bytesToSend ?? 0 > 400)
    }

    @Test func `a tag that holds another digest moves, and says which tags keep the old image`() throws {
        let (planned, _) = try world(live: true).converge(entry())
        let change = try planned.change("put us.icr.io/app/api:1.0")
        let old = try Samples.image(seed: 2).digest
        #expect(change.isMove)
        #expect(change.oldDigest == old)
        #expect(change.preconditions == [.at(old)])
        #expect(change.undo == .retag(old))
        #expect(try change.consequences.remainingTags == [TagName("stable")])
        #expect(!change.consequences.losesLastTag)
    }

    @Test func `the last tag of an image is noticed`() throws {
        var world = try world(live: true)
        try world.untag("us/app/api", "stable")
        #expect(try world.plan(entry()).change("put us.icr.io/app/api:1.0").consequences.losesLastTag)
    }

    @Test func `what a move leaves behind is not looked at where tags cannot be listed`() throws {
        var world = try world(live: true)
        world.unreadable = [.tags(try Names.repository("us/app/api"))]
        let planned = try world.plan(entry())
        #expect(planned.errors.isEmpty)
        #expect(try planned.change("put us.icr.io/app/api:1.0").consequences.remainingTags == nil)
    }

    @Test func `existing keep leaves the tag, and a chained entry reads what it keeps`() throws {
        var spec = try entry(existing: .keep)
        try spec.image(from: "us/app/api:1.0", to: ["de/app/api"], tags: ["1.0"])
        let (planned, after) = try world(live: true).converge(spec)
        #expect(planned.ids == ["put de.icr.io/app/api:1.0"])
        #expect(planned.notes.contains { $0.code == "kept" })
        #expect(try after.digest("de/app/api", "1.0") == Samples.image(seed: 2).digest)
    }

    @Test func `existing keep puts what is not there`() throws {
        #expect(try world().converge(entry(existing: .keep)).planned.ids == ["put us.icr.io/app/api:1.0"])
    }

    @Test func `existing refuse refuses another digest, and nothing else`() throws {
        let refused = try world(live: true).plan(entry(existing: .refuse))
        #expect(refused.refusals.map(\.code) == ["existing"])
        #expect(refused.refusals.first?.subjects == ["us.icr.io/app/api:1.0"])
        #expect(try world().converge(entry(existing: .refuse)).planned.ids.count == 1)
    }

    @Test func `a missing source is an error with the nearest tags`() throws {
        var world = try world()
        try world.add(Samples.image(seed: 3), to: "docker.io/library/nginx", tags: ["1.27", "latest", "alpine"])
        let planned = try world.plan(entry(from: "docker.io/library/nginx:1.26"))
        let error = try #require(planned.errors.first)
        #expect(planned.errors.count == 1)
        #expect(error.code == "source-missing")
        #expect(error.help?.contains("nearest: 1.27") == true)
        #expect(error.range?.start.line == 10)
    }

    @Test func `missing keep leaves the target as it is, with a note`() throws {
        let spec = try entry(from: "docker.io/library/gone:1", missing: .keep)
        let planned = try world(live: true).plan(spec)
        #expect(planned.ids.isEmpty)
        #expect(planned.errors.isEmpty)
        #expect(planned.notes.contains { $0.code == "source-missing" })
    }

    @Test func `missing keep with nothing to keep is an error`() throws {
        let planned = try world().plan(entry(from: "docker.io/library/gone:1", missing: .keep))
        #expect(planned.errors.map(\.code) == ["source-missing"])
        #expect(planned.errors.first?.message.contains("nothing to keep") == true)
    }

    @Test(arguments: [true, false]) func `an entry whose source is gone gives way to one that has content`(isFirst: Bool) throws {
        var spec = SpecBuilder()
        let sources = ["docker.io/library/gone:1", "docker.io/library/nginx:1"]
        for source in isFirst ? sources : sources.reversed() {
            try spec.image(from: source, to: ["us/app/api"], tags: ["1.0"], missing: .keep)
        }
        #expect(try world().converge(spec).planned.ids == ["put us.icr.io/app/api:1.0"])
    }

    @Test func `two entries that want different digests under one tag are an error with both places`() throws {
        var spec = try entry()
        try spec.image(from: "docker.io/library/nginx:2", to: ["us/app/api"], tags: ["1.0"])
        var world = try world()
        try world.add(Samples.image(seed: 3), to: "docker.io/library/nginx", tags: ["2"])
        let error = try #require(world.plan(spec).errors.first)
        #expect(error.code == "conflict")
        #expect(error.range?.start.line == 20)
        #expect(error.related.map(\.range.start.line) == [10])
    }

    @Test func `the same digest twice is fine`() throws {
        var spec = try entry()
        try spec.image(from: "docker.io/library/nginx:1", to: ["us/app/api", "de/app/api"], tags: ["1.0"])
        let (planned, _) = try world().converge(spec)
        #expect(planned.ids == ["put de.icr.io/app/api:1.0", "put us.icr.io/app/api:1.0"])
        #expect(try planned.change("put us.icr.io/app/api:1.0").origin.line == 10)
    }

    @Test func `of two entries for one tag the stricter rule counts`() throws {
        var spec = try entry()
        try spec.image(from: "docker.io/library/nginx:1", to: ["us/app/api"], tags: ["1.0"], existing: .refuse)
        #expect(try world(live: true).plan(spec).refusals.map(\.code) == ["existing"])
    }

    @Test func `a source can be named by digest, also one that another entry brings`() throws {
        let digest = try Samples.image(seed: 1).digest
        var spec = try entry(from: "docker.io/library/nginx@\(digest)")
        try spec.image(from: "us/app/api@\(digest)", to: ["de/app/api"], tags: ["prod"])
        let (planned, after) = try world().converge(spec)
        #expect(try planned.change("put de.icr.io/app/api:prod").after.map(\.description) == ["put us.icr.io/app/api:1.0"])
        #expect(try after.digest("de/app/api", "prod") == digest)
    }

    @Test func `local content is pushed, and promoted from where it is pushed`() throws {
        var world = World()
        let image = try Samples.image(seed: 4)
        world.addLayout(image, at: "dist/web")
        world.addArchive(try Samples.image(seed: 5), at: "dist/job.tar")
        var spec = SpecBuilder()
        try spec.image(local: .layout(path: "dist/web", reference: nil), to: ["us/app/web"], tags: ["2.0"])
        try spec.image(local: .archive(path: "dist/job.tar", image: nil), to: ["us/app/job"], tags: ["1"])
        try spec.image(from: "us/app/web:2.0", to: ["de/app/web"], tags: ["2.0"])
        try spec.copy(from: "us/app/job", to: ["de/app/job"], tags: .all)
        let (planned, after) = try world.converge(spec)
        #expect(try planned.change("put us.icr.io/app/web:2.0").method == .push)
        #expect(try planned.change("put de.icr.io/app/web:2.0").method == .copy)
        #expect(try after.digest("de/app/web", "2.0") == image.digest)
        let missing = try World().plan(spec)
        #expect(missing.errors.first?.message == "dist/web is not there")
    }

    @Test func `an archive is known by its config, whatever the compression of its layers`() throws {
        var world = World()
        let image = try Samples.image(seed: 5)
        world.addArchive(image, at: "dist/job.tar")
        // The same config under another manifest: pushed by another tool.
        let text = String(decoding: image.root.bytes, as: UTF8.self) + " "
        let other = try ManifestDocument(bytes: Array(text.utf8), mediaType: image.root.mediaType)
        let address = try Names.repository("us/app/job")
        try world.put(other, into: address)
        world.repositories[address]?.tags[try TagName("1")] = other.digest
        var spec = SpecBuilder()
        try spec.image(local: .archive(path: "dist/job.tar", image: nil), to: ["us/app/job"], tags: ["1"])
        try spec.image(from: "us/app/job:1", to: ["de/app/job"], tags: ["1"])
        let (planned, after) = try world.converge(spec)
        #expect(planned.ids == ["put de.icr.io/app/job:1"])
        #expect(try after.digest("de/app/job", "1") == other.digest)
    }

    @Test func `an index that lacks one of its images at the source is an error`() throws {
        var world = World()
        let index = try Samples.multiPlatform(seed: 1)
        try world.add(index, to: "docker.io/library/nginx", tags: ["1"])
        let child = try #require(index.root.index?.manifests.first?.digest)
        world.repositories[try Names.repository("docker.io/library/nginx")]?.manifests[child] = nil
        #expect(try world.plan(entry()).errors.map(\.code) == ["source-incomplete"])
    }
}
