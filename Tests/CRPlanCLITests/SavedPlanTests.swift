import FoundationEssentials
import OCI
import Planning
import RegistryTestSupport
import Testing

/// A plan file is trusted no further than a file from elsewhere.
@Suite struct SavedPlanTests {
    private func save(_ shop: Shop, _ arguments: String...) async throws {
        let result = try await CrplanProgram.run(
            ["plan", "--out", "../x.plan"] + arguments,
            environment: shop.sandbox.environment,
            in: "\(shop.sandbox.work)/ws"
        )
        expect(result, 0)
    }

    @Test func `a plan from a workspace needs the workspace at hand`() async throws {
        try await withShop { shop in
            try shop.writeSpec(to: "ws/crplan.yaml")
            try await save(shop)
            expect(try await shop.sandbox.crplan("apply", "x.plan"), 1, stderr: ["no crplan.yaml here or in a folder above"])
            let files = try await shop.sandbox.crplan("apply", "x.plan", "-f", "ws/crplan.yaml")
            expect(files, 1, stderr: ["the plan x.plan was made from a workspace"])
            try shop.sandbox.write("apiVersion: crplan/v1\nregistries: {eu: {host: eu.registry.example}}\n", to: "other/crplan.yaml")
            let other = try await shop.sandbox.crplan("apply", "x.plan", "-C", "other")
            expect(other, 1, stderr: ["the workspace \(shop.sandbox.work)/other describes the registry eu.registry.example in another way"])
            #expect(shop.us.writeCount == 0)
            expect(try await shop.sandbox.crplan("apply", "x.plan", "-C", "ws"), 0)
        }
    }

    @Test func `registries described in another way are refused`() async throws {
        try await withShop { shop in
            try shop.writeSpec(to: "ws/crplan.yaml")
            try await save(shop)
            let spec = try shop.sandbox.read("ws/crplan.yaml")
            try shop.sandbox.write(spec.replacing(shop.usServer.url, with: shop.euServer.url), to: "ws/crplan.yaml")
            let moved = try await shop.sandbox.crplan("apply", "../x.plan", in: "ws")
            expect(moved, 1, stderr: ["describes the registry us.registry.example in another way; plan again"])
            try shop.sandbox.write(
                spec.replacing("plainHTTP: true}", with: "plainHTTP: true, credentials: anonymous}"),
                to: "ws/crplan.yaml"
            )
            expect(try await shop.sandbox.crplan("apply", "../x.plan", in: "ws"), 1, stderr: ["in another way"])
            #expect(shop.us.writeCount == 0 && shop.eu.writeCount == 0)
        }
    }

    @Test func `a policy that was tightened since refuses`() async throws {
        try await withShop { shop in
            try shop.us.seed(Samples.image(seed: 9), tags: ["stable"], in: RepositoryName(Shop.app))
            try shop.writeSpec(to: "ws/crplan.yaml")
            try await save(shop)
            let spec = try shop.sandbox.read("ws/crplan.yaml")
            try shop.sandbox.write(spec + "policy: {protect: [\"us/**:stable\"]}\n", to: "ws/crplan.yaml")
            let writes = shop.us.writeCount
            let result = try await shop.sandbox.crplan("apply", "../x.plan", in: "ws")
            expect(result, 3, stderr: ["refused: ", "us.registry.example/shop/app:stable"])
            #expect(shop.us.writeCount == writes)
            // A spec with mistakes says nothing about what is allowed.
            try shop.sandbox.write(spec + "polices: {}\n", to: "ws/crplan.yaml")
            expect(try await shop.sandbox.crplan("apply", "../x.plan", in: "ws"), 1, stderr: ["crplan validate"])
        }
    }

    @Test func `the digest pins the plan that was reviewed, and no edit passes`() async throws {
        try await withShop { shop in
            try shop.writeSpec(to: "ws/crplan.yaml")
            try await save(shop)
            let shown = try await shop.sandbox.crplan("show", "x.plan")
            let digest = try #require(shown.stdout.firstMatch(of: /Digest: (sha256:[0-9a-f]{64})/)?.output.1)
            let other = "sha256:" + String(repeating: "0", count: 64)
            let refused = try await shop.sandbox.crplan("apply", "../x.plan", "--plan-digest", other, in: "ws")
            expect(refused, 1, stderr: ["this is not the plan that was reviewed"])
            let text = try shop.sandbox.read("x.plan")
            try shop.sandbox.write(text.replacing(":stable", with: ":prod"), to: "x.plan")
            expect(try await shop.sandbox.crplan("apply", "../x.plan", in: "ws"), 1, stderr: ["cannot use the plan ../x.plan"])
            expect(try await shop.sandbox.crplan("show", "x.plan"), 1, stderr: ["cannot use the plan x.plan"])
            #expect(shop.us.writeCount == 0)
            try shop.sandbox.write(text, to: "x.plan")
            expect(try await shop.sandbox.crplan("apply", "../x.plan", "--plan-digest", String(digest), in: "ws"), 0)
        }
    }

    @Test(arguments: [
        "", "{}", "[]", "null", "\u{0}\u{1}", "{\"formatVersion\":2}", "apiVersion: crplan/v1\n", String(repeating: "[", count: 100_000),
    ])
    func `what is no plan is refused in one sentence`(text: String) async throws {
        try await withSandbox { sandbox in
            try sandbox.write(text, to: "x.plan")
            try sandbox.write("apiVersion: crplan/v1\n", to: "crplan.yaml")
            for command in ["show", "apply"] {
                let result = try await sandbox.crplan(command, "x.plan")
                expect(result, 1, stderr: ["crplan: cannot use the plan x.plan: "])
                #expect(result.stderr.split(separator: "\n").count == 1 && result.stdout.isEmpty)
            }
        }
    }

    // MARK: Plans from -f

    @Test func `a plan from -f is held against the files given, or applied alone`() async throws {
        try await withShop { shop in
            try shop.writeSpec(to: "ws/spec.yaml")
            try await save(shop, "-f", "spec.yaml")
            let said = try await shop.sandbox.crplan("plan", "-C", "ws", "-f", "spec.yaml", "--out", "a b.plan")
            expect(said, 0, stderr: ["Apply it with: crplan apply 'a b.plan' -C ws -f spec.yaml"])
            // A forged plan could name any address for a host that has a stored login.
            expect(try await shop.sandbox.crplan("apply", "x.plan"), 1, stderr: ["only the plan says", "stored login"])
            #expect(shop.us.writeCount == 0)
            let anonymous = "plainHTTP: true, credentials: anonymous}"
            try shop.sandbox.write(shop.sandbox.read("ws/spec.yaml").replacing("plainHTTP: true}", with: anonymous), to: "ws/spec.yaml")
            try await save(shop, "-f", "spec.yaml")
            let spec = try shop.sandbox.read("ws/spec.yaml")
            try shop.sandbox.write(spec + "policy: {immutable: [\"us/**\"], limits: {deletions: 0}}\n", to: "ws/spec.yaml")
            try shop.us.seed(Samples.image(seed: 9), tags: ["other"], in: RepositoryName(Shop.app))
            expect(try await shop.sandbox.crplan("apply", "x.plan", "-f", "ws/spec.yaml"), 0)
            #expect(try shop.tags() == ["1.0", "other", "stable"])
            expect(try await shop.sandbox.crplan("apply", "x.plan"), 0, stdout: ["2 unchanged"])
        }
    }

    @Test(arguments: ["another host", "plain", "unverified", "own certificate"])
    func `what only a plan calls IBM's gets no login of IBM Cloud`(how: String) async throws {
        let registry = RegistryDeclaration(
            id: try RegistryID(host: how == "another host" ? "registry.example" : "us.icr.io"),
            kind: .icr,
            plainHTTP: how == "plain",
            caFile: how == "own certificate" ? "ca.pem" : nil,
            insecureSkipVerify: how == "unverified"
        )
        try await withSandbox { sandbox in
            var plan = Plan(source: .files(["spec.yaml"]))
            plan.registries = [registry]
            try sandbox.write(String(decoding: try PlanFile.encode(plan).bytes, as: UTF8.self), to: "x.plan")
            let result = try await sandbox.crplan("apply", "x.plan", with: ["IBMCLOUD_API_KEY": "key-9"])
            expect(result, 1, stderr: ["IBM Cloud's login would go there"])
        }
    }

    @Test func `a plan applied alone takes no login from a variable that only it names`() async throws {
        let options = LoopbackRegistryServer.Options(authentication: .basic(user: "bob", password: "pass-word-9"))
        try await withShop(options) { shop in
            let variables = ["SHOP_USER": "bob", "SHOP_PASSWORD": "pass-word-9"]
            try shop.writeSpec(to: "ws/spec.yaml")
            let login = "plainHTTP: true, credentials: {usernameEnv: SHOP_USER, passwordEnv: SHOP_PASSWORD}}"
            try shop.sandbox.write(shop.sandbox.read("ws/spec.yaml").replacing("plainHTTP: true}", with: login), to: "ws/spec.yaml")
            let plan = try await shop.sandbox.crplan("plan", "-f", "spec.yaml", "--out", "../x.plan", in: "ws", with: variables)
            expect(plan, 0)
            let alone = try await shop.sandbox.crplan("apply", "x.plan", with: variables)
            expect(alone, 1, stderr: ["only the plan names the variable SHOP_USER", "--allow-env"])
            let half = try await shop.sandbox.crplan("apply", "x.plan", "--allow-env", "SHOP_USER", with: variables)
            expect(half, 1, stderr: ["SHOP_PASSWORD"])
            #expect(shop.us.writeCount == 0)
            let allowed = try await shop.sandbox.crplan("apply", "x.plan", "--allow-env", "SHOP_USER", "SHOP_PASSWORD", with: variables)
            expect(allowed, 0, stdout: ["Apply complete"])
            expect(try await shop.sandbox.crplan("apply", "x.plan", "-f", "ws/spec.yaml", with: variables), 0, stdout: ["2 unchanged"])
            #expect(!(plan.stdout + plan.stderr + allowed.stdout + (try shop.sandbox.read("x.plan"))).contains("pass-word"))
        }
    }

    @Test func `variables that begin with CRPLAN_ are allowed`() async throws {
        let options = LoopbackRegistryServer.Options(authentication: .basic(user: "bob", password: "pass-word-9"))
        try await withShop(options) { shop in
            let variables = ["CRPLAN_USER": "bob", "CRPLAN_PASSWORD": "pass-word-9"]
            try shop.writeSpec(to: "ws/spec.yaml")
            let login = "plainHTTP: true, credentials: {usernameEnv: CRPLAN_USER, passwordEnv: CRPLAN_PASSWORD}}"
            try shop.sandbox.write(shop.sandbox.read("ws/spec.yaml").replacing("plainHTTP: true}", with: login), to: "ws/spec.yaml")
            expect(try await shop.sandbox.crplan("plan", "-f", "spec.yaml", "--out", "../x.plan", in: "ws", with: variables), 0)
            expect(try await shop.sandbox.crplan("apply", "x.plan", with: variables), 0)
        }
    }

    @Test func `paths of a plan start at the root of its files, or at -C`() async throws {
        try await withSandbox { sandbox in
            let spec = """
                apiVersion: crplan/v1
                registries: {disk: {kind: layout, path: ./disk}}
                images: [{to: disk/demo/hello, from: {layout: ./hello}, tags: ["1"]}]

                """
            try sandbox.write(spec, to: "ws/spec.yaml")
            expect(try await sandbox.shell("cp -R '\(Clone.root)/examples/quickstart/hello' ws/hello"), 0)
            expect(try await sandbox.crplan("plan", "-f", "ws/spec.yaml", "--out", "x.plan"), 0)
            let elsewhere = try await sandbox.crplan("apply", "x.plan")
            expect(elsewhere, 1, stdout: ["Failed:"])
            #expect(!sandbox.exists("disk/demo/hello/index.json"))
            expect(try await sandbox.crplan("apply", "x.plan", "-C", "ws"), 0)
            #expect(sandbox.exists("ws/disk/demo/hello/index.json"))
            expect(try await sandbox.crplan("apply", "../x.plan", in: "ws"), 0, stdout: ["1 unchanged"])
            expect(try await sandbox.crplan("apply", "x.plan", "-f", "ws/spec.yaml"), 0, stdout: ["1 unchanged"])
        }
    }
}
