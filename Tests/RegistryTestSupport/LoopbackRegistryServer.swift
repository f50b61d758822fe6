internal import NIOHTTP1
internal import NIOSSL
package import OCI
internal import Synchronization

/// An HTTP/1.1 server on 127.0.0.1 that speaks the distribution API over a registry in memory. Tests script it: a script sees the head
/// of each request and may say what happens instead.
package final class LoopbackRegistryServer: LoopbackService {
    package struct Options: Sendable {
        package var authentication = LoopbackAuthentication.none
        /// A server certificate; nil: plain HTTP.
        package var certificate: TestCertificates.Pair?
        /// With TLS: the authority that client certificates must have; nil: none is asked for.
        package var clientAuthorityPath: String?
        /// With TLS: nothing newer than version 1.1 is spoken.
        package var hasOldTLS = false
        /// The most entries of one page of a list.
        package var pageSize = 50
        /// Nil: as in docker-registry, what came of an upload that broke counts for nothing.
        package var partialUploads: PartialUploads?

        package init(
            authentication: LoopbackAuthentication = .none,
            certificate: TestCertificates.Pair? = nil,
            clientAuthorityPath: String? = nil,
            pageSize: Int = 50,
            partialUploads: PartialUploads? = nil
        ) {
            self.authentication = authentication
            self.certificate = certificate
            self.clientAuthorityPath = clientAuthorityPath
            self.pageSize = pageSize
            self.partialUploads = partialUploads
        }
    }

    /// Nil: the server does its usual work, or an older script decides.
    package typealias Script = @Sendable (LoopbackRequest) -> ScriptedAnswer?

    private struct State: Sendable {
        var count = 0
        var connections = 0
        var log: [LoggedRequest] = []
        var scripts: [Script] = []
    }

    package let registry: InMemoryRegistry
    package let port: Int
    /// Where tokens are to be had, with bearer authentication.
    package let tokenPort: Int
    private let options: Options
    private let service: DistributionService
    private let authenticator: Authenticator
    private let state = Mutex(State())

    fileprivate init(registry: InMemoryRegistry, options: Options, port: Int, tokenPort: Int) {
        self.registry = registry
        self.options = options
        self.port = port
        self.tokenPort = tokenPort
        service = DistributionService(registry: registry, pageSize: options.pageSize, partialUploads: options.partialUploads)
        authenticator = Authenticator(options.authentication)
    }

    /// `127.0.0.1:PORT`.
    package var host: String { "127.0.0.1:\(port)" }
    package var url: String { "\(options.certificate == nil ? "http" : "https")://\(host)" }
    package var id: RegistryID { get throws { try RegistryID(host: host) } }

    // MARK: For tests

    /// The newest script is asked first.
    package func script(_ script: @escaping Script) { state.withLock { $0.scripts.append(script) } }

    /// Scripts the next `times` requests that `predicate` picks.
    package func answerNext(
        _ times: Int = 1,
        where predicate: @escaping @Sendable (LoopbackRequest) -> Bool,
        with answer: ScriptedAnswer
    ) {
        let left = Counter(times)
        script { request in predicate(request) && left.take() ? answer : nil }
    }

    package func forgetScripts() { state.withLock { $0.scripts = [] } }

    /// What has been asked and answered so far.
    package var log: [LoggedRequest] { state.withLock { $0.log } }
    /// `METHOD path` of each request in the log, token requests left out.
    package var lines: [String] { log.map(\.line).filter { !$0.hasSuffix(" /token") } }
    package func count(_ method: String, _ pathSuffix: String = "") -> Int {
        log.count { $0.method == method && $0.path.hasSuffix(pathSuffix) }
    }

    package func forgetLog() { state.withLock { $0.log = [] } }

    /// Connections accepted so far.
    package var connections: Int { state.withLock { $0.connections } }
    /// Upload sessions that nobody has ended.
    package var openUploads: Int { service.uploads.openCount }
    package var issuedTokens: Int { authenticator.issuedTokens }
    /// Every token given so far is invalid from now on.
    package func expireTokens() { authenticator.expireTokens() }

    // MARK: For the connections

    package func connectionBegan() { state.withLock { $0.connections += 1 } }

    package func received(_ request: LoopbackRequest) -> (request: LoopbackRequest, answer: ScriptedAnswer?) {
        let (number, scripts) = state.withLock { state in
            state.count += 1
            return (state.count, state.scripts)
        }
        var request = request
        request.number = number
        for script in scripts.reversed() {
            if let answer = script(request) { return (request, answer) }
        }
        return (request, nil)
    }

    private var tokenURL: String { "\(options.certificate == nil ? "http" : "https")://127.0.0.1:\(tokenPort)/token" }

    package func receiver(for request: LoopbackRequest) -> (@Sendable ([UInt8]) -> Void)? {
        authenticator.refusal(of: request, tokenURL: tokenURL) == nil ? service.receiver(for: request) : nil
    }

    package func reply(to request: LoopbackRequest, body: [UInt8]) async -> LoopbackReply {
        if request.path == "/token" { return authenticator.token(request, body: body) }
        if let refusal = authenticator.refusal(of: request, tokenURL: tokenURL) { return refusal }
        var request = request
        // Without the right to read the source a mount becomes an ordinary upload.
        if let source = request.parameter("from"), !authenticator.mayPull(source, request) { request.target = request.path }
        return await service.reply(to: request, body: body)
    }

    package func answered(_ request: LoopbackRequest, bodySize: Int, status: Int?) {
        var shown = request
        if let value = shown.headers["authorization"] { shown.headers["authorization"] = value.prefix { $0 != " " } + " <redacted>" }
        state.withLock { $0.log.append(LoggedRequest(request: shown, bodySize: bodySize, status: status)) }
    }
}

/// Runs a server over `registry` while `body` runs.
package func withLoopbackRegistryServer<Result: Sendable>(
    _ registry: InMemoryRegistry,
    _ options: LoopbackRegistryServer.Options = LoopbackRegistryServer.Options(),
    _ body: @escaping @Sendable (LoopbackRegistryServer) async throws -> Result
) async throws -> Result {
    var count = 1
    if case .bearer(let bearer) = options.authentication, bearer.hasOwnPort { count = 2 }
    return try await withLoopbackListeners(count, tlsContext(options)) { ports in
        let tokenPort = ports.count > 1 ? ports[1] : ports[0]
        let server = LoopbackRegistryServer(registry: registry, options: options, port: ports[0], tokenPort: tokenPort)
        return (ports.map { _ in server }, server)
    } body: { server in
        try await body(server)
    }
}

private func tlsContext(_ options: LoopbackRegistryServer.Options) throws -> NIOSSLContext? {
    guard let pair = options.certificate else { return nil }
    var configuration = TLSConfiguration.makeServerConfiguration(
        certificateChain: try NIOSSLCertificate.fromPEMFile(pair.certificatePath).map { .certificate($0) },
        privateKey: .privateKey(try NIOSSLPrivateKey(file: pair.keyPath, format: .pem))
    )
    if options.hasOldTLS { configuration.maximumTLSVersion = .tlsv11 }
    if let authority = options.clientAuthorityPath {
        configuration.trustRoots = .file(authority)
        configuration.certificateVerification = .noHostnameVerification
    }
    return try NIOSSLContext(configuration: configuration)
}

/// Gives a number of turns.
private final class Counter: Sendable {
    private let left: Mutex<Int>

    init(_ count: Int) {
        left = Mutex(count)
    }

    func take() -> Bool {
        left.withLock { left in
            guard left > 0 else { return false }
            left -= 1
            return true
        }
    }
}
