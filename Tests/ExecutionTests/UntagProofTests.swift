import OCI
import Planning
import Registry
import RegistryTestSupport
import Testing

@testable import Execution

/// What an apply finds out before its first write.
@Suite struct UntagProofTests {
    private let us = "us.example/team/app"

    private static let capabilities = [Capability.yes, .no, .unknown]

    @Test(arguments: capabilities, capabilities)
    func `only a registry that deletes by digest gets a placeholder, and only with leave`(tags: Capability, manifests: Capability) {
        let without = UntagWay(tags: tags, manifests: manifests, allowsPlaceholder: false)
        let with = UntagWay(tags: tags, manifests: manifests, allowsPlaceholder: true)
        #expect(without == (tags == .no ? nil : UntagWay.deleteTag))
        let replaced = manifests == .yes ? UntagWay.placeholder : nil
        #expect(with == (tags == .no ? replaced : UntagWay.deleteTag))
    }

    private func untags(_ world: World, _ method: ChangeMethod) throws -> (put: Change, untag: Change, content: PlannedContent) {
        let sample = try Samples.image(seed: 1)
        try world.us.seed(sample, tags: ["old", "kept"], in: world.repository())
        let content = try world.sourced(Samples.image(seed: 2))
        let put = try Changes.put(content, to: "de.example/team/app", tag: "1")
        return (put, try Changes.untag(us, "old", at: sample.digest, method: method), content)
    }

    @Test(arguments: [ChangeMethod.deleteTag, .placeholder, .deleteTagElsePlaceholder])
    func `a host that cannot untag ends the apply before anything is written anywhere`(method: ChangeMethod) async throws {
        let world = try World()
        world.us.features = []
        let (put, untag, content) = try untags(world, method)
        let before = world.us.snapshot()
        let report = await world.run([put, untag], [content])
        #expect(report.failureCode == .unsupported)
        #expect(report.firstFailure?.change == untag.id)
        #expect(report.firstFailure?.error.description.contains("us.example cannot delete a single tag") == true)
        #expect(report.outcome(put) == .cancelled)
        #expect(report.verdict == .failed)
        #expect(world.us.snapshot() == before)
        #expect(world.us.writeCount == 0 && world.de.operations.isEmpty)
        #expect(world.journal.lines.isEmpty)
        let finished = world.events.all.filter { if case .changeFinished = $0 { true } else { false } }
        #expect(finished.count == 2)
    }

    @Test func `where not every untag is needed, the others are made, and what waits for it is skipped`() async throws {
        let world = try World()
        world.us.features = []
        let (put, untag, content) = try untags(world, .deleteTag)
        var late = try Changes.put(content, to: "de.example/team/app", tag: "2")
        late.after = [untag.id]
        let report = await world.run(Changes.plan([put, untag, late], [content]), needsEveryUntag: false)
        #expect(report.outcome(put) == .done)
        #expect(report.outcome(late) == .skipped(because: untag.id))
        #expect(report.failureCode == .unsupported)
        #expect(report.verdict == .partial)
        #expect(report.rows.count == 3)
        #expect(world.us.writeCount == 0)
    }

    @Test func `without leave for a placeholder, that a registry deletes by digest does not help`() async throws {
        let world = try World()
        world.us.features.remove(.deleteTag)
        let (put, untag, content) = try untags(world, .deleteTag)
        let report = await world.run([put, untag], [content])
        #expect(report.verdict == .failed)
        #expect(report.firstFailure?.error.help?.contains("untag: placeholder") == true)
        #expect(world.us.count(.probeManifestDeletion) == 0)
        #expect(world.us.writeCount == 0 && world.de.writeCount == 0)
    }

    static let codes: [RegistryError.Code] = [.unauthorized, .denied, .rateLimited, .unavailable]

    @Test(arguments: codes, [Operation.Kind.probeTagDeletion, .probeManifestDeletion])
    func `a probe that proves nothing ends the apply before anything is written`(
        code: RegistryError.Code,
        kind: Operation.Kind
    ) async throws {
        let world = try World()
        world.us.features.remove(.deleteTag)
        let (put, untag, content) = try untags(world, .deleteTagElsePlaceholder)
        world.us.failNext(where: { $0.kind == kind }, with: RegistryError(code, action: "delete a tag in", object: "x", reason: "no"))
        let report = await world.run([put, untag], [content])
        #expect(report.failureCode == code)
        #expect(report.verdict == .failed)
        #expect(world.us.writeCount == 0 && world.de.writeCount == 0)
    }

    @Test func `each repository is asked once, and one that has no untag is not asked`() async throws {
        let world = try World()
        let sample = try Samples.image()
        for name in ["team/app", "team/web"] { try world.us.seed(sample, tags: ["1", "2", "3"], in: world.repository(name)) }
        let changes = try ["team/app", "team/web"].flatMap { name in
            try ["1", "2"].map { try Changes.untag("us.example/\(name)", $0, at: sample.digest) }
        }
        let report = await world.run(changes)
        #expect(report.counts == ["done": 4])
        #expect(world.us.count(.probeTagDeletion) == 2)
        #expect(world.us.count(.probeManifestDeletion) == 0)
        #expect(world.de.operations.isEmpty)
    }

    @Test func `a run that is interrupted while it asks begins nothing`() async throws {
        let world = try World()
        let (put, untag, content) = try untags(world, .deleteTag)
        let interruption = world.interruption
        world.us.setHook { operation, _ async throws(RegistryError) in
            guard operation.kind == .probeTagDeletion else { return }
            interruption.trigger()
            for await _ in AsyncStream<Void>.makeStream().stream {}
            throw RegistryError(.cancelled, action: "wait", object: "x", reason: "it was cancelled")
        }
        let report = await world.run([put, untag], [content])
        #expect(report.counts == ["cancelled": 2])
        #expect(report.wasInterrupted)
        #expect(world.us.writeCount == 0 && world.de.writeCount == 0)
    }
}
