import OCI
import RegistryTestSupport
import Synchronization
import Testing

@Suite struct CountingProxyTests {
    private let registry: InMemoryRegistry
    private let repository: RepositoryName

    init() throws {
        registry = try InMemoryRegistry()
        repository = try RepositoryName("team/app")
    }

    @Test func skopeoCopiesThroughIt() async throws {
        let sample = try Samples.image(layers: [Samples.bytes(300_000, seed: 1)])
        try registry.seed(sample, tags: ["1"], in: repository)
        try await withLoopbackRegistryServer(registry) { [registry] server in
            try await withCountingProxy(to: server.port) { proxy in
                let options = ["copy", "--preserve-digests", "--src-tls-verify=false", "--dest-tls-verify=false"]
                let result = try await run("skopeo", options + ["docker://\(proxy.host)/team/app:1", "docker://\(proxy.host)/team/copy:1"])
                #expect(result.status == 0, "\(result.stderr)")
                let (copy, tag) = (try RepositoryName("team/copy"), try TagName("1"))
                #expect(registry.resolvesCompletely(copy, tag))
                #expect(proxy.requests.map(\.line).sorted() == server.lines.sorted())
                #expect(proxy.requests.map(\.number) == Array(1...proxy.requests.count))
                #expect(proxy.bytesFromRegistry > 300_000)
            }
        }
    }

    @Test func connectionsAreKeptAndChunksUnderstood() async throws {
        try await withLoopbackRegistryServer(registry) { server in
            try await withCountingProxy(to: server.port) { proxy in
                let url = "http://\(proxy.host)/v2/"
                let chunked = ["-X", "POST", "-H", "Transfer-Encoding: chunked", "--data-binary", "0123456789", url]
                let result = try await run("curl", ["-sS"] + chunked + ["--next", "-sS", url, url])
                #expect(result.status == 0, "\(result)")
                #expect(proxy.requests.map(\.method) == ["POST", "GET", "GET"])
                #expect(server.connections == 1)
                #expect(server.log.first?.bodySize == 10)
            }
        }
    }

    @Test func aDroppedRequestIsNeverSeen() async throws {
        try await withLoopbackRegistryServer(registry) { server in
            try await withCountingProxy(to: server.port) { proxy in
                proxy.atRequest(1) { _ in .drop }
                let result = try await run("curl", ["-sS", "http://\(proxy.host)/v2/"])
                #expect(result.status == 52 || result.status == 56, "\(result)")
                #expect(server.lines == [])
                #expect(proxy.requests.map(\.line) == ["GET /v2/"])
            }
        }
    }

    @Test func aDroppedReplyMeansThatTheWorkIsDone() async throws {
        try registry.seed(try Samples.image(), tags: ["1"], in: repository)
        try await withLoopbackRegistryServer(registry) { [registry, repository] server in
            try await withCountingProxy(to: server.port) { proxy in
                proxy.atRequest(1) { _ in .dropReply }
                let result = try await run("curl", ["-sS", "-X", "DELETE", "http://\(proxy.host)/v2/team/app/manifests/1"])
                #expect(result.status == 52 || result.status == 56, "\(result)")
                #expect(registry.tagsAndDigests(in: repository).isEmpty)
            }
        }
    }
}
