internal import Files
internal import FoundationEssentials
internal import Glibc

/// Where credentials may come from: the process's variables, the user's home, files and helper programs. Tests bring their own.
package struct CredentialEnvironment: Sendable {
    /// What a helper did.
    package struct HelperOutcome: Sendable, Hashable {
        package var exitCode: Int
        package var output: [UInt8]

        package init(exitCode: Int, output: [UInt8]) {
            self.exitCode = exitCode
            self.output = output
        }
    }

    /// Why a file or helper gave nothing; a clause.
    package struct Failure: Error, Sendable, Hashable {
        package var reason: String

        package init(_ reason: String) {
            self.reason = reason
        }
    }

    package var variables: [String: String]
    package var home: String
    package var userID: UInt32
    /// A file's bytes; `nil` when it is not there. Throws when it cannot be read.
    package var readFile: @Sendable (_ path: String) throws(Failure) -> [UInt8]?
    /// Runs `program get` with `input` on its standard input; `program` is a bare name to be found on the PATH.
    package var runHelper: @Sendable (_ program: String, _ input: String) async throws(Failure) -> HelperOutcome
    /// Runs a program by its bare name with arguments and without input; `nil`: it is not on the PATH.
    package var runProgram: @Sendable (_ program: String, _ arguments: [String]) async throws(Failure) -> HelperOutcome?

    package init(
        variables: [String: String],
        home: String,
        userID: UInt32,
        readFile: @escaping @Sendable (_ path: String) throws(Failure) -> [UInt8]?,
        runHelper: @escaping @Sendable (_ program: String, _ input: String) async throws(Failure) -> HelperOutcome,
        runProgram: @escaping @Sendable (_ program: String, _ arguments: [String]) async throws(Failure) -> HelperOutcome? = { _, _ in nil }
    ) {
        self.variables = variables
        self.home = home
        self.userID = userID
        self.readFile = readFile
        self.runHelper = runHelper
        self.runProgram = runProgram
    }

    /// That of this process.
    package static func process() -> CredentialEnvironment {
        let variables = ProcessInfo.processInfo.environment
        let path = variables["PATH"] ?? "/usr/local/bin:/usr/bin:/bin"
        return CredentialEnvironment(
            variables: variables,
            home: variables["HOME"] ?? "/",
            userID: getuid(),
            readFile: { path throws(Failure) in
                do throws(FileError) {
                    guard try FileStatus.of(path) != nil else { return nil }
                    return try WholeFile.read(path, limit: 4 << 20)
                } catch {
                    throw Failure(error.reason)
                }
            },
            runHelper: { program, input async throws(Failure) in
                try await HelperProgram.run(program, input: input, searchPath: path)
            },
            runProgram: { program, arguments async throws(Failure) in
                guard HelperProgram.find(program, in: path) != nil else { return nil }
                return try await HelperProgram.run(program, arguments, input: "", searchPath: path)
            }
        )
    }

    /// A variable that is set and not empty.
    func variable(_ name: String) -> String? {
        variables[name].flatMap { $0.isEmpty ? nil : $0 }
    }

    /// A path as people write it.
    func shown(_ path: String) -> String {
        path.hasPrefix(home + "/") ? "~" + path.dropFirst(home.count) : path
    }
}
