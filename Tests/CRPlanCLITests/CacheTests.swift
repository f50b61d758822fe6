import FoundationEssentials
import RegistryTestSupport
import Testing

@Suite struct CacheTests {
    private func kept(_ sandbox: Sandbox) throws -> Int {
        try FileManager.default.subpathsOfDirectory(atPath: "\(sandbox.path)/cache").count { $0.split(separator: "/").count == 4 }
    }

    @Test func `manifests are read once, and not again until the cache is cleared`() async throws {
        try await withShop { shop in
            try shop.writeSpec()
            func readManifests() -> Int { shop.euServer.log.count { $0.method == "GET" && $0.path.contains("/manifests/") } }
            expect(try await shop.sandbox.crplan("plan"), 0)
            let first = readManifests()
            #expect(first > 0)
            #expect(try kept(shop.sandbox) > 0)
            expect(try await shop.sandbox.crplan("plan"), 0)
            #expect(readManifests() == first)
            expect(try await shop.sandbox.crplan("cache", "clear"), 0, stdout: ["Removed ", "\(shop.sandbox.path)/cache/crplan."])
            #expect(try kept(shop.sandbox) == 0)
            expect(try await shop.sandbox.crplan("plan"), 0)
            #expect(readManifests() == 2 * first)
        }
    }

    @Test func `apply reads no manifest again that planning has read`() async throws {
        try await withShop { shop in
            try shop.writeSpec()
            expect(try await shop.sandbox.crplan("apply", "--auto-approve"), 0)
            let read = shop.euServer.log.filter { $0.method == "GET" && $0.path.contains("/manifests/") }.map(\.path)
            #expect(!read.isEmpty && Set(read).count == read.count)
        }
    }

    @Test func `its size is bounded, and nothing is kept without it`() async throws {
        try await withShop { shop in
            try shop.writeSpec()
            expect(try await shop.sandbox.crplan("plan", "--no-cache"), 0)
            #expect(try kept(shop.sandbox) == 0)
            expect(try await shop.sandbox.crplan("plan", "--cache-size", "1B"), 0)
            #expect(try kept(shop.sandbox) == 0)
            expect(try await shop.sandbox.crplan("plan", "--cache-size", "many"), 64, stderr: ["--cache-size"])
        }
    }

    @Test func `a cache that cannot be cleared is told with its reason and the next step`() async throws {
        try await withSandbox { sandbox in
            try sandbox.write("", to: "crplan")
            let result = try await sandbox.crplan("cache", "clear", in: "", with: ["XDG_CACHE_HOME": sandbox.work])
            expect(result, 1, stderr: ["cannot clear the cache: cannot open \(sandbox.work)/crplan", "--no-cache"])
        }
    }

    @Test func `clearing what is not there is no error`() async throws {
        try await withSandbox { sandbox in
            expect(try await sandbox.crplan("cache", "clear"), 0, stdout: ["Removed 0 files, 0 B, from \(sandbox.path)/cache/crplan."])
            #expect(!FileManager.default.fileExists(atPath: "\(sandbox.path)/cache/crplan"))
        }
    }
}
