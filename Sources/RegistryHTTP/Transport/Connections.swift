internal import AsyncHTTPClient
internal import Glibc
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
    private let foreign = Mutex<[ForeignHost: HTTPClient]>([:])
    private let ownClass = Mutex<AddressClass?>(nil)

    init(_ settings: HTTPRegistrySettings) throws(RegistryError) {
        self.settings = settings
        base = try settings.base()
        trustRoots = try Self.trustRoots(settings)
        let tls = try Self.ownTLS(settings, trustRoots)
        answers = Self.client(.answer, tls, connections: settings.connections)
        commits = Self.client(.commit, tls, connections: settings.connections)
    }

    func isOwn(_ address: WebAddress) -> Bool { address.origin == base.origin }

    /// Sends to the registry itself or, after a check of its address, to another host.
    func execute(_ request: HTTPClientRequest, at address: WebAddress, _ patience: Patience) async throws -> HTTPClientResponse {
        let client: HTTPClient
        if isOwn(address) {
            client = patience == .commit ? commits : answers
        } else {
            client = try await foreignClient(for: address, patience)
        }
        return try await client.execute(request, deadline: .now() + .hours(24 * 30))
    }

    /// Closes all connections; nothing can be sent afterwards.
    func shutdown() async {
        let others = foreign.withLock { clients in
            defer { clients = [:] }
            return Array(clients.values)
        }
        for client in [answers, commits] + others { try? await client.shutdown() }
    }

    private func foreignClient(for address: WebAddress, _ patience: Patience) async throws -> HTTPClient {
        let resolved = try await Self.resolve(address)
        let own = try await registryClass()
        let its = AddressClass(resolved)
        guard own.mayLead(to: its) else {
            throw TransportFailure.refused("the registry leads to \(address.host), which is \(its.words) (\(Self.literal(resolved)))")
        }
        let key = ForeignHost(origin: address.origin, address: Self.literal(resolved), patience: patience)
        return foreign.withLock { clients in
            if let client = clients[key] { return client }
            var tls = TLSConfiguration.makeClientConfiguration()
            tls.minimumTLSVersion = .tlsv12
            tls.additionalTrustRoots = trustRoots.isEmpty ? [] : [.certificates(trustRoots)]
            let client = Self.client(patience, tls, connections: settings.connections, pin: (address.bareHost, key.address))
            clients[key] = client
            return client
        }
    }

    private func registryClass() async throws -> AddressClass {
        if let known = ownClass.withLock({ $0 }) { return known }
        let found = AddressClass(try await Self.resolve(base))
        ownClass.withLock { $0 = found }
        return found
    }

    private static func client(
        _ patience: Patience,
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
        configuration.connectionPool.retryConnectionEstablishment = false
        if let pin { configuration.dnsOverride = [pin.host: pin.address] }
        return HTTPClient(eventLoopGroupProvider: .singleton, configuration: configuration)
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
            reason: "it cannot be opened or is not \(what) in PEM form"
        )
    }

    private static func resolve(_ address: WebAddress) async throws -> SocketAddress {
        if let literal = try? SocketAddress(ipAddress: address.bareHost, port: address.port) { return literal }
        do {
            return try await NIOThreadPool.singleton.runIfActive {
                try SocketAddress.makeAddressResolvingHost(address.bareHost, port: address.port)
            }
        } catch is SocketAddressError {
            throw TransportFailure.unknownHost(address.host)
        }
    }

    private static func literal(_ address: SocketAddress) -> String { address.ipAddress ?? "" }
}

extension AddressClass {
    init(_ address: SocketAddress) {
        let text = address.ipAddress ?? ""
        let isVersion6 = text.contains(":")
        var bytes = [UInt8](repeating: 0, count: isVersion6 ? 16 : 4)
        // A scope such as `%eth0` is not part of the address.
        let isRead = inet_pton(isVersion6 ? AF_INET6 : AF_INET, String(text.prefix { $0 != "%" }), &bytes) == 1
        self.init(bytes: isRead ? bytes : [])
    }
}
