import ICRSimulation
import OCI
import RegistryTestSupport
import Testing

/// IBM's own client against the simulator: what it takes for the service is like the service.
@Suite(.timeLimit(.minutes(5))) struct PythonSDKTests {
    @Test("IBM's Python SDK passes the sequence of its integration test against the simulator process")
    func integration() async throws {
        try await withICRSimulatorProcess(["--regions", "us.icr.io,de.icr.io"]) { simulator in
            let seed = JSONValue.object([
                "host": .string("us.icr.io"), "repository": .string("ibmpublic/seed"), "tags": .array([.string("1")]),
                "family": .string("docker"), "isPublic": .bool(true),
            ])
            let digests = try await simulator.control("POST", "images", .array([seed]))
            let digest = try #require(digests.array?.first?.array?.first?.string)
            var input = try #require(simulator.announcement.object)
            input["seedImage"] = .string("ibmpublic/seed:1")
            input["seedDigest"] = .string(digest)
            let seen = try await PythonSDK.run("integration", .object(input))
            let steps = try #require(seen.object)
            #expect(steps.count == 31)
            let log = try await simulator.log()
            let management = log.filter { $0["target"]?.string?.hasPrefix("/api/v1/") == true }
            #expect(management.count == steps.count)
            #expect(
                management.allSatisfy {
                    $0["headers"]?["account"]?.string == simulator.account || $0["target"]?.string == "/api/v1/messages"
                }
            )
            #expect(log.count { $0["target"]?.string == "/identity/token" } == 1)
            let state = try await simulator.control("GET", "state")
            #expect(state["registries"]?["us.icr.io"]?["namespaces"]?.object?.keys.sorted() == ["ibmpublic"])
            #expect(state["registries"]?["us.icr.io"]?["trash"]?.object?.isEmpty == true)
        }
    }

    @Test("a simulator process ends with its standard input, and refuses switches that it has not")
    func control() async throws {
        try await withICRSimulatorProcess { simulator in
            await #expect(throws: TestSupportError.self) {
                try await simulator.control("PATCH", "switches", .object(["noSuchSwitch": .bool(true)]))
            }
            try await simulator.control("PATCH", "switches", .object(["unknownImageStatus": .integer(410), "restriction": .string("any")]))
            let switches = try await simulator.control("GET", "switches")
            #expect(switches["unknownImageStatus"] == .integer(410))
            #expect(switches["restriction"] == .string("any"))
            #expect(
                try await simulator.control("POST", "clock", .object(["now": .integer(1_788_000_000)]))["now"] == .integer(1_788_000_000)
            )
        }
    }
}
