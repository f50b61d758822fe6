internal import AsyncHTTPClient
internal import Logging
internal import NIOCore
internal import NIOHTTP1
internal import OCI
internal import Registry

/// Sends requests: within the host's limit, with the right credentials, following redirects, and again where that is safe.
final class Exchange: Sendable {
    let settings: HTTPRegistrySettings
    let connections: Connections
    let gate: HostGate
    let clock: RegistryClock
    let authorizer: Authorizer
    private let logger: Logger

    init(
        settings: HTTPRegistrySettings,
        credentials: any CredentialProvider,
        logger: Logger,
        clock: RegistryClock
    ) throws(RegistryError) {
        self.settings = settings
        self.clock = clock
        self.logger = logger
        connections = try Connections(settings)
        gate = HostGate(limit: settings.connections)
        authorizer = Authorizer(settings: settings, credentials: credentials, connections: connections, clock: clock, logger: logger)
    }

    /// The last answer, whatever its status; 401 and what may be tried again have been dealt with. Throws when no answer came.
    func send(_ request: RegistryRequest) async throws(RegistryError) -> RegistryResponse {
        var retry = RetryPolicy(startedAt: clock.uptime())
        while true {
            let outcome: RetryPolicy.Outcome
            let failure: Result<RegistryResponse, RegistryError>
            var mayBeDone = true
            do throws(TransportFailure) {
                let response = try await sendAuthorized(request)
                guard RetryPolicy.isTransient(response.status) else { return response }
                let retryAfter = RetryPolicy.retryAfter(
                    response.headers.first(name: "retry-after"),
                    date: response.headers.first(name: "date"),
                    now: clock.wallSeconds()
                )
                outcome = .status(response.status, permanent: response.error.isPermanent, retryAfter: retryAfter)
                failure = .success(response)
                mayBeDone = response.status != 429
            } catch {
                if case .foreign(let original) = error { throw original }
                guard let mapped = Self.outcome(of: error) else { throw self.error(for: error, request) }
                outcome = mapped
                failure = .failure(self.error(for: error, request))
            }
            if case .never = request.repetition, mayBeDone {
                if case .status(_, _, let wait?) = outcome { gate.pause(until: clock.uptime() + wait) }
                return try failure.get()
            }
            switch retry.decide(outcome, now: clock.uptime(), jitter: clock.jitter()) {
            case .giveUp: return try failure.get()
            case .wait(let seconds, let wholeHost):
                if case .success(let response) = failure { response.permit.release() }
                log("waiting \(seconds) s before trying again", request)
                if wholeHost {
                    gate.pause(until: clock.uptime() + seconds)
                } else {
                    try await sleep(seconds, request)
                }
            }
            if mayBeDone, case .unlessDone(let isDone) = request.repetition, try await isDone(),
                let settled = try await settledResponse(request)
            {
                return settled
            }
        }
    }

    private func settledResponse(_ request: RegistryRequest) async throws(RegistryError) -> RegistryResponse? {
        let permit = try await permit(.small, request.purpose)
        permit.release()
        return RegistryResponse(
            status: 200,
            headers: [:],
            address: request.address,
            body: HTTPClientResponse.Body(),
            error: ErrorBody(),
            permit: permit,
            wasSettled: true
        )
    }

    /// One try, with at most two new authorizations: one for the challenge, one for a token that ran out or was too narrow.
    private func sendAuthorized(_ request: RegistryRequest) async throws(TransportFailure) -> RegistryResponse {
        try await waitForPause(request)
        let grant = try await grant(request.slot, request.purpose)
        var authorization = try await authorize(request, nil, grant)
        var renewals = 0
        while true {
            let response = try await sendFollowing(request, authorization, grant)
            guard response.status == 401, renewals < 2, connections.isOwn(response.address), request.mayBeSentAgain else { return response }
            renewals += 1
            let refusal = Authorizer.Refusal(
                challenges: Challenge.parse(response.headers["www-authenticate"]),
                address: response.address,
                used: authorization
            )
            guard let next = try await authorize(request, refusal, grant) else { return response }
            authorization = next
        }
    }

    private func authorize(
        _ request: RegistryRequest,
        _ refusal: Authorizer.Refusal?,
        _ permit: HostGate.Permit
    ) async throws(TransportFailure) -> Authorizer.Authorization? {
        guard connections.isOwn(request.address) else { return nil }
        do throws(RegistryError) {
            if let refusal {
                return try await authorizer.renew(after: refusal, scopes: request.scopes, for: request.purpose)
            }
            return try await authorizer.authorization(scopes: request.scopes, for: request.purpose)
        } catch {
            throw .foreign(error)
        }
    }

    private func sendFollowing(
        _ request: RegistryRequest,
        _ authorization: Authorizer.Authorization?,
        _ permit: HostGate.Permit
    ) async throws(TransportFailure) -> RegistryResponse {
        var address = request.address
        var redirects = Redirects()
        var hasLeft = false
        while true {
            // Credentials go to the registry alone, and never back from a host it led to.
            if !connections.isOwn(address) { hasLeft = true }
            let header = hasLeft ? nil : authorization?.header
            let answer = try await sendOnce(request, to: address, header)
            let location = answer.headers.first(name: "location")
            switch redirects.decide(status: Int(answer.status.code), location: location, isReading: request.isReading, at: address) {
            case .none: return try await finish(answer, at: address, permit)
            case .refuse(let reason): throw .refused(reason)
            case .follow(let next):
                try await drain(answer)
                address = next
            }
        }
    }

    private func sendOnce(
        _ request: RegistryRequest,
        to address: WebAddress,
        _ authorization: String?
    ) async throws(TransportFailure) -> HTTPClientResponse {
        var message = HTTPClientRequest(url: address.text)
        message.method = request.method
        message.headers = request.headers
        message.headers.replaceOrAdd(name: "user-agent", value: settings.userAgent)
        if let authorization { message.headers.replaceOrAdd(name: "authorization", value: authorization) }
        switch request.body {
        case .none: break
        case .bytes(let bytes): message.body = .bytes(ByteBuffer(bytes: bytes))
        case .blob(let size, let body): message.body = .stream(body, length: .known(size))
        }
        do {
            let answer = try await connections.execute(message, at: address, request.patience)
            logger.debug("\(request.method) \(address) → \(answer.status.code)")
            return answer
        } catch {
            logger.debug("\(request.method) \(address) failed: \(TransportFailure(error))")
            throw Task.isCancelled ? .cancelled : TransportFailure(error)
        }
    }

    /// Reads the body of an error answer; leaves any other for the caller.
    private func finish(
        _ answer: HTTPClientResponse,
        at address: WebAddress,
        _ permit: HostGate.Permit
    ) async throws(TransportFailure) -> RegistryResponse {
        var response = RegistryResponse(
            status: Int(answer.status.code),
            headers: answer.headers,
            address: address,
            body: answer.body,
            error: ErrorBody(),
            permit: permit
        )
        guard !response.isSuccess else { return response }
        let bytes = try await drain(answer)
        response.error = ErrorBody(bytes: bytes, contentType: response.contentType)
        return response
    }

    /// At most 64 KiB; a body that lies about its length or breaks off is read as far as it goes.
    @discardableResult
    private func drain(_ answer: HTTPClientResponse) async throws(TransportFailure) -> [UInt8] {
        var bytes: [UInt8] = []
        do {
            for try await buffer in answer.body {
                bytes += buffer.readableBytesView.prefix(ErrorBody.largestSize - bytes.count)
                if bytes.count >= ErrorBody.largestSize { break }
            }
        } catch {
            if Task.isCancelled { throw .cancelled }
        }
        return bytes
    }

    private func waitForPause(_ request: RegistryRequest) async throws(TransportFailure) {
        while true {
            let left = gate.pauseLeft(at: clock.uptime())
            guard left > 0 else { return }
            do {
                try await clock.sleep(left)
            } catch {
                throw .cancelled
            }
        }
    }

    private func grant(_ slot: HostGate.Slot, _ purpose: Purpose) async throws(TransportFailure) -> HostGate.Permit {
        do {
            return try await gate.acquire(slot)
        } catch {
            throw .cancelled
        }
    }

    private func permit(_ slot: HostGate.Slot, _ purpose: Purpose) async throws(RegistryError) -> HostGate.Permit {
        do {
            return try await gate.acquire(slot)
        } catch {
            throw purpose.cancelled
        }
    }

    func sleep(_ seconds: Double, _ request: RegistryRequest) async throws(RegistryError) {
        do {
            try await clock.sleep(seconds)
        } catch {
            throw request.purpose.cancelled
        }
    }

    private func log(_ text: String, _ request: RegistryRequest) {
        logger.debug("\(text): \(request.method) \(request.address)")
    }
}

extension RegistryRequest {
    /// Whether the body can be sent a second time after a 401: a blob's source has to be opened anew, by the caller.
    var mayBeSentAgain: Bool {
        if case .blob = body { return false }
        return true
    }
}
