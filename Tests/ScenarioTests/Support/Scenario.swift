import FoundationEssentials
import RegistryTestSupport
import Synchronization
import Testing

/// A user's machine: a workspace, a home folder of its own, and the `crplan` that was built along with these tests.
struct Scenario: Sendable {
    /// Everything of this scenario is below it.
    let folder: String
    var workspace: String { "\(folder)/work" }
    var home: String { "\(folder)/home" }

    /// Writes a file of the workspace, with the folders above it. `text` of `crplan.yaml` comes without its first line.
    func write(_ text: String, to name: String = "crplan.yaml") throws {
        let path = "\(workspace)/\(name)"
        try makeFolder(String(path.prefix(upTo: path.lastIndex(of: "/") ?? path.endIndex)))
        try writeFile(name.hasSuffix(".yaml") ? "apiVersion: crplan/v1\n\(text)\n" : text, to: path)
    }

    /// Runs crplan in the workspace, and expects an exit code.
    @discardableResult
    func crplan(
        _ arguments: String...,
        exits status: Int32? = 0,
        environment: [String: String] = [:],
        in directory: String? = nil,
        timeLimit: Duration = .seconds(150),
        handle: ToolHandle? = nil,
        sourceLocation: SourceLocation = #_sourceLocation
    ) async throws -> ToolResult {
        let result = try await run(
            try Program.path(),
            arguments,
            environment: self.environment.merging(environment) { $1 },
            in: directory ?? workspace,
            timeLimit: timeLimit,
            handle: handle
        )
        if let status {
            #expect(result.status == status, "crplan \(arguments.joined(separator: " "))\n\(result.said)", sourceLocation: sourceLocation)
        }
        return result
    }

    /// Applies without a question, and then plans: there must be nothing left to do.
    func applyAll(_ options: String..., sourceLocation: SourceLocation = #_sourceLocation) async throws {
        let arguments = ["apply", "--auto-approve"] + options
        let result = try await run(
            try Program.path(),
            arguments,
            environment: environment,
            in: workspace,
            timeLimit: .seconds(150)
        )
        #expect(result.status == 0, "crplan \(arguments.joined(separator: " "))\n\(result.said)", sourceLocation: sourceLocation)
        try await expectNoChanges(sourceLocation: sourceLocation)
    }

    func expectNoChanges(sourceLocation: SourceLocation = #_sourceLocation) async throws {
        let result = try await crplan("plan", "--detailed-exitcode", sourceLocation: sourceLocation)
        #expect(result.stdout.contains("No changes."), "\(result.said)", sourceLocation: sourceLocation)
    }

    /// Nothing of the machine that runs the tests is seen.
    var environment: [String: String] {
        [
            "PATH": ProcessInfo.processInfo.environment["PATH"] ?? "/usr/bin:/bin", "HOME": home, "TMPDIR": "\(folder)/tmp",
            "XDG_CACHE_HOME": "\(home)/cache", "XDG_STATE_HOME": "\(home)/state", "DOCKER_CONFIG": "\(home)/docker",
            "XDG_RUNTIME_DIR": "\(home)/run",
        ]
    }

    /// The same workspace, written elsewhere, with another home.
    func moved(to name: String) throws -> Scenario {
        let other = Scenario(folder: "\(folder)/\(name)")
        try other.makeFolders()
        return other
    }

    fileprivate func makeFolders() throws {
        for path in [workspace, "\(home)/docker", "\(folder)/tmp"] { try makeFolder(path) }
    }
}

/// A scenario that is gone when `body` is over. `spec` is `crplan.yaml` without its first line.
func withScenario<Result>(_ spec: String = "", _ body: (Scenario) async throws -> Result) async throws -> Result {
    try await withTemporaryDirectory { folder in
        let scenario = Scenario(folder: folder)
        try scenario.makeFolders()
        try scenario.write(spec)
        return try await body(scenario)
    }
}

func makeFolder(_ path: String) throws {
    try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
}

/// The program under test.
enum Program {
    /// `crplan` beside the running test bundle, debug or release.
    static func path() throws -> String {
        let own = try FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe")
        let candidates = [CommandLine.arguments.first ?? "", own].compactMap { path in
            path.contains(".xctest") ? path.lastIndex(of: "/").map { String(path[..<$0]) + "/crplan" } : nil
        }
        guard let found = candidates.first(where: { FileManager.default.isExecutableFile(atPath: $0) }) else {
            throw TestSupportError("there is no crplan beside the tests (\(candidates)); build it with 'swift build --build-tests'")
        }
        return found
    }
}

extension ToolResult {
    /// For messages about what went wrong.
    var said: String { "exit \(status)\n--- stdout\n\(stdout)\n--- stderr\n\(stderr)" }
}

extension RealRegistry {
    /// A line of `registries`. With TLS, the test's authority is trusted.
    func declaration(_ alias: String, port: Int? = nil, _ more: String...) -> String {
        var members = ["host: \"127.0.0.1:\(port ?? self.port)\""]
        if options.tls { members.append("caFile: \(authorityPath ?? "")") } else { members.append("plainHTTP: true") }
        return "  \(alias): {\((members + more).joined(separator: ", "))}"
    }
}

/// Whether the long tests run as well.
enum LongMode {
    static var isOn: Bool { ProcessInfo.processInfo.environment["CRPLAN_LONG"] == "1" }

    /// Says loudly what is left out.
    static func note(leftOut what: String) {
        print("LEFT OUT, since CRPLAN_LONG=1 is not set: \(what)")
    }
}

/// A value that several tasks see.
final class Mutexed<Value: Sendable>: Sendable {
    private let mutex: Mutex<Value>

    init(_ value: Value) { mutex = Mutex(value) }

    func withLock<Result: Sendable>(_ body: (inout Value) -> Result) -> Result { mutex.withLock { body(&$0) } }
}
