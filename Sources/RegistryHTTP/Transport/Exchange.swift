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
    let pulls: PullMeter
    let authorizer: Authorizer
    private let trials = LoginTrials()
    let watch: AnswerWatch
    private let logger: Logger

    init(
        settings: HTTPRegistrySettings,
        credentials: any CredentialProvider,
        logger: Logger,
        clock: RegistryClock,
        resolve: @escaping HostResolver
    ) throws(RegistryError) {
        self.settings = settings
        self.clock = clock
        self.logger = logger
        watch = AnswerWatch(logger: logger)
        connections = try Connections(settings, resolve: resolve)
        gate = HostGate(limit: settings.connections, requestsPerSecond: settings.requestsPerSecond)
        pulls = PullMeter(limit: settings.pulls)
        authorizer = Authorizer(
            settings: settings,
            credentials: credentials,
            connections: connections,
            gate: gate,
            clock: clock,
            logger: logger
        )
    }

    /// The last answer, whatever its status; 401 and what may be tried again have been dealt with. Throws when no answer came.
    func send(_ request: RegistryRequest) async throws(RegistryError) -> RegistryResponse {
        var retry = RetryPolicy(startedAt: clock.uptime())
        while true {
            let outcome: RetryPolicy.Outcome
            let result: Result<RegistryResponse, RegistryError>
            do throws(TransportFailure) {
                let response = try await attempt(request)
                guard let transient = self.outcome(of: response) else { return response }
                (outcome, result) = (transient, .success(response))
            } catch {
                guard let transient = Self.outcome(of: error) else { throw self.error(for: error, request) }
                (outcome, result) = (transient, .failure(self.error(for: error, request)))
            }
            if outcome.isDoubtful, case .whileUndone = request.repetition { return try result.get() }
            // The time in the queue of the host's own limits is no part of the budget.
            if retry.failures == 0 { retry = RetryPolicy(startedAt: clock.uptime()) }
            guard try await waitBeforeRepeating(&retry, outcome, request.purpose) else { return try result.get() }
            if outcome.mayBeDone, case .unlessDone(let isDone) = request.repetition, try await isDone() {
                return RegistryResponse(settledAt: request.address, status: (try? result.get())?.status)
            }
        }
    }

    /// `nil`: no repetition helps.
    func outcome(of response: RegistryResponse) -> RetryPolicy.Outcome? {
        guard RetryPolicy.isTransient(response.status) else { return nil }
        let retryAfter = RetryPolicy.retryAfter(
            response.headers.first(name: "retry-after"),
            date: response.headers.first(name: "date"),
            now: clock.wallSeconds()
        )
        if response.status == 429, retryAfter == nil, let quota = RegistryQuota(response.headers), quota.remaining == 0 {
            return .status(429, permanent: quota.wait == nil, retryAfter: quota.wait)
        }
        return .status(response.status, permanent: response.error.isPermanent, retryAfter: retryAfter)
    }

    /// `false`: the tries or the time are used up.
    private func waitBeforeRepeating(
        _ retry: inout RetryPolicy,
        _ outcome: RetryPolicy.Outcome,
        _ purpose: Purpose
    ) async throws(RegistryError) -> Bool {
        guard case .wait(let seconds, let wholeHost) = retry.decide(outcome, now: clock.uptime(), jitter: clock.jitter()) else {
            return false
        }
        try await pause(seconds, wholeHost: wholeHost, purpose)
        return true
    }

    /// Waits before something is tried again; with `wholeHost`, everything for the host waits.
    func pause(_ seconds: Double, wholeHost: Bool, _ purpose: Purpose) async throws(RegistryError) {
        logger.debug("waiting \(seconds) s before the next try to \(purpose.action) \(purpose.object)")
        // Whatever is sent next waits, this request's repetition too.
        if wholeHost { return gate.pause(until: clock.uptime() + seconds) }
        do {
            try await clock.sleep(seconds)
        } catch {
            throw purpose.cancelled
        }
    }

    /// One try, with at most two new authorizations: one for the challenge, one for a token that ran out or was too narrow.
    func attempt(_ request: RegistryRequest) async throws(TransportFailure) -> RegistryResponse {
        guard request.isPull else { return try await attemptUncounted(request) }
        guard pulls.take() else { throw .foreign(request.purpose.pullsAreSpent(pulls.value)) }
        do throws(TransportFailure) {
            let response = try await attemptUncounted(request)
            if !response.isSuccess { pulls.giveBack() }
            return response
        } catch {
            // What broke off may have been counted by the registry.
            if case .broken = error {} else { pulls.giveBack() }
            throw error
        }
    }

    private func attemptUncounted(_ request: RegistryRequest) async throws(TransportFailure) -> RegistryResponse {
        let permit: HostGate.Permit
        do throws(CancellationError) {
            permit = try await gate.enter(request.slot, clock)
        } catch {
            throw .cancelled
        }
        var authorization = try await authorize(request, nil)
        var renewals = 0
        while true {
            // It ends when the login's fate is known, which is later than the answer.
            let trial = try await beginTrial(of: &authorization, for: request)
            defer { trial?.end() }
            var response = try await sendFollowing(request, authorization, permit)
            guard connections.isOwn(response.address) else { return response }
            guard response.status == 401 else {
                if response.isSuccess || [403, 404].contains(response.status) { await authorizer.wasTaken(authorization) }
                return response
            }
            if renewals < 2, let next = try await authorize(request, Authorizer.Refusal(offer: .init(response), used: authorization)) {
                renewals += 1
                authorization = next
                // The caller has to open a blob anew, and finds the next token ready.
                if request.mayBeSentAgain { continue }
                return response
            }
            response.lacksRight = await authorizer.lacksRight(authorization, isFresh: renewals > 0, for: request.purpose)
            return response
        }
    }

    /// Nil: no login is on trial. Whoever had to wait takes what is known by then.
    private func beginTrial(
        of authorization: inout Authorizer.Authorization?,
        for request: RegistryRequest
    ) async throws(TransportFailure) -> LoginTrials.Trial? {
        while let untried = authorization, let login = untried.login, await authorizer.isUntried(untried) {
            let trial = await trials.begin(login)
            authorization = try await authorize(request, nil)
            if let trial, authorization == untried { return trial }
        }
        return nil
    }

    private func authorize(
        _ request: RegistryRequest,
        _ refusal: Authorizer.Refusal?
    ) async throws(TransportFailure) -> Authorizer.Authorization? {
        guard connections.isOwn(request.address) else { return nil }
        do throws(RegistryError) {
            switch request.login {
            case .fixed(let value): return refusal == nil ? value.map { Authorizer.Authorization(kind: .basic, secret: $0) } : nil
            case .password: return refusal == nil ? try await authorizer.password(for: request.purpose) : nil
            case .challenged: break
            }
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
            case .follow where !request.mayBeRedirected: throw .refused("the service redirects to another address")
            case .none: return try await finish(answer, to: request, at: address, permit)
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
            // Retries, renewed logins and redirects within the registry come through here too.
            if connections.isOwn(address) { try await gate.awaitTurn(clock) }
            let answer = try await connections.execute(message, at: address, request.patience)
            if connections.isOwn(address), let quota = RegistryQuota(answer.headers) { pulls.learn(quota) }
            logger.debug("\(request.method) \(address) → \(answer.status.code)")
            watch.observe(answer.headers, from: address, isOwn: connections.isOwn(address))
            return answer
        } catch {
            logger.debug("\(request.method) \(address) failed: \(TransportFailure(error))")
            throw Task.isCancelled ? .cancelled : TransportFailure(error)
        }
    }

    /// Reads the body of an error answer, or as much as the request asks for; leaves any other for the caller.
    private func finish(
        _ answer: HTTPClientResponse,
        to request: RegistryRequest,
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
        guard !response.isSuccess else {
            guard let limit = request.bodyLimit else { return response }
            response.bytes = try await whole(answer.body, upTo: limit, request.purpose)
            permit.release()
            return response
        }
        response.bytes = try await drain(answer)
        response.error = ErrorBody(bytes: response.bytes, contentType: response.contentType)
        return response
    }

    private func whole(_ body: HTTPClientResponse.Body, upTo limit: Int, _ purpose: Purpose) async throws(TransportFailure) -> [UInt8] {
        do {
            return try await body.collect(upTo: limit, clock: clock)
        } catch is NIOTooManyBytesError {
            throw .foreign(purpose.error(.badAnswer, "the answer has more than \(limit) bytes"))
        } catch {
            if Task.isCancelled { throw .cancelled }
            let failure = TransportFailure(error)
            throw Self.outcome(of: failure) == nil ? failure : .broken("the answer broke off")
        }
    }

    /// At most 64 KiB; a body that lies about its length or breaks off is read as far as it goes.
    @discardableResult
    private func drain(_ answer: HTTPClientResponse) async throws(TransportFailure) -> [UInt8] {
        var bytes: [UInt8] = []
        do {
            let pieces = BodyIterator(answer.body, clock: clock)
            while let buffer = try await pieces.next() {
                bytes += buffer.readableBytesView.prefix(ErrorBody.largestSize - bytes.count)
                if bytes.count >= ErrorBody.largestSize { break }
            }
        } catch {
            if Task.isCancelled { throw .cancelled }
        }
        return bytes
    }
}

extension RegistryRequest {
    /// Whether the body can be sent a second time after a 401: a blob's source has to be opened anew, by the caller.
    var mayBeSentAgain: Bool {
        if case .blob = body { return false }
        return true
    }
}
