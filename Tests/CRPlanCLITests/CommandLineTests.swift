import FoundationEssentials
import RegistryTestSupport
import Testing

@Suite struct CommandLineTests {
    static let commands = ["init", "validate", "list", "plan", "apply", "show", "schema", "version"]

    @Test func `version prints one line`() async throws {
        try await withSandbox { sandbox in
            let result = try await sandbox.crplan("version")
            expect(result, 0)
            #expect(result.stdout.wholeMatch(of: /crplan \d+\.\d+\.\d+\n/) != nil)
            #expect(result.stderr.isEmpty)
        }
    }

    @Test(arguments: commands)
    func `the help of every command has an example`(command: String) async throws {
        try await withSandbox { sandbox in
            let help = try await sandbox.crplan("help", command)
            expect(help, 0, stdout: ["crplan \(command)"])
            #expect(help.stdout.contains("Example"), "\(help.stdout)")
            let sameHelp = try await sandbox.crplan(command, "--help")
            #expect(sameHelp.stdout == help.stdout)
        }
    }

    @Test func `the program's own help names every command`() async throws {
        try await withSandbox { sandbox in
            let help = try await sandbox.crplan("--help")
            expect(help, 0, stdout: Self.commands.map { "\n  \($0) " } + ["Example"])
            // Without arguments it says the same instead of doing something.
            #expect(try await sandbox.crplan().stdout == help.stdout)
        }
    }

    @Test(arguments: [
        ["bogus"], ["plan", "--bogus"], ["plan", "extra"], ["plan", "--format", "yaml"], ["plan", "--format", "html"], ["plan", "-f"],
        ["plan", "--var", "novalue"], ["plan", "--var", "=x"], ["plan", "--parallelism", "0"], ["plan", "--parallelism", "many"],
        ["plan", "--log-level", "loud"], ["show"], ["apply", "--plan-digest", "sha256:00"], ["apply", "a.plan", "--plan-digest", "x"],
        ["apply", "a.plan", "--target", "us/**"], ["apply", "a.plan", "--exclude", "us/**"], ["apply", "--allow-env", "NAME", "a.plan"],
        ["apply", "--events", "-", "--format", "json"], ["apply", "--events", "x", "--journal", "x"], ["version", "extra"],
    ])
    func `wrong usage ends with 64 and says how it is used`(arguments: [String]) async throws {
        try await withSandbox { sandbox in
            let result = try await CrplanProgram.run(arguments, environment: sandbox.environment, in: sandbox.work)
            expect(result, 64, stderr: ["Error: ", "sage: crplan"])
            #expect(result.stdout.isEmpty)
        }
    }

    @Test(arguments: ["bash", "zsh", "fish"])
    func `completions are made for every shell`(shell: String) async throws {
        try await withSandbox { sandbox in
            let script = try await sandbox.crplan("--generate-completion-script", shell)
            expect(script, 0, stdout: Self.commands)
            guard shell == "bash" else { return }
            try sandbox.write(script.stdout, to: "completion.bash")
            expect(try await sandbox.shell("bash -n completion.bash"), 0)
        }
    }

    @Test func `schema prints the schema that stands in schemas`() async throws {
        try await withSandbox { sandbox in
            let result = try await sandbox.crplan("schema")
            expect(result, 0)
            #expect(result.stdout == (try Clone.text("schemas/spec.schema.json")))
        }
    }
}
