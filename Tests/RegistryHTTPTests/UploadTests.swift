import OCI
import Registry
import RegistryTestSupport
import Synchronization
import Testing

@testable import RegistryHTTP

@Suite(.timeLimit(.minutes(5))) struct UploadTests {
    private static let content = Samples.bytes(300_000, seed: 1)

    struct Fault: Sendable, CustomTestStringConvertible {
        var testDescription: String
        var method: String
        var path: String
        var answer: ScriptedAnswer
        var puts = 1
        var wait: Double?
    }

    static let faults: [Fault] = [
        Fault(
            testDescription: "429 with Retry-After on POST",
            method: "POST",
            path: "/uploads/",
            answer: .error(429, "TOOMANYREQUESTS", headers: ["Retry-After": "2"]),
            wait: 2
        ),
        Fault(testDescription: "500 on POST", method: "POST", path: "/uploads/", answer: .error(500, "UNKNOWN")),
        Fault(testDescription: "reply lost after POST", method: "POST", path: "/uploads/", answer: .loseReply),
        Fault(testDescription: "503 on HEAD of the blob", method: "HEAD", path: "/blobs/", answer: .error(503, "UNAVAILABLE")),
        Fault(testDescription: "503 on PUT", method: "PUT", path: "/uploads/", answer: .error(503, "UNAVAILABLE"), puts: 2),
        Fault(
            testDescription: "429 on PUT",
            method: "PUT",
            path: "/uploads/",
            answer: .error(429, "TOOMANYREQUESTS", headers: ["Retry-After": "3"]),
            puts: 2,
            wait: 3
        ),
        Fault(testDescription: "connection closed before PUT", method: "PUT", path: "/uploads/", answer: .close, puts: 2),
        Fault(
            testDescription: "connection closed within PUT",
            method: "PUT",
            path: "/uploads/",
            answer: .dropUpload(afterBytes: 1000),
            puts: 2
        ),
        Fault(testDescription: "reply lost after PUT", method: "PUT", path: "/uploads/", answer: .loseReply, puts: 1),
        Fault(testDescription: "session lost", method: "PUT", path: "/uploads/", answer: .error(404, "BLOB_UPLOAD_UNKNOWN"), puts: 2),
    ]

    @Test(arguments: faults)
    func oneFaultIsOvercome(_ fault: Fault) async throws {
        try await withWire { wire in
            wire.server.answerNext(where: { $0.method == fault.method && $0.path.contains(fault.path) }, with: fault.answer)
            try await wire.put(Self.content)
            #expect(wire.hasBlob(Self.content))
            #expect(wire.server.log.count { $0.method == "PUT" } == fault.puts)
            if let wait = fault.wait { #expect((wire.clock.sleeps.first ?? 0) >= wait) }
        }
    }

    @Test func whatIsThereIsNotSentAgain() async throws {
        try await withWire { wire in
            try await wire.put(Self.content)
            wire.server.forgetLog()
            try await wire.put(Self.content)
            #expect(wire.server.log.map(\.method) == ["HEAD"])
        }
    }

    @Test func theLocationsQueryComesBackByteForByte() async throws {
        try await withWire { wire in
            let state = "_state=a%2Bb%3D%3D&x=%2F+y~z"
            wire.server.answerNext(
                where: { $0.method == "POST" },
                with: .changed { $0.headers["Location"] = "\($0.headers["Location"]?.prefix { $0 != "?" } ?? "")?\(state)" }
            )
            try await wire.put([1, 2, 3])
            let put = wire.server.log.first { $0.method == "PUT" }
            #expect(put?.request.query == "\(state)&digest=\(Digest.sha256(of: [1, 2, 3]))")
            #expect(put?.request.headers["content-length"] == "3")
            #expect(put?.request.headers["content-type"] == "application/octet-stream")
        }
    }

    struct Defect: Sendable, CustomTestStringConvertible {
        var testDescription: String
        var sent: [UInt8]
        var announced: [UInt8]
        var pieceSize = 1 << 16
    }

    static let defects: [Defect] = [
        Defect(testDescription: "one flipped byte", sent: [9] + content.dropFirst(), announced: content),
        Defect(testDescription: "one flipped byte in a single piece", sent: [1, 2, 4], announced: [1, 2, 3]),
        Defect(testDescription: "a byte too few", sent: Array(content.dropLast()), announced: content),
        Defect(testDescription: "a byte too many in the last piece", sent: content + [0], announced: content),
        Defect(testDescription: "a byte too many in a piece of its own", sent: [1, 2, 3], announced: [1, 2], pieceSize: 1),
        Defect(testDescription: "nothing", sent: [], announced: [1]),
        Defect(testDescription: "something instead of nothing", sent: [1], announced: []),
    ]

    @Test(arguments: defects)
    func contentThatIsNotWhatItShouldBeIsNeverStored(_ defect: Defect) async throws {
        try await withWire { wire in
            let descriptor = Samples.descriptor(of: defect.announced)
            let error = try await wire.failure { () async throws(RegistryError) in
                try await wire.put(defect.sent, as: descriptor, pieceSize: defect.pieceSize)
            }
            #expect(error.code == .corrupt)
            #expect(!wire.hasBlob(defect.announced) && !wire.hasBlob(defect.sent))
            #expect(wire.server.openUploads == 0)
            #expect(wire.clock.sleeps == [])
        }
    }

    @Test func theSourcesErrorPassesThroughUnchanged() async throws {
        try await withWire { wire in
            let cause = RegistryError(.unavailable, action: "read", object: "elsewhere/x", reason: "gone")
            let body = BlobBody(Samples.descriptor(of: [UInt8](repeating: 1, count: 20)), at: "elsewhere/x") { _ throws(RegistryError) in
                BlobStream {
                    var pieces = [[UInt8](repeating: 1, count: 10)]
                    return { () async throws(RegistryError) -> BlobBytes? in
                        guard let piece = pieces.popLast() else { throw cause }
                        return BlobBytes(piece)
                    }
                }
            }
            let error = try await wire.failure { () async throws(RegistryError) in
                try await wire.client.putBlob(body, into: wire.repository)
            }
            #expect(error == cause)
            #expect(wire.server.count("PUT") <= 1)
        }
    }

    @Test func aCancelledUploadEndsAtOnceThoughItsSourceHangs() async throws {
        try await withWire { wire in
            let gate = Gate()
            let body = BlobBody(Samples.descriptor(of: [1, 2]), at: "elsewhere/x") { _ throws(RegistryError) in
                BlobStream {
                    { () async throws(RegistryError) -> BlobBytes? in
                        await gate.wait()
                        return nil
                    }
                }
            }
            let error = try await withThrowingTaskGroup(of: RegistryError.self) { group in
                group.addTask {
                    try await wire.failure { () async throws(RegistryError) in
                        try await wire.client.putBlob(body, into: wire.repository)
                    }
                }
                await gate.waitForArrivals()
                group.cancelAll()
                return try await group.next()
            }
            gate.open()
            #expect(error?.code == .cancelled)
        }
    }

    @Test func aRefusedMountsSessionIsUsed() async throws {
        try await withWire(features: [.deleteTag]) { wire in
            let other = try RepositoryName("team/other")
            let isMounted = try await wire.client.mountBlob(Samples.descriptor(of: [1, 2, 3]), from: other, into: wire.repository)
            #expect(!isMounted)
            try await wire.put([1, 2, 3])
            #expect(wire.server.log.count { $0.method == "POST" } == 1)
            #expect(wire.hasBlob([1, 2, 3]))
        }
    }

    @Test(arguments: [400, 401, 403, 404, 405])
    func aMountThatIsRefusedIsNoFailure(_ status: Int) async throws {
        try await withWire { wire in
            wire.server.answerNext(3, where: { $0.method == "POST" }, with: .error(status, "DENIED"))
            let other = try RepositoryName("team/other")
            #expect(try await wire.client.mountBlob(Samples.descriptor(of: [1]), from: other, into: wire.repository) == false)
        }
    }

    @Test func aRefusalBeforeTheBodyWasReadIsTold() async throws {
        try await withWire { wire in
            var early = ScriptedAnswer.error(400, "NAME_INVALID", "no such place")
            early.isEarly = true
            wire.server.answerNext(where: { $0.method == "PUT" }, with: early)
            let error = try await wire.failure { () async throws(RegistryError) in try await wire.put(Samples.bytes(8 << 20, seed: 3)) }
            #expect(error.code == .rejected || error.code == .unavailable, "\(error)")
            #expect(error.object.hasPrefix("\(wire.client.id)/team/app@sha256:"))
        }
    }

    @Test func anUploadElsewhereGetsNoCredentials() async throws {
        let options = LoopbackRegistryServer.Options(authentication: .basic(user: "u", password: "p"))
        try await withWire(options, credentials: FixedCredentials(user: "u", password: "p")) { wire in
            let storage = try InMemoryRegistry()
            try await withLoopbackRegistryServer(storage) { other in
                other.script { $0.method == "PUT" ? .reply(201) : nil }
                let location = "\(other.url)/put/here?sig=a%2Fb"
                wire.server.answerNext(
                    where: { $0.method == "POST" && $0.headers["authorization"] != nil },
                    with: .reply(202, headers: ["Location": location])
                )
                try await wire.put([1, 2, 3])
                let put = other.log.first { $0.method == "PUT" }
                #expect(put?.request.headers["authorization"] == nil)
                #expect(put?.request.query.hasPrefix("sig=a%2Fb&digest=sha256:") == true)
            }
        }
    }

    @Test func manyUploadsStayWithinTheLimit() async throws {
        try await withWire(settings: { $0.connections = 3 }) { wire in
            try await withThrowingTaskGroup(of: Void.self) { group in
                for seed in 0..<20 {
                    group.addTask { try await wire.put(Samples.bytes(50_000, seed: UInt64(seed))) }
                }
                try await group.waitForAll()
            }
            #expect(wire.server.connections <= 6)
            #expect(wire.held.snapshot().repositories[wire.repository]?.blobs.count == 20)
        }
    }

    @Test func copyingWithinTheRegistryNeverBlocksItself() async throws {
        for connections in [1, 2, 3] {
            try await withWire(settings: { $0.connections = connections }) { wire in
                let target = try RepositoryName("team/target")
                let blobs = (0..<8).map { Samples.bytes(200_000, seed: UInt64($0)) }
                for blob in blobs { try await wire.put(blob) }
                try await withThrowingTaskGroup(of: Void.self) { group in
                    for blob in blobs {
                        group.addTask {
                            let descriptor = Samples.descriptor(of: blob)
                            let body = BlobBody(descriptor, at: "team/app") { offset throws(RegistryError) in
                                try await wire.client.blob(descriptor, from: offset, in: wire.repository)
                            }
                            try await wire.client.putBlob(body, into: target)
                        }
                    }
                    try await group.waitForAll()
                }
                #expect(wire.held.snapshot().repositories[target]?.blobs.count == 8)
            }
        }
    }
}
