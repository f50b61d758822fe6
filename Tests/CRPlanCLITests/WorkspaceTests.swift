import FoundationEssentials
import RegistryTestSupport
import Testing

@Suite struct WorkspaceTests {
    private static let crplanFile = "apiVersion: crplan/v1\nregistries: {disk: {kind: layout, path: ./disk}}\n"

    /// A spec that wants one tag of a layout.
    private static func image(_ tag: String) -> String {
        "apiVersion: crplan/v1\nimages: [{to: disk/demo/hello, from: {layout: \"\(Clone.root)/examples/quickstart/hello\"}, tags: [\"\(tag)\"]}]\n"
    }

    @Test func `the workspace is found upward, or by -C`() async throws {
        try await withSandbox { sandbox in
            try sandbox.write(Self.crplanFile, to: "ws/crplan.yaml")
            try sandbox.write(Self.image("1"), to: "ws/team/deep/a.yaml")
            let here = try await sandbox.crplan("plan", in: "ws")
            expect(here, 0, stdout: ["disk/demo/hello:1"])
            #expect(try await sandbox.crplan("plan", in: "ws/team/deep").stdout == here.stdout)
            #expect(try await sandbox.crplan("plan", "-C", "ws").stdout == here.stdout)
            #expect(try await sandbox.crplan("plan", "-C", "ws/team").stdout == here.stdout)
            #expect(try await sandbox.crplan("plan", "-C", "\(sandbox.work)/ws/../ws/./team").stdout == here.stdout)
            let none = try await sandbox.crplan("plan")
            expect(none, 1, stderr: ["no crplan.yaml here or in a folder above", "-C", "-f", "crplan init"])
            expect(try await sandbox.crplan("plan", "-C", "nowhere"), 1, stderr: ["nowhere is not a folder"])
            expect(try await sandbox.crplan("plan", "-C", "ws/crplan.yaml"), 1, stderr: ["ws/crplan.yaml is not a folder"])
        }
    }

    @Test func `nested workspaces and hidden folders are left out`() async throws {
        try await withSandbox { sandbox in
            try sandbox.write(Self.crplanFile, to: "crplan.yaml")
            try sandbox.write(Self.image("1"), to: "a.yaml")
            try sandbox.write(Self.image("hidden"), to: ".github/a.yaml")
            try sandbox.write(Self.crplanFile, to: "nested/crplan.yaml")
            try sandbox.write(Self.image("nested"), to: "nested/deep/a.yml")
            let outer = try await sandbox.crplan("plan")
            expect(outer, 0, stdout: ["1 tag to add", "hello:1 "])
            let inner = try await sandbox.crplan("plan", in: "nested/deep")
            expect(inner, 0, stdout: ["1 tag to add", "hello:nested "])
            try sandbox.write(Self.crplanFile + "workspace: {include: [\".github/*\"]}\n", to: "crplan.yaml")
            expect(try await sandbox.crplan("plan"), 0, stdout: ["1 tag to add", "hello:hidden "])
        }
    }

    @Test func `a crplan_yaml that is a link is one`() async throws {
        try await withSandbox { sandbox in
            try sandbox.write(Self.crplanFile, to: "elsewhere.txt")
            try sandbox.write(Self.image("1"), to: "ws/a.yaml")
            expect(try await sandbox.shell("ln -s ../elsewhere.txt ws/crplan.yaml"), 0)
            expect(try await sandbox.crplan("plan", in: "ws"), 0, stdout: ["hello:1 "])
        }
    }

    @Test func `specs behind a link to a folder are not passed over in silence`() async throws {
        try await withSandbox { sandbox in
            try sandbox.write(Self.crplanFile, to: "ws/crplan.yaml")
            try sandbox.write(Self.image("1"), to: "ws/own/a.yaml")
            try sandbox.write(Self.image("2"), to: "elsewhere/b.yaml")
            try sandbox.write("key: value\n", to: "plain/values.yaml")
            expect(try await sandbox.shell("cd ws && ln -s own inside && ln -s ../plain plain && ln -s ../nowhere gone"), 0)
            expect(try await sandbox.crplan("plan", in: "ws"), 0, stdout: ["1 tag to add", "hello:1 "])
            expect(try await sandbox.shell("cd ws && ln -s ../elsewhere team"), 0)
            let refused = try await sandbox.crplan("plan", in: "ws")
            expect(refused, 1, stderr: ["team is a symbolic link to a folder, which is not followed, and team/b.yaml looks like a spec"])
            try sandbox.write(Self.crplanFile + "workspace: {include: [\"own/*\"]}\n", to: "ws/crplan.yaml")
            expect(try await sandbox.crplan("plan", in: "ws"), 0, stdout: ["1 tag to add", "hello:1 "])
        }
    }

    @Test func `a file of a workspace is used without it only together with crplan_yaml, and never when it prunes`() async throws {
        try await withSandbox { sandbox in
            try sandbox.write(Self.crplanFile, to: "crplan.yaml")
            try sandbox.write(Self.image("1"), to: "a.yaml")
            try sandbox.write(Self.image("2"), to: "b.yaml")
            let alone = try await sandbox.crplan("plan", "-f", "a.yaml")
            expect(alone, 1, stderr: ["a.yaml belongs to the workspace \(sandbox.work)", "-C \(sandbox.work)", "crplan.yaml with -f too"])
            expect(try await sandbox.crplan("plan", "-f", "a.yaml", "crplan.yaml"), 0, stdout: ["1 tag to add"])
            expect(try await sandbox.crplan("plan", "-f", "a.yaml", "-f", "crplan.yaml"), 0, stdout: ["1 tag to add"])
            try sandbox.write(Self.image("1") + "prune: [{repositories: \"disk/**\", tags: {undeclared: untag}}]\n", to: "a.yaml")
            let pruning = try await sandbox.crplan("plan", "-f", "a.yaml", "crplan.yaml")
            expect(pruning, 1, stderr: ["a.yaml prunes and belongs to the workspace"])
        }
    }

    @Test func `files outside any workspace may hold every key`() async throws {
        try await withSandbox { sandbox in
            try sandbox.write(Self.crplanFile + Self.image("1").dropFirst("apiVersion: crplan/v1\n".count), to: "x/one.yaml")
            expect(try await sandbox.crplan("plan", "-f", "x/one.yaml"), 0, stdout: ["disk/demo/hello:1"])
            // A pipe is a file, too.
            expect(try await sandbox.shell("\"$CRPLAN\" plan -f <(cat x/one.yaml)"), 0, stdout: ["disk/demo/hello:1"])
            expect(try await sandbox.crplan("plan", "-f", "x/nope.yaml"), 1, stderr: ["cannot read \(sandbox.work)/x/nope.yaml"])
            expect(try await sandbox.crplan("plan", "-f", "x"), 1, stderr: ["it is a folder"])
        }
    }

    @Test func `var wins over var-file, which wins over the environment, which wins over variables`() async throws {
        try await withSandbox { sandbox in
            try sandbox.write(Self.crplanFile + "variables: {release: from-spec}\n", to: "crplan.yaml")
            try sandbox.write(Self.image("${release}"), to: "a.yaml")
            try sandbox.write("release: from-file\n", to: "../values.yaml")
            func tag(_ arguments: [String], _ extra: [String: String]) async throws -> String? {
                let environment = sandbox.environment.merging(extra) { $1 }
                let result = try await CrplanProgram.run(["plan"] + arguments, environment: environment, in: sandbox.work)
                expect(result, 0)
                return result.stdout.firstMatch(of: /hello:(from-[a-z]+)/).map { String($0.output.1) }
            }
            let environment = ["CRPLAN_VAR_release": "from-environment"]
            #expect(try await tag([], [:]) == "from-spec")
            #expect(try await tag([], environment) == "from-environment")
            #expect(try await tag(["--var-file", "../values.yaml"], environment) == "from-file")
            #expect(try await tag(["--var", "release=from-option", "--var-file", "../values.yaml"], environment) == "from-option")
        }
    }

    @Test(arguments: [
        ("- a\n", "must be one YAML map"), ("a: [1]\n", "must be one value"), ("a: 1\na: 2\n", "../values.yaml:2:1: "),
        ("a: 'x\n", "../values.yaml:"),
    ])
    func `a file of variables that is none is refused`(text: String, message: String) async throws {
        try await withSandbox { sandbox in
            try sandbox.write(Self.crplanFile, to: "crplan.yaml")
            try sandbox.write(text, to: "../values.yaml")
            expect(try await sandbox.crplan("plan", "--var-file", "../values.yaml"), 1, stderr: [message])
        }
    }
}
