internal import AsyncHTTPClient
internal import Logging
internal import NIOCore
internal import NIOHTTP1
internal import OCI
internal import Registry

/// Sends token requests. They take no slot of the registry's gate, since a request that waits for its token holds one already, but keep to
/// the pace and the pauses of the host that they go to.
struct TokenServer: Sendable {
    let settings: HTTPRegistrySettings
    let connections: Connections
    let registryGate: HostGate
    /// For the pauses that another host than the registry's asks for.
    let foreignGate = HostGate(limit: 1)
    let clock: RegistryClock
    let logger: Logger

    /// `refresh` came along with an earlier token and stands in for the credential. Servers that know no POST are asked by GET.
    func fetch(_ request: TokenRequest, refresh: Secret?, for purpose: Purpose) async throws(RegistryError) -> Token {
        var request = request
        request.refreshToken = refresh
        if let form = request.form {
            var message = HTTPClientRequest(url: request.realm.text)
            message.method = .POST
            message.headers.add(name: "content-type", value: "application/x-www-form-urlencoded")
            message.body = .bytes(ByteBuffer(string: form))
            let (status, bytes) = try await send(message, to: request.realm, purpose)
            if status != 404, status != 405 { return try token(status, bytes, request, purpose, isPost: true) }
        }
        var message = HTTPClientRequest(url: request.address.text)
        if let basic = request.basicHeader { message.headers.add(name: "authorization", value: basic) }
        let (status, bytes) = try await send(message, to: request.address, purpose)
        return try token(status, bytes, request, purpose)
    }

    /// What `/v2/` offers, for registries whose 401 offers nothing.
    func ping() async -> Authorizer.Offer {
        let address = connections.base.appending(path: "/v2/")
        var message = HTTPClientRequest(url: address.text)
        message.headers.add(name: "user-agent", value: settings.userAgent)
        guard (try? await registryGate.awaitTurn(clock)) != nil,
            let answer = try? await connections.execute(message, at: address, .answer)
        else { return Authorizer.Offer(challenges: [], address: address) }
        _ = try? await answer.body.collect(upTo: ErrorBody.largestSize, clock: clock)
        return Authorizer.Offer(challenges: Challenge.parse(answer.headers["www-authenticate"]), address: address)
    }

    private func token(
        _ status: Int,
        _ bytes: [UInt8],
        _ request: TokenRequest,
        _ purpose: Purpose,
        isPost: Bool = false
    ) throws(RegistryError) -> Token {
        let host = request.realm.authority
        guard (200..<300).contains(status) else {
            let body = ErrorBody(bytes: bytes, contentType: nil)
            let reason = "the token server \(host) gave no token" + (body.text.isEmpty ? "" : ": \(body.text)")
            let help = request.credential == nil ? "\(settings.id) may need a login; none is known for it" : nil
            throw purpose.error(Self.code(status, isPost: isPost), status: status, registryCode: body.code, reason, help: help)
        }
        do throws(Token.Invalid) {
            return try Token(answer: bytes, receivedAt: clock.wallSeconds())
        } catch {
            throw purpose.error(.badAnswer, "the token server \(host) gave no token: \(error.description)")
        }
    }

    private static func code(_ status: Int, isPost: Bool) -> RegistryError.Code {
        switch status {
        case 401: .unauthorized
        // OAuth2's answer to a token that is not valid (RFC 6749, section 5.2).
        case 400 where isPost: .unauthorized
        case 400, 404, 405, 422: .rejected
        case 403: .denied
        case 429: .rateLimited
        case 300..<400: .untrusted
        default: .unavailable
        }
    }

    private typealias Answer = (status: Int, body: [UInt8])

    private func send(_ message: HTTPClientRequest, to address: WebAddress, _ purpose: Purpose) async throws(RegistryError) -> Answer {
        var message = message
        message.headers.replaceOrAdd(name: "user-agent", value: settings.userAgent)
        var retry = RetryPolicy(startedAt: clock.uptime())
        while true {
            let (result, outcome) = try await attempt(message, to: address, purpose)
            guard let outcome, case .wait(let seconds, let wholeHost) = retry.decide(outcome, now: clock.uptime(), jitter: clock.jitter())
            else {
                return try result.get()
            }
            if wholeHost {
                gate(of: address).pause(until: clock.uptime() + seconds)
                continue
            }
            do {
                try await clock.sleep(seconds)
            } catch {
                throw purpose.cancelled
            }
        }
    }

    private func gate(of address: WebAddress) -> HostGate { connections.isOwn(address) ? registryGate : foreignGate }

    /// One try; the outcome is `nil` when no repetition helps.
    private func attempt(
        _ message: HTTPClientRequest,
        to address: WebAddress,
        _ purpose: Purpose
    ) async throws(RegistryError) -> (Result<Answer, RegistryError>, RetryPolicy.Outcome?) {
        do {
            try await gate(of: address).awaitTurn(clock)
            let answer = try await connections.execute(message, at: address, .answer)
            let status = Int(answer.status.code)
            logger.debug("\(message.method) \(address) → \(status)")
            let body = try await answer.body.collect(upTo: Token.largestAnswer, clock: clock)
            guard RetryPolicy.isTransient(status) else { return (.success((status, body)), nil) }
            let retryAfter = RetryPolicy.retryAfter(
                answer.headers.first(name: "retry-after"),
                date: answer.headers.first(name: "date"),
                now: clock.wallSeconds()
            )
            return (.success((status, body)), .status(status, permanent: false, retryAfter: retryAfter))
        } catch is NIOTooManyBytesError {
            throw purpose.error(.badAnswer, "the token server \(address.authority) answers with more than 1 MiB")
        } catch {
            let failure = Task.isCancelled ? TransportFailure.cancelled : TransportFailure(error)
            let words = Exchange.error(for: failure, purpose, host: "the token server \(address.authority)")
            return (.failure(words), Exchange.outcome(of: failure))
        }
    }
}
