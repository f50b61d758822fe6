package import OCI
internal import Subprocess
internal import Synchronization
internal import SystemPackage

/// A running `docker-registry` on loopback, with its storage in a temporary folder.
package struct RealRegistry: Sendable {
    package struct Options: Sendable {
        package var deletes = true
        /// Basic authentication with these; nil: anonymous.
        package var user: String?
        package var password: String?
        package var tls = false
        /// Who gives tokens, instead of passwords; nil: nobody.
        package var tokens: TokenService?

        package init(
            deletes: Bool = true,
            user: String? = nil,
            password: String? = nil,
            tls: Bool = false,
            tokens: TokenService? = nil
        ) {
            self.deletes = deletes
            self.user = user
            self.password = password
            self.tls = tls
            self.tokens = tokens
        }
    }

    package let port: Int
    package let options: Options
    /// The storage's root folder.
    package let storagePath: String
    /// With TLS: the authority to trust, as a PEM file.
    package let authorityPath: String?
    private let log: ProcessLog

    /// `127.0.0.1:PORT`.
    package var host: String { "127.0.0.1:\(port)" }
    package var url: String { "\(options.tls ? "https" : "http")://\(host)" }
    package var id: RegistryID { get throws { try RegistryID(host: host) } }
    /// What the process has written so far.
    package var logText: String { log.text }

    fileprivate init(port: Int, options: Options, storagePath: String, authorityPath: String?, log: ProcessLog) {
        self.port = port
        self.options = options
        self.storagePath = storagePath
        self.authorityPath = authorityPath
        self.log = log
    }
}

/// Starts a registry, waits until it listens, and ends it with `body`, however that ends. Fails loudly when Debian's package is missing.
package func withRealRegistry<Result: Sendable>(
    _ options: RealRegistry.Options = RealRegistry.Options(),
    _ body: @escaping @Sendable (RealRegistry) async throws -> Result
) async throws -> Result {
    try await withTemporaryDirectory { directory in
        let storagePath = "\(directory)/storage"
        let configuration = try await writeConfiguration(options, directory, storagePath)
        let log = ProcessLog()
        return try await withProcess("docker-registry", ["serve", configuration], log: log) {
            let port = try await withTimeLimit(.seconds(20), "starting docker-registry") { try await log.listeningPort() }
            let authorityPath = options.tls ? "\(directory)/ca.pem" : nil
            return try await body(
                RealRegistry(port: port, options: options, storagePath: storagePath, authorityPath: authorityPath, log: log)
            )
        }
    }
}

private func writeConfiguration(_ options: RealRegistry.Options, _ directory: String, _ storagePath: String) async throws -> String {
    var lines = [
        "version: 0.1",
        "log: {level: info, accesslog: {disabled: true}}",
        "storage:",
        "  filesystem: {rootdirectory: \(storagePath)}",
        "  delete: {enabled: \(options.deletes)}",
        "http:",
        "  addr: 127.0.0.1:0",
        "  secret: only-for-tests",
    ]
    if options.tls {
        let server = try await TestCertificates(in: directory).server()
        lines.append("  tls: {certificate: \(server.certificatePath), key: \(server.keyPath)}")
    }
    if let tokens = options.tokens {
        let names = "service: \(TokenService.service), issuer: \(TokenService.issuer), rootcertbundle: \(tokens.authorityPath)"
        lines.append("auth: {token: {realm: \"\(tokens.realm)\", \(names)}}")
    } else if let user = options.user {
        let line = try await runSuccessfully("htpasswd", ["-Bbn", user, options.password ?? ""])
        try writeFile(line.stdout, to: "\(directory)/htpasswd")
        lines.append("auth: {htpasswd: {realm: test registry, path: \(directory)/htpasswd}}")
    }
    let path = "\(directory)/config.yml"
    try writeFile(lines.joined(separator: "\n") + "\n", to: path)
    return path
}

/// Runs a program, and kills it when standard input ends, as it does when the test process dies.
private let watchdog = """
    exec 3<&0; "$@" 3<&- & program=$!; (cat <&3 > /dev/null; kill -9 $program) > /dev/null 2>&1 & wait $program
    """

/// Runs `body` while a program runs. The program dies with `body`, and with this process.
private func withProcess<Result: Sendable>(
    _ executable: String,
    _ arguments: [String],
    log: ProcessLog,
    _ body: @escaping @Sendable () async throws -> Result
) async throws -> Result {
    guard try await run("sh", ["-c", "command -v \(executable)"]).status == 0 else {
        throw TestSupportError("\(executable) is not installed, and this test needs it: apt-get install \(executable)")
    }
    var options = PlatformOptions()
    options.createSession = true
    options.teardownSequence = killGroup
    let outcome = try await Subprocess.run(
        .name("sh"),
        arguments: Arguments(["-c", watchdog, "sh", executable] + arguments),
        platformOptions: options,
        input: .inputWriter,
        output: .discarded,
        error: .sequence
    ) { execution in
        let result: Swift.Result<Result, any Error> = await withTaskGroup { group in
            group.addTask { await log.fill(from: execution.standardError) }
            defer { group.cancelAll() }
            do {
                let result = Swift.Result<Result, any Error>.success(try await body())
                await execution.teardown(using: killGroup)
                return result
            } catch {
                await execution.teardown(using: killGroup)
                return .failure(error)
            }
        }
        return result
    }
    return try outcome.closureResult.get()
}

/// What a process writes, and the port it announces.
private final class ProcessLog: Sendable {
    private let content = Mutex<[UInt8]>([])
    private let lines: AsyncStream<String>
    private let continuation: AsyncStream<String>.Continuation

    init() {
        (lines, continuation) = AsyncStream.makeStream()
    }

    var text: String { content.withLock { String(decoding: $0, as: UTF8.self) } }

    func fill(from output: SubprocessOutputSequence) async {
        defer { continuation.finish() }
        do {
            for try await buffer in output {
                let bytes = buffer.withUnsafeBytes { Array($0) }
                content.withLock { $0 += bytes }
                continuation.yield(text)
            }
        } catch {
            // The process is gone, and with it its log.
        }
    }

    /// Waits for `listening on 127.0.0.1:PORT`.
    func listeningPort() async throws -> Int {
        for await text in lines {
            guard let range = text.firstRange(of: "listening on 127.0.0.1:") else { continue }
            let digits = text[range.upperBound...].prefix { $0.isNumber }
            guard digits.endIndex < text.endIndex, let port = Int(digits) else { continue }
            return port
        }
        throw TestSupportError("docker-registry ended at once: \(text)")
    }
}
