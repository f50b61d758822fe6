import RegistryTestSupport

extension Sandbox {
    /// Runs the program with a terminal for all of its streams, and types `answer` when it asks.
    func crplanOnTerminal(_ arguments: String..., answering answer: String) async throws -> ToolResult {
        try write(Self.driver, to: "terminal.py")
        let environment = environment.merging(["TERM": "xterm"]) { $1 }
        let program = try CrplanProgram.path()
        return try await run("python3", ["terminal.py", answer, program] + arguments, environment: environment, in: work)
    }

    /// Shows everything that the terminal shows; a line break is CR LF there.
    private static let driver = """
        import os, pty, sys
        answer, command = sys.argv[1], sys.argv[2:]
        child, terminal = pty.fork()
        if child == 0:
            os.execv(command[0], command)
        shown, answered = b"", False
        while True:
            try:
                piece = os.read(terminal, 65536)
            except OSError:
                break
            if not piece:
                break
            shown += piece
            if not answered and b"Only 'yes' goes on" in shown:
                os.write(terminal, (answer + "\\n").encode())
                answered = True
        sys.stdout.write(shown.decode(errors="replace").replace("\\r\\n", "\\n"))
        sys.exit(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))

        """
}
