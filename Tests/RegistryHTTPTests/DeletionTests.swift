import FoundationEssentials
import OCI
import Registry
import RegistryTestSupport
import Testing

@testable import RegistryHTTP

@Suite(.timeLimit(.minutes(5))) struct DeletionTests {
    struct Reply: Sendable, CustomTestStringConvertible {
        var testDescription: String
        var answer: ScriptedAnswer
        /// `nil`: it counts as done.
        var code: RegistryError.Code?
        var learnt: Capability
    }

    private static let plain404 = ScriptedAnswer.reply(404, headers: ["Content-Type": "text/plain"], body: Array("404 page not found".utf8))

    static let untags: [Reply] = [
        Reply(testDescription: "202", answer: .reply(202), code: nil, learnt: .yes),
        Reply(testDescription: "204", answer: .reply(204), code: nil, learnt: .yes),
        Reply(testDescription: "400 DIGEST_INVALID", answer: .error(400, "DIGEST_INVALID"), code: .unsupported, learnt: .no),
        Reply(testDescription: "400 UNSUPPORTED", answer: .error(400, "UNSUPPORTED"), code: .unsupported, learnt: .no),
        Reply(testDescription: "405", answer: .error(405, "UNSUPPORTED"), code: .unsupported, learnt: .no),
        Reply(testDescription: "404 while the tag is there", answer: plain404, code: .unsupported, learnt: .no),
        Reply(testDescription: "400 of another kind", answer: .error(400, "NAME_INVALID"), code: .rejected, learnt: .unknown),
        Reply(testDescription: "401", answer: .error(401, "UNAUTHORIZED"), code: .unauthorized, learnt: .unknown),
        Reply(testDescription: "403", answer: .error(403, "DENIED"), code: .denied, learnt: .unknown),
        Reply(testDescription: "429", answer: .error(429, "TOOMANYREQUESTS"), code: .rateLimited, learnt: .unknown),
        Reply(testDescription: "500", answer: .error(500, "UNKNOWN"), code: .unavailable, learnt: .unknown),
    ]

    @Test(arguments: untags)
    func untaggingReadsTheAnswer(_ reply: Reply) async throws {
        try await withWire { wire in
            let tag = try TagName("1")
            try wire.held.seed(try Samples.image(), tags: ["1", "2"], in: wire.repository)
            wire.server.script { $0.method == "DELETE" ? reply.answer : nil }
            if let code = reply.code {
                let error = try await wire.failure { () async throws(RegistryError) in
                    try await wire.client.deleteTag(tag, in: wire.repository)
                }
                #expect(error.code == code)
                #expect(error.object == "\(wire.client.id)/team/app:1")
            } else {
                try await wire.client.deleteTag(tag, in: wire.repository)
            }
            #expect(try await wire.client.capability(.deleteTag, in: wire.repository) == reply.learnt)
            #expect(
                wire.server.log.allSatisfy { ["DELETE", "HEAD"].contains($0.method) || $0.path == "/v2/" },
                "an untag never becomes anything else"
            )
            #expect(wire.held.tagsAndDigests(in: wire.repository).count == 2)
        }
    }

    @Test func aTagThatIsGoneCountsAsUntagged() async throws {
        try await withWire { wire in
            try await wire.client.deleteTag(try TagName("1"), in: wire.repository)
            #expect(wire.server.log.map(\.method) == ["DELETE", "HEAD"])
        }
    }

    @Test func whatARegistryCannotDoIsSaid() async throws {
        try await withWire(features: []) { wire in
            let image = try Samples.image()
            try wire.held.seed(image, tags: ["1"], in: wire.repository)
            let tag = try TagName("1")
            let untag = try await wire.failure { () async throws(RegistryError) in
                try await wire.client.deleteTag(tag, in: wire.repository)
            }
            #expect(untag.description.contains("\(wire.client.id) cannot delete a single tag"))
            let delete = try await wire.failure { () async throws(RegistryError) in
                try await wire.client.deleteManifest(image.digest, in: wire.repository)
            }
            #expect(delete.code == .unsupported)
            #expect(delete.description.contains("does not allow manifest deletion"))
            #expect(try await wire.client.capability(.deleteManifest, in: wire.repository) == .no)
        }
    }

    @Test func aLostReplyOfADeletionIsSettledByAHead() async throws {
        try await withWire { wire in
            let image = try Samples.image()
            try wire.held.seed(image, tags: ["1"], in: wire.repository)
            wire.server.answerNext(where: { $0.method == "DELETE" }, with: .loseReply)
            try await wire.client.deleteManifest(image.digest, in: wire.repository)
            #expect(wire.server.log.count { $0.method == "DELETE" } == 1)
            #expect(try await wire.client.head(.digest(image.digest), in: wire.repository) == nil)
        }
    }

    @Test func deletingWhatIsGoneIsDone() async throws {
        try await withWire { wire in
            try wire.held.seed(try Samples.image(), tags: ["1"], in: wire.repository)
            try await wire.client.deleteManifest(Digest.sha256(of: [1]), in: wire.repository)
            #expect(wire.held.tagsAndDigests(in: wire.repository).count == 1)
        }
    }

    @Test(arguments: [429, 500, 503])
    func aDeletionIsRepeatedAfterAWait(_ status: Int) async throws {
        try await withWire { wire in
            let image = try Samples.image()
            try wire.held.seed(image, tags: ["1"], in: wire.repository)
            wire.server.answerNext(where: { $0.method == "DELETE" }, with: .error(status, "X", headers: ["Retry-After": "4"]))
            try await wire.client.deleteTag(try TagName("1"), in: wire.repository)
            #expect((wire.clock.sleeps.first ?? 0) >= 4)
            #expect(wire.server.log.allSatisfy { $0.method != "PUT" })
            #expect(wire.held.tagsAndDigests(in: wire.repository).isEmpty)
        }
    }

    @Test func aDeletedReferrerLeavesTheFallbackList() async throws {
        try await withWire(features: [.deleteManifest]) { wire in
            let image = try Samples.image()
            try wire.held.seed(image, tags: ["1"], in: wire.repository)
            let referrers = try [1, 2].map { try Samples.referrer(to: image.root.descriptor, seed: $0) }
            for referrer in referrers {
                try wire.held.seed(referrer, in: wire.repository)
                try await wire.client.putManifest(referrer.root, at: .digest(referrer.digest), in: wire.repository)
            }
            #expect(try await wire.client.referrers(of: image.digest, in: wire.repository).descriptors.count == 2)
            try await wire.client.deleteManifest(referrers[0].digest, in: wire.repository)
            let left = try await wire.client.referrers(of: image.digest, in: wire.repository)
            #expect(left.descriptors.map(\.digest) == [referrers[1].digest])
            #expect(left.source == .fallbackTag)
        }
    }

    /// It deletes a manifest, looks for its tags then, and fails on the file of a tag that is being written, which is there and still empty.
    @Test(arguments: [true, false]) func tagsThatDockersRegistryLeavesBehindAreDeletedToo(_ isWrittenInTime: Bool) async throws {
        try await withRealRegistry { real in
            let written = "\(real.storagePath)/docker/registry/v2/repositories/team/app/_manifests/tags/written"
            let clock = TestClock { if isWrittenInTime { try? FileManager.default.removeItem(atPath: written) } }
            try await withClient(ofPort: real.port, clock: clock) { client, clock in
                let repository = try RepositoryName("team/app")
                let kept = try Samples.image(seed: 1)
                let gone = try Samples.referrer(to: kept.root.descriptor, seed: 2)
                for (image, tags) in [(kept, ["3"]), (gone, ["1", "2"])] {
                    for descriptor in image.root.image?.blobs ?? [] {
                        try await client.putBlob(Sample.body(image.blobs[descriptor.digest] ?? [], as: descriptor), into: repository)
                    }
                    for tag in tags { try await client.putManifest(image.root, at: .tag(try TagName(tag)), in: repository) }
                }
                try FileManager.default.createDirectory(atPath: "\(written)/current", withIntermediateDirectories: true)
                try writeFile("", to: "\(written)/current/link")
                do throws(RegistryError) {
                    try await client.deleteManifest(gone.digest, in: repository)
                    #expect(isWrittenInTime)
                } catch {
                    #expect(!isWrittenInTime && error.code == .incomplete)
                    #expect(error.reason.hasSuffix("may still list its tags, with nothing under them: 1, 2"), "\(error)")
                }
                let list = TagName.companion(of: kept.digest, .referrers).description
                let left = isWrittenInTime ? ["3", list] : ["1", "2", "3", list, "written"]
                #expect(try await client.tags(in: repository)?.map(\.description) == left)
                #expect(try await client.referrers(of: kept.digest, in: repository).descriptors.isEmpty)
                #expect(try await client.head(.digest(gone.digest), in: repository) == nil)
                #expect(try await client.head(.tag(try TagName("3")), in: repository)?.digest == kept.digest)
                #expect(!clock.sleeps.isEmpty, "the registry failed")
            }
        }
    }
}
