import OCI
import Registry
import RegistryTestSupport
import Testing

@testable import RegistryHTTP

@Suite(.timeLimit(.minutes(5))) struct DownloadTests {
    private static let content = Samples.bytes(500_000, seed: 1)
    private static let descriptor = Samples.descriptor(of: content)

    private static func isBlobGet(_ request: LoopbackRequest) -> Bool { request.method == "GET" && request.path.contains("/blobs/") }

    private func withBlob(_ body: @escaping @Sendable (Wire) async throws -> Void) async throws {
        try await withWire { wire in
            try await wire.put(Self.content)
            wire.server.forgetLog()
            try await body(wire)
        }
    }

    private static func read(_ wire: Wire, from offset: Int64 = 0) async throws(RegistryError) -> [UInt8] {
        try await wire.client.blob(Self.descriptor, from: offset, in: wire.repository).collected()
    }

    @Test func aBrokenTransferIsResumedWhereItEnded() async throws {
        try await withBlob { wire in
            wire.server.answerNext(where: Self.isBlobGet, with: .cut(afterBytes: 100_000))
            let bytes = try await Self.read(wire)
            #expect(bytes == Self.content)
            let ranges = wire.server.log.map { $0.request.headers["range"] ?? "" }
            #expect(ranges.count == 2 && ranges[0] == "" && ranges[1].hasPrefix("bytes=") && ranges[1] != "bytes=0-")
        }
    }

    @Test func progressGivesNewTries() async throws {
        try await withBlob { wire in
            wire.server.answerNext(6, where: Self.isBlobGet, with: .cut(afterBytes: 70_000))
            let bytes = try await Self.read(wire)
            #expect(bytes == Self.content)
        }
    }

    @Test func withoutProgressItGivesUpAndSaysWhere() async throws {
        try await withBlob { wire in
            wire.server.answerNext(where: Self.isBlobGet, with: .cut(afterBytes: 70_000))
            wire.server.script { Self.isBlobGet($0) && $0.headers["range"] != nil ? .cut(afterBytes: 0) : nil }
            wire.server.answerNext(where: Self.isBlobGet, with: .cut(afterBytes: 70_000))
            let error = try await wire.failure { () async throws(RegistryError) in _ = try await Self.read(wire) }
            #expect(error.code == .unavailable)
            #expect(error.object == "\(wire.client.id)/team/app@\(Self.descriptor.digest)")
            #expect(error.reason.contains("of 500000 bytes"))
        }
    }

    @Test func aRegistryThatIgnoresRangesIsReadFromTheStart() async throws {
        try await withBlob { wire in
            wire.server.script { Self.isBlobGet($0) ? .reply(200, body: Self.content) : nil }
            let bytes = try await Self.read(wire, from: 123_456)
            #expect(bytes == Array(Self.content[123_456...]))
        }
    }

    @Test func anotherRangeThanAskedIsRefused() async throws {
        try await withBlob { wire in
            wire.server.script {
                Self.isBlobGet($0) ? .reply(206, headers: ["Content-Range": "bytes 5-9/500000"], body: [1, 2, 3, 4, 5]) : nil
            }
            let error = try await wire.failure { () async throws(RegistryError) in _ = try await Self.read(wire, from: 6) }
            #expect(error.code == .badAnswer)
        }
    }

    @Test func aLieAboutTheSizeIsFoundBeforeReading() async throws {
        try await withBlob { wire in
            let larger = Descriptor(mediaType: "x", digest: Self.descriptor.digest, size: 500_001)
            let error = try await wire.failure { () async throws(RegistryError) in
                _ = try await wire.client.blob(larger, from: 0, in: wire.repository)
            }
            #expect(error.code == .corrupt)
            #expect(error.reason == "its manifest says 500001 bytes, but the registry serves 500000")
        }
    }

    @Test func a503IsTriedAgain() async throws {
        try await withBlob { wire in
            wire.server.answerNext(where: Self.isBlobGet, with: .error(503, "UNAVAILABLE"))
            let bytes = try await Self.read(wire)
            #expect(bytes == Self.content)
        }
    }

    @Test func bytesAreAskedForAsTheyAre() async throws {
        try await withBlob { wire in
            _ = try await Self.read(wire)
            #expect(wire.server.log.first?.request.headers["accept-encoding"] == "identity")
        }
    }

    @Test func droppingTheStreamEndsTheTransferAndFreesItsSlot() async throws {
        try await withWire(settings: { $0.connections = 1 }) { wire in
            let large = Samples.bytes(16 << 20, seed: 4)
            try await wire.put(large)
            for _ in 1...3 {
                var pieces = try await wire.client.blob(Samples.descriptor(of: large), from: 0, in: wire.repository).makeAsyncIterator()
                let first = try await pieces.next()
                #expect((first?.count ?? 0) <= 1 << 20)
            }
            #expect(try await wire.client.headBlob(Digest.sha256(of: large), in: wire.repository) == 16 << 20)
        }
    }

    @Test func redirectsLeadToStorageWithoutCredentials() async throws {
        let options = LoopbackRegistryServer.Options(authentication: .basic(user: "u", password: "p"))
        try await withWire(options, credentials: FixedCredentials(user: "u", password: "p")) { wire in
            try await wire.put(Self.content)
            try await withLoopbackRegistryServer(try InMemoryRegistry()) { storage in
                storage.script { _ in .reply(200, body: Self.content) }
                let location = "\(storage.url)/b?X-Amz-Signature=a%2Bb"
                wire.server.script {
                    Self.isBlobGet($0) && $0.headers["authorization"] != nil ? .reply(307, headers: ["Location": location]) : nil
                }
                let bytes = try await Self.read(wire)
                #expect(bytes == Self.content)
                #expect(storage.log.first?.request.headers["authorization"] == nil)
                #expect(storage.log.first?.request.query == "X-Amz-Signature=a%2Bb")
            }
        }
    }

    @Test(arguments: ["http://169.254.169.254/latest/meta-data", "http://[fe80::1]/x", "ftp://127.0.0.1/x"])
    func redirectsNeverLeadFurtherInside(_ target: String) async throws {
        try await withBlob { wire in
            wire.server.script { Self.isBlobGet($0) ? .reply(302, headers: ["Location": target]) : nil }
            let error = try await wire.failure { () async throws(RegistryError) in _ = try await Self.read(wire) }
            #expect(error.code == .untrusted)
        }
    }

    @Test func redirectLoopsEnd() async throws {
        try await withBlob { wire in
            wire.server.script { Self.isBlobGet($0) ? .reply(302, headers: ["Location": $0.target]) : nil }
            let error = try await wire.failure { () async throws(RegistryError) in _ = try await Self.read(wire) }
            #expect(error.code == .untrusted)
            #expect(wire.server.log.count == 6)
        }
    }

    @Test func aCancelledReadSaysSo() async throws {
        try await withBlob { wire in
            let gate = Gate()
            wire.server.script { Self.isBlobGet($0) ? .held(by: gate) : nil }
            let error = try await withThrowingTaskGroup(of: RegistryError.self) { group in
                group.addTask { try await wire.failure { () async throws(RegistryError) in _ = try await Self.read(wire) } }
                await gate.waitForArrivals()
                group.cancelAll()
                return try await group.next()
            }
            gate.open()
            #expect(error?.code == .cancelled)
        }
    }
}
