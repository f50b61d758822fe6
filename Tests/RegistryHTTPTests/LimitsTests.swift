import OCI
import Registry
import RegistryTestSupport
import Synchronization
import Testing

@testable import RegistryHTTP

@Suite struct LimitsTests {
    /// The test clock's time of each request as the server gets it.
    private final class Times: Sendable {
        private let times = Mutex<[Double]>([])

        func add(_ time: Double) { times.withLock { $0.append(time) } }
        var gaps: [Double] { times.withLock { times in zip(times.dropFirst(), times).map(-) } }
    }

    @Test func thePaceHoldsForEverythingSentToTheHost() async throws {
        // Tokens come from the registry's own host here.
        let options = LoopbackRegistryServer.Options(authentication: .bearer(.init()))
        let credentials = FixedCredentials(user: "user", password: "secret")
        try await withWire(options, credentials: credentials, settings: { $0.requestsPerSecond = 4 }) { wire in
            let times = Times()
            try wire.held.seed(try Samples.image(), tags: ["1"], in: wire.repository)
            wire.server.script { _ in
                times.add(wire.clock.now)
                return nil
            }
            _ = try await wire.client.head(.tag(try TagName("1")), in: wire.repository)
            try await wire.put([1, 2, 3])
            wire.server.answerNext(2, where: { $0.path.hasSuffix("/tags/list") }, with: .error(429, "X", headers: ["Retry-After": "0"]))
            _ = try await wire.client.tags(in: wire.repository)
            _ = try await wire.client.manifest(.tag(try TagName("1")), in: wire.repository)
            #expect(wire.server.log.contains { $0.path == "/token" && $0.status == 200 })
            #expect(wire.server.log.count > 8)
            #expect(times.gaps.count > 5)
            #expect(times.gaps.allSatisfy { $0 >= 0.2499 })
        }
    }

    @Test func manifestsBeyondTheLimitAreNotRead() async throws {
        try await withWire(settings: { $0.pulls = 2 }) { wire in
            for number in 1...3 { try wire.held.seed(try Samples.image(seed: UInt64(number)), tags: ["\(number)"], in: wire.repository) }
            func read(_ tag: String) async throws(RegistryError) -> ManifestDocument? {
                guard let tag = try? TagName(tag) else { return nil }
                return try await wire.client.manifest(.tag(tag), in: wire.repository)
            }
            // Neither what is not there nor what was refused is a pull.
            #expect(try await read("absent") == nil)
            wire.server.answerNext(where: { $0.method == "GET" }, with: .error(503, "X"))
            #expect(try await read("1") != nil)
            #expect(try await read("2") != nil)
            #expect(wire.client.pulls == PullAllowance(limit: 2, spent: 2))
            wire.server.forgetLog()
            let error = try await wire.failure { () async throws(RegistryError) in _ = try await read("3") }
            #expect(error.code == .deferred)
            #expect(error.description.contains("has read 2 manifests from \(wire.client.id), as many as 'limits.pulls' allows"))
            #expect(wire.server.log.isEmpty)
            #expect(try await wire.client.head(.tag(try TagName("3")), in: wire.repository) != nil)
        }
    }

    @Test func whatTheRegistrySaysIsLeftIsKept() async throws {
        try await withWire { wire in
            try wire.held.seed(try Samples.image(), tags: ["1"], in: wire.repository)
            #expect(wire.client.pulls?.remaining == nil)
            var answer = ScriptedAnswer()
            answer.change = { $0.headers["ratelimit-remaining"] = "187;w=21600" }
            wire.server.answerNext(where: { $0.method == "HEAD" }, with: answer)
            _ = try await wire.client.head(.tag(try TagName("1")), in: wire.repository)
            #expect(wire.client.pulls == PullAllowance(limit: nil, spent: 0, remaining: 187))
        }
    }

    @Test(arguments: [("0;w=60", 2, 60.0), ("0;w=21600", 1, 0)])
    func aRefusalWaitsOnlyForAShortWindow(_ remaining: String, _ requests: Int, _ slept: Double) async throws {
        try await withWire { wire in
            try wire.held.seed(try Samples.image(), tags: ["1"], in: wire.repository)
            let refusal = ScriptedAnswer.error(429, "TOOMANYREQUESTS", "too many", headers: ["RateLimit-Remaining": remaining])
            wire.server.answerNext(where: { $0.method == "GET" }, with: refusal)
            let tag = try TagName("1")
            if requests == 1 {
                let error = try await wire.failure { () async throws(RegistryError) in
                    _ = try await wire.client.manifest(.tag(tag), in: wire.repository)
                }
                #expect(error.code == .rateLimited)
                #expect(error.reason.contains("none of the requests it allows in 6 hours are left"))
            } else {
                #expect(try await wire.client.manifest(.tag(tag), in: wire.repository) != nil)
            }
            #expect(wire.server.count("GET") == requests)
            #expect(wire.clock.sleeps.reduce(0, +) >= slept)
        }
    }
}
