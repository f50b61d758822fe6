import OCI
import RegistryTestSupport
import Synchronization
import Testing

@Suite struct LimitsTests {
    private static let tags = ["1", "2", "3", "4", "5"]

    /// `eu` holds five images in shop/five; the spec copies them all and limits `eu`.
    private func withFive(limits: String, _ body: @escaping @Sendable (Shop) async throws -> Void) async throws {
        try await withShop { shop in
            for (place, tag) in Self.tags.enumerated() {
                try shop.eu.seed(Samples.image(seed: UInt64(place + 50)), tags: [tag], in: RepositoryName("shop/five"))
            }
            try write(limits, shop)
            try await body(shop)
        }
    }

    private func write(_ limits: String, _ shop: Shop) throws {
        let entries = Self.tags.map { "  - {to: us/shop/five, from: \"eu/shop/five:\($0)\", tags: [\"\($0)\"]}\n" }.joined()
        let spec = """
            apiVersion: crplan/v1
            registries:
              eu: {host: eu.registry.example, endpoint: \(shop.euServer.url), plainHTTP: true, limits: \(limits)}
              us: {host: us.registry.example, endpoint: \(shop.usServer.url), plainHTTP: true}
            images:
            \(entries)
            """
        try shop.sandbox.write(spec, to: "crplan.yaml")
    }

    private func pulls(_ shop: Shop) -> Int {
        shop.euServer.log.count { $0.method == "GET" && $0.path.contains("/manifests/") && $0.status == 200 }
    }

    @Test func `pulls split an apply, and the next one goes on`() async throws {
        try await withFive(limits: "{pulls: 3}") { shop in
            let first = try await shop.sandbox.crplan("apply", "--auto-approve")
            expect(
                first,
                5,
                stdout: [
                    "\neu.registry.example: about 5 pulls, 3 in this apply\n", "Deferred:", "2 deferred",
                    "it needs 1 pull from eu.registry.example, and of the 3 that 'limits.pulls' allows in one run 0 are left",
                    "Apply the same plan again to go on",
                ]
            )
            // In the plan's order, however many jobs run at once.
            #expect(try shop.tags("shop/five") == ["1", "2", "3"])
            #expect(pulls(shop) == 3)
            expect(
                try await shop.sandbox.crplan("apply", "--auto-approve"),
                0,
                stdout: ["about 2 pulls, 3 in this apply", "Apply complete"]
            )
            #expect(try shop.tags("shop/five") == Self.tags)
            #expect(pulls(shop) == 5)
            expect(try await shop.sandbox.crplan("plan", "--detailed-exitcode"), 0, stdout: ["No changes."])
        }
    }

    @Test func `a saved plan keeps to the limit that the specs say now`() async throws {
        try await withFive(limits: "{pulls: 3}") { shop in
            expect(try await shop.sandbox.crplan("plan", "--out", "a.plan"), 0, stdout: ["about 5 pulls, 3 in this apply"])
            #expect(pulls(shop) == 0)
            #expect(try !shop.sandbox.read("a.plan").contains("about 5"))
            try write("{pulls: 2}", shop)
            expect(try await shop.sandbox.crplan("apply", "a.plan", "--parallelism", "64"), 5, stdout: ["3 deferred"])
            #expect(try shop.tags("shop/five") == ["1", "2"])
            expect(try await shop.sandbox.crplan("apply", "a.plan"), 5, stdout: ["2 unchanged", "1 deferred"])
            expect(try await shop.sandbox.crplan("apply", "a.plan"), 0)
            #expect(pulls(shop) == 5)
        }
    }

    @Test func `an index pays for its images, and what it does not reach is not begun`() async throws {
        try await withShop { shop in
            let spec = """
                apiVersion: crplan/v1
                registries:
                  eu: {host: eu.registry.example, endpoint: \(shop.euServer.url), plainHTTP: true, limits: {pulls: 4}}
                  us: {host: us.registry.example, endpoint: \(shop.usServer.url), plainHTTP: true}
                images:
                  - {to: us/shop/app, from: "eu/shop/app:1.0", tags: ["1.0"], referrers: false}
                  - {to: us/shop/app, from: "eu/shop/app:2.0", tags: ["2.0", latest], referrers: false}

                """
            try shop.sandbox.write(spec, to: "crplan.yaml")
            expect(
                try await shop.sandbox.crplan("apply", "--auto-approve"),
                5,
                stdout: ["at least 2 pulls, 4 in this apply", "it needs 3 pulls from eu.registry.example", "2 deferred"]
            )
            #expect(try shop.tags() == ["1.0"])
            #expect(pulls(shop) == 4)
            expect(try await shop.sandbox.crplan("apply", "--auto-approve"), 0)
            #expect(try shop.tags() == ["1.0", "2.0", "latest"])
            try write(shop, spec.replacing("pulls: 4", with: "pulls: 2").replacing("\"1.0\"]", with: "old]"))
            // The image is there: its root is all that is read.
            expect(try await shop.sandbox.crplan("apply", "--auto-approve"), 0)
        }
    }

    private func write(_ shop: Shop, _ spec: String) throws { try shop.sandbox.write(spec, to: "crplan.yaml") }

    @Test func `a registry that tells what it allows is quoted beside the plan`() async throws {
        try await withFive(limits: "{connections: 4}") { shop in
            for (left, file) in [(187, "a.plan"), (22, "b.plan")] {
                shop.euServer.script { request in
                    guard request.path.contains("/manifests/") else { return nil }
                    var answer = ScriptedAnswer()
                    answer.change = { $0.headers["ratelimit-remaining"] = "\(left);w=21600" }
                    return answer
                }
                expect(
                    try await shop.sandbox.crplan("plan", "--no-cache", "--out", file),
                    0,
                    stdout: ["\neu.registry.example: about 5 pulls, \(left) left; planning took 5\n"]
                )
            }
            #expect(try shop.sandbox.read("a.plan") == shop.sandbox.read("b.plan"), "what is left is told, and is no part of the plan")
        }
    }

    @Test func `connections hold for a saved plan at any parallelism`() async throws {
        try await withFive(limits: "{connections: 2}") { shop in
            expect(try await shop.sandbox.crplan("plan", "--out", "a.plan", "--no-cache"), 0)
            // A request counts from its arrival until the server has answered it.
            let most = Mutex(0)
            let begun = Mutex(0)
            let answered = shop.euServer.log.count
            shop.euServer.script { _ in
                let number = begun.withLock { count in
                    count += 1
                    return count
                }
                let open = number - (shop.euServer.log.count - answered)
                most.withLock { $0 = max($0, open) }
                return nil
            }
            expect(try await shop.sandbox.crplan("apply", "a.plan", "--parallelism", "64"), 0)
            #expect(begun.withLock { $0 } > 10)
            #expect(most.withLock { $0 } <= 2)
        }
    }
}
