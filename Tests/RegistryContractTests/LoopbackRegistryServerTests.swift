import OCI
import Registry
import RegistryTestSupport
import Testing

@Suite struct LoopbackRegistryServerTests {
    private let repository: RepositoryName
    private let registry: InMemoryRegistry

    init() throws {
        repository = try RepositoryName("team/app")
        registry = try InMemoryRegistry()
    }

    private func curl(_ arguments: String...) async throws -> ToolResult {
        try await run("curl", ["-s", "-S", "-m", "20", "--http1.1"] + arguments)
    }

    @Test func itServesManifestsTagsAndBlobs() async throws {
        let sample = try Samples.image(layers: [Array("0123456789".utf8)])
        try registry.seed(sample, tags: ["1", "2", "3"], in: repository)
        try await withLoopbackRegistryServer(registry, .init(pageSize: 2)) { [sample] server in
            let manifest = try await curl("-i", "-H", "Accept: */*", "\(server.url)/v2/team/app/manifests/1")
            #expect(manifest.stdout.contains("Docker-Content-Digest: \(sample.digest)"), "\(manifest)")
            #expect(manifest.stdout.hasSuffix(String(decoding: sample.root.bytes, as: UTF8.self)))
            let tags = try await curl("-i", "\(server.url)/v2/team/app/tags/list")
            #expect(tags.stdout.contains(#"Link: </v2/team/app/tags/list?last=2&n=2>; rel="next""#), "\(tags)")
            let rest = try await curl("\(server.url)/v2/team/app/tags/list?last=2&n=2")
            #expect(rest.stdout == #"{"name":"team/app","tags":["3"]}"#)
            let layer = Digest.sha256(of: Array("0123456789".utf8))
            let part = try await curl("-H", "Range: bytes=4-", "\(server.url)/v2/team/app/blobs/\(layer)")
            #expect(part.stdout == "456789")
            #expect(server.count("GET", "/tags/list") == 2)
        }
    }

    @Test func anOCIManifestNeedsItsTypeInAccept() async throws {
        try registry.seed(try Samples.image(), tags: ["1"], in: repository)
        try await withLoopbackRegistryServer(registry) { server in
            let answer = try await curl("-i", "-H", "Accept: application/json", "\(server.url)/v2/team/app/manifests/1")
            #expect(answer.stdout.hasPrefix("HTTP/1.1 404"), "\(answer)")
        }
    }

    @Test func anUploadTakesOnlyTheLatestState() async throws {
        try await withLoopbackRegistryServer(registry) { server in
            let begun = try await curl("-i", "-X", "POST", "\(server.url)/v2/team/app/blobs/uploads/")
            let location = try #require(begun.stdout.split(whereSeparator: \.isNewline).first { $0.hasPrefix("Location: ") }).dropFirst(10)
            let patched = try await curl("-i", "-X", "PATCH", "--data-binary", "abc", "\(server.url)\(location)")
            #expect(patched.stdout.contains("Range: 0-2"), "\(patched)")
            let stale = try await curl("-i", "\(server.url)\(location)")
            #expect(stale.stdout.contains("BLOB_UPLOAD_INVALID"), "\(stale)")
            #expect(server.openUploads == 1)
        }
    }

    @Test func aLostReplyMeansThatTheWorkIsDone() async throws {
        try registry.seed(try Samples.image(), tags: ["1"], in: repository)
        try await withLoopbackRegistryServer(registry) { [registry, repository] server in
            server.answerNext(where: { $0.method == "DELETE" }, with: .loseReply)
            let answer = try await curl("-X", "DELETE", "\(server.url)/v2/team/app/manifests/1")
            #expect(answer.status == 52, "\(answer)")
            #expect(registry.tagsAndDigests(in: repository).isEmpty)
            #expect(server.log.map(\.status) == [nil])
        }
    }

    @Test func aBodyCanBreakOff() async throws {
        let sample = try Samples.image(layers: [Samples.bytes(100_000, seed: 1)])
        try registry.seed(sample, in: repository)
        try await withLoopbackRegistryServer(registry) { server in
            server.answerNext(where: { $0.path.contains("/blobs/") }, with: .cut(afterBytes: 70_000))
            let layer = try #require(sample.root.image?.layers.first)
            let answer = try await curl("-w", "%{size_download}", "-o", "/dev/null", "\(server.url)/v2/team/app/blobs/\(layer.digest)")
            #expect(answer.status == 18, "\(answer)")
            #expect(answer.stdout == "70000")
        }
    }

    @Test func anAnswerWaitsAtAGate() async throws {
        let gate = Gate()
        try await withLoopbackRegistryServer(registry) { server in
            server.script { $0.path == "/v2/" ? .held(by: gate) : nil }
            async let answer = curl("-i", "\(server.url)/v2/")
            await gate.waitForArrivals()
            #expect(server.log.isEmpty)
            gate.open()
            let text = try await answer.stdout
            #expect(text.hasPrefix("HTTP/1.1 200"))
        }
    }

    @Test func anUploadCanBeDropped() async throws {
        try await withLoopbackRegistryServer(registry) { server in
            server.script { $0.method == "PUT" ? .dropUpload(afterBytes: 10) : nil }
            let answer = try await curl("-X", "PUT", "--data-binary", "0123456789abcdef", "\(server.url)/v2/team/app/blobs/uploads/x")
            #expect([52, 55, 56].contains(answer.status), "\(answer)")
        }
    }

    @Test func bearerTokensAreNeededForTheirScope() async throws {
        try registry.seed(try Samples.image(), tags: ["1"], in: repository)
        var bearer = LoopbackAuthentication.Bearer(user: "u", password: "p")
        bearer.hasOwnPort = true
        try await withLoopbackRegistryServer(registry, .init(authentication: .bearer(bearer))) { server in
            #expect(server.tokenPort != server.port)
            let list = "\(server.url)/v2/team/app/tags/list"
            let refused = try await curl("-i", list)
            let challenge = #"WWW-Authenticate: Bearer realm="http://127.0.0.1:\#(server.tokenPort)/token",service="loopback","#
            #expect(refused.stdout.contains(challenge + #"scope="repository:team/app:pull""#), "\(refused)")
            let token = try await curl("-u", "u:p", "http://127.0.0.1:\(server.tokenPort)/token?scope=repository:team/app:pull")
            let value = try #require(token.stdout.split(separator: "\"").first { $0.hasPrefix("token-") })
            let allowed = try await curl("-H", "Authorization: Bearer \(value)", list)
            #expect(allowed.stdout.contains("tags"))
            let push = try await curl(
                "-i",
                "-X",
                "POST",
                "-H",
                "Authorization: Bearer \(value)",
                "\(server.url)/v2/team/app/blobs/uploads/"
            )
            #expect(push.stdout.contains("insufficient_scope"), "\(push)")
            server.expireTokens()
            let expired = try await curl("-i", "-H", "Authorization: Bearer \(value)", list)
            #expect(expired.stdout.contains("invalid_token"))
            #expect(server.log.allSatisfy { $0.request.headers["authorization"].map { $0.hasSuffix(" <redacted>") } ?? true })
        }
    }

    @Test func itSpeaksTLSAndAsksForAClientCertificate() async throws {
        try await withTemporaryDirectory { [registry] directory in
            let authority = try await TestCertificates(in: directory)
            let options = LoopbackRegistryServer.Options(
                certificate: try await authority.server(),
                clientAuthorityPath: authority.authorityPath
            )
            let client = try await authority.client()
            try await withLoopbackRegistryServer(registry, options) { server in
                let trust = ["--cacert", authority.authorityPath]
                let refused = try await run("curl", ["-si"] + trust + ["\(server.url)/v2/"])
                #expect(refused.status != 0, "\(refused)")
                let identity = ["--cert", client.certificatePath, "--key", client.keyPath]
                let answer = try await run("curl", ["-si"] + trust + identity + ["\(server.url)/v2/"])
                #expect(answer.stdout.hasPrefix("HTTP/1.1 200"), "\(answer)")
            }
        }
    }

    @Test func aHookOfTheRegistryIsHeardOverHTTP() async throws {
        registry.setHook { operation, _ throws(RegistryError) in
            guard operation.kind == .tags else { return }
            throw RegistryError(
                .rateLimited,
                action: "list",
                object: "it",
                status: 429,
                registryCode: "TOOMANYREQUESTS",
                reason: "slow down"
            )
        }
        try await withLoopbackRegistryServer(registry) { server in
            let answer = try await curl("-i", "\(server.url)/v2/team/app/tags/list")
            #expect(answer.stdout.hasPrefix("HTTP/1.1 429"), "\(answer)")
            #expect(answer.stdout.contains("TOOMANYREQUESTS"))
        }
    }

    @Test func skopeoCopiesThroughIt() async throws {
        let sample = try Samples.multiPlatform(layerSize: 70_000)
        try registry.seed(sample, tags: ["1"], in: repository)
        try await withLoopbackRegistryServer(registry) { [registry] server in
            let arguments = ["copy", "--all", "--preserve-digests", "--src-tls-verify=false", "--dest-tls-verify=false"]
            let references = ["docker://\(server.host)/team/app:1", "docker://\(server.host)/team/copy:1"]
            let result = try await run("skopeo", arguments + references)
            #expect(result.status == 0, "\(result.stderr) \(server.lines)")
            let copy = try RepositoryName("team/copy")
            let tag = try TagName("1")
            #expect(registry.tagsAndDigests(in: copy) == [tag: sample.digest])
            #expect(registry.resolvesCompletely(copy, tag))
        }
    }
}
