import RegistryTestSupport
import Testing

/// Removals that no entry names one by one, over layouts: `moved`, `prune`, `copies[].prune` and `--removed-since`.
@Suite struct RemovalTests {
    private static let registries = """
        apiVersion: crplan/v1
        registries: {disk: {kind: layout, path: ./disk}, copy: {kind: layout, path: ./copy}}

        """
    private static let git = "git -c user.name=a -c user.email=a@example.com -c commit.gpgsign=false"

    private static func image(_ tags: String) -> String {
        "images: [{to: disk/demo/hello, from: {layout: \"\(Clone.root)/examples/quickstart/hello\"}, tags: [\(tags)]}]\n"
    }

    private func withTags(_ tags: String, _ body: @escaping @Sendable (Sandbox) async throws -> Void) async throws {
        try await withSandbox { sandbox in
            try sandbox.write(Self.registries + Self.image(tags), to: "crplan.yaml")
            expect(try await sandbox.crplan("apply", "--auto-approve"), 0)
            try await body(sandbox)
        }
    }

    @Test func `what was declared at a revision and is declared no more is untagged`() async throws {
        try await withTags(#""1", "2""#) { sandbox in
            let git = Self.git
            expect(try await sandbox.shell("git init -q && git add crplan.yaml && \(git) commit -q -m one"), 0)
            try sandbox.write(Self.registries + Self.image(#""1""#), to: "crplan.yaml")
            let plan = try await sandbox.crplan("plan", "--removed-since", "HEAD", "--out", "x.plan")
            expect(plan, 0, stdout: ["- disk/demo/hello:2", "image stays for tag 1"])
            let full = try await sandbox.crplan("plan", "--full", "--removed-since", "HEAD")
            expect(full, 0, stdout: ["declared at HEAD and declared no more"])
            expect(try await sandbox.crplan("apply", "x.plan"), 0)
            let next = try await sandbox.crplan("plan", "--removed-since", "HEAD", "--detailed-exitcode")
            expect(next, 0, stdout: ["No changes."])
        }
    }

    @Test func `a saved plan of what was declared at a revision is applied, whoever owned it`() async throws {
        try await withTags(#""1""#) { sandbox in
            let git = Self.git
            let owners = "policy: {owners: [{files: 'team/**', may: ['copy/demo/**']}], limits: {repositoryShare: none}}\n"
            let team = Self.image(#""2", "3""#).replacing("disk/demo/hello", with: "copy/demo/hello")
            try sandbox.write(Self.registries + owners + Self.image(#""1""#), to: "crplan.yaml")
            try sandbox.write("apiVersion: crplan/v1\n" + team, to: "team/hello.yaml")
            expect(try await sandbox.crplan("apply", "--auto-approve"), 0)
            expect(try await sandbox.shell("git init -q && git add crplan.yaml team && \(git) commit -q -m one"), 0)
            // Nothing else names the registry `copy`.
            expect(try await sandbox.shell("rm -r team && \(git) commit -q -a -m two"), 0)
            let plan = try await sandbox.crplan("plan", "--removed-since", "HEAD~1=delete", "--out", "x.plan")
            expect(plan, 0, stdout: ["copy/demo/hello@", "2", "3"])
            expect(try await sandbox.crplan("apply", "x.plan", "--allow-irreversible"), 0)
            let next = try await sandbox.crplan("plan", "--removed-since", "HEAD~1", "--detailed-exitcode")
            expect(next, 0, stdout: ["No changes."])
        }
    }

    @Test func `a revision that cannot be read is an error`() async throws {
        try await withTags(#""1""#) { sandbox in
            let git = Self.git
            let unknown = try await sandbox.crplan("plan", "--removed-since", "HEAD")
            expect(unknown, 1, stderr: ["cannot read the workspace at the git revision 'HEAD'"])
            expect(try await sandbox.shell("git init -q && git add crplan.yaml && \(git) commit -q -m one"), 0)
            expect(try await sandbox.crplan("plan", "--removed-since", "nowhere"), 1, stderr: ["'nowhere'"])
            let files = try await sandbox.crplan("plan", "-f", "crplan.yaml", "--removed-since", "HEAD")
            expect(files, 1, stderr: ["compares a workspace"])
            try sandbox.write("apiVersion: crplan/v1\nimages: 3\n", to: "broken.yaml")
            expect(try await sandbox.shell("git add . && \(git) commit -q -m broken && rm broken.yaml"), 0)
            let broken = try await sandbox.crplan("plan", "--removed-since", "HEAD")
            expect(broken, 1, stderr: ["cannot read the specs at the git revision 'HEAD'"])
            expect(try await sandbox.crplan("plan", "--removed-since", "-x"), 64)
        }
    }

    @Test func `a repository that is moved is in its new place, and nothing is left to do`() async throws {
        try await withTags(#""1", "2""#) { sandbox in
            try sandbox.write(Self.registries + "moved: [{from: disk/demo/hello, to: copy/demo/world}]\n", to: "crplan.yaml")
            let plan = try await sandbox.crplan("plan", "--out", "x.plan")
            expect(plan, 0, stdout: ["x disk/demo/hello@", "with tags 1, 2", "All can be undone", "+ copy/demo/world:1"])
            expect(try await sandbox.crplan("apply", "x.plan"), 0)
            expect(try await sandbox.crplan("list", "copy/demo/world"), 0, stdout: ["1", "2"])
            expect(try await sandbox.crplan("plan", "--detailed-exitcode"), 0, stdout: ["No changes."])
        }
    }

    @Test func `a typo in the selector of a copy that prunes removes nothing`() async throws {
        try await withTags(#""1.0", "1.1""#) { sandbox in
            func copies(_ glob: String) -> String {
                "copies: [{from: disk/demo/hello, to: copy/demo/hello, tags: {match: [\"\(glob)\"]}, prune: untag}]\n"
            }
            try sandbox.write(Self.registries + copies("1.*"), to: "crplan.yaml")
            expect(try await sandbox.crplan("apply", "--auto-approve"), 0)
            try sandbox.write(Self.registries + copies("l.*"), to: "crplan.yaml")
            let typo = try await sandbox.crplan("apply", "--auto-approve")
            expect(typo, 1, stderr: ["nothing-selected"])
            expect(try await sandbox.crplan("list", "copy/demo/hello"), 0, stdout: ["1.0", "1.1"])
        }
    }

    @Test func `with a workspace file that cannot be parsed nothing is pruned`() async throws {
        try await withTags(#""1", "2""#) { sandbox in
            let prune = "prune: [{repositories: \"disk/**\", tags: {undeclared: untag}}]\npolicy: {limits: {repositoryShare: none}}\n"
            try sandbox.write(Self.registries + prune, to: "crplan.yaml")
            try sandbox.write("apiVersion: crplan/v1\n" + Self.image(#""1", "2""#) + "images: [", to: "team.yaml")
            let broken = try await sandbox.crplan("apply", "--auto-approve")
            expect(broken, 1, stderr: ["team.yaml"])
            let index = try sandbox.read("disk/demo/hello/index.json")
            #expect(["1", "2"].allSatisfy { index.contains("\"org.opencontainers.image.ref.name\":\"\($0)\"") }, "\(index)")
            try sandbox.write("apiVersion: crplan/v1\n" + Self.image(#""1""#), to: "team.yaml")
            expect(try await sandbox.crplan("apply", "--auto-approve"), 0, stdout: ["- disk/demo/hello:2"])
        }
    }

    @Test func `ages are counted from the given time, which stands in the plan`() async throws {
        try await withTags(#""1", "2""#) { sandbox in
            let prune = """
                prune: [{repositories: "disk/**", tags: {undeclared: untag, olderThan: 30d}}]
                policy: {limits: {repositoryShare: none}}

                """
            try sandbox.write(Self.registries + Self.image(#""1""#) + prune, to: "crplan.yaml")
            let early = try await sandbox.crplan("plan", "--as-of", "2013-02-01T00:00:00Z")
            expect(early, 0, stdout: ["No changes."])
            let late = try await sandbox.crplan("plan", "--as-of", "2100-01-01T00:00:00Z")
            expect(late, 0, stdout: ["- disk/demo/hello:2", "Note: ages are counted from 2100-01-01T00:00:00Z."])
            expect(try await sandbox.crplan("plan", "--as-of", "yesterday"), 64)
        }
    }

    // MARK: undo

    private static func tags(_ sandbox: Sandbox) throws -> Set<String> {
        let index = try sandbox.read("disk/demo/hello/index.json")
        return Set(["1", "2", "3"].filter { index.contains("\"org.opencontainers.image.ref.name\":\"\($0)\"") })
    }

    @Test func `undo takes back what a journal says, and names the entries that still ask for it`() async throws {
        try await withTags(#""1", "2""#) { sandbox in
            let declared = Self.registries + Self.image(#""1", "3""#)
            try sandbox.write(declared + "absent: [\"disk/demo/hello:2\"]\n", to: "crplan.yaml")
            expect(try await sandbox.crplan("apply", "--auto-approve", "--journal", "made.jsonl"), 0)
            #expect(try Self.tags(sandbox) == ["1", "3"])
            // What crplan made it may take back, whatever is protected by now.
            try sandbox.write(declared + "policy: {protect: [\"disk/**\"], limits: {deletions: 0}}\n", to: "crplan.yaml")
            let nobody = try await sandbox.crplan("undo", "made.jsonl")
            expect(nobody, 1, stdout: ["+ disk/demo/hello:2", "- disk/demo/hello:3"], stderr: ["there is no terminal to ask on"])
            let undo = try await sandbox.crplan("undo", "made.jsonl", "--auto-approve")
            expect(undo, 0, stdout: ["Apply complete: ", "These entries still ask for what was undone: crplan.yaml:3"])
            #expect(try Self.tags(sandbox) == ["1", "2"])
            expect(try await sandbox.crplan("undo", "made.jsonl", "--auto-approve"), 0, stdout: ["Nothing is left to take back."])
            try sandbox.write("apiVersion: crplan/v1\n", to: "crplan.yaml")
            let unknown = try await sandbox.crplan("undo", "made.jsonl", "--auto-approve")
            expect(unknown, 1, stdout: ["do not name the registry ./disk; name it there", "Nothing can be taken back."])
        }
    }

    @Test func `undo of a plan alone is held against the policy`() async throws {
        try await withTags(#""1", "2""#) { sandbox in
            try sandbox.write(Self.registries + Self.image(#""1", "3""#), to: "crplan.yaml")
            expect(try await sandbox.crplan("plan", "--out", "x.plan"), 0)
            expect(try await sandbox.crplan("apply", "x.plan"), 0)
            #expect(try Self.tags(sandbox) == ["1", "2", "3"])
            try sandbox.write(Self.registries + Self.image(#""1""#) + "policy: {protect: [\"disk/**:3\"]}\n", to: "crplan.yaml")
            expect(try await sandbox.crplan("undo", "x.plan", "--auto-approve"), 3, stderr: ["disk/demo/hello:3"])
            try sandbox.write(Self.registries + Self.image(#""1""#), to: "crplan.yaml")
            expect(try await sandbox.crplan("undo", "x.plan", "--auto-approve"), 0)
            #expect(try Self.tags(sandbox) == ["1", "2"])
        }
    }

    @Test func `a deleted image comes back out of its backup`() async throws {
        try await withTags(#""1", "2""#) { sandbox in
            let digest = try #require(try sandbox.read("disk/demo/hello/index.json").firstMatch(of: /sha256:[0-9a-f]{64}/)).output
            let spec = Self.registries + "absent: [\"disk/demo/hello@\(digest)\"]\npolicy: {backup: {to: copy/saved, before: [delete]}}\n"
            try sandbox.write(spec, to: "crplan.yaml")
            let apply = try await sandbox.crplan("apply", "--auto-approve", "--journal", "made.jsonl")
            expect(apply, 0, stdout: ["backup in copy/saved/disk/demo/hello:1-"])
            #expect(try Self.tags(sandbox) == [])
            expect(try await sandbox.crplan("undo", "made.jsonl", "--auto-approve"), 0, stdout: ["still ask", "crplan.yaml:3"])
            #expect(try Self.tags(sandbox) == ["1", "2"])
        }
    }

    @Test func `the journal of another workspace is not undone on layouts of the same name`() async throws {
        try await withTags(#""1""#) { sandbox in
            try sandbox.write(Self.registries + Self.image(#""1", "2""#), to: "crplan.yaml")
            expect(try await sandbox.crplan("apply", "--auto-approve", "--journal", "made.jsonl"), 0)
            _ = try await sandbox.shell("mkdir other && cp crplan.yaml other/")
            let elsewhere = try await sandbox.crplan("undo", "made.jsonl", "-C", "other", "--auto-approve")
            expect(elsewhere, 1, stderr: ["cannot undo this here", "where ./disk is another folder than here"])
            #expect(try Self.tags(sandbox) == ["1", "2"])
            expect(try await sandbox.crplan("undo", "made.jsonl", "--auto-approve"), 0)
            #expect(try Self.tags(sandbox) == ["1"])
        }
    }

    @Test func `what is neither a plan nor a journal is not undone`() async throws {
        try await withTags(#""1""#) { sandbox in
            let spec = try await sandbox.crplan("undo", "crplan.yaml")
            expect(spec, 1, stderr: ["cannot undo crplan.yaml: it is no plan that can be used", "and no journal of crplan"])
            expect(try await sandbox.crplan("undo", "nowhere"), 1, stderr: ["nowhere"])
        }
    }
}
