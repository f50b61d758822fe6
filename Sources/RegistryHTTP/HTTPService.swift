package import Logging
internal import NIOCore
internal import NIOHTTP1
package import OCI
internal import Registry

/// One service over HTTP: retries, back-off and time-outs are those of the distribution API. What a request says of who we are goes to the
/// service's own host alone, also when an answer leads elsewhere.
package struct HTTPService: ServiceSending {
    private let id: RegistryID
    private let exchange: Exchange

    /// `settings.id` names the registry in errors. Throws `.localFile` when a certificate or key cannot be read, `.unsupported` when the
    /// endpoint is not an address.
    package init(settings: HTTPRegistrySettings, logger: Logger, clock: RegistryClock = .system) throws(RegistryError) {
        let exchange = try Exchange(settings: settings, credentials: NoCredentials(), logger: logger, clock: clock) {
            try await HostAddresses.resolve($0)
        }
        self.init(id: settings.id, exchange: exchange)
    }

    private init(id: RegistryID, exchange: Exchange) {
        self.id = id
        self.exchange = exchange
    }

    /// The service that answers where the registry's content does; the host's limits and connections are shared.
    package init(besides registry: HTTPRegistry) {
        self.init(id: registry.id, exchange: registry.exchange)
    }

    package func send(_ request: ServiceRequest) async throws(RegistryError) -> ServiceAnswer {
        let purpose = Purpose(action: request.action, object: request.object, registry: id)
        var message = RegistryRequest(
            method: HTTPMethod(rawValue: request.method),
            address: exchange.connections.base.appending(path: request.target),
            purpose: purpose,
            scopes: []
        )
        for (name, value) in request.headers { message.headers.add(name: name, value: value) }
        if let body = request.body { message.body = .bytes(body) }
        message.login = .fixed(request.authorization)
        message.mayBeRedirected = false
        message.bodyLimit = request.largestAnswer
        if request.isWrite { message.repetition = .whileUndone }
        let response = try await exchange.send(message)
        var headers: [String: String] = [:]
        for (name, value) in response.headers where headers[name.lowercased()] == nil { headers[name.lowercased()] = value }
        return ServiceAnswer(status: response.status, headers: headers, body: response.bytes)
    }

    /// Closes all connections, also those that are shared.
    package func shutdown() async { await exchange.connections.shutdown() }

    private struct NoCredentials: CredentialProvider {
        func credential(for registry: RegistryID, repository: RepositoryName?) async throws(RegistryError) -> Credential? { nil }
    }
}
