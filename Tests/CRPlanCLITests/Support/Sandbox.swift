import FoundationEssentials
import RegistryTestSupport
import Testing

/// A folder to work in, and a home of its own: no run sees the logins, caches and journals of another, or of who runs the tests.
struct Sandbox: Sendable {
    /// Without links, as the program shows it.
    let path: String
    var environment: [String: String]

    /// Where runs begin.
    var work: String { "\(path)/work" }
    var home: String { "\(path)/home" }
    var state: String { "\(path)/state" }

    init(_ path: String) throws {
        self.path = path
        environment = [
            "PATH": ProcessInfo.processInfo.environment["PATH"] ?? "/usr/bin:/bin", "HOME": "\(path)/home",
            "XDG_CACHE_HOME": "\(path)/cache", "XDG_STATE_HOME": "\(path)/state", "XDG_RUNTIME_DIR": "\(path)/run",
            "DOCKER_CONFIG": "\(path)/docker", "LC_ALL": "C.UTF-8",
            // What lies above the folder is no git checkout of ours.
            "GIT_CEILING_DIRECTORIES": path, "GIT_CONFIG_GLOBAL": "/dev/null", "GIT_CONFIG_SYSTEM": "/dev/null",
        ]
        for folder in ["work", "home", "cache", "state", "run", "docker"] {
            try FileManager.default.createDirectory(atPath: "\(path)/\(folder)", withIntermediateDirectories: true)
        }
    }

    /// The program, with these arguments, in the folder to work in or in one below.
    func crplan(
        _ arguments: String...,
        in folder: String = "",
        with extra: [String: String] = [:],
        handle: ToolHandle? = nil
    ) async throws -> ToolResult {
        try await CrplanProgram.run(
            arguments,
            environment: environment.merging(extra) { $1 },
            in: folder.isEmpty ? work : "\(work)/\(folder)",
            handle: handle
        )
    }

    /// A line of shell in which `$CRPLAN` is the program.
    func shell(_ line: String, with extra: [String: String] = [:]) async throws -> ToolResult {
        var environment = environment.merging(extra) { $1 }
        environment["CRPLAN"] = try CrplanProgram.path()
        return try await run("bash", ["-c", line], environment: environment, in: work, timeLimit: .seconds(120))
    }

    /// Below the folder to work in; folders are made as needed.
    func write(_ text: String, to name: String) throws {
        let file = URL(filePath: "\(work)/\(name)")
        try FileManager.default.createDirectory(at: file.deletingLastPathComponent(), withIntermediateDirectories: true)
        try Data(text.utf8).write(to: file)
    }

    func read(_ name: String) throws -> String { String(decoding: try readFile("\(work)/\(name)"), as: UTF8.self) }

    func exists(_ name: String) -> Bool { FileManager.default.fileExists(atPath: "\(work)/\(name)") }

    /// A login as `docker login` leaves it.
    func logIn(_ user: String, _ password: String, at host: String) throws {
        let text = Data("\(user):\(password)".utf8).base64EncodedString()
        try Data(#"{"auths":{"\#(host)":{"auth":"\#(text)"}}}"#.utf8).write(to: URL(filePath: "\(path)/docker/config.json"))
    }

    /// Everything below the folder of journals.
    func journals() throws -> [String] {
        let folder = "\(state)/crplan"
        guard FileManager.default.fileExists(atPath: folder) else { return [] }
        return try FileManager.default.contentsOfDirectory(atPath: folder).sorted()
    }
}

func withSandbox<Result: Sendable>(_ body: @Sendable (Sandbox) async throws -> Result) async throws -> Result {
    try await withTemporaryDirectory { try await body(Sandbox($0)) }
}

/// What a run left, said in full when it is not as expected.
func expect(
    _ result: ToolResult,
    _ status: Int32,
    stdout: [String] = [],
    stderr: [String] = [],
    sourceLocation: SourceLocation = #_sourceLocation
) {
    let all = "status \(result.status)\n-- stdout\n\(result.stdout)\n-- stderr\n\(result.stderr)"
    #expect(result.status == status, "\(all)", sourceLocation: sourceLocation)
    for part in stdout { #expect(result.stdout.contains(part), "stdout lacks: \(part)\n\(all)", sourceLocation: sourceLocation) }
    for part in stderr { #expect(result.stderr.contains(part), "stderr lacks: \(part)\n\(all)", sourceLocation: sourceLocation) }
}
