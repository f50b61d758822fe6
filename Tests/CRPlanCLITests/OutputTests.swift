import FoundationEssentials
import OCI
import RegistryTestSupport
import Testing

/// Where output goes, and what never stands in it.
@Suite struct OutputTests {
    /// Traces of the program's inside, and the passwords of these tests.
    private static let forbidden = [
        "Swift.", "NIO", "Optional(", "Error(", "fatal", "Fatal", "0x0", "AsyncHTTP", ".swift:", "Foundation", "CancellationError",
        "hunter2",
        "Thread ", "nil)",
    ]

    private static func expectClean(_ result: ToolResult, _ what: String, sourceLocation: SourceLocation = #_sourceLocation) {
        for trace in forbidden {
            #expect(
                !result.stdout.contains(trace) && !result.stderr.contains(trace),
                "\(what) shows \(trace):\n\(result.stdout)\(result.stderr)",
                sourceLocation: sourceLocation
            )
        }
        #expect(result.status < 128, "\(what) ended with \(result.status)", sourceLocation: sourceLocation)
        #expect(
            result.stdout.unicodeScalars.allSatisfy { $0 == "\n" || $0.value >= 32 },
            "\(what) prints control characters",
            sourceLocation: sourceLocation
        )
    }

    static let badSpecs = [
        "", "\u{0}", "- a\n", "apiVersion: crplan/v9\n", "apiVersion: [1]\n", "apiVersion: crplan/v1\nimages: 5\n",
        "apiVersion: crplan/v1\nimages: [{}]\n", "apiVersion: crplan/v1\nimages:\n  - to: \u{1b}[31mred\n",
        "apiVersion: crplan/v1\nregistries: {a: {host: reg.example, credentials: {username: bob, password: hunter2}}}\n",
        "apiVersion: crplan/v1\nregistries: {a: {host: \"bob:hunter2@reg.example\"}}\n",
        "apiVersion: crplan/v1\nregistries: {a: {host: reg.example, endpoint: \"https://bob:hunter2@reg.example\"}}\n",
        "apiVersion: crplan/v1\nregistries: {a: {host: reg.example, password: hunter2}}\n",
        "apiVersion: crplan/v1\nimages: [{to: \"https://bob:hunter2@reg.example/x\", from: a/b, tags: [x]}]\n",
        "apiVersion: crplan/v1\nimages: [{to: reg.example/x, from: \"bob:hunter2@reg.example/x\", tags: [x]}]\n",
        "a: &a [*a, *a]\n", "a: \"\\ud800\"\n", "apiVersion: crplan/v1\n" + String(repeating: "a: {", count: 5000),
        "apiVersion: crplan/v1\npolicy: {limits: {deletions: 99999999999999999999}}\n",
        "apiVersion: crplan/v1\nregistries: {a: {host: \"[::1]:99999999999\"}, b: {kind: layout, path: \"\"}}\n",
        "apiVersion: crplan/v1\nregistries: {a: {kind: layout, path: /proc}}\nimages: [{to: a/x, from: {layout: /dev}, tags: [\"1\"]}]\n",
        "apiVersion: crplan/v1\nregistries: {a: {kind: layout, path: ./a}}\nimages: [{to: a/x, from: {archive: /etc/passwd, image: \"x:1\"}, tags: [\"1\"]}]\n",
    ]

    @Test(arguments: badSpecs)
    func `no bad spec brings a trace or a secret to light`(spec: String) async throws {
        try await withSandbox { sandbox in
            try sandbox.write(spec, to: "crplan.yaml")
            for arguments in [
                ["validate"], ["validate", "--format", "json"], ["plan", "--log-level", "trace"], ["apply", "--auto-approve"], ["list"],
            ] {
                Self.expectClean(
                    try await CrplanProgram.run(arguments, environment: sandbox.environment, in: sandbox.work),
                    arguments.joined(separator: " ")
                )
            }
        }
    }

    /// Answers that no registry should give.
    static let badAnswers: [(String, ScriptedAnswer)] = [
        ("500", .error(500, "UNKNOWN", "\u{1b}[31mboom\r\n")), ("403", .error(403, "DENIED", "hunter-two")),
        ("HTML", .reply(200, body: Array("<html>".utf8))),
        ("a closed connection", .close), ("418", .reply(418)),
        ("a redirect", .reply(307, headers: ["location": "http://169.254.169.254/x"])),
        ("a bad digest", .reply(200, headers: ["docker-content-digest": "sha256:zz", "content-type": "x/y"])),
        ("a strange challenge", .reply(401, headers: ["www-authenticate": "Bearer realm=\"file:///etc/passwd\""])),
    ]

    @Test(arguments: badAnswers.indices)
    func `no answer of a registry brings one to light`(index: Int) async throws {
        let (name, answer) = Self.badAnswers[index]
        let options = LoopbackRegistryServer.Options(authentication: .basic(user: "bob", password: "hunter2"))
        try await withShop(options) { shop in
            try shop.writeSpec()
            try shop.sandbox.logIn("bob", "hunter2", at: "eu.registry.example")
            shop.euServer.script { $0.path == "/v2/" ? nil : answer }
            // What is tried again takes its time; once is enough there.
            let isTriedAgain = answer.delivery == .close || answer.reply?.status == 500
            let commands = [["plan", "--log-level", "trace"]] + (isTriedAgain ? [] : [["list", "eu/shop/app"], ["init", "eu"]])
            for arguments in commands {
                let result = try await CrplanProgram.run(arguments, environment: shop.sandbox.environment, in: shop.sandbox.work)
                Self.expectClean(result, "\(arguments[0]) at \(name)")
                if arguments[0] == "plan" { expect(result, 1, stderr: ["eu.registry.example/shop/app"]) }
            }
        }
    }

    @Test func `secrets stand in no output, log, journal, plan or cache`() async throws {
        let options = LoopbackRegistryServer.Options(
            authentication: .bearer(LoopbackAuthentication.Bearer(user: "bob", password: "hunter2"))
        )
        try await withShop(options) { shop in
            try shop.writeSpec()
            let login = Data("bob:hunter2".utf8).base64EncodedString()
            let auths = #"{"auths":{"eu.registry.example":{"auth":"\#(login)"},"us.registry.example":{"auth":"\#(login)"}}}"#
            try Data(auths.utf8).write(to: URL(filePath: "\(shop.sandbox.path)/docker/config.json"))
            let plan = try await shop.sandbox.crplan("plan", "--out", "x.plan", "--log-level", "trace")
            let apply = try await shop.sandbox.crplan("apply", "x.plan", "--log-level", "trace", "--events", "e.jsonl")
            expect(apply, 0)
            for secret in ["hunter2", login, "token-1"] {
                #expect(!(plan.stdout + plan.stderr + apply.stdout + apply.stderr).contains(secret))
                let found = try await shop.sandbox.shell("grep -rlF -e '\(secret)' .. --exclude-dir=docker")
                #expect(found.status == 1, "\(secret) stands in \(found.stdout)")
            }
        }
    }

    @Test func `a reader that goes away ends a plan quietly`() async throws {
        try await withShop { shop in
            try shop.writeSpec()
            let result = try await shop.sandbox.shell("\"$CRPLAN\" plan | head -1; \"$CRPLAN\" plan | true; \"$CRPLAN\" --help | true")
            #expect(result.stdout.wholeMatch(of: /Plan: 1 image to copy, 2 tags to add.*\n/) != nil)
            // On a slow machine there is a line about how far the reading is.
            let said = result.stderr.split(separator: "\n").filter { !$0.hasPrefix("Reading registries: ") }
            #expect(said.isEmpty)
        }
    }

    @Test func `a result that cannot be written is a failure`() async throws {
        try await withShop { shop in
            try shop.writeSpec()
            let result = try await shop.sandbox.shell("\"$CRPLAN\" plan --format json > /dev/full")
            expect(result, 1, stderr: ["cannot write the result to stdout"])
        }
    }

    @Test func `a plan that cannot be saved is a failure, and nothing half written is left`() async throws {
        try await withShop { shop in
            try shop.writeSpec()
            for place in ["no/such/x.plan", ".", "/proc/x.plan"] {
                expect(try await shop.sandbox.crplan("plan", "--out", place), 1, stderr: ["cannot save the plan in \(place): "])
            }
        }
    }
}
