import OCI
import RegistryTestSupport
import Synchronization
import Testing

/// Where several codes hold, the highest of 5, 4, 3 and 1 wins. Each code alone stands in the suites of the commands.
@Suite struct ExitStatusTests {
    /// Two tags to add at `us`, one of them protected by what the test does to it.
    private func spec(_ extra: String = "") -> String { Shop.twoTags + extra }

    @Test func `refused wins over an error`() async throws {
        try await withShop { shop in
            try shop.us.seed(Samples.image(seed: 9), tags: ["stable"], in: RepositoryName(Shop.app))
            let missing = "  - {to: us/shop/web, from: \"eu/shop/web:nope\", tags: [x]}\n"
            try shop.writeSpec(spec(missing) + "policy: {protect: [\"us/shop/app:stable\"]}\n")
            expect(try await shop.sandbox.crplan("plan", "--keep-going"), 3, stderr: ["refused: "])
            expect(try await shop.sandbox.crplan("apply", "--auto-approve"), 3, stderr: ["refused: "])
        }
    }

    @Test func `stale wins over done, and partial over stale`() async throws {
        try await withShop { shop in
            try shop.writeSpec(spec("  - {to: us/shop/web, from: \"eu/shop/app:2.0\", tags: [\"2.0\"]}\n"))
            expect(try await shop.sandbox.crplan("plan", "--out", "x.plan"), 0)
            try shop.us.seed(Samples.image(seed: 77), tags: ["stable"], in: RepositoryName(Shop.app))
            let stale = try await shop.sandbox.crplan("apply", "x.plan")
            expect(stale, 4, stdout: ["1 stale"])
            #expect(try shop.tags("shop/web") == ["2.0"])
        }
        try await withShop { shop in
            try shop.writeSpec(spec("  - {to: us/shop/web, from: \"eu/shop/app:2.0\", tags: [\"2.0\"]}\n"))
            expect(try await shop.sandbox.crplan("plan", "--out", "x.plan"), 0)
            try shop.us.seed(Samples.image(seed: 77), tags: ["stable"], in: RepositoryName(Shop.app))
            shop.usServer.script { $0.method == "PUT" && $0.path.hasSuffix("shop/web/manifests/2.0") ? .error(403, "DENIED", "no") : nil }
            expect(try await shop.sandbox.crplan("apply", "x.plan"), 5, stdout: ["1 stale", "1 failed"])
        }
    }

    @Test func `a failure before the first write is an error`() async throws {
        try await withShop { shop in
            try shop.writeSpec()
            expect(try await shop.sandbox.crplan("plan", "--out", "x.plan"), 0)
            shop.usServer.script { ["POST", "PUT", "PATCH"].contains($0.method) ? .error(403, "DENIED", "read only") : nil }
            let result = try await shop.sandbox.crplan("apply", "x.plan")
            expect(result, 1, stdout: ["Apply incomplete: nothing written", "read only"])
            #expect(try shop.tags().isEmpty)
        }
    }

    @Test func `an interrupted run says what is left, and goes on later`() async throws {
        try await withShop { shop in
            try shop.writeSpec()
            expect(try await shop.sandbox.crplan("plan", "--out", "x.plan"), 0)
            let handle = ToolHandle()
            let isSent = Mutex(false)
            // The answer waits, so that the run cannot be done before the signal has come.
            let gate = Gate()
            defer { gate.open() }
            shop.usServer.script { request in
                // Once: the second ends the process at once.
                let isFirst =
                    request.method == "POST"
                    && isSent.withLock { sent in
                        defer { sent = true }
                        return !sent
                    }
                guard isFirst else { return nil }
                try? handle.signal(.interrupt)
                return .held(by: gate)
            }
            let result = try await shop.sandbox.crplan("apply", "x.plan", handle: handle)
            #expect([1, 5].contains(result.status), "\(result.status)\n\(result.stdout)\n\(result.stderr)")
            expect(
                result,
                result.status,
                stdout: ["Interrupted: what is listed as cancelled is left to do."],
                stderr: ["interrupted: nothing new begins"]
            )
            gate.open()
            shop.usServer.forgetScripts()
            expect(try await shop.sandbox.crplan("apply", "x.plan"), 0)
            #expect(try shop.tags() == ["1.0", "stable"])
        }
    }
}
