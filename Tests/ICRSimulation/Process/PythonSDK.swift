internal import FoundationEssentials
package import OCI
internal import RegistryTestSupport

/// IBM's Python SDK, which `Tests/run` installs. Without it these tests fail: what nobody runs proves nothing.
package enum PythonSDK {
    /// Runs a program of the folder `SDK`; `input` is what it reads, and the answer what it writes.
    package static func run(_ script: String, _ input: JSONValue) async throws -> JSONValue {
        let folder = "/" + #filePath.split(separator: "/").dropLast(2).joined(separator: "/")
        let root = "/" + folder.split(separator: "/").dropLast(2).joined(separator: "/")
        let python = "\(root)/.build/test-tools/bin/python3"
        guard FileManager.default.isExecutableFile(atPath: python) else {
            throw TestSupportError("IBM's SDK is not there (\(python)); Tests/run installs it")
        }
        let environment = ["PATH": "/usr/bin:/bin", "HOME": "/nonexistent", "PYTHONDONTWRITEBYTECODE": "1"]
        let path = "\(folder)/SDK/\(script).py"
        let result = try await RegistryTestSupport.run(python, [path], environment: environment, input: input.canonicalText)
        guard result.status == 0 else { throw TestSupportError("\(script).py ended with \(result.status): \(result.stderr)") }
        return try JSONValue(parsing: Array(result.stdout.utf8))
    }

    /// Makes single calls, `[method of the SDK, arguments by name]`, at one host of a simulator; the answers are the results.
    package static func call(
        _ calls: [(String, [String: JSONValue])],
        host: String,
        of announcement: JSONValue
    ) async throws -> [(status: Int64, result: JSONValue)] {
        guard case .object(var input) = announcement else { throw TestSupportError("the simulator's announcement is no object") }
        input["host"] = .string(host)
        input["calls"] = .array(calls.map { .array([.string($0.0), .object($0.1)]) })
        let answers = try await run("calls", .object(input))
        return (answers.array ?? []).map { answer in
            guard case .integer(let status)? = answer["status"] else { return (0, answer) }
            return (status, answer["result"] ?? .null)
        }
    }
}
