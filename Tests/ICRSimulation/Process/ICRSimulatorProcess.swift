internal import AsyncHTTPClient
internal import FoundationEssentials
internal import NIOCore
internal import NIOHTTP1
package import OCI
internal import RegistryTestSupport
internal import Subprocess
internal import SystemPackage

/// A running ICRSimulator, and the way to its control address.
package struct ICRSimulatorProcess: Sendable {
    /// What it said when it began to serve.
    package let announcement: JSONValue

    package func url(_ host: String, _ place: String = "public") -> String {
        announcement["registries"]?[host]?[place]?.string ?? ""
    }

    package var iamURL: String { announcement["iam"]?.string ?? "" }
    package var apiKey: String { announcement["apiKey"]?.string ?? "" }
    package var account: String { announcement["account"]?.string ?? "" }

    /// Asks the control address; anything but success throws.
    @discardableResult
    package func control(_ method: String, _ path: String, _ body: JSONValue? = nil) async throws -> JSONValue {
        var request = HTTPClientRequest(url: "\(announcement["control"]?.string ?? "")/\(path)")
        request.method = HTTPMethod(rawValue: method)
        if let body { request.body = .bytes(ByteBuffer(string: body.canonicalText)) }
        let response = try await HTTPClient.shared.execute(request, timeout: .seconds(30))
        let text = String(buffer: try await response.body.collect(upTo: 256 << 20))
        guard (200..<300).contains(response.status.code) else { throw TestSupportError("\(method) \(path): \(response.status) \(text)") }
        return text.isEmpty ? .null : try JSONValue(parsing: Array(text.utf8))
    }

    /// The requests so far, but those to the control address.
    package func log() async throws -> [JSONValue] { try await control("GET", "log").array ?? [] }
}

/// Starts the simulator as a process, and ends it with `body`, however that ends.
package func withICRSimulatorProcess<Result: Sendable>(
    _ arguments: [String] = [],
    _ body: @escaping @Sendable (ICRSimulatorProcess) async throws -> Result
) async throws -> Result {
    let path = try simulatorPath()
    var options = PlatformOptions()
    options.createSession = true
    options.teardownSequence = [.send(signal: .kill, toProcessGroup: true, allowedDurationToNextStep: .seconds(5))]
    let outcome = try await Subprocess.run(
        .path(FilePath(path)),
        arguments: Arguments(arguments),
        platformOptions: options,
        input: .inputWriter,
        output: .sequence,
        error: .discarded
    ) { execution in
        let result: Swift.Result<Result, any Error>
        do {
            let line = try await withTimeLimit(.seconds(30), "starting ICRSimulator") {
                try await firstLine(of: execution.standardOutput)
            }
            result = .success(try await body(ICRSimulatorProcess(announcement: try JSONValue(parsing: Array(line.utf8)))))
        } catch {
            result = .failure(error)
        }
        await execution.teardown(using: options.teardownSequence)
        return result
    }
    return try outcome.closureResult.get()
}

private func firstLine(of output: SubprocessOutputSequence) async throws -> String {
    var bytes: [UInt8] = []
    for try await buffer in output {
        bytes += buffer.withUnsafeBytes { Array($0) }
        if let end = bytes.firstIndex(of: UInt8(ascii: "\n")) { return String(decoding: bytes[..<end], as: UTF8.self) }
    }
    throw TestSupportError("ICRSimulator ended at once: \(String(decoding: bytes, as: UTF8.self))")
}

/// Beside the running test bundle, debug or release.
private func simulatorPath() throws -> String {
    let own = try FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe")
    let candidates = [CommandLine.arguments.first ?? "", own].compactMap { path in
        path.contains(".xctest") ? path.lastIndex(of: "/").map { String(path[..<$0]) + "/ICRSimulator" } : nil
    }
    guard let found = candidates.first(where: { FileManager.default.isExecutableFile(atPath: $0) }) else {
        throw TestSupportError("there is no ICRSimulator beside the tests (\(candidates)); build it with 'swift build --build-tests'")
    }
    return found
}
