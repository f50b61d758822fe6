import OCI
import RegistryTestSupport
import Testing

/// The loopback server that keeps what it got of an upload.
@Suite struct PartialUploadsTests {
    private let registry: InMemoryRegistry

    init() throws { registry = try InMemoryRegistry() }

    /// The status line and the headers in lower case, and nothing else.
    private static func curl(_ arguments: String...) async throws -> String {
        try await run("curl", ["-sS", "-o", "/dev/null", "-D", "-"] + arguments).stdout.lowercased()
    }

    private static func value(_ name: String, of head: String) -> String? {
        head.split(whereSeparator: \.isNewline).first { $0.hasPrefix("\(name): ") }.map { String($0.dropFirst(name.count + 2)) }
    }

    private static func begin(_ server: LoopbackRegistryServer) async throws -> (address: String, head: String) {
        let head = try await curl("-X", "POST", "\(server.url)/v2/team/app/blobs/uploads/")
        // The state's letters are all lower case but for its escapes.
        let location = value("location", of: head)?.replacing("%2b", with: "%2B").replacing("%2f", with: "%2F").replacing(
            "%3d",
            with: "%3D"
        )
        return (server.url + (location ?? ""), head)
    }

    @Test func whatCameBeforeABreakIsKeptAndTold() async throws {
        try await withLoopbackRegistryServer(registry, .init(partialUploads: .init(smallestPart: 3))) { server in
            let (address, head) = try await Self.begin(server)
            #expect(Self.value("oci-chunk-min-length", of: head) == "3")
            server.answerNext(where: { $0.method == "PATCH" }, with: .dropUpload(afterBytes: 4))
            _ = try await Self.curl("-X", "PATCH", "--data-binary", "0123456789", address)
            let status = try await Self.curl(address)
            #expect(status.hasPrefix("http/1.1 204") && Self.value("range", of: status) == "0-3", "\(status)")
            let wrong = try await Self.curl("-X", "PATCH", "-H", "Content-Range: 5-9", "--data-binary", "56789", address)
            #expect(wrong.hasPrefix("http/1.1 416") && Self.value("range", of: wrong) == "0-3", "\(wrong)")
            let right = try await Self.curl("-X", "PATCH", "-H", "Content-Range: 4-9", "--data-binary", "456789", address)
            #expect(right.hasPrefix("http/1.1 202") && Self.value("range", of: right) == "0-9", "\(right)")
            let stale = try await Self.curl(address)
            #expect(stale.hasPrefix("http/1.1 404"), "\(stale)")
        }
    }

    @Test(arguments: [false, true])
    func aBlobIsStoredOnlyUnderItsDigest(dropsBytes: Bool) async throws {
        try await withLoopbackRegistryServer(registry, .init(partialUploads: .init(dropsBytes: dropsBytes))) { [registry] server in
            let digest = Digest.sha256(of: Array("0123456789".utf8))
            let blob = "\(server.url)/v2/team/app/blobs/\(digest)"
            let spoilt = try await Self.curl(
                "-X",
                "PUT",
                "--data-binary",
                "0123456788",
                "\(try await Self.begin(server).address)&digest=\(digest)"
            )
            #expect(spoilt.hasPrefix("http/1.1 400"), "\(spoilt)")
            #expect(try await Self.curl("-I", blob).hasPrefix("http/1.1 404"))
            let stored = try await Self.curl(
                "-X",
                "PUT",
                "--data-binary",
                "0123456789",
                "\(try await Self.begin(server).address)&digest=\(digest)"
            )
            #expect(stored.hasPrefix("http/1.1 201"), "\(stored)")
            let head = try await Self.curl("-I", blob)
            #expect(head.hasPrefix("http/1.1 200") && Self.value("content-length", of: head) == "10", "\(head)")
            let held = registry.snapshot().repositories[try RepositoryName("team/app")]
            #expect((held?.blobs[digest] == nil) == dropsBytes)
            #expect(held?.droppedBlobs[digest] == (dropsBytes ? 10 : nil))
        }
    }

    @Test func partsMustHaveTheLengthsThatWereAnnounced() async throws {
        try await withLoopbackRegistryServer(registry, .init(partialUploads: .init(smallestPart: 3, largestPart: 5))) { server in
            let tooLong = try await Self.curl("-X", "PATCH", "--data-binary", "012345", try await Self.begin(server).address)
            #expect(tooLong.hasPrefix("http/1.1 416"), "\(tooLong)")
            let session = try await Self.begin(server).address
            let short = try await Self.curl("-X", "PATCH", "--data-binary", "01", session)
            #expect(short.hasPrefix("http/1.1 202"), "\(short)")
            let next = session.replacing("s%2B0", with: "s%2B1")
            let second = try await Self.curl("-X", "PATCH", "--data-binary", "234", next)
            #expect(second.hasPrefix("http/1.1 416"), "\(second)")
        }
    }

    @Test func theProxyClosesAConnectionThatHasCarriedEnough() async throws {
        let sample = try Samples.image(layers: [Samples.bytes(300_000, seed: 1)])
        try registry.seed(sample, tags: ["1"], in: try RepositoryName("team/app"))
        let layer = try #require(sample.blobs.first { $0.value.count == 300_000 }?.key)
        try await withLoopbackRegistryServer(registry) { server in
            try await withCountingProxy(to: server.port, closingAfter: 100_000) { proxy in
                let result = try await run("curl", ["-sS", "-o", "/dev/null", "http://\(proxy.host)/v2/team/app/blobs/\(layer)"])
                #expect(result.status == 18 || result.status == 56, "\(result)")
                #expect(proxy.closedConnections == 1)
                #expect(proxy.bytesFromRegistry <= 100_000)
            }
        }
    }
}
