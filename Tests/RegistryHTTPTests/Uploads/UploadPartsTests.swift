import OCI
import Registry
import RegistryTestSupport
import Synchronization
import Testing

@testable import RegistryHTTP

/// Uploads against a server that keeps what it got, and one that does not.
@Suite(.timeLimit(.minutes(5))) struct UploadPartsTests {
    private static let content = Samples.bytes(20 << 20, seed: 1)
    private static let size = content.count

    private static func isPut(_ request: LoopbackRequest) -> Bool { request.method == "PUT" && request.path.contains("/uploads/") }
    private static func isPatch(_ request: LoopbackRequest) -> Bool { request.method == "PATCH" }

    private static func bodyBytes(_ wire: Wire) -> Int { wire.server.log.reduce(0) { $0 + $1.bodySize } }
    private static func ranges(_ wire: Wire) -> [String] {
        wire.server.log.filter { $0.method == "PATCH" }.compactMap { $0.request.headers["content-range"] }
    }

    @Test func whatTheRegistryKeptIsNotSentAgain() async throws {
        try await withWire(.init(partialUploads: .init())) { wire in
            wire.server.answerNext(where: Self.isPut, with: .dropUpload(afterBytes: 5_000_000))
            wire.server.answerNext(2, where: Self.isPatch, with: .dropUpload(afterBytes: 1_000_000))
            try await wire.put(Self.content)
            #expect(wire.hasBlob(Self.content))
            #expect(Self.bodyBytes(wire) == Self.size)
            #expect(Self.ranges(wire).prefix(3).map { $0.prefix { $0 != "-" } } == ["5000000", "6000000", "7000000"])
            #expect(wire.server.count("POST", "/uploads/") == 1 && wire.server.openUploads == 0)
            #expect(wire.server.log.last?.method == "HEAD")
        }
    }

    @Test func aResumedUploadIsVerifiedWithSha512Too() async throws {
        try await withWire(.init(partialUploads: .init())) { wire in
            wire.server.answerNext(where: Self.isPut, with: .dropUpload(afterBytes: 5_000_000))
            let digest = Digest.of(Self.content, with: .sha512)
            try await wire.put(Self.content, as: Descriptor(mediaType: "x", digest: digest, size: Int64(Self.size)))
            #expect(wire.held.snapshot().repositories[wire.repository]?.blobs[digest] == Self.content)
        }
    }

    @Test func aResumedUploadOfWrongContentIsNeverStored() async throws {
        try await withWire(.init(partialUploads: .init())) { wire in
            wire.server.answerNext(where: Self.isPut, with: .dropUpload(afterBytes: 5_000_000))
            var wrong = Self.content
            wrong[1000] ^= 1
            let error = try await wire.failure { [wrong] () async throws(RegistryError) in
                try await wire.put(wrong, as: Samples.descriptor(of: Self.content))
            }
            #expect(error.code == .corrupt)
            #expect(!wire.hasBlob(Self.content) && !wire.hasBlob(wrong) && wire.server.openUploads == 0)
        }
    }

    @Test func partsAreAsLongAsTheRegistryWants() async throws {
        try await withWire(.init(partialUploads: .init(smallestPart: 18 << 20))) { wire in
            wire.server.answerNext(where: Self.isPut, with: .error(413, "SIZE_INVALID", "too large"))
            try await wire.put(Self.content)
            #expect(wire.hasBlob(Self.content))
            #expect(Self.ranges(wire) == ["0-\((18 << 20) - 1)", "\(18 << 20)-\(Self.size - 1)"])
        }
    }

    @Test func aRegistryThatTakesOnlySmallPartsGetsThem() async throws {
        try await withWire(.init(partialUploads: .init(largestPart: 4 << 20))) { wire in
            var early = ScriptedAnswer.error(413, "SIZE_INVALID", "too large")
            early.isEarly = true
            wire.server.answerNext(where: Self.isPut, with: early)
            try await wire.put(Self.content)
            #expect(wire.hasBlob(Self.content))
            #expect(wire.server.log.count { $0.method == "PATCH" && $0.status == 202 } == 5)
        }
    }

    @Test func aPartThatIsAcceptedTooEarlyIsNotTakenToBeThere() async throws {
        try await withWire { wire in
            wire.server.answerNext(where: Self.isPut, with: .error(413, "SIZE_INVALID", "too large"))
            let wasEarly = Atomic(false)
            wire.server.script { request in
                guard Self.isPatch(request), !wasEarly.exchange(true, ordering: .relaxed) else { return nil }
                var early = ScriptedAnswer.reply(202, headers: ["Location": request.target])
                early.isEarly = true
                return early
            }
            try await wire.put(Self.content)
            #expect(wire.hasBlob(Self.content))
            #expect(wire.server.log.count { $0.method == "PUT" && $0.status == 201 } == 1)
            #expect(!wire.server.log.contains { $0.status == 400 })
        }
    }

    @Test func partsWorkWithoutPartialUploadsToo() async throws {
        try await withWire { wire in
            wire.server.answerNext(2, where: Self.isPut, with: .dropUpload(afterBytes: 100))
            try await wire.put(Self.content)
            #expect(wire.hasBlob(Self.content))
            #expect(Self.ranges(wire).count == 2)
        }
    }

    @Test func aRegistryThatDropsPartsIsFoundOut() async throws {
        try await withWire { wire in
            wire.server.script { Self.isPut($0) && $0.headers["content-length"] != "0" ? .error(413, "SIZE_INVALID") : nil }
            wire.server.script { request in
                guard Self.isPatch(request) else { return nil }
                let location = request.target
                return .reply(201, headers: ["Location": location])
            }
            let error = try await wire.failure { () async throws(RegistryError) in try await wire.put(Self.content) }
            #expect(error.registryCode == "DIGEST_INVALID" || error.status == 413, "\(error)")
            #expect(!wire.hasBlob(Self.content))
        }
    }

    @Test func aRegistryThatKeepsNothingIsGivenUpAndTheErrorSaysWhy() async throws {
        try await withWire { wire in
            wire.server.script { ["PUT", "PATCH"].contains($0.method) ? .dropUpload(afterBytes: 1_000_000) : nil }
            let error = try await wire.failure { () async throws(RegistryError) in try await wire.put(Self.content) }
            #expect(error.code == .unavailable)
            #expect(error.object == "\(wire.client.id)/team/app@\(Digest.sha256(of: Self.content))")
            #expect(error.reason.contains(" of \(Self.size) bytes, also when sent in parts"), "\(error)")
            #expect(wire.server.log.count { ["PUT", "PATCH"].contains($0.method) } <= 7)
            #expect(wire.server.openUploads == 0)
        }
    }

    @Test func manyCutsAreOvercomeWithLittleSentTwice() async throws {
        try await withLoopbackRegistryServer(try InMemoryRegistry(), .init(partialUploads: .init())) { server in
            try await withCountingProxy(to: server.port, closingAfter: 2 << 20) { proxy in
                try await withClient(ofPort: proxy.port) { client, _ in
                    let repository = try RepositoryName("team/app")
                    try await client.putBlob(Sample.body(Self.content), into: repository)
                    #expect(server.registry.snapshot().blob(Digest.sha256(of: Self.content), in: repository) == Self.content)
                    #expect(proxy.closedConnections >= 9)
                    #expect(proxy.bytesToRegistry < Int64(Self.size) * 12 / 10)
                }
            }
        }
    }

    @Test func aTokenThatEndsBetweenPartsIsRenewed() async throws {
        let bearer = LoopbackAuthentication.Bearer(user: "u", password: "p")
        let options = LoopbackRegistryServer.Options(authentication: .bearer(bearer), partialUploads: .init())
        try await withWire(options, credentials: FixedCredentials(user: "u", password: "p")) { wire in
            wire.server.answerNext(where: Self.isPut, with: .error(413, "SIZE_INVALID", "too large"))
            let isDone = Mutex(false)
            wire.server.script { request in
                guard request.headers["content-range"]?.hasPrefix("0-") == false else { return nil }
                if !isDone.withLock({ done in
                    defer { done = true }; return done
                }) {
                    wire.server.expireTokens()
                }
                return nil
            }
            try await wire.put(Self.content)
            #expect(wire.hasBlob(Self.content))
            #expect(wire.server.log.filter { $0.method == "PATCH" }.map(\.status) == [202, 401, 202])
        }
    }

    @Test func cancellingASessionAsksForTheRightToDelete() async throws {
        let bearer = LoopbackAuthentication.Bearer(user: "u", password: "p")
        try await withWire(.init(authentication: .bearer(bearer)), credentials: FixedCredentials(user: "u", password: "p")) { wire in
            let error = try await wire.failure { () async throws(RegistryError) in
                try await wire.put([1, 2, 4], as: Samples.descriptor(of: [1, 2, 3]))
            }
            #expect(error.code == .corrupt)
            #expect(wire.server.openUploads == 0)
            let scopes = wire.server.log.filter { $0.path == "/token" }.map { $0.request.parameters("scope") }
            #expect(scopes.last == ["repository:team/app:pull,push", "repository:team/app:delete"], "\(scopes)")
        }
    }
}
