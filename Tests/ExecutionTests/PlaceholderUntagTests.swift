import Execution
import OCI
import Planning
import Registry
import RegistryTestSupport
import Synchronization
import Testing

/// Untags on a registry that deletes by digest alone, as docker-registry 2.8 does.
@Suite struct PlaceholderUntagTests {
    private let us = "us.example/team/app"

    /// An image under `old` and `kept`, and the untag of the first.
    private struct Place {
        let world: World
        let sample: Sample
        let untag: Change
        let repository: RepositoryName
        let tag: TagName

        init(_ sample: Sample? = nil, method: ChangeMethod = .deleteTagElsePlaceholder) throws {
            world = try World()
            world.us.features.remove(.deleteTag)
            self.sample = try sample ?? Samples.image()
            repository = try world.repository()
            tag = try TagName("old")
            try world.us.seed(self.sample, tags: ["old", "kept"], in: repository)
            untag = try Changes.untag("us.example/team/app", "old", at: self.sample.digest, method: method)
        }

        var tagged: Digest? { world.us.tagsAndDigests(in: repository)[tag] }
        var kept: Digest? { world.us.tagsAndDigests(in: repository)[(try? TagName("kept")) ?? tag] }
        var isImageThere: Bool { world.us.snapshot().manifest(.digest(sample.digest), in: repository) != nil }

        /// What the tag is on, if that is a placeholder.
        var placeholder: UntagPlaceholder? {
            world.us.snapshot().manifest(.tag(tag), in: repository).flatMap { UntagPlaceholder($0) }
        }

        var placeholdersLeft: Int {
            world.us.snapshot().repositories[repository]?.manifests.values.count { UntagPlaceholder($0) != nil } ?? 0
        }

        func run() async -> ExecutionReport { await world.run([untag]) }

        /// The placeholder stays at the tag, as after a kill between the two writes.
        func leavePlaceholder() throws -> UntagPlaceholder {
            let placeholder = try UntagPlaceholder(replacing: sample.root, nonce: String(repeating: "1", count: 64))
            try world.us.update { contents in
                try contents.putBlob(UntagPlaceholder.blob, digest: placeholder.config.digest, in: repository)
                try contents.putManifest(placeholder.document, at: .tag(tag), in: repository)
            }
            return placeholder
        }
    }

    private static func isPut(_ operation: Operation) -> Bool { operation.kind == .putManifest }
    private static func isDelete(_ operation: Operation) -> Bool { operation.kind == .deleteManifest }

    @Test(arguments: [ChangeMethod.placeholder, .deleteTagElsePlaceholder], [Samples.Family.oci, .docker])
    func `the tag goes, the image and its other tags stay, and no placeholder is left`(
        method: ChangeMethod,
        family: Samples.Family
    ) async throws {
        let place = try Place(Samples.image(family: family), method: method)
        #expect(await place.run().outcome(place.untag) == .done)
        #expect(place.tagged == nil && place.kept == place.sample.digest && place.isImageThere)
        #expect(place.placeholdersLeft == 0)
        #expect(place.world.us.openLeases == 0)
        #expect(await place.run().outcome(place.untag) == .unchanged)
    }

    @Test func `an image that loses its last tag stays all the same`() async throws {
        let place = try Place()
        let kept = try TagName("kept")
        place.world.us.update { _ = $0.deleteTag(kept, in: place.repository) }
        #expect(await place.run().outcome(place.untag) == .done)
        #expect(place.tagged == nil && place.isImageThere)
    }

    @Test func `a registry that deletes tags gets no placeholder`() async throws {
        let place = try Place()
        place.world.us.features.insert(.deleteTag)
        #expect(await place.run().outcome(place.untag) == .done)
        #expect(place.world.us.count(.putManifest) == 0 && place.world.us.count(.deleteManifest) == 0)
    }

    @Test func `the journal names the placeholder before the tag is put on it`() async throws {
        let place = try Place()
        let journal = place.world.journal
        let announced = Mutex<Digest?>(nil)
        place.world.us.setHook { operation, _ throws(RegistryError) in
            guard Self.isPut(operation) else { return }
            let intents = journal.entries.compactMap { if case .intent(let write) = $0 { write } else { nil } }
            announced.withLock { $0 = intents.last?.placeholder }
        }
        _ = await place.run()
        let placeholder = try #require(announced.withLock { $0 })
        let deleted = place.world.us.operations.last { Self.isDelete($0) }?.reference?.digest
        #expect(deleted == placeholder)
        #expect(journal.lines.suffix(2) == ["intent \(place.untag.id)", "done \(place.untag.id)"])
        guard case .intent(let write)? = journal.entries.dropLast().last else { throw TestSupportError("no intent") }
        #expect(write.before == place.sample.digest && write.after == nil && write.placeholder == placeholder)
    }

    // MARK: When it must not begin

    static let refusals: [RegistryError] = [
        RegistryError(.unauthorized, action: "untag", object: "x", status: 401, reason: "no"),
        RegistryError(.denied, action: "untag", object: "x", status: 403, reason: "no"),
        RegistryError(.rateLimited, action: "untag", object: "x", status: 429, reason: "no"),
        RegistryError(.unavailable, action: "untag", object: "x", status: 500, reason: "no"),
        RegistryError(.unavailable, action: "untag", object: "x", status: 503, reason: "no"),
        RegistryError(.unavailable, action: "untag", object: "x", reason: "no answer came"),
        RegistryError(.rejected, action: "untag", object: "x", status: 400, registryCode: "NAME_INVALID", reason: "no"),
        RegistryError(.unsupported, action: "untag", object: "x", status: 404, reason: "no such page"),
    ]

    @Test(arguments: refusals)
    func `no other refusal of the tag's deletion leads to a placeholder`(error: RegistryError) async throws {
        let place = try Place()
        place.world.us.failNext(.max, where: { $0.kind == .deleteTag }, with: error)
        let report = await place.run()
        #expect(report.failureCode == error.code)
        #expect(place.tagged == place.sample.digest)
        #expect(place.world.us.count(.putManifest) == 0 && place.world.us.count(.putBlob) == 0)
    }

    @Test func `a tag that moved right before the placeholder is left alone`() async throws {
        let place = try Place()
        let newer = try Samples.image(seed: 9)
        place.world.us.setHook { operation, registry throws(RegistryError) in
            if operation.kind == .putBlob { registry.update { $0.seed(newer, tags: [place.tag], in: place.repository) } }
        }
        let report = await place.run()
        #expect(report.outcome(place.untag) == .stale(expected: "\(place.sample.digest)", found: "\(newer.digest)"))
        #expect(report.verdict == .stale)
        #expect(place.tagged == newer.digest && place.world.us.count(.putManifest) == 0)
    }

    @Test func `a placeholder that is refused changes nothing`() async throws {
        let place = try Place()
        let error = RegistryError(.rejected, action: "push", object: "x", status: 415, reason: "no")
        place.world.us.failNext(where: Self.isPut, with: error)
        let report = await place.run()
        #expect(report.failureCode == .rejected && report.verdict == .failed)
        #expect(place.tagged == place.sample.digest && place.placeholdersLeft == 0)
    }

    // MARK: Half way

    static let failures: [RegistryError] = [
        RegistryError(.unsupported, action: "delete", object: "x", status: 405, reason: "no"),
        RegistryError(.denied, action: "delete", object: "x", status: 403, reason: "no"),
        RegistryError(.rateLimited, action: "delete", object: "x", status: 429, reason: "no"),
        RegistryError(.unavailable, action: "delete", object: "x", status: 500, reason: "no"),
    ]

    @Test(arguments: failures)
    func `when the placeholder cannot be deleted, the tag is put back on its image`(error: RegistryError) async throws {
        let place = try Place()
        place.world.us.failNext(.max, where: Self.isDelete, with: error)
        let report = await place.run()
        #expect(report.failureCode == error.code)
        #expect(report.firstFailure?.error.help?.contains("the tag is on its image again") == true)
        #expect(report.firstFailure?.error.object == "us.example/team/app:old")
        #expect(report.verdict == .partial)
        #expect(place.tagged == place.sample.digest && place.kept == place.sample.digest)
        #expect(place.world.journal.lines.last == "failed \(place.untag.id)")
    }

    @Test func `a deletion whose answer is lost is done`() async throws {
        let place = try Place()
        let lost = RegistryError(.unavailable, action: "delete", object: "x", reason: "no answer came")
        place.world.us.failNext(where: Self.isDelete, with: lost, .after)
        #expect(await place.run().outcome(place.untag) == .done)
        #expect(place.tagged == nil && place.isImageThere)
    }

    @Test func `a tag that stays listed is told`() async throws {
        let place = try Place()
        let incomplete = RegistryError(.incomplete, action: "delete", object: "x", reason: "its tags are still listed")
        place.world.us.failNext(where: Self.isDelete, with: incomplete, .after)
        let report = await place.run()
        #expect(report.failureCode == .incomplete)
        #expect(report.firstFailure?.error.object == "us.example/team/app:old")
        #expect(report.verdict == .partial)
        #expect(place.tagged == nil && place.isImageThere)
    }

    @Test func `a placeholder whose answer is lost is taken away`() async throws {
        let place = try Place()
        let lost = RegistryError(.unavailable, action: "push", object: "x", reason: "no answer came")
        place.world.us.failNext(where: Self.isPut, with: lost, .after)
        #expect(await place.run().outcome(place.untag) == .done)
        #expect(place.tagged == nil && place.isImageThere && place.placeholdersLeft == 0)
    }

    @Test func `a push in between is not lost, and only the placeholder goes`() async throws {
        let place = try Place()
        let newer = try Samples.image(seed: 9)
        place.world.us.setHook { _, registry throws(RegistryError) in
            let held = registry.snapshot().manifest(.tag(place.tag), in: place.repository)
            guard let held, UntagPlaceholder(held) != nil else { return }
            registry.update { $0.seed(newer, tags: [place.tag], in: place.repository) }
        }
        let report = await place.run()
        #expect(report.outcome(place.untag) == .stale(expected: "\(place.sample.digest)", found: "\(newer.digest)"))
        #expect(report.verdict == .stale)
        #expect(place.tagged == newer.digest && place.isImageThere)
        #expect(place.placeholdersLeft == 0)
    }

    @Test func `a push right before the placeholder's deletion is not lost`() async throws {
        let place = try Place()
        let newer = try Samples.image(seed: 9)
        place.world.us.setHook { operation, registry throws(RegistryError) in
            if Self.isDelete(operation) { registry.update { $0.seed(newer, tags: [place.tag], in: place.repository) } }
        }
        let report = await place.run()
        #expect(report.outcome(place.untag)?.name == "stale")
        #expect(place.tagged == newer.digest && place.placeholdersLeft == 0)
    }

    @Test func `a registry that drops the image with its tag gets the image back`() async throws {
        let place = try Place()
        place.world.us.setHook { operation, registry throws(RegistryError) in
            guard operation.kind == .head, operation.reference?.digest == place.sample.digest else { return }
            registry.update { contents in
                let held = contents.manifest(.tag(place.tag), in: place.repository)
                if held.flatMap({ UntagPlaceholder($0) }) != nil {
                    _ = contents.deleteManifest(place.sample.digest, in: place.repository)
                }
            }
        }
        let report = await place.run()
        #expect(report.failureCode == .badAnswer)
        #expect(place.tagged == place.sample.digest && place.isImageThere)
    }

    @Test func `an image that is gone after the untag is told`() async throws {
        let place = try Place()
        place.world.us.setHook { operation, registry throws(RegistryError) in
            guard Self.isDelete(operation) else { return }
            registry.update { _ = $0.deleteManifest(place.sample.digest, in: place.repository) }
        }
        let report = await place.run()
        #expect(report.failureCode == .badAnswer)
        #expect(report.firstFailure?.error.reason.contains("removed the image") == true)
        #expect(report.verdict == .partial)
    }

    // MARK: What a killed run left

    /// Ends the run between the two writes: nothing works any more.
    @Test func `a run that ends between the two writes says so, and the next one finishes it`() async throws {
        let place = try Place()
        let dead = RegistryError(.unavailable, action: "reach", object: "x", reason: "the network is gone")
        let isDead = Mutex(false)
        place.world.us.setHook { operation, registry throws(RegistryError) in
            if Self.isDelete(operation) { isDead.withLock { $0 = true } }
            if isDead.withLock({ $0 }) { throw dead }
        }
        let report = await place.run()
        #expect(report.verdict == .partial)
        #expect(report.firstFailure?.error.help?.contains("run crplan again") == true)
        #expect(place.placeholder?.replaced == place.sample.digest)
        #expect(place.world.journal.lines.last == "unknown \(place.untag.id)")
        place.world.us.setHook(nil)
        #expect(await place.run().outcome(place.untag) == .done)
        #expect(place.tagged == nil && place.kept == place.sample.digest && place.placeholdersLeft == 0)
    }

    @Test func `a placeholder that was left is deleted without another one`() async throws {
        let place = try Place()
        let left = try place.leavePlaceholder()
        #expect(await place.run().outcome(place.untag) == .done)
        #expect(place.tagged == nil && place.isImageThere && place.placeholdersLeft == 0)
        #expect(place.world.us.count(.putManifest) == 0)
        #expect(place.world.us.operations.filter(Self.isDelete).map(\.reference?.digest) == [left.digest])
    }

    @Test func `a placeholder that was left, and cannot be deleted, makes room for the image`() async throws {
        let place = try Place()
        _ = try place.leavePlaceholder()
        place.world.us.failNext(where: Self.isDelete, with: Self.failures[0])
        #expect(await place.run().verdict == .partial)
        #expect(place.tagged == place.sample.digest)
    }

    @Test func `a placeholder of another image is a tag that moved`() async throws {
        let place = try Place()
        let left = try place.leavePlaceholder()
        let other = try Changes.untag(us, "old", at: Samples.image(seed: 7).digest, method: .placeholder)
        #expect(await place.world.run([other]).outcome(other)?.name == "stale")
        #expect(place.tagged == left.digest)
    }

    @Test func `a put goes over what was left, and one of the same image puts the tag back`() async throws {
        let place = try Place()
        let content = try place.world.sourced(Samples.image(seed: 3))
        _ = try place.leavePlaceholder()
        let put = try Changes.put(content, to: us, tag: "old", old: place.sample.digest)
        #expect(await place.world.run([put], [content]).outcome(put) == .done)
        #expect(place.tagged == content.digest)

        let left = try place.leavePlaceholder()
        let own = try Changes.content(place.sample, from: us)
        let back = try Changes.put(own, to: us, tag: "old", old: left.digest, method: .tag)
        #expect(await place.world.run([back], [own]).outcome(back) == .done)
        #expect(place.tagged == place.sample.digest)
    }

    @Test func `a placeholder whose image is gone can be untagged as itself`() async throws {
        let place = try Place()
        let left = try place.leavePlaceholder()
        place.world.us.update { _ = $0.deleteManifest(place.sample.digest, in: place.repository) }
        let untag = try Changes.untag(us, "old", at: left.digest, method: .placeholder)
        #expect(await place.world.run([untag]).outcome(untag) == .done)
        #expect(place.tagged == nil && place.placeholdersLeft == 0)
        // By the plan that still counts on the image, nothing is done.
        _ = try place.leavePlaceholder()
        #expect(await place.run().failureCode == .notFound)
    }
}
