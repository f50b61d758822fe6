import FoundationEssentials
import RegistryTestSupport
import Testing

@Suite struct ValidateTests {
    private static let crplanFile = """
        apiVersion: crplan/v1
        registries:
          us: {host: us.registry.example, hots: x}
          disk: {kind: layout, path: ./disk}
        images:
          - to: us/shop/app
            from: disk/shop/app:1.0
            tags: ["${release}"]

        """
    private static let other = """
        apiVersion: crplan/v1
        images:
          - to: uss/shop/app
            from: disk/shop/app:1.0
            tags: [x y]

        """

    @Test func `all mistakes of all files are shown at once, each with place, line, caret and help`() async throws {
        try await withSandbox { sandbox in
            try sandbox.write(Self.crplanFile, to: "crplan.yaml")
            try sandbox.write(Self.other, to: "team/b.yaml")
            try sandbox.write("images: [\n", to: "team/c.yaml")
            let result = try await sandbox.crplan("validate")
            let expected = [
                "crplan.yaml:3:35: error: 'hots' is not a key of a registry [unknown-key]",
                "  3 |   us: {host: us.registry.example, hots: x}\n    |                                   ^~~~",
                "help: did you mean 'host'?", "crplan.yaml:8:", "variable 'release' is not defined", "--var release=VALUE",
                "team/b.yaml:3:9: error: ", "'uss'", "team/b.yaml:5:12: error: ", "team/c.yaml:", "[yaml-syntax]",
            ]
            expect(result, 1, stderr: expected)
            #expect(result.stdout.isEmpty)
            #expect(!result.stderr.contains("\n\n\n") && result.stderr.hasSuffix("\n") && !result.stderr.hasSuffix("\n\n"))
        }
    }

    @Test func `plan and apply show the same and contact nobody`() async throws {
        try await withSandbox { sandbox in
            try sandbox.write(Self.crplanFile, to: "crplan.yaml")
            let wanted = try await sandbox.crplan("validate")
            for arguments in [["plan"], ["apply", "--auto-approve"], ["plan", "--out", "x.plan"]] {
                let result = try await CrplanProgram.run(arguments, environment: sandbox.environment, in: sandbox.work)
                expect(result, 1)
                #expect(result.stderr == wanted.stderr && result.stdout.isEmpty)
            }
            #expect(!sandbox.exists("x.plan"))
        }
    }

    @Test func `JSON has them all on stdout`() async throws {
        try await withSandbox { sandbox in
            try sandbox.write(Self.crplanFile, to: "crplan.yaml")
            try sandbox.write(Self.other, to: "b.yaml")
            let result = try await sandbox.crplan("validate", "--format", "json")
            expect(result, 1)
            #expect(result.stderr.isEmpty)
            let report = try JSONDecoder().decode(Report.self, from: Data(result.stdout.utf8))
            #expect(report.formatVersion == 1)
            #expect(Set(report.diagnostics.compactMap(\.file)) == ["crplan.yaml", "b.yaml"])
            #expect(report.diagnostics.contains { $0.code == "unknown-key" && $0.line == 3 && $0.column == 35 && $0.help != nil })
            let good = try await sandbox.crplan("validate", "--format", "json", "-C", "/proc/self/nowhere")
            expect(good, 1, stderr: ["/proc/self/nowhere is not a folder"])
        }
    }

    private struct Report: Decodable {
        struct Finding: Decodable {
            var code: String
            var severity: String
            var file: String?
            var line: Int?
            var column: Int?
            var help: String?
        }
        var formatVersion: Int
        var diagnostics: [Finding]
    }

    @Test func `warnings change the code with --strict alone`() async throws {
        try await withSandbox { sandbox in
            let spec = """
                apiVersion: crplan/v1
                registries: {disk: {kind: layout, path: ./disk}}
                policy: {protect: ["elsewhere.registry.example/a:x"]}

                """
            try sandbox.write(spec, to: "crplan.yaml")
            expect(try await sandbox.crplan("validate"), 0, stdout: ["valid"], stderr: ["crplan.yaml:3:", "warning: "])
            expect(try await sandbox.crplan("validate", "--strict"), 1, stderr: ["warning: "])
        }
    }

    @Test func `files that are no specs are counted`() async throws {
        try await withSandbox { sandbox in
            try sandbox.write("apiVersion: crplan/v1\n", to: "crplan.yaml")
            try sandbox.write("kind: Deployment\n", to: "k8s/a.yaml")
            expect(try await sandbox.crplan("validate"), 0, stdout: ["valid (1 file). One other YAML file was passed over."])
            try sandbox.write("kind: Service\n", to: "k8s/b.yml")
            expect(try await sandbox.crplan("validate"), 0, stdout: ["2 other YAML files were passed over."])
        }
    }
}
