import RegistryTestSupport
import Testing

@Suite struct RealRegistryTests {
    @Test func itListensAndIsGoneAfterwards() async throws {
        let port = try await withRealRegistry { registry in
            let answer = try await run("curl", ["-si", "\(registry.url)/v2/"])
            #expect(answer.stdout.hasPrefix("HTTP/1.1 200"), "\(answer) \(registry.logText)")
            return registry.port
        }
        let answer = try await run("curl", ["-sS", "http://127.0.0.1:\(port)/v2/"])
        #expect(answer.status == 7, "\(answer)")
    }

    @Test func itIsGoneWhenTheBodyThrows() async throws {
        struct Failure: Error {}
        await #expect(throws: Failure.self) {
            try await withRealRegistry { _ in throw Failure() }
        }
    }

    @Test func itAsksForPasswordsOverTLS() async throws {
        try await withRealRegistry(.init(user: "alice", password: "wonder", tls: true)) { registry in
            let authority = try #require(registry.authorityPath)
            let refused = try await run("curl", ["-si", "--cacert", authority, "\(registry.url)/v2/"])
            #expect(refused.stdout.contains("401"), "\(refused)")
            let answer = try await run("curl", ["-si", "--cacert", authority, "-u", "alice:wonder", "\(registry.url)/v2/"])
            #expect(answer.stdout.contains("200"), "\(answer)")
        }
    }

    @Test func aProgramThatHangsIsKilled() async throws {
        await #expect(throws: TestSupportError.self) {
            try await run("sh", ["-c", "sleep 100 & sleep 100"], timeLimit: .milliseconds(50))
        }
    }

    @Test func aProgramCanBeKilledAtARequest() async throws {
        try await withLoopbackRegistryServer(try InMemoryRegistry()) { server in
            try await withCountingProxy(to: server.port) { proxy in
                let handle = ToolHandle()
                proxy.atRequest(2) { _ in
                    #expect(throws: Never.self) { try handle.signal(.kill) }
                    return .drop
                }
                let urls = ["http://\(proxy.host)/v2/", "http://\(proxy.host)/v2/_catalog"]
                let result = try await run("curl", ["-sS"] + urls, handle: handle)
                #expect(result.status == 137, "\(result)")
                #expect(server.lines == ["GET /v2/"])
            }
        }
    }

    @Test func aToolTellsItsStatusAndOutput() async throws {
        let result = try await run("sh", ["-c", "echo $A; echo err >&2; cat; exit 3"], environment: ["A": "b"], input: "in")
        #expect(result.status == 3)
        #expect(result.stdout == "b\nin")
        #expect(result.stderr == "err\n")
    }
}
