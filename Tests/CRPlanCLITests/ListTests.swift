import OCI
import Registry
import RegistryTestSupport
import Testing

@Suite struct ListTests {
    @Test func `a registry shows namespaces and repositories, a repository shows its tags`() async throws {
        try await withShop { shop in
            try shop.writeSpec()
            let registry = try await shop.sandbox.crplan("list", "eu")
            expect(registry, 0)
            #expect(
                registry.stdout == """
                    NAMESPACE                  REPOSITORIES
                    eu.registry.example/shop   1

                    REPOSITORY                     TAGS
                    eu.registry.example/shop/app   3

                    """
            )
            let repository = try await shop.sandbox.crplan("list", "eu/shop/app")
            expect(
                repository,
                0,
                stdout: ["TAG", "DIGEST", "SIZE", "CREATED", "PLATFORMS", "1.0", "2026-01-02", "linux/amd64, linux/arm64"]
            )
            #expect(repository.stdout.split(separator: "\n").filter { $0.contains("sha256:") }.count == 3)
            let whole = try await shop.sandbox.crplan("list", "eu.registry.example/shop/app", "--full")
            #expect(whole.stdout.contains(/sha256:[0-9a-f]{64}/))
        }
    }

    @Test func `without names every declared registry is shown, a layout by its alias`() async throws {
        try await withShop { shop in
            try shop.writeSpec(
                "  disk: {kind: layout, path: ./disk}\nimages: [{to: disk/copy/app, from: \"eu/shop/app:1.0\", tags: [\"1\"]}]\n"
            )
            expect(try await shop.sandbox.crplan("apply", "--auto-approve"), 0)
            expect(try await shop.sandbox.crplan("list"), 0, stdout: ["eu.registry.example/shop/app", "\ndisk/copy/app "])
            expect(try await shop.sandbox.crplan("list", "disk/copy/app"), 0, stdout: ["disk/copy/app   1     sha256:"])
        }
    }

    @Test func `JSON has the whole digests`() async throws {
        try await withShop { shop in
            try shop.writeSpec()
            let result = try await shop.sandbox.crplan("list", "eu/shop/app", "--format", "json")
            expect(result, 0, stdout: ["\"tags\"", "\"2.0\""])
            #expect(result.stdout.contains(/"sha256:[0-9a-f]{64}"/))
        }
    }

    @Test func `a name that is not known is an error that says how to write it`() async throws {
        try await withShop { shop in
            try shop.writeSpec()
            let alias = try await shop.sandbox.crplan("list", "eeu")
            expect(alias, 1, stderr: ["cannot list 'eeu'"])
            let missing = try await shop.sandbox.crplan("list", "eu/shop/nope")
            expect(missing, 1, stderr: ["eu.registry.example/shop/nope", "no such repository"])
            #expect(missing.stdout.isEmpty)
            // One that cannot be read does not hide the others.
            expect(try await shop.sandbox.crplan("list", "eu/shop/nope", "eu/shop/app"), 1, stdout: ["2.0"], stderr: ["shop/nope"])
        }
    }

    @Test func `a registry that cannot list shows what the specs name`() async throws {
        try await withShop { shop in
            try shop.writeSpec("images: [{to: us/copy/app, from: \"eu/shop/app:1.0\", tags: [\"1\"]}]\n")
            shop.euServer.script { $0.path == "/v2/_catalog" ? .error(401, "UNAUTHORIZED", "no catalog here") : nil }
            let result = try await shop.sandbox.crplan("list", "eu")
            expect(result, 0, stdout: ["eu.registry.example/shop/app   3"])
            try shop.writeSpec("")
            expect(try await shop.sandbox.crplan("list", "eu"), 1, stderr: ["eu.registry.example"])
        }
    }

    @Test func `without anything to list it says what to name`() async throws {
        try await withSandbox { sandbox in
            expect(try await sandbox.crplan("list"), 1, stderr: ["crplan list ghcr.io/acme/app"])
        }
    }
}
