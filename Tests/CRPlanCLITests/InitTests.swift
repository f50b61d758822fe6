import OCI
import RegistryTestSupport
import Testing

@Suite struct InitTests {
    @Test func `init writes a first spec that is valid, and overwrites nothing`() async throws {
        try await withSandbox { sandbox in
            expect(try await sandbox.crplan("init"), 0, stderr: ["crplan.yaml", "crplan plan"])
            expect(try await sandbox.crplan("validate"), 0, stdout: ["valid (1 file)"])
            let first = try sandbox.read("crplan.yaml")
            expect(try await sandbox.crplan("init"), 1, stderr: ["crplan.yaml is there already; nothing was written"])
            #expect(try sandbox.read("crplan.yaml") == first)
        }
    }

    @Test func `init -C writes into that folder`() async throws {
        try await withSandbox { sandbox in
            try sandbox.write("", to: "there/note")
            expect(try await sandbox.crplan("init", "-C", "there"), 0)
            #expect(sandbox.exists("there/crplan.yaml"))
            #expect(!sandbox.exists("crplan.yaml"))
        }
    }

    private static let login = LoopbackRegistryServer.Options(
        authentication: .bearer(LoopbackAuthentication.Bearer(user: "alice", password: "wonder-land-7"))
    )

    @Test func `init with an alias or a host says as whom, from which file, and what is allowed`() async throws {
        try await withShop(Self.login) { shop in
            try shop.writeSpec()
            try shop.sandbox.logIn("alice", "wonder-land-7", at: "us.registry.example")
            for name in ["us", "us.registry.example"] {
                let result = try await shop.sandbox.crplan("init", name)
                expect(result, 0, stdout: ["us.registry.example", "alice", "docker/config.json"])
                #expect(!result.stdout.contains("wonder"))
            }
        }
    }

    @Test func `a wrong password is refused in words, without the password`() async throws {
        try await withShop(Self.login) { shop in
            try shop.writeSpec()
            try shop.sandbox.logIn("alice", "mistyped-7", at: "us.registry.example")
            let result = try await shop.sandbox.crplan("init", "us")
            expect(result, 1, stderr: ["cannot log in to us.registry.example", "401"])
            #expect(!(result.stdout + result.stderr).contains("mistyped"))
        }
    }

    @Test func `without a login init says so`() async throws {
        try await withShop { shop in
            try shop.writeSpec()
            let result = try await shop.sandbox.crplan("init", "us")
            expect(result, 0, stdout: ["No login for us.registry.example", "may list the repositories (", "shows only when it does"])
        }
    }

    @Test func `a host that no spec declares takes options of its own`() async throws {
        try await withShop { shop in
            let host = shop.usServer.host
            expect(try await shop.sandbox.crplan("init", host), 1, stderr: ["plain HTTP", "--plain-http"])
            expect(try await shop.sandbox.crplan("init", host, "--plain-http"), 0, stdout: ["No login for \(host)"])
        }
    }

    @Test func `what cannot be reached is named, with the reason`() async throws {
        try await withSandbox { sandbox in
            try sandbox.write(
                """
                apiVersion: crplan/v1
                registries:
                  dead: {host: dead.registry.example, endpoint: "http://127.0.0.1:1", plainHTTP: true}
                  nowhere: {host: does-not-exist.invalid}
                  strict: {host: strict.registry.example, caFile: ./no-such.pem}
                  disk: {kind: layout, path: ./disk}

                """,
                to: "crplan.yaml"
            )
            expect(try await sandbox.crplan("init", "dead"), 1, stderr: ["cannot log in to dead.registry.example", "refused"])
            expect(try await sandbox.crplan("init", "nowhere"), 1, stderr: ["no such host: does-not-exist.invalid"])
            expect(try await sandbox.crplan("init", "strict"), 1, stderr: ["\(sandbox.work)/no-such.pem", "strict.registry.example"])
            expect(try await sandbox.crplan("init", "disk"), 0, stdout: ["directory of layouts"])
            expect(try await sandbox.crplan("init", "http://registry.example"), 1, stderr: ["without a scheme"])
            expect(try await sandbox.crplan("init", "bogus"), 1, stderr: ["bogus"])
        }
    }

    @Test func `a spec with mistakes is shown, not half believed`() async throws {
        try await withShop { shop in
            try shop.sandbox.write(
                "apiVersion: crplan/v1\nregistries:\n  us: {host: us.registry.example, endpoint: \(shop.usServer.url)}\n",
                to: "crplan.yaml"
            )
            let result = try await shop.sandbox.crplan("init", "us")
            expect(result, 1, stderr: ["crplan.yaml:3:", "add 'plainHTTP: true'"])
            #expect(shop.usServer.log.isEmpty)
            expect(try await shop.sandbox.crplan("list", "us"), 1, stderr: ["add 'plainHTTP: true'"])
            #expect(shop.usServer.log.isEmpty)
        }
    }
}
