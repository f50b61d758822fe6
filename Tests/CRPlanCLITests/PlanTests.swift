import Files
import FoundationEssentials
import OCI
import RegistryTestSupport
import Testing

@Suite struct PlanTests {
    @Test func `the plan goes to stdout, and nothing is written`() async throws {
        try await withShop { shop in
            try shop.writeSpec()
            let result = try await shop.sandbox.crplan("plan")
            expect(result, 0, stdout: ["Plan: 1 image to copy, 2 tags to add.", "\nAdds:\n  + us.registry.example/shop/app:1.0 "])
            #expect(result.stderr.isEmpty)
            #expect(shop.us.writeCount == 0 && shop.eu.writeCount == 0)
            #expect(try shop.sandbox.journals().isEmpty)
            #expect(shop.usServer.log.allSatisfy { ["GET", "HEAD"].contains($0.method) })
        }
    }

    @Test func `detailed exit codes tell changes from none, errors and refusals`() async throws {
        try await withShop { shop in
            try shop.writeSpec()
            expect(try await shop.sandbox.crplan("plan", "--detailed-exitcode"), 2)
            expect(try await shop.sandbox.crplan("apply", "--auto-approve"), 0)
            expect(try await shop.sandbox.crplan("plan", "--detailed-exitcode"), 0, stdout: ["No changes. All 2 declared tags"])
            try shop.writeSpec(Shop.twoTags + "policy: {protect: [\"us/shop/app:stable\"]}\nabsent: []\n")
            try shop.us.seed(Samples.image(seed: 9), tags: ["stable"], in: RepositoryName(Shop.app))
            let refused = try await shop.sandbox.crplan("plan", "--detailed-exitcode", "--out", "x.plan")
            expect(refused, 3, stderr: ["refused: ", "us.registry.example/shop/app:stable", "not saved"])
            #expect(!shop.sandbox.exists("x.plan"))
        }
    }

    @Test func `what is refused is not called no change`() async throws {
        try await withShop { shop in
            let child = try Samples.multiPlatform(seed: 1).manifests[0].digest
            try shop.writeSpec("absent: [\"eu/shop/app@\(child)\"]\n")
            let refused = try await shop.sandbox.crplan("plan")
            expect(refused, 3, stderr: ["the index under the tag 1.0 needs it"])
            #expect(refused.stdout == "")
        }
    }

    @Test func `a saved plan is private and is shown again as it was`() async throws {
        try await withShop { shop in
            try shop.writeSpec()
            let plan = try await shop.sandbox.crplan("plan", "--out", "release.plan")
            expect(plan, 0, stderr: ["The plan is saved in release.plan (sha256:", "crplan apply release.plan"])
            #expect(try FileStatus.of("\(shop.sandbox.work)/release.plan")?.permissions == 0o600)
            let shown = try await shop.sandbox.crplan("show", "release.plan")
            expect(shown, 0)
            let digest = try #require(plan.stderr.firstMatch(of: /sha256:[0-9a-f]{64}/)?.output)
            #expect(shown.stdout == plan.stdout + "\nDigest: \(digest)\n")
            let json = try await shop.sandbox.crplan("show", "release.plan", "--format", "json")
            #expect(json.stdout == (try shop.sandbox.read("release.plan")))
            // The same inputs give the same bytes.
            expect(try await shop.sandbox.crplan("plan", "--out", "again.plan"), 0)
            #expect(try shop.sandbox.read("again.plan") == shop.sandbox.read("release.plan"))
        }
    }

    @Test func `the JSON form has the plan, refusals and findings`() async throws {
        try await withShop { shop in
            try shop.writeSpec()
            let result = try await shop.sandbox.crplan("plan", "--format", "json")
            expect(result, 0)
            #expect(result.stderr.isEmpty)
            let members = try JSONValue(parsing: Array(result.stdout.utf8))
            #expect(members["changes"] != nil)
        }
    }

    @Test func `filters make the plan partial and say so; one that names nothing is a mistake`() async throws {
        try await withShop { shop in
            try shop.writeSpec(Shop.twoTags + "  - {to: us/shop/web, from: \"eu/shop/app:2.0\", tags: [\"2.0\"]}\n")
            let web = try await shop.sandbox.crplan("plan", "--target", "us/shop/web")
            expect(web, 0, stdout: ["1 tag to add", "Note: this plan is partial (--target us/shop/web)"])
            let app = try await shop.sandbox.crplan("plan", "--exclude", "us/shop/web")
            expect(app, 0, stdout: ["2 tags to add", "partial (--exclude us/shop/web)"])
            let one = try await shop.sandbox.crplan("plan", "--target", "us/shop/app:stable")
            expect(one, 0, stdout: ["1 tag to add", ":stable"])
            let typo = try await shop.sandbox.crplan("apply", "--auto-approve", "--target", "us/shop/wbe", "us/shop/app")
            expect(typo, 1, stderr: ["--target 'us/shop/wbe' names nothing"])
            #expect(shop.us.writeCount == 0)
            let nothing = try await shop.sandbox.crplan("plan", "--exclude", "us/nope/**")
            expect(nothing, 0, stdout: ["3 tags to add"], stderr: ["warning: --exclude 'us/nope/**' names nothing"])
            expect(try await shop.sandbox.crplan("plan", "--exclude", "us/nope/**", "--strict"), 1)
            expect(try await shop.sandbox.crplan("plan", "--target", "nope"), 1, stderr: ["--target 'nope' is not usable"])
        }
    }

    @Test func `keep-going leaves out what cannot be read, lists it, and tells by its code`() async throws {
        try await withShop { shop in
            let dead = "  dead: {host: dead.registry.example, endpoint: \"http://127.0.0.1:1\", plainHTTP: true}\n"
            let unreadable = "  - {to: us/shop/web, from: \"dead/shop/web:1\", tags: [\"1\"]}\n"
            try shop.writeSpec(dead + Shop.twoTags + unreadable)
            let whole = try await shop.sandbox.crplan("plan")
            expect(whole, 1, stderr: ["crplan.yaml:10:", "cannot resolve dead.registry.example/shop/web:1", "refused"])
            #expect(whole.stdout.isEmpty)
            let some = try await shop.sandbox.crplan("plan", "--keep-going", "--detailed-exitcode")
            expect(some, 2, stdout: ["2 tags to add", "Left out (--keep-going):", "dead.registry.example"])
            let applied = try await shop.sandbox.crplan("apply", "--keep-going", "--auto-approve")
            expect(applied, 5, stdout: ["Apply incomplete: ", "1 left out by --keep-going"])
            #expect(try shop.tags() == ["1.0", "stable"])
            expect(try await shop.sandbox.crplan("plan", "--keep-going", "--detailed-exitcode"), 1, stdout: ["In what could be read"])
        }
    }

    @Test func `many additions are one line, and --full lists them all`() async throws {
        try await withShop { shop in
            for number in 0..<24 { try shop.eu.seed(Samples.image(seed: 50), tags: ["3.\(number).0"], in: RepositoryName(Shop.app)) }
            try shop.writeSpec("copies: [{from: eu/shop/app, to: us/shop/app, tags: {match: [\"3.*\"]}}]\n")
            expect(
                try await shop.sandbox.crplan("plan"),
                0,
                stdout: ["shop/app:3.0.0 … 3.23.0   24 tags copy from eu.registry.example/shop/app"]
            )
            let full = try await shop.sandbox.crplan("plan", "--full")
            #expect(full.stdout.split(separator: "\n").filter { $0.hasPrefix("  + ") }.count == 24)
        }
    }

    @Test func `in a git checkout, tags that the last commit took out are named`() async throws {
        try await withShop { shop in
            let git = "git -c user.name=a -c user.email=a@example.com -c commit.gpgsign=false"
            try shop.writeSpec(Shop.twoTags, to: "specs/crplan.yaml")
            try shop.writeSpec("", to: "specs/crplan.yaml")
            try shop.sandbox.write("apiVersion: crplan/v1\n" + Shop.twoTags, to: "specs/team/a.yaml")
            expect(try await shop.sandbox.shell("git init -q && git add . && \(git) commit -q -m one"), 0)
            try shop.sandbox.write("apiVersion: crplan/v1\n" + Shop.twoTags.replacing(", stable", with: ""), to: "specs/team/a.yaml")
            expect(try await shop.sandbox.shell("git add . && \(git) commit -q -m two"), 0)
            let plan = try await shop.sandbox.crplan("plan", "--out", "../x.plan", in: "specs")
            let note = "Note: declared at HEAD~ and no more: us.registry.example/shop/app:stable; they stay"
            expect(plan, 0, stdout: [note])
            let commit = try await shop.sandbox.shell("git rev-parse HEAD").stdout.prefix(40)
            #expect(try shop.sandbox.read("x.plan").contains("\"gitCommit\": \"\(commit)\""))
            // A first commit has none before it.
            expect(try await shop.sandbox.shell("rm -rf .git && git init -q && git add . && \(git) commit -q -m one"), 0)
            let first = try await shop.sandbox.crplan("plan", in: "specs")
            expect(first, 0)
            #expect(!first.stdout.contains("HEAD~"))
        }
    }
}
