import FoundationEssentials
import OCI
import RegistryTestSupport
import Testing

@Suite struct ApplyTests {
    @Test(arguments: [("yes", 0, 2), ("no", 1, 0), ("y", 1, 0), ("", 1, 0)])
    func `only yes goes on`(answer: String, status: Int32, tags: Int) async throws {
        try await withShop { shop in
            try shop.writeSpec()
            let result = try await shop.sandbox.crplanOnTerminal("apply", answering: answer)
            expect(
                result,
                status,
                stdout: ["2 tags to add", "Only 'yes' goes on", status == 0 ? "Apply complete" : "Nothing was changed."]
            )
            #expect(try shop.tags().count == tags)
        }
    }

    @Test func `colours are for terminals, and NO_COLOR and --no-color refuse them`() async throws {
        try await withShop { shop in
            try shop.writeSpec()
            #expect(try await shop.sandbox.crplanOnTerminal("plan", answering: "").stdout.contains("\u{1b}[32m"))
            #expect(try await !shop.sandbox.crplanOnTerminal("plan", "--no-color", answering: "").stdout.contains("\u{1b}[3"))
            var plain = shop.sandbox
            plain.environment["NO_COLOR"] = "1"
            #expect(try await !plain.crplanOnTerminal("plan", answering: "").stdout.contains("\u{1b}[3"))
            #expect(try await !shop.sandbox.crplan("plan").stdout.contains("\u{1b}"))
        }
    }

    @Test func `without a terminal it refuses, and --auto-approve goes on`() async throws {
        try await withShop { shop in
            try shop.writeSpec()
            expect(
                try await shop.sandbox.crplan("apply"),
                1,
                stdout: ["Plan: "],
                stderr: ["there is no terminal to ask on", "--auto-approve"]
            )
            #expect(shop.us.writeCount == 0)
            #expect(try shop.sandbox.journals().isEmpty)
            let done = try await shop.sandbox.crplan("apply", "--auto-approve")
            expect(
                done,
                0,
                stdout: ["Apply complete: 1 image copied, 2 tags added."],
                stderr: ["done: put us.registry.example/shop/app:1.0"]
            )
            let journal = try #require(shop.sandbox.journals().first)
            #expect(done.stdout.hasSuffix("\nJournal: \(shop.sandbox.state)/crplan/\(journal)\n"))
            #expect(shop.us.resolvesCompletely(try RepositoryName(Shop.app), try TagName("stable")))
            expect(try await shop.sandbox.crplan("apply", "--auto-approve"), 0, stdout: ["No changes."])
            #expect(try shop.sandbox.journals().count == 1)
        }
    }

    @Test func `a saved plan is applied as it is, and again, with the same journal`() async throws {
        try await withShop { shop in
            try shop.writeSpec()
            expect(try await shop.sandbox.crplan("plan", "--out", "release.plan"), 0)
            let first = try await shop.sandbox.crplan("apply", "release.plan", "--journal", "run.jsonl")
            expect(first, 0, stdout: ["Apply complete: 1 image copied, 2 tags added.", "Journal: run.jsonl"])
            let written = shop.us.writeCount
            let second = try await shop.sandbox.crplan("apply", "release.plan", "--journal", "run.jsonl")
            expect(second, 0, stdout: ["Apply complete: nothing written, 2 unchanged."])
            #expect(shop.us.writeCount == written)
            let lines = try shop.sandbox.read("run.jsonl").split(separator: "\n")
            #expect(lines.filter { $0.contains(#""type":"header""#) }.count == 2)
            #expect(lines.filter { $0.contains(#""type":"outcome""#) }.count == 2)
        }
    }

    @Test func `a run that failed half way goes on where it was`() async throws {
        try await withShop { shop in
            try shop.writeSpec()
            expect(try await shop.sandbox.crplan("plan", "--out", "release.plan"), 0)
            shop.usServer.script { $0.method == "PUT" && $0.path.hasSuffix("/manifests/stable") ? .error(403, "DENIED", "not today") : nil }
            let partial = try await shop.sandbox.crplan("apply", "release.plan")
            expect(partial, 5, stdout: ["Apply incomplete: ", "1 failed", "not today", "Apply the same plan again to go on"])
            #expect(try shop.tags() == ["1.0"])
            shop.usServer.forgetScripts()
            expect(try await shop.sandbox.crplan("apply", "release.plan"), 0, stdout: ["1 unchanged"])
            #expect(try shop.tags() == ["1.0", "stable"])
        }
    }

    @Test func `with JSON only the report goes to stdout`() async throws {
        try await withShop { shop in
            try shop.writeSpec()
            let result = try await shop.sandbox.crplan("apply", "--auto-approve", "--format", "json")
            expect(result, 0, stderr: ["Plan: 1 image to copy"])
            let report = try JSONValue(parsing: Array(result.stdout.utf8))
            #expect(report["verdict"] == .string("complete"))
            #expect(report["journal"] != nil)
        }
    }

    @Test func `events go to a file, or to stdout alone`() async throws {
        try await withShop { shop in
            try shop.writeSpec()
            expect(try await shop.sandbox.crplan("plan", "--out", "release.plan"), 0)
            expect(try await shop.sandbox.crplan("apply", "release.plan", "--events", "events.jsonl"), 0, stdout: ["Apply complete"])
            let lines = try shop.sandbox.read("events.jsonl").split(separator: "\n")
            #expect(lines.first?.contains(#""type":"started""#) == true && lines.last?.contains(#""type":"finished""#) == true)
            let piped = try await shop.sandbox.crplan("apply", "release.plan", "--events", "-")
            expect(piped, 0, stderr: ["Apply complete: nothing written, 2 unchanged.", "Journal: "])
            #expect(piped.stdout.split(separator: "\n").allSatisfy { $0.hasPrefix("{") && $0.hasSuffix("}") })
        }
    }

    @Test func `what cannot be undone needs a word of its own`() async throws {
        try await withShop { shop in
            try shop.us.seed(Samples.image(seed: 7), tags: ["old"], in: RepositoryName(Shop.app))
            let digest = try #require(shop.us.tagsAndDigests(in: try RepositoryName(Shop.app)).values.first)
            try shop.writeSpec("absent: [\"us/shop/app@\(digest)\"]\n")
            let plan = try await shop.sandbox.crplan("plan", "--out", "x.plan")
            expect(plan, 0, stdout: ["1 cannot be undone (needs --allow-irreversible)"])
            for arguments in [["apply", "--auto-approve"], ["apply", "x.plan"]] {
                let result = try await CrplanProgram.run(arguments, environment: shop.sandbox.environment, in: shop.sandbox.work)
                expect(result, 3, stderr: ["refused: 1 change cannot be undone", "--allow-irreversible"])
            }
            #expect(try shop.tags() == ["old"])
            expect(try await shop.sandbox.crplan("apply", "x.plan", "--allow-irreversible"), 0)
            #expect(try shop.tags().isEmpty)
        }
    }

    @Test func `what moved since the plan is left alone`() async throws {
        try await withShop { shop in
            try shop.writeSpec()
            expect(try await shop.sandbox.crplan("plan", "--out", "x.plan"), 0)
            let other = try Samples.image(seed: 77)
            try shop.us.seed(other, tags: ["1.0", "stable"], in: RepositoryName(Shop.app))
            let result = try await shop.sandbox.crplan("apply", "x.plan")
            expect(result, 4, stdout: ["Stale, so not made:", "expected absent, found sha256:", "plan again"])
            #expect(Set(shop.us.tagsAndDigests(in: try RepositoryName(Shop.app)).values) == [other.digest])
        }
    }

    @Test func `a journal that cannot be written stops the run before it writes`() async throws {
        try await withShop { shop in
            try shop.writeSpec()
            for journal in ["no/such/folder/j.jsonl", "/proc/version", "."] {
                let result = try await shop.sandbox.crplan("apply", "--auto-approve", "--journal", journal)
                expect(result, 1, stderr: ["crplan: cannot begin the journal \(journal), so nothing was written: "])
            }
            #expect(shop.us.writeCount == 0)
        }
    }

    @Test func `a reader that goes away does not end the run`() async throws {
        try await withShop { shop in
            try shop.writeSpec()
            expect(try await shop.sandbox.crplan("plan", "--out", "x.plan"), 0)
            let result = try await shop.sandbox.shell("{ \"$CRPLAN\" apply x.plan --events - 2>&1; echo $? > status; } | true")
            expect(result, 0)
            #expect(try shop.sandbox.read("status") == "0\n")
            #expect(try shop.tags() == ["1.0", "stable"])
        }
    }
}
