internal import Glibc
internal import Subprocess
internal import Synchronization
internal import SystemPackage

/// What a finished process left.
package struct ToolResult: Sendable {
    /// The exit code; for a process that a signal ended, 128 and the signal's number.
    package var status: Int32
    package var stdout: String
    package var stderr: String
}

/// Why a test cannot go on. It fails the test; nothing is skipped.
package struct TestSupportError: Error, CustomStringConvertible {
    package let description: String

    package init(_ description: String) {
        self.description = description
    }
}

/// Reaches a running program, for signals. One handle belongs to one run.
package final class ToolHandle: Sendable {
    package enum Signal: Sendable {
        case interrupt, terminate, kill
    }

    private let send = Mutex<(@Sendable (Signal) throws -> Void)?>(nil)
    private let number = Mutex<Int32?>(nil)

    package init() {}

    /// Throws when the program has not started; one that has ended already gets nothing.
    package func signal(_ signal: Signal) throws {
        guard let send = send.withLock({ $0 }) else { throw TestSupportError("no program is running") }
        try send(signal)
    }

    /// The number of the process, once it has started.
    package var process: Int32? { number.withLock { $0 } }

    fileprivate func attach(_ process: Int32, _ send: @escaping @Sendable (Signal) throws -> Void) {
        number.withLock { $0 = process }
        self.send.withLock { $0 = send }
    }
}

/// Runs a program to its end. `executable` is a name on the path, or a path; `environment` replaces the whole environment; nil inherits it.
/// Throws when the program cannot be started, or has not ended in time (then it is killed, with what it started).
package func run(
    _ executable: String,
    _ arguments: [String] = [],
    environment: [String: String]? = nil,
    in directory: String? = nil,
    input: String = "",
    timeLimit: Duration = .seconds(180),
    handle: ToolHandle? = nil
) async throws -> ToolResult {
    try await withTimeLimit(timeLimit, "\(executable) \(arguments.joined(separator: " "))") {
        // Programs that end without reading their input must not end the tests.
        signal(SIGPIPE, SIG_IGN)
        var options = PlatformOptions()
        options.createSession = true
        options.teardownSequence = killGroup
        let result = try await Subprocess.run(
            executable.contains("/") ? .path(FilePath(executable)) : .name(executable),
            arguments: Arguments(arguments),
            environment: custom(environment),
            workingDirectory: directory.map { FilePath($0) },
            platformOptions: options,
            input: .inputWriter,
            output: .string(limit: 16 << 20),
            error: .string(limit: 16 << 20)
        ) { execution in
            // By the process's number, not through `execution`: that one goes through a file descriptor, which is closed when the program
            // has ended, and may by then be another program's.
            let process = execution.processIdentifier.value
            handle?.attach(process) { signal in
                let signals: [ToolHandle.Signal: Int32] = [.interrupt: SIGINT, .terminate: SIGTERM, .kill: SIGKILL]
                guard kill(process, signals[signal] ?? SIGKILL) == 0 || errno == ESRCH else {
                    throw TestSupportError("cannot signal process \(process): errno \(errno)")
                }
            }
            // A program that ends before it has read everything is no failure; with `.string` the library would trap on it.
            _ = try? await execution.standardInputWriter.write(Array(input.utf8))
            try? await execution.standardInputWriter.finish()
        }
        return ToolResult(status: code(result.terminationStatus), stdout: result.standardOutput, stderr: result.standardError)
    }
}

/// As `run`, for a program that must succeed.
@discardableResult
package func runSuccessfully(_ executable: String, _ arguments: [String] = [], in directory: String? = nil) async throws -> ToolResult {
    let result = try await run(executable, arguments, in: directory)
    guard result.status == 0 else {
        throw TestSupportError("\(executable) \(arguments) ended with \(result.status): \(result.stderr)")
    }
    return result
}

/// Ends `work` by cancellation when it takes longer than `limit`, and throws then.
package func withTimeLimit<Result: Sendable>(
    _ limit: Duration,
    _ what: String,
    _ work: @escaping @Sendable () async throws -> Result
) async throws -> Result {
    try await withThrowingTaskGroup(of: Result.self) { group in
        group.addTask { try await work() }
        group.addTask {
            try await Task.sleep(for: limit)
            throw TestSupportError("\(what) did not end within \(limit)")
        }
        defer { group.cancelAll() }
        guard let first = try await group.next() else { throw CancellationError() }
        return first
    }
}

let killGroup: [TeardownStep] = [.send(signal: .kill, toProcessGroup: true, allowedDurationToNextStep: .seconds(5))]

private func custom(_ environment: [String: String]?) -> Environment {
    guard let environment else { return .inherit }
    var custom: [Environment.Key: String] = [:]
    for (name, value) in environment { custom[Environment.Key(stringLiteral: name)] = value }
    return .custom(custom)
}

private func code(_ status: TerminationStatus) -> Int32 {
    switch status {
    case .exited(let code): code
    case .signaled(let signal): 128 + signal
    }
}
