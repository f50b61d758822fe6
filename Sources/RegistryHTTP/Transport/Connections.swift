internal import AsyncHTTPClient
internal import Logging
internal import NIOCore
internal import NIOPosix
internal import NIOSSL
internal import OCI
internal import Synchronization

/// The HTTP clients of one registry: one for its requests, one for commits (which may keep silent for minutes while a store assembles a
/// blob), and one for each other host that the registry sends us to. Those know neither the client certificate nor the registry's leave to
/// skip verification, and are pinned to the address that was checked.
final class Connections: Sendable {
    enum Patience: Hashable, Sendable {
        case answer, commit
    }

    private struct ForeignHost: Hashable, Sendable {
        var origin: WebAddress.Origin
        var address: String
        var patience: Patience
    }

    let base: WebAddress
    private let settings: HTTPRegistrySettings
    private let answers: HTTPClient
    private let commits: HTTPClient
    private let trustRoots: [NIOSSLCertificate]
    /// All uploads run on this one, so that whoever feeds them can wait until it has taken what it was given.
    let uploadLoop: any EventLoop = EventLoops.shared.next()
    private let foreign = Mutex<[ForeignHost: HTTPClient]>([:])
    private let ownClass = Mutex<AddressClass?>(nil)
    private let resolve: HostResolver

    /// The most bytes of an answer's header fields.
    private static let largestHeader = 64 << 10

    init(
        _ settings: HTTPRegistrySettings,
        resolve: @escaping HostResolver = { try await HostAddresses.resolve($0) }
    ) throws(RegistryError) {
        self.settings = settings
        self.resolve = resolve
        base = try settings.base()
        trustRoots = try Self.trustRoots(settings)
        let tls = try Self.ownTLS(settings, trustRoots)
        answers = Self.client(.answer, on: EventLoops.shared, tls, connections: settings.connections)
        commits = Self.client(.commit, on: uploadLoop, tls, connections: settings.connections)
    }

    func isOwn(_ address: WebAddress) -> Bool { address.origin == base.origin }

    /// Sends to the registry itself or, after a check of its addresses, to another host.
    func execute(_ request: HTTPClientRequest, at address: WebAddress, _ patience: Patience) async throws -> HTTPClientResponse {
        let answer = try await send(request, to: address, patience)
        let size = answer.headers.reduce(0) { $0 + $1.name.utf8.count + $1.value.utf8.count + 4 }
        guard size <= Self.largestHeader else {
            throw TransportFailure.refused("\(address.authority) answers with a header of more than 64 KiB")
        }
        return answer
    }

    private func send(_ request: HTTPClientRequest, to address: WebAddress, _ patience: Patience) async throws -> HTTPClientResponse {
        let deadline = NIODeadline.now() + .hours(24 * 30)
        if isOwn(address) {
            return try await (patience == .commit ? commits : answers).execute(request, deadline: deadline)
        }
        var failure: any Error = TransportFailure.unknownHost(address.host)
        for literal in try await allowedAddresses(of: address) {
            do {
                return try await foreignClient(address, literal, patience).execute(request, deadline: deadline)
            } catch {
                failure = error
                // Only where no connection came about has nothing been sent.
                guard case .unreachable = TransportFailure(error), !Task.isCancelled else { throw error }
            }
        }
        throw failure
    }

    /// Closes all connections; nothing can be sent afterwards.
    func shutdown() async {
        let others = foreign.withLock { clients in
            defer { clients = [:] }
            return Array(clients.values)
        }
        for client in [answers, commits] + others { try? await client.shutdown() }
    }

    private func allowedAddresses(of address: WebAddress) async throws -> [String] {
        let own = try await registryClass()
        let found = try await resolve(address)
        let allowed = found.filter { own.mayLead(to: AddressClass(literal: $0)) }
        if allowed.isEmpty, let first = found.first {
            let place = AddressClass(literal: first).words
            throw TransportFailure.refused("the registry leads to \(address.host), which is \(place) (\(first))")
        }
        return allowed
    }

    private func foreignClient(_ address: WebAddress, _ literal: String, _ patience: Patience) -> HTTPClient {
        let key = ForeignHost(origin: address.origin, address: literal, patience: patience)
        return foreign.withLock { clients in
            if let client = clients[key] { return client }
            var tls = TLSConfiguration.makeClientConfiguration()
            tls.minimumTLSVersion = .tlsv12
            tls.additionalTrustRoots = trustRoots.isEmpty ? [] : [.certificates(trustRoots)]
            let loops: any EventLoopGroup = patience == .commit ? uploadLoop : EventLoops.shared
            let client = Self.client(patience, on: loops, tls, connections: settings.connections, pin: (address.bareHost, literal))
            clients[key] = client
            return client
        }
    }

    private func registryClass() async throws -> AddressClass {
        if let known = ownClass.withLock({ $0 }) { return known }
        guard let first = try await resolve(base).first else { throw TransportFailure.unknownHost(base.host) }
        let found = AddressClass(literal: first)
        ownClass.withLock { $0 = found }
        return found
    }

    private static func client(
        _ patience: Patience,
        on loops: any EventLoopGroup,
        _ tls: TLSConfiguration,
        connections: Int,
        pin: (host: String, address: String)? = nil
    ) -> HTTPClient {
        let timeout: HTTPClient.Configuration.Timeout =
            switch patience {
            case .answer: .init(connect: .seconds(10), read: .seconds(60), write: .seconds(60))
            // An upload also stands still while its source is being resumed.
            case .commit: .init(connect: .seconds(10), read: .minutes(10), write: .minutes(5))
            }
        var configuration = HTTPClient.Configuration(
            tlsConfiguration: tls,
            redirectConfiguration: .disallow,
            timeout: timeout,
            // `HostGate` is the limit; a connection that is being closed must not make the next request wait.
            connectionPool: .init(idleTimeout: .seconds(30), concurrentHTTP1ConnectionsPerHostSoftLimit: connections + 8),
            decompression: .disabled
        )
        configuration.httpVersion = .http1Only
        // Nothing traces crplan, and what a trace would hold is made for each request.
        configuration.tracing.tracer = nil
        configuration.connectionPool.retryConnectionEstablishment = false
        if let pin { configuration.dnsOverride = [pin.host: pin.address] }
        return HTTPClient(eventLoopGroupProvider: .shared(loops), configuration: configuration)
    }

    private static func trustRoots(_ settings: HTTPRegistrySettings) throws(RegistryError) -> [NIOSSLCertificate] {
        guard let file = settings.caFile else { return [] }
        do {
            let certificates = try NIOSSLCertificate.fromPEMFile(file)
            if !certificates.isEmpty { return certificates }
        } catch {}
        throw unreadable(file, "a CA certificate", settings)
    }

    private static func ownTLS(
        _ settings: HTTPRegistrySettings,
        _ trustRoots: [NIOSSLCertificate]
    ) throws(RegistryError) -> TLSConfiguration {
        var tls = TLSConfiguration.makeClientConfiguration()
        tls.minimumTLSVersion = .tlsv12
        if settings.insecureSkipVerify { tls.certificateVerification = .none }
        if !trustRoots.isEmpty { tls.additionalTrustRoots = [.certificates(trustRoots)] }
        if let own = settings.clientCertificate {
            do {
                tls.certificateChain = try NIOSSLCertificate.fromPEMFile(own.certificateFile).map { .certificate($0) }
            } catch {
                throw unreadable(own.certificateFile, "a client certificate", settings)
            }
            do {
                tls.privateKey = .privateKey(try NIOSSLPrivateKey(file: own.keyFile, format: .pem))
            } catch {
                throw unreadable(own.keyFile, "a private key", settings)
            }
        }
        return tls
    }

    private static func unreadable(_ file: String, _ what: String, _ settings: HTTPRegistrySettings) -> RegistryError {
        RegistryError(
            .localFile,
            action: "read",
            object: file.withVisibleControls,
            registry: settings.id,
            reason: "it cannot be opened or is not \(what) in PEM form",
            help: "the registry \(settings.id) names it"
        )
    }
}
