internal import Logging
internal import OCI
internal import Registry
internal import RegistryHTTP

/// Sends the management API's calls, with the right token and account.
struct ManagementClient: Sendable {
    /// The registry under its public name; references in requests begin with it.
    let id: RegistryID
    /// From the spec; else the token's own.
    let account: String?
    let login: IAMLogin
    let service: any ServiceSending

    /// What a call is for, in the words of an error, and what it needs.
    struct Purpose: Sendable {
        var action: String
        var object: String
        var right: ManagementProblem.Right
    }

    /// Whether there is a login for the management API at all.
    func isAvailable() async throws(RegistryError) -> Bool { try await login.currentToken() != nil }

    /// The answer of a call that succeeded. `nil`: the thing is not there, or the call's goal was reached before.
    func call(_ request: ManagementRequest, for purpose: Purpose) async throws(RegistryError) -> ServiceAnswer? {
        var renewed = false
        while true {
            guard let token = try await login.currentToken() else { throw noLogin(purpose) }
            let answer = try await service.send(try message(request, token, purpose))
            if answer.isSuccess { return answer }
            if answer.status == 401, !renewed, await login.drop(token.value) {
                renewed = true
                continue
            }
            let problem = ManagementProblem(body: answer.body, header: answer.headers["x-request-id"] ?? answer.headers["x-correlation-id"])
            if case .doneAlready(answer.status) = request.repetition { return nil }
            throw problem.error(
                status: answer.status,
                action: purpose.action,
                object: purpose.object,
                registry: id,
                right: purpose.right
            )
        }
    }

    /// As `call`, with the answer read.
    func value<Value>(
        _ request: ManagementRequest,
        for purpose: Purpose,
        _ read: ([UInt8]) throws(ManagementAnswer.Invalid) -> Value
    ) async throws(RegistryError) -> Value {
        let answer = try await call(request, for: purpose)
        do throws(ManagementAnswer.Invalid) {
            return try read(answer?.body ?? [])
        } catch {
            throw RegistryError(
                .badAnswer,
                action: purpose.action,
                object: purpose.object,
                registry: id,
                status: answer?.status,
                reason: error.description,
                help: "try again; if it stays so, look at the endpoint and any proxy before it"
            )
        }
    }

    private func message(
        _ request: ManagementRequest,
        _ token: IAMToken,
        _ purpose: Purpose
    ) throws(RegistryError) -> ServiceRequest {
        guard let account = account ?? token.account else {
            throw RegistryError(
                .unauthorized,
                action: purpose.action,
                object: purpose.object,
                registry: id,
                reason: "the account is not known: neither the spec nor the token names it",
                help: "set 'account' of \(id)"
            )
        }
        var message = ServiceRequest(request.method.rawValue, request.target, action: purpose.action, object: purpose.object)
        message.isWrite = request.isWrite
        message.authorization = Secret("Bearer \(token.value.reveal())")
        message.headers = [("account", account)]
        if request.hasAnswer { message.headers.append(("accept", "application/json")) }
        message.headers += request.headers.sorted { $0.key < $1.key }.map { ($0.key, $0.value) }
        if case .json(let value) = request.body {
            message.headers.append(("content-type", "application/json"))
            message.body = Array(value.canonicalText.utf8)
        }
        return message
    }

    func noLogin(_ purpose: Purpose) -> RegistryError {
        RegistryError(
            .unauthorized,
            action: purpose.action,
            object: purpose.object,
            registry: id,
            reason: "this needs IBM Cloud's management API, and there is no login for it",
            help: "set IBMCLOUD_API_KEY or 'credentials' of \(id), or run 'ibmcloud login'; the login needs \(purpose.right)"
        )
    }
}
