import Execution
import OCI
import Planning
import Registry
import RegistryTestSupport
import Synchronization
import Testing

@Suite struct PutTests {
    private let us = "us.example/team/app"
    private let de = "de.example/team/app"

    private func denied(_ object: String = "x") -> RegistryError {
        RegistryError(.denied, action: "write", object: object, status: 403, reason: "no")
    }

    @Test(arguments: [true, false]) func `content is copied whole to every target, and a second run changes nothing`(isDocker: Bool)
        async throws
    {
        let world = try World()
        let sample = try Samples.multiPlatform(family: isDocker ? .docker : .oci, attestations: !isDocker)
        let content = try world.sourced(sample)
        let puts = try [us, de].flatMap { repository in
            try ["1", "stable"].map { try Changes.put(content, to: repository, tag: $0) }
        }
        let report = await world.run(puts, [content])
        #expect(report.rows.map(\.result.outcome) == [.done, .done, .done, .done])
        #expect(report.verdict == .complete)
        for registry in [world.us, world.de] {
            #expect(registry.resolvesCompletely(try world.repository(), try TagName("stable")))
            #expect(registry.tagsAndDigests(in: try world.repository()).values.allSatisfy { $0 == sample.digest })
            #expect(registry.openLeases == 0)
            registry.forgetOperations()
        }
        let again = await world.run(puts, [content])
        #expect(again.rows.map(\.result.outcome) == [.unchanged, .unchanged, .unchanged, .unchanged])
        #expect(again.verdict == .complete)
        #expect(!again.hasWritten)
        #expect(world.us.writeCount + world.de.writeCount == 0)
    }

    @Test(arguments: 0..<10) func `each blob and manifest is read from the source once for all targets`(_: Int) async throws {
        let world = try World()
        let sample = try Samples.multiPlatform(layerSize: 20_000)
        let content = try world.sourced(sample)
        for registry in [world.source, world.us, world.de] { registry.pieceSize = 1000 }
        let puts = try [us, de].map { try Changes.put(content, to: $0, tag: "1") }
        let report = await world.run(puts, [content])
        #expect(report.verdict == .complete)
        #expect(world.source.count(.blob) == sample.blobs.count)
        #expect(world.source.count(.manifest) == sample.manifests.count)
        let size = sample.blobs.values.reduce(0) { $0 + Int64($1.count) }
        #expect(report.bytes.sent == 2 * size)
        #expect(puts.map { report.result($0)?.bytes.sent } == [size, size])
    }

    @Test func `a tag that moved since the plan is stale, its followers are skipped, and others are done`() async throws {
        let world = try World()
        let content = try world.sourced(Samples.image(seed: 1))
        let elsewhere = try Samples.image(seed: 2)
        try world.us.seed(elsewhere, tags: ["1"], in: world.repository())
        let moved = try Changes.put(content, to: us, tag: "1")
        let apart = try Changes.put(content, to: us, tag: "2")
        let after = try Changes.put(content, to: de, tag: "1", after: [moved])
        let report = await world.run([moved, apart, after], [content])
        #expect(report.outcome(moved) == .stale(expected: "absent", found: elsewhere.digest.description))
        #expect(report.outcome(after) == .skipped(because: moved.id))
        #expect(report.outcome(apart) == .done)
        #expect(report.verdict == .stale)
        #expect(world.us.tagsAndDigests(in: try world.repository())[try TagName("1")] == elsewhere.digest)
        #expect(world.de.writeCount == 0)
    }

    @Test func `a tag that moves while content is copied is not overwritten`() async throws {
        let world = try World()
        let content = try world.sourced(Samples.image(seed: 1))
        let elsewhere = try Samples.image(seed: 2)
        let repository = try world.repository()
        let tag = try TagName("1")
        world.us.setHook { operation, registry throws(RegistryError) in
            if operation.kind == .putBlob { registry.update { $0.seed(elsewhere, tags: [tag], in: repository) } }
        }
        let put = try Changes.put(content, to: us, tag: "1")
        let report = await world.run([put], [content])
        #expect(report.outcome(put) == .stale(expected: "absent", found: elsewhere.digest.description))
        #expect(world.us.tagsAndDigests(in: repository)[tag] == elsewhere.digest)
        #expect(world.journal.lines.isEmpty)
    }

    @Test func `a tag is moved when it still holds what the plan saw`() async throws {
        let world = try World()
        let old = try Samples.image(seed: 2)
        let content = try world.sourced(Samples.image(seed: 1))
        try world.us.seed(old, tags: ["1"], in: world.repository())
        let put = try Changes.put(content, to: us, tag: "1", old: old.digest)
        #expect(await world.run([put], [content]).outcome(put) == .done)
        #expect(world.us.snapshot().manifest(.digest(old.digest), in: try world.repository()) != nil)
        guard case .intent(let write)? = world.journal.entries.dropFirst().first else { Issue.record("no intent"); return }
        #expect((write.before, write.after) == (old.digest, content.digest))
    }

    @Test func `an unreadable precondition is a failure, and nothing is written`() async throws {
        let world = try World()
        let content = try world.sourced(Samples.image())
        world.us.failNext(where: { $0.kind == .head }, with: denied())
        let put = try Changes.put(content, to: us, tag: "1")
        let report = await world.run([put], [content])
        #expect(report.failureCode == .denied)
        #expect(report.verdict == .failed)
        #expect(world.us.writeCount == 0)
    }

    @Test(arguments: [Operation.Kind.putBlob, .putManifest, .headBlob, .beginWriting])
    func `a failure on the way to one target leaves no tag there, and the other target is done`(kind: Operation.Kind) async throws {
        let world = try World()
        let content = try world.sourced(Samples.multiPlatform())
        // Where nothing is tagged yet, no blob is looked for.
        try world.us.seed(Samples.image(seed: 50), tags: ["other"], in: world.repository())
        // A registry that does not let on whether it has a blob is sent it; one that cannot be reached is not.
        let down = RegistryError(.unavailable, action: "look for", object: "x", reason: "the connection broke")
        world.us.failNext(.max, where: { $0.kind == kind && $0.reference?.tag == nil }, with: kind == .headBlob ? down : denied())
        let puts = try [us, de].map { try Changes.put(content, to: $0, tag: "1") }
        let report = await world.run(puts, [content])
        #expect(report.outcome(puts[0])?.name == "failed")
        #expect(report.outcome(puts[1]) == .done)
        #expect(report.verdict == .partial)
        #expect(world.us.tagsAndDigests(in: try world.repository()).map(\.key.description) == ["other"])
        #expect(world.us.openLeases == 0)
        #expect(world.de.resolvesCompletely(try world.repository(), try TagName("1")))
    }

    @Test func `a write whose answer is lost counts as done however late the registry shows it`() async throws {
        let world = try World()
        let sample = try Samples.image()
        let content = try world.sourced(sample)
        let repository = try world.repository()
        let tag = try TagName("1")
        let looks = Mutex(0)
        world.us.setHook { operation, registry throws(RegistryError) in
            if operation.kind == .putManifest, operation.reference?.tag != nil {
                looks.withLock { $0 = 1 }
                throw RegistryError(.unavailable, action: "put", object: "x", reason: "the connection broke")
            }
            guard operation.kind == .head, operation.reference?.tag != nil else { return }
            let isVisible = looks.withLock { looks in
                if looks > 0 { looks += 1 }
                return looks > 6
            }
            if isVisible { registry.update { $0.seed(sample, tags: [tag], in: repository) } }
        }
        let put = try Changes.put(content, to: us, tag: "1")
        #expect(await world.run([put], [content]).outcome(put) == .done)
        #expect(world.us.operations.count { $0.kind == .putManifest && $0.reference?.tag != nil } == 1)
        #expect(world.journal.lines == ["intent \(put.id)", "done \(put.id)"])
    }

    @Test func `a write whose answer is lost counts as done once it is seen`() async throws {
        let world = try World()
        let content = try world.sourced(Samples.image())
        let lost = RegistryError(.unavailable, action: "put", object: "x", reason: "the connection broke")
        world.us.failNext(where: { $0.kind == .putManifest && $0.reference?.tag != nil }, with: lost, .after)
        let put = try Changes.put(content, to: us, tag: "1")
        #expect(await world.run([put], [content]).outcome(put) == .done)
        #expect(world.journal.lines == ["intent \(put.id)", "done \(put.id)"])
    }

    @Test func `a refused write is a failure that wrote nothing`() async throws {
        let world = try World()
        let content = try world.sourced(Samples.image())
        world.us.failNext(where: { $0.kind == .putManifest && $0.reference?.tag != nil }, with: denied())
        let put = try Changes.put(content, to: us, tag: "1")
        let report = await world.run([put], [content])
        #expect(report.verdict == .failed)
        #expect(report.result(put)?.hasWritten == false)
        #expect(world.journal.lines == ["intent \(put.id)", "failed \(put.id)"])
    }

    @Test func `a registry that shows another digest than the one put has failed`() async throws {
        let world = try World()
        let content = try world.sourced(Samples.image(seed: 1))
        let other = try Samples.image(seed: 2)
        let repository = try world.repository()
        let tag = try TagName("1")
        world.us.setHook { operation, registry throws(RegistryError) in
            let isWritten = registry.tagsAndDigests(in: repository)[tag] != nil
            if operation.kind == .head, isWritten { registry.update { $0.seed(other, tags: [tag], in: repository) } }
        }
        let put = try Changes.put(content, to: us, tag: "1")
        let report = await world.run([put], [content])
        #expect(report.failureCode == .badAnswer)
        #expect(report.verdict == .partial)
        #expect(world.clock.sleeps.reduce(.zero, +) == .seconds(10))
        #expect(world.journal.lines == ["intent \(put.id)", "unknown \(put.id)"])
    }

    @Test func `corrupt content at the source never gets a tag`() async throws {
        let world = try World()
        let sample = try Samples.image(layerSize: 5000)
        let content = try world.sourced(sample)
        let repository = try world.repository()
        let layer = try #require(sample.root.image?.layers.first)
        world.source.update { $0.repositories[repository]?.blobs[layer.digest] = Samples.bytes(5000, seed: 99) }
        let puts = try [us, de].map { try Changes.put(content, to: $0, tag: "1") }
        let report = await world.run(puts, [content])
        #expect(report.failureCode == .corrupt)
        #expect(report.counts == ["failed": 2])
        #expect(world.us.tagsAndDigests(in: repository).isEmpty)
        #expect(world.de.tagsAndDigests(in: repository).isEmpty)
    }

    @Test(arguments: [99, 101]) func `a blob of another size than its manifest says is refused`(size: Int) async throws {
        var world = try World()
        let sample = try Samples.image(layerCount: 1, layerSize: 100)
        let layer = try #require(sample.root.image?.layers.first)
        var local = LocalContent(sample: sample)
        local.replaced[layer.digest] = Samples.bytes(size, seed: 1000)
        world.contents = local
        var content = try Changes.content(sample, from: "source.example/team/app")
        content.origin = .local(.layout(path: "./dist", reference: nil))
        let puts = try [us, de].map { try Changes.put(content, to: $0, tag: "1", method: .push) }
        #expect(await world.run(puts, [content]).failureCode == .corrupt)
        #expect(world.us.tagsAndDigests(in: try world.repository()).isEmpty)
    }

    @Test func `local content is pushed`() async throws {
        var world = try World()
        let sample = try Samples.multiPlatform()
        world.contents = LocalContent(sample: sample)
        var content = try Changes.content(sample, from: "source.example/team/app")
        content.origin = .local(.archive(path: "./app.tar", image: "app:1"))
        let puts = try [us, de].map { try Changes.put(content, to: $0, tag: "1", method: .push) }
        #expect(await world.run(puts, [content]).verdict == .complete)
        #expect(world.de.resolvesCompletely(try world.repository(), try TagName("1")))
    }

    @Test func `a registry that lost parts of what it seems to have gets everything again, once`() async throws {
        let world = try World()
        let sample = try Samples.multiPlatform()
        let content = try world.sourced(sample)
        let repository = try world.repository()
        try world.us.seed(sample, tags: ["other"], in: repository)
        // The registry still shows the root, but neither children nor blobs.
        world.us.update { contents in
            for child in sample.manifests where child != sample.root { contents.repositories[repository]?.remove(child.digest) }
            contents.repositories[repository]?.blobs = [:]
        }
        let put = try Changes.put(content, to: us, tag: "1")
        #expect(await world.run([put], [content]).outcome(put) == .done)
        #expect(world.us.resolvesCompletely(repository, try TagName("1")))
        #expect(world.journal.lines == ["intent \(put.id)", "failed \(put.id)", "intent \(put.id)", "done \(put.id)"])
    }

    @Test func `within a registry blobs are mounted, and nothing is read`() async throws {
        let world = try World()
        let sample = try Samples.multiPlatform()
        try world.us.seed(sample, tags: ["1"], in: world.repository("team/other"))
        let content = try Changes.content(sample, from: "us.example/team/other")
        let put = try Changes.put(content, to: us, tag: "1", method: .tag)
        let report = await world.run([put], [content])
        #expect(report.outcome(put) == .done)
        #expect(report.bytes.sent == 0)
        #expect(report.bytes.mounted > 0)
        #expect(world.us.count(.blob) == 0)
        #expect(world.us.resolvesCompletely(try world.repository(), try TagName("1")))
    }

    @Test func `two repositories of a registry get a blob once by upload, and then by mount`() async throws {
        let world = try World()
        let sample = try Samples.image(layerSize: 3000)
        let content = try world.sourced(sample)
        let puts = try ["us.example/team/app", "us.example/team/web"].map { try Changes.put(content, to: $0, tag: "1") }
        let report = await world.run(puts, [content])
        #expect(report.verdict == .complete)
        #expect(world.us.count(.putBlob) == sample.blobs.count)
        #expect(report.bytes.mounted == report.bytes.sent)
    }

    @Test func `a registry that cannot mount is sent the blob`() async throws {
        let world = try World()
        world.us.features.remove(.mountBlob)
        let sample = try Samples.image()
        try world.us.seed(sample, tags: ["1"], in: world.repository("team/other"))
        let content = try Changes.content(sample, from: "us.example/team/other")
        let put = try Changes.put(content, to: us, tag: "1", method: .tag)
        #expect(await world.run([put], [content]).outcome(put) == .done)
        #expect(world.us.resolvesCompletely(try world.repository(), try TagName("1")))
    }

    @Test func `a retag within one repository sends the manifest alone`() async throws {
        let world = try World()
        let sample = try Samples.multiPlatform()
        try world.us.seed(sample, tags: ["1"], in: world.repository())
        let content = try Changes.content(sample, from: us)
        let put = try Changes.put(content, to: us, tag: "stable", method: .tag)
        #expect(await world.run([put], [content]).outcome(put) == .done)
        #expect(world.us.writeCount == 1)
    }

    @Test func `a referrer is put by its digest`() async throws {
        let world = try World()
        let subject = try Samples.image()
        let signature = try Samples.referrer(to: subject.descriptor)
        let content = try world.sourced(signature)
        let put = try Changes.put(content, at: .digest(signature.digest), in: us)
        #expect(await world.run([put], [content]).outcome(put) == .done)
        let repository = try world.repository()
        #expect(world.us.snapshot().referrers(of: subject.digest, in: repository).map(\.digest) == [signature.digest])
        #expect(world.us.tagsAndDigests(in: repository).isEmpty)
    }

    @Test func `a derived manifest comes from the plan, and what is below it from the origin`() async throws {
        let world = try World()
        let images = try [Samples.image(seed: 1), Samples.image(seed: 2)]
        let whole = try Samples.index(of: images)
        let part = try Samples.index(of: [images[0]])
        var content = try world.sourced(whole)
        content.identity = .derived(recipe: "platforms linux/amd64", part.digest)
        content.digest = part.digest
        content.manifest = String(decoding: part.root.bytes, as: UTF8.self)
        let put = try Changes.put(content, to: us, tag: "1")
        #expect(await world.run([put], [content]).outcome(put) == .done)
        #expect(world.us.snapshot().manifest(.tag(try TagName("1")), in: try world.repository())?.bytes == part.root.bytes)
        #expect(world.us.snapshot().manifest(.digest(images[1].digest), in: try world.repository()) == nil)
    }

    @Test func `an entry of unknown type is a manifest if it reads as one, else a blob`() async throws {
        let world = try World()
        var odd = try Samples.image(seed: 1)
        odd.descriptor.mediaType = "application/vnd.example.unknown+json"
        let content = try world.sourced(Samples.index(of: [odd, Samples.image(seed: 2)]))
        let put = try Changes.put(content, to: us, tag: "1")
        #expect(await world.run([put], [content]).outcome(put) == .done)
        #expect(world.us.resolvesCompletely(try world.repository(), try TagName("1")))
    }

    @Test func `a later change reads what an earlier one wrote`() async throws {
        let world = try World()
        let sample = try Samples.image()
        let content = try world.sourced(sample)
        let chained = try Changes.content(sample, from: us)
        let first = try Changes.put(content, to: us, tag: "1")
        let second = try Changes.put(chained, to: de, tag: "1", after: [first])
        let report = await world.run([first, second], [content, chained])
        #expect(report.verdict == .complete)
        #expect(world.us.count(.blob) == sample.blobs.count)
    }

    @Test func `a source that is gone fails its puts alone`() async throws {
        let world = try World()
        let content = try world.sourced(Samples.image(seed: 1))
        let gone = try Changes.content(Samples.image(seed: 2), from: "source.example/team/gone")
        let puts = [try Changes.put(gone, to: us, tag: "1"), try Changes.put(content, to: us, tag: "2")]
        let report = await world.run(puts, [content, gone])
        #expect(report.failureCode == .notFound)
        #expect(report.outcome(puts[1]) == .done)
    }

    @Test func `what this version cannot do is a failure in words`() async throws {
        let world = try World()
        let content = try world.sourced(Samples.image())
        let target = ChangeTarget.namespace(world.us.id, "payments")
        let changes = [
            Changes.change(.namespace, target, .management, [.absent]),
            try Changes.put(content, to: us, tag: "1", method: .management),
        ]
        let report = await world.run(changes, [content])
        #expect(report.counts == ["failed": 2])
        #expect(report.failureCode == .unsupported)
        #expect(world.us.writeCount == 0)
    }
}
