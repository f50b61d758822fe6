internal import OCI

extension Exchange {
    /// `nil`: no repetition helps.
    static func outcome(of failure: TransportFailure) -> RetryPolicy.Outcome? {
        switch failure {
        case .unreachable, .unknownHost: .unreachable
        case .broken: .broken
        case .tls, .refused, .cancelled, .foreign: nil
        }
    }

    func error(for failure: TransportFailure, _ request: RegistryRequest) -> RegistryError {
        error(for: failure, request.purpose, host: request.address.authority)
    }

    func error(for failure: TransportFailure, _ purpose: Purpose, host: String) -> RegistryError {
        Self.error(for: failure, purpose, host: host)
    }

    static func error(for failure: TransportFailure, _ purpose: Purpose, host: String) -> RegistryError {
        switch failure {
        case .foreign(let error): return error
        case .cancelled: return purpose.cancelled
        case .unreachable(let reason):
            let help = "check that it is up and that this machine may reach it, then try again"
            return purpose.error(.unavailable, "\(host) cannot be reached: \(reason)", help: help)
        case .unknownHost(let name):
            return purpose.error(.unavailable, "no such host: \(name.withVisibleControls)", help: "check the registry's name")
        case .broken(let reason):
            let help = "try again; if it stays so, look at the registry and any proxy before it"
            return purpose.error(.unavailable, "\(host): \(reason)", help: help)
        case .refused(let reason): return purpose.error(.untrusted, reason.withVisibleControls)
        case .tls(_, speaksPlainHTTP: true):
            return purpose.error(.untrusted, "\(host) speaks plain HTTP", help: "if that is intended, set plainHTTP for it")
        case .tls(let reason, speaksPlainHTTP: false):
            return purpose.error(.untrusted, "\(host): \(reason)", help: "set caFile to the authority that signed its certificate")
        }
    }

    /// The error that an answer stands for. 404 becomes `.notFound`; only the caller knows whether absence is an answer.
    func error(for response: RegistryResponse, _ purpose: Purpose) async -> RegistryError {
        let status = response.status
        let body = response.error
        let code: RegistryError.Code =
            switch status {
            case 401: response.lacksRight ? .denied : .unauthorized
            case 403: .denied
            case 404: .notFound
            // What is locked could be done, were it not locked.
            case 405 where body.isLock || body.contains("DENIED"): .rejected
            case 405, 501: .unsupported
            case 429: .rateLimited
            case 400, 406, 409, 411, 412, 413, 415, 416, 422: .rejected
            case 408, 499, 500...: .unavailable
            default: .badAnswer
            }
        let login = await authorizer.login(for: purpose)
        var reason = body.text
        if status == 429, let exhaustion = RegistryQuota(response.headers)?.exhaustion {
            reason += (reason.isEmpty ? "" : "; ") + exhaustion
        }
        if reason.isEmpty { reason = Self.standardWords[status] ?? "an answer that the protocol does not know" }
        guard connections.isOwn(response.address) else {
            // Our login has not been there, so it is not to blame.
            return purpose.error(code, status: status, "\(response.address.authority), where the registry leads, answers: \(reason)")
        }
        let helpStatus = response.lacksRight ? 403 : status
        return purpose.error(code, status: status, registryCode: body.code, reason, help: help(helpStatus, body, login, purpose))
    }

    private func help(_ status: Int, _ body: ErrorBody, _ login: String?, _ purpose: Purpose) -> String? {
        let host = settings.id.description
        if let special = RefusalHelp.help(status: status, body, action: purpose.action) { return special }
        switch status {
        case 401:
            if let login { return "\(host) rejected the login for \(login); \(Authorizer.helpAfterRejection)" }
            return "\(host) needs a login, and none is known for it; run 'docker login \(host)' or set credentials for it"
        case 403:
            let right = login.map { "the login for \($0) lacks the right to \(purpose.action) it" } ?? "this may need a login"
            return purpose.action.hasPrefix("push") ? right + ", or the package or project does not exist yet" : right
        case 429: return login == nil ? "try again later, or log in if that gives a higher limit" : "try again later"
        case 413: return "the registry or a proxy before it limits the size"
        case 415: return "the registry does not take this media type"
        case 500...: return "the registry has a problem of its own; try again later"
        default: return nil
        }
    }

    private static let standardWords = [
        400: "bad request", 401: "unauthorized", 403: "forbidden", 404: "not found", 405: "not allowed", 408: "time-out",
        409: "conflict", 412: "precondition failed", 413: "too large", 415: "media type not accepted", 416: "range not accepted",
        429: "too many requests", 500: "internal error", 502: "bad gateway", 503: "unavailable", 504: "gateway time-out",
    ]
}
