import OCI
import Registry
import RegistryTestSupport
import Testing

@testable import RegistryHTTP

@Suite(.timeLimit(.minutes(5))) struct ManifestTests {
    private static let image = Result { try Samples.image() }
    private static let newer = Result { try Samples.image(seed: 2) }
    private static let tag = Result { ManifestReference.tag(try TagName("1")) }

    private func withImage(
        _ options: LoopbackRegistryServer.Options = .init(),
        _ body: @escaping @Sendable (Wire, Sample, ManifestReference) async throws -> Void
    ) async throws {
        let (image, newer, tag) = (try Self.image.get(), try Self.newer.get(), try Self.tag.get())
        try await withWire(options) { wire in
            try wire.held.seed(newer, in: wire.repository)
            try wire.held.seed(image, tags: ["1"], in: wire.repository)
            try await body(wire, image, tag)
        }
    }

    private static func isManifest(_ method: String) -> @Sendable (LoopbackRequest) -> Bool {
        { $0.method == method && $0.path.contains("/manifests/") }
    }

    @Test func headIsEnoughToResolve() async throws {
        try await withImage { wire, image, tag in
            let head = try await wire.client.head(tag, in: wire.repository)
            #expect(head == ManifestHead(digest: image.digest, mediaType: MediaType.ociManifest, size: Int64(image.root.bytes.count)))
            #expect(wire.server.log.map(\.method) == ["HEAD"])
            #expect(wire.server.log.first?.request.headers["accept"] == MediaType.acceptedManifests.joined(separator: ", "))
        }
    }

    struct Substitute: Sendable, CustomTestStringConvertible {
        var testDescription: String
        var answer: ScriptedAnswer
    }

    static let substitutes: [Substitute] = [
        Substitute(testDescription: "no digest", answer: .changed { $0.headers["Docker-Content-Digest"] = nil }),
        Substitute(testDescription: "a digest of no known kind", answer: .changed { $0.headers["Docker-Content-Digest"] = "md5:0" }),
        Substitute(testDescription: "no type", answer: .changed { $0.headers["Content-Type"] = nil }),
        Substitute(testDescription: "400", answer: .error(400, "X")),
        Substitute(testDescription: "405", answer: .error(405, "UNSUPPORTED")),
        Substitute(testDescription: "501", answer: .error(501, "X")),
    ]

    @Test(arguments: substitutes)
    func aPoorHeadIsReplacedByAGet(_ substitute: Substitute) async throws {
        try await withImage { wire, image, tag in
            wire.server.answerNext(where: Self.isManifest("HEAD"), with: substitute.answer)
            let head = try await wire.client.head(tag, in: wire.repository)
            #expect(head?.digest == image.digest)
            #expect(wire.server.log.map(\.method) == ["HEAD", "GET"])
        }
    }

    @Test(arguments: [401, 403, 500, 502, 418])
    func only404IsAbsence(_ status: Int) async throws {
        try await withImage { wire, _, tag in
            wire.server.script { Self.isManifest("HEAD")($0) || Self.isManifest("GET")($0) ? .error(status, "X") : nil }
            _ = try await wire.failure { () async throws(RegistryError) in _ = try await wire.client.head(tag, in: wire.repository) }
            _ = try await wire.failure { () async throws(RegistryError) in _ = try await wire.client.manifest(tag, in: wire.repository) }
            wire.server.script { _ in .error(404, "MANIFEST_UNKNOWN") }
            #expect(try await wire.client.head(tag, in: wire.repository) == nil)
            #expect(try await wire.client.manifest(tag, in: wire.repository) == nil)
        }
    }

    @Test func otherBytesThanAskedAreCorrupt() async throws {
        try await withImage { wire, image, tag in
            wire.server.script { Self.isManifest("GET")($0) ? .changed { $0.body.append(0x20) } : nil }
            for reference in [tag, .digest(image.digest)] {
                let error = try await wire.failure { () async throws(RegistryError) in
                    _ = try await wire.client.manifest(reference, in: wire.repository)
                }
                #expect(error.code == .corrupt)
            }
        }
    }

    @Test func aHeadOfAnotherDigestIsCorrupt() async throws {
        try await withImage { wire, image, _ in
            let other = Digest.sha256(of: [1]).description
            wire.server.script { Self.isManifest("HEAD")($0) ? .changed { $0.headers["Docker-Content-Digest"] = other } : nil }
            let error = try await wire.failure { () async throws(RegistryError) in
                _ = try await wire.client.head(.digest(image.digest), in: wire.repository)
            }
            #expect(error.code == .corrupt)
        }
    }

    @Test func aManifestLargerThan4MiBIsRefused() async throws {
        try await withImage { wire, _, tag in
            wire.server.script { Self.isManifest("GET")($0) ? .reply(200, body: [UInt8](repeating: 0x20, count: 4 << 20 + 1)) : nil }
            let error = try await wire.failure { () async throws(RegistryError) in
                _ = try await wire.client.manifest(tag, in: wire.repository)
            }
            #expect(error.code == .badAnswer)
        }
    }

    @Test func aLostReplyOfAPutIsSettledByAHead() async throws {
        try await withImage { wire, _, tag in
            let newer = try Self.newer.get().root
            wire.server.answerNext(where: Self.isManifest("PUT"), with: .loseReply)
            try await wire.client.putManifest(newer, at: tag, in: wire.repository)
            #expect(wire.server.log.map(\.method) == ["PUT", "HEAD"])
            #expect(try await wire.client.head(tag, in: wire.repository)?.digest == newer.digest)
        }
    }

    @Test(arguments: [ScriptedAnswer.error(503, "UNAVAILABLE"), .close])
    func aFailedPutIsRepeatedWhereTheTagStoodStill(_ answer: ScriptedAnswer) async throws {
        try await withImage { wire, _, tag in
            let newer = try Self.newer.get().root
            _ = try await wire.client.head(tag, in: wire.repository)
            wire.server.answerNext(where: Self.isManifest("PUT"), with: answer)
            try await wire.client.putManifest(newer, at: tag, in: wire.repository)
            #expect(try await wire.client.head(tag, in: wire.repository)?.digest == newer.digest)
        }
    }

    @Test(arguments: [1, 3, 4])
    func whatARegistryCallsSpoiltIsSentAgainAFewTimes(times: Int) async throws {
        try await withImage { wire, _, tag in
            let newer = try Self.newer.get().root
            wire.server.answerNext(times, where: Self.isManifest("PUT"), with: .error(400, "DIGEST_INVALID"))
            if times == 4 {
                let error = try await wire.failure { () async throws(RegistryError) in
                    try await wire.client.putManifest(newer, at: tag, in: wire.repository)
                }
                #expect(error.registryCode == "DIGEST_INVALID")
            } else {
                try await wire.client.putManifest(newer, at: tag, in: wire.repository)
                #expect(try await wire.client.head(tag, in: wire.repository)?.digest == newer.digest)
            }
            #expect(wire.server.log.count { $0.method == "PUT" } == min(times + 1, 4))
        }
    }

    @Test func someoneElsesNewerPushIsNotUndone() async throws {
        try await withImage { wire, image, tag in
            let newer = try Self.newer.get().root
            let (held, repository) = (wire.held, wire.repository)
            _ = try await wire.client.head(tag, in: wire.repository)
            let theirs = try Samples.image(seed: 3)
            wire.server.answerNext(where: Self.isManifest("PUT"), with: .close)
            wire.server.answerNext(
                where: { request in
                    guard Self.isManifest("HEAD")(request) else { return false }
                    try? held.seed(theirs, tags: ["1"], in: repository)
                    return false
                },
                with: .close
            )
            let error = try await wire.failure { () async throws(RegistryError) in
                try await wire.client.putManifest(newer, at: tag, in: repository)
            }
            #expect(error.code == .unavailable)
            #expect(held.tagsAndDigests(in: repository)[try TagName("1")] == theirs.digest)
        }
    }

    @Test func anAnswerWithAnotherDigestIsCorrupt() async throws {
        try await withImage { wire, image, tag in
            let other = Digest.sha256(of: [1]).description
            wire.server.script { Self.isManifest("PUT")($0) ? .changed { $0.headers["Docker-Content-Digest"] = other } : nil }
            let error = try await wire.failure { () async throws(RegistryError) in
                try await wire.client.putManifest(image.root, at: tag, in: wire.repository)
            }
            #expect(error.code == .corrupt)
        }
    }

    @Test func refusalsAreToldInFull() async throws {
        try await withImage { wire, image, tag in
            wire.server.script { Self.isManifest("PUT")($0) ? .error(403, "DENIED", "not\u{1b}[31m you") : nil }
            let error = try await wire.failure { () async throws(RegistryError) in
                try await wire.client.putManifest(image.root, at: tag, in: wire.repository)
            }
            let words = #"cannot push \#(wire.client.id)/team/app:1: 403 DENIED (not\u{1b}[31m you); this may need a login"#
            let expected = words + ", or the package or project does not exist yet"
            #expect(error.description == expected)
            #expect(error.code == .denied)
        }
    }
}
