import FoundationEssentials
import Glibc
import Testing

@testable import Credentials

@Suite(.timeLimit(.minutes(5))) struct HelperProgramTests {
    init() {
        // As `crplan` does at its start.
        signal(SIGPIPE, SIG_IGN)
    }

    private func withProgram(_ script: String, _ body: (_ searchPath: String) async throws -> Void) async throws {
        let folder = FileManager.default.temporaryDirectory.appending(path: "crplan-helper-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        let program = folder.appending(path: "docker-credential-test")
        try Data("#!/bin/sh\n\(script)\n".utf8).write(to: program)
        try FileManager.default.setAttributes([.posixPermissions: 0o755], ofItemAtPath: program.path)
        try await body("\(folder.path):/usr/bin:/bin")
    }

    @Test func theServersKeyGoesInAndTheAnswerComesOut() async throws {
        try await withProgram(#"[ "$*" = get ] && printf '%s!' "$(cat)""#) { path in
            let outcome = try await HelperProgram.run("docker-credential-test", input: "r.example", searchPath: path)
            #expect(outcome.exitCode == 0 && outcome.output == Array("r.example!".utf8))
        }
    }

    @Test func theExitCodeIsTold() async throws {
        try await withProgram("echo no; exit 7") { path in
            let outcome = try await HelperProgram.run("docker-credential-test", input: "", searchPath: path)
            #expect(outcome.exitCode == 7 && outcome.output == Array("no\n".utf8))
        }
    }

    @Test func aProgramThatNeverReadsIsHeardNevertheless() async throws {
        try await withProgram("exec 0<&-; echo no; exit 7") { path in
            let key = String(repeating: "r", count: 1 << 20)
            let outcome = try await HelperProgram.run("docker-credential-test", input: key, searchPath: path)
            #expect(outcome.exitCode == 7 && outcome.output == Array("no\n".utf8))
        }
    }

    @Test func aProgramThatIsNotThereIsSaid() async throws {
        await #expect(throws: CredentialEnvironment.Failure("it is not on PATH")) {
            try await HelperProgram.run("docker-credential-nowhere", input: "", searchPath: "/usr/bin:.:relative")
        }
    }

    @Test func tooLongAnAnswerIsRefused() async throws {
        try await withProgram("head -c 100000 /dev/zero") { path in
            await #expect(throws: CredentialEnvironment.Failure("it answers with more than 64 KiB")) {
                try await HelperProgram.run("docker-credential-test", input: "", searchPath: path)
            }
        }
    }

    @Test func aProgramThatHangsIsEnded() async throws {
        try await withProgram("exec sleep 600") { path in
            await #expect(throws: CredentialEnvironment.Failure("it took longer than 0 s")) {
                try await HelperProgram.run("docker-credential-test", input: "", searchPath: path, limit: .zero)
            }
        }
    }
}
