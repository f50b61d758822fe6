internal import Glibc
internal import Subprocess
internal import SystemPackage

/// Runs programs that know logins, such as `docker-credential-…`: no shell, at most 30 s, at most 64 KiB of answer.
enum HelperProgram {
    static let timeLimit = Duration.seconds(30)
    static let largestOutput = 64 << 10

    static func run(
        _ program: String,
        _ arguments: [String] = ["get"],
        input: String,
        searchPath: String,
        limit: Duration = timeLimit
    ) async throws(CredentialEnvironment.Failure) -> CredentialEnvironment.HelperOutcome {
        guard let path = find(program, in: searchPath) else { throw .init("it is not on PATH") }
        do {
            return try await withThrowingTaskGroup(of: CredentialEnvironment.HelperOutcome?.self) { group in
                group.addTask { try await start(path, arguments, input) }
                group.addTask {
                    try await Task.sleep(for: limit)
                    return nil
                }
                defer { group.cancelAll() }
                guard let outcome = try await group.next() ?? nil else {
                    throw CredentialEnvironment.Failure("it took longer than \(limit.components.seconds) s")
                }
                return outcome
            }
        } catch let failure as CredentialEnvironment.Failure {
            throw failure
        } catch let error as SubprocessError where error.code == .outputLimitExceeded {
            throw .init("it answers with more than 64 KiB")
        } catch is CancellationError {
            throw .init("it was cancelled")
        } catch {
            throw .init("it cannot be run")
        }
    }

    private static func start(_ path: String, _ arguments: [String], _ input: String) async throws -> CredentialEnvironment.HelperOutcome {
        let result = try await Subprocess.run(
            .path(FilePath(path)),
            arguments: Arguments(arguments),
            input: .inputWriter,
            output: .bytes(limit: largestOutput),
            error: .discarded
        ) { execution in
            // A helper that ends without reading is judged by what it says; with `.string` the library would trap on it.
            _ = try? await execution.standardInputWriter.write(Array(input.utf8))
            try? await execution.standardInputWriter.finish()
        }
        let code: Int =
            switch result.terminationStatus {
            case .exited(let code): Int(code)
            case .signaled(let signal): 128 + Int(signal)
            }
        return .init(exitCode: code, output: result.standardOutput)
    }

    /// In absolute folders of the PATH only, never in the working directory.
    static func find(_ program: String, in searchPath: String) -> String? {
        for folder in searchPath.split(separator: ":") where folder.hasPrefix("/") {
            let path = "\(folder)/\(program)"
            if access(path, X_OK) == 0 { return path }
        }
        return nil
    }
}
