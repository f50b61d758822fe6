import Execution
import OCI
import Registry
import RegistryHTTP
import RegistryTestSupport
import Testing

/// The measured faults of other clients, one at a time, in the order of the reference's table: what crplan must make of each.
@Suite("One fault at a time", .timeLimit(.minutes(5))) struct FaultMatrixTests {
    private typealias Request = LoopbackRequest

    private static func isUpload(_ request: Request) -> Bool { request.path.contains("/blobs/uploads/") }
    private static func isTag(_ request: Request) -> Bool { request.path.hasSuffix("/manifests/\(FaultyCopy.tag)") }

    private static func beginsUpload(_ request: Request) -> Bool { request.method == "POST" && isUpload(request) }
    private static func putsBlob(_ request: Request) -> Bool { request.method == "PUT" && isUpload(request) }
    private static func putsTag(_ request: Request) -> Bool { request.method == "PUT" && isTag(request) }

    // MARK: Waiting and trying again

    @Test func `1: 429 with Retry-After 2 on POST upload waits 2 s or longer`() async throws {
        try await withFaultyCopy { copy in
            copy.target.answerNext(where: Self.beginsUpload, with: .error(429, "TOOMANYREQUESTS", headers: ["Retry-After": "2"]))
            try copy.expectCopied(try await copy.copy())
            #expect(copy.clock.waits.contains { $0 >= 2 })
        }
    }

    @Test func `2: 429 with an HTTP date on HEAD waits until then`() async throws {
        try await withFaultyCopy { copy in
            let headers = ["Date": "Mon, 12 Jan 1970 13:46:40 GMT", "Retry-After": "Mon, 12 Jan 1970 13:46:47 GMT"]
            copy.target.answerNext(where: { $0.method == "HEAD" }, with: .error(429, "TOOMANYREQUESTS", headers: headers))
            try copy.expectCopied(try await copy.copy())
            #expect(copy.clock.waits.contains { $0 >= 7 })
        }
    }

    @Test func `3: 503 on a source blob GET is tried again`() async throws {
        try await withFaultyCopy { copy in
            copy.source.answerNext(where: { $0.method == "GET" && copy.isLayer($0) }, with: .error(503, "UNAVAILABLE"))
            try copy.expectCopied(try await copy.copy())
        }
    }

    @Test func `4: 503 on a target blob HEAD is asked again, never taken for absent`() async throws {
        try await withFaultyCopy { copy in
            let isHead: @Sendable (LoopbackRequest) -> Bool = { $0.method == "HEAD" && copy.isLayer($0) }
            // Where nothing is tagged, no blob is looked for.
            try copy.target.registry.seed(Samples.image(seed: 90), tags: ["earlier"], in: copy.repository())
            copy.target.answerNext(where: isHead, with: .error(503, "UNAVAILABLE"))
            try copy.expectCopied(try await copy.copy())
            #expect(copy.target.log.filter { isHead($0.request) }.prefix(2).map(\.status) == [503, 404])
        }
    }

    @Test func `5: 500 on POST upload is tried again`() async throws {
        try await withFaultyCopy { copy in
            copy.target.answerNext(where: Self.beginsUpload, with: .error(500, "UNKNOWN"))
            try copy.expectCopied(try await copy.copy())
        }
    }

    @Test func `6: 503 on PUT manifest is tried again`() async throws {
        try await withFaultyCopy { copy in
            copy.target.answerNext(where: Self.putsTag, with: .error(503, "UNAVAILABLE"))
            try copy.expectCopied(try await copy.copy())
            #expect(copy.clock.waits.count == 1)
        }
    }

    @Test(arguments: [true, false])
    func `7: a reset or 502 on a blob's PUT is settled by HEAD, then sent again`(isReset: Bool) async throws {
        try await withFaultyCopy { copy in
            let answer = isReset ? ScriptedAnswer.dropUpload(afterBytes: 5_000) : .error(502, "UNKNOWN")
            copy.target.answerNext(where: { Self.putsBlob($0) && $0.query.contains("\(copy.layer)") }, with: answer)
            try copy.expectCopied(try await copy.copy())
            let steps = copy.target.log.filter { copy.isLayer($0.request) || $0.request.query.contains("\(copy.layer)") }.map(\.method)
            let puts = steps.indices.filter { steps[$0] == "PUT" }
            let first = try #require(puts.first)
            #expect(steps[first...].dropFirst().first == "HEAD")
        }
    }

    @Test func `8: a reset on PUT manifest is settled by HEAD of the tag, then sent again`() async throws {
        try await withFaultyCopy { copy in
            copy.target.answerNext(where: Self.putsTag, with: .close)
            try copy.expectCopied(try await copy.copy())
            let steps = copy.target.log.filter { Self.isTag($0.request) }.map(\.method)
            #expect(steps.drop { $0 != "PUT" }.prefix(3) == ["PUT", "HEAD", "PUT"])
        }
    }

    // MARK: Lost replies

    @Test func `9: a reply lost after POST upload begins a new session`() async throws {
        try await withFaultyCopy { copy in
            copy.target.answerNext(where: Self.beginsUpload, with: .loseReply)
            try copy.expectCopied(try await copy.copy())
            #expect(copy.target.log.count { Self.beginsUpload($0.request) } == copy.sample.blobs.count + 1)
        }
    }

    @Test func `10: a reply lost after PUT blob is settled by HEAD, and the blob not sent again`() async throws {
        try await withFaultyCopy { copy in
            copy.target.answerNext(where: Self.putsBlob, with: .loseReply)
            try copy.expectCopied(try await copy.copy())
            #expect(copy.target.log.count { Self.putsBlob($0.request) } == copy.sample.blobs.count)
        }
    }

    @Test func `11: a reply lost after PUT manifest by tag is settled by HEAD, and the tag not put again`() async throws {
        try await withFaultyCopy { copy in
            copy.target.answerNext(where: Self.putsTag, with: .loseReply)
            try copy.expectCopied(try await copy.copy())
            #expect(copy.target.log.count { Self.putsTag($0.request) } == 1)
        }
    }

    @Test func `11: nor is somebody's newer push undone`() async throws {
        try await withFaultyCopy { copy in
            let newer = try Samples.image(seed: 77)
            let (repository, tag) = (try copy.repository(), try copy.tag())
            copy.target.answerNext(where: Self.putsTag, with: .loseReply)
            let wasPut = Mutexed(false)
            copy.target.script { request in
                // The first look after the lost reply finds what somebody else has pushed meanwhile.
                if request.method == "HEAD", Self.isTag(request), wasPut.withLock({ $0 }) {
                    copy.target.registry.update { $0.seed(newer, tags: [tag], in: repository) }
                }
                if Self.putsTag(request) { wasPut.withLock { $0 = true } }
                return nil
            }
            let report = try await copy.copy()
            #expect(report.firstFailure != nil)
            #expect(try copy.tagged() == newer.digest)
            #expect(copy.target.log.count { Self.putsTag($0.request) } == 1)
        }
    }

    @Test func `12: a reply lost after DELETE digest is settled by HEAD`() async throws {
        try await withFaultyCopy { copy in
            try copy.target.registry.seed(copy.sample, tags: [FaultyCopy.tag], in: copy.repository())
            copy.target.answerNext(where: { $0.method == "DELETE" }, with: .loseReply)
            let report = try await copy.delete(copy.sample.digest)
            #expect(report.verdict == .complete)
            #expect(copy.target.count("DELETE") == 1)
            #expect(try copy.tagged() == nil)
        }
    }

    @Test(arguments: [429, 500])
    func `13: one 429 or 500 on DELETE tag waits, and the DELETE is sent again, never a PUT`(status: Int) async throws {
        try await withFaultyCopy { copy in
            try copy.target.registry.seed(copy.sample, tags: [FaultyCopy.tag], in: copy.repository())
            let (end, later) = ("/\(FaultyCopy.tag)", ScriptedAnswer.error(status, "X", headers: ["Retry-After": "3"]))
            copy.target.answerNext(where: { $0.method == "DELETE" && $0.path.hasSuffix(end) }, with: later)
            let report = try await copy.untag(at: copy.sample.digest)
            #expect(report.verdict == .complete)
            #expect(copy.clock.waits.contains { $0 >= 3 })
            // The first asked whether tags can be deleted.
            #expect(copy.target.count("DELETE") == 3)
            #expect(copy.target.count("PUT") == 0)
            let image = try await copy.to.head(.digest(copy.sample.digest), in: copy.repository())
            #expect(image != nil)
        }
    }

    // MARK: Broken sources

    @Test func `14: a source blob whose connection breaks is resumed, and the target's PUT goes on`() async throws {
        let script = FaultScript([Fault(.getBlob, first: 2, .truncate(0.5))])
        let proxied = Mutexed(0)
        try await withFaultyCopy { first in
            try await withFaultProxy(to: first.source.port, script) { proxy in
                proxied.withLock { $0 = proxy.port }
                // The same source, seen through the proxy.
                try await withFaultyCopy(sourcePort: { _ in proxied.withLock { $0 } }) { copy in
                    try copy.expectCopied(try await copy.copy())
                    Self.expectResumed(first.source, copy)
                }
            }
        }
    }

    @Test func `15: a source blob that ends short is resumed, and the target's PUT goes on`() async throws {
        try await withFaultyCopy { copy in
            copy.source.answerNext(where: { $0.method == "GET" && copy.isLayer($0) }, with: .cut(afterBytes: 7_000))
            try copy.expectCopied(try await copy.copy())
            Self.expectResumed(copy.source, copy)
        }
    }

    /// One blob was read in two parts, and each was sent once.
    private static func expectResumed(_ source: LoopbackRegistryServer, _ copy: FaultyCopy) {
        let reads = source.log.filter { $0.method == "GET" && $0.path.contains("/blobs/") }
        #expect(reads.count { $0.request.headers["range"] != nil } == 1)
        #expect(copy.target.log.count { putsBlob($0.request) } == copy.sample.blobs.count)
        #expect(copy.target.count("PATCH") == 0)
    }

    @Test func `16: a blob that is cut every time names the source and how far it came`() async throws {
        try await withFaultyCopy { copy in
            copy.source.script { request in
                guard request.method == "GET", copy.isLayer(request) else { return nil }
                return .cut(afterBytes: request.headers["range"] == nil ? 7_000 : 0)
            }
            let error = try copy.expectNotCopied(try await copy.copy())
            #expect(error.description.contains("\(copy.from.id)/team/app@\(copy.layer)"))
            #expect(error.description.contains("after 7000 of 20000 bytes"))
        }
    }

    @Test func `17: one flipped byte in a layer is a mismatch of the source, with both digests`() async throws {
        try await withFaultyCopy { copy in
            copy.source.script { request in
                guard request.method == "GET", copy.isLayer(request) else { return nil }
                return .changed { reply in if !reply.body.isEmpty { reply.body[0] ^= 1 } }
            }
            var bytes = copy.sample.blobs[copy.layer] ?? []
            bytes[0] ^= 1
            let error = try copy.expectNotCopied(try await copy.copy())
            #expect(error.code == .corrupt)
            #expect(error.description.contains("\(copy.from.id)/team/app"))
            #expect(error.description.contains("\(copy.layer)"))
            #expect(error.description.contains("\(Digest.sha256(of: bytes))"))
        }
    }

    @Test func `18: a target HEAD without Docker-Content-Digest does not matter`() async throws {
        try await withFaultyCopy { copy in
            copy.target.script { $0.method == "HEAD" ? .changed { $0.headers["Docker-Content-Digest"] = nil } : nil }
            try copy.expectCopied(try await copy.copy())
        }
    }

    @Test func `19: tokens that end all the time are renewed`() async throws {
        var bearer = LoopbackAuthentication.Bearer(user: "alice", password: "wonder")
        bearer.announcedLifetime = 2
        let options = LoopbackRegistryServer.Options(authentication: .bearer(bearer))
        try await withFaultyCopy(options, credentials: FixedCredentials(user: "alice", password: "wonder")) { copy in
            // The tokens end while blobs are read, while they are sent, and right before the tag is put.
            let ends: [(LoopbackRegistryServer, String, String)] = [
                (copy.source, "GET", "/blobs/"), (copy.target, "PUT", "/blobs/uploads/"), (copy.target, "PUT", "/manifests/"),
            ]
            for (server, method, path) in ends {
                let hasEnded = Mutexed(false)
                server.script { request in
                    guard request.method == method, request.path.contains(path), !hasEnded.withLock({ $0 }) else { return nil }
                    hasEnded.withLock { $0 = true }
                    server.expireTokens()
                    return nil
                }
            }
            try copy.expectCopied(try await copy.copy())
            #expect(copy.source.issuedTokens >= 2)
            #expect(copy.target.issuedTokens >= 3)
        }
    }

    // MARK: Odd answers

    @Test func `20: a list whose Link leads to itself is an error at once`() async throws {
        try await withFaultyCopy { copy in
            copy.source.script { request in
                guard request.path.hasSuffix("/tags/list") else { return nil }
                return .reply(200, headers: ["Link": "<\(request.path)?last=a>; rel=\"next\""], body: Array(#"{"tags":["a"]}"#.utf8))
            }
            let error = await #expect(throws: RegistryError.self) { _ = try await copy.from.tags(in: copy.repository()) }
            #expect(error?.description.contains("pagination loop") == true)
            #expect(copy.source.log.count == 2)
        }
    }

    @Test func `21: a list with null instead of tags is empty`() async throws {
        try await withFaultyCopy { copy in
            copy.source.script { $0.path.hasSuffix("/tags/list") ? .reply(200, body: Array(#"{"tags":null}"#.utf8)) : nil }
            let tags = try await copy.from.tags(in: copy.repository())
            #expect(tags == [])
        }
    }

    @Test func `22: escape sequences in an error's text are made visible`() async throws {
        try await withFaultyCopy { copy in
            copy.target.script { Self.putsTag($0) ? .error(403, "DENIED", "no\u{1b}[2J\u{202e}way") : nil }
            let text = try copy.expectNotCopied(try await copy.copy()).description
            #expect(!text.unicodeScalars.contains { $0.value == 0x1b || $0.value == 0x202e })
            #expect(text.contains("no") && text.contains("way"))
        }
    }

    @Test func `23: a long web page as 404 is shown by its title`() async throws {
        let page = "<html><head><title>Not here</title></head><body>" + String(repeating: "<p>lost</p>", count: 530) + "</body></html>"
        try await withFaultyCopy { copy in
            copy.source.script { request in
                request.path.contains("/manifests/") ? .reply(404, headers: ["Content-Type": "text/html"], body: Array(page.utf8)) : nil
            }
            let text = try copy.expectNotCopied(try await copy.copy()).description
            #expect(text.contains("Not here") && !text.contains("lost"))
            #expect(text.count < 500)
        }
    }
}
