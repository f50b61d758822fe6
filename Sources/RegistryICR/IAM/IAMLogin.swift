package import OCI
package import Registry
package import RegistryHTTP

/// Turns a credential into access tokens, and keeps the one in use: one request for many callers, renewed before it runs out.
package actor IAMLogin {
    /// The address of IBM Cloud IAM.
    package static let standardAddress = "https://iam.cloud.ibm.com"

    private let registry: RegistryID
    private let provider: any IBMCloudCredentialProvider
    private let iam: any ServiceSending
    private let wallSeconds: @Sendable () -> Double
    private let flights = SingleFlight<Bool, IAMToken>()
    private let lookups = SingleFlight<Bool, IBMCloudCredential?>()
    /// `nil` inside: there is none.
    private var credential: IBMCloudCredential??
    private var token: IAMToken?
    private var refused: Set<Secret> = []

    package init(
        registry: RegistryID,
        provider: any IBMCloudCredentialProvider,
        iam: any ServiceSending,
        clock: RegistryClock = .system
    ) {
        self.registry = registry
        self.provider = provider
        self.iam = iam
        wallSeconds = clock.wallSeconds
    }

    func shutdown() async { await iam.shutdown() }

    /// What logs in to content (reference of ICR, section C.3); `nil`: there is no credential for IBM Cloud.
    func contentCredential() async throws(RegistryError) -> Credential? {
        guard let credential = try await knownCredential() else { return nil }
        if case .apiKey(let key) = credential.kind {
            return Credential(.password(user: "iamapikey", key), source: credential.source)
        }
        return try await currentToken().map { Credential(.password(user: "iambearer", $0.value), source: credential.source) }
    }

    /// A token that still lives; `nil`: there is no credential for IBM Cloud.
    func currentToken() async throws(RegistryError) -> IAMToken? {
        let now = wallSeconds()
        if let token, now < token.renewAt { return token }
        guard let credential = try await knownCredential() else { return nil }
        do throws(RegistryError) {
            let fresh = try await flights.run(true) { () async throws(RegistryError) in try await self.fetch(credential) }
            token = fresh
            return fresh
        } catch {
            // While the old one lives, a failure to renew it is none.
            if let token, wallSeconds() < token.expiresAt, error.code != .unauthorized { return token }
            throw error
        }
    }

    /// The service refused this token; the next call fetches another one. `false`: there is no other.
    func drop(_ value: Secret) async -> Bool {
        if token?.value == value { token = nil }
        guard case .accessToken? = credential??.kind else { return refused.insert(value).inserted }
        return false
    }

    /// Where the login came from; `nil`: there is none, or it was not needed yet.
    func source() -> String? { credential??.source }

    private func knownCredential() async throws(RegistryError) -> IBMCloudCredential? {
        if let credential { return credential }
        // It may start a program: once for all who wait for it.
        let provider = provider
        let found = try await lookups.run(true) { () async throws(RegistryError) in try await provider.credential() }
        credential = .some(found)
        return found
    }

    private func fetch(_ credential: IBMCloudCredential) async throws(RegistryError) -> IAMToken {
        let now = wallSeconds()
        do throws(IAMToken.Invalid) {
            if case .accessToken(let text) = credential.kind {
                let token = try IAMToken(given: text.reveal(), receivedAt: now)
                guard token.expiresAt > now else { throw .init(description: "it has run out") }
                return token
            }
        } catch {
            throw failure(.unauthorized, credential, "the access token cannot be used: \(error.description)", help: "get a new one")
        }
        guard let form = IAMTokenRequest(credential.kind)?.form else {
            throw failure(.unauthorized, credential, "it gives no token")
        }
        let answer = try await iam.send(request(form))
        guard answer.isSuccess else { throw refusal(answer, credential) }
        do throws(IAMToken.Invalid) {
            return try IAMToken(answer: answer.body, receivedAt: now)
        } catch {
            throw failure(.badAnswer, credential, "IBM Cloud IAM gives no usable token: \(error.description)")
        }
    }

    private func request(_ form: Secret) -> ServiceRequest {
        var request = ServiceRequest("POST", IAMTokenRequest.path, action: "log in to", object: "IBM Cloud")
        request.headers = [("content-type", "application/x-www-form-urlencoded"), ("accept", "application/json")]
        request.body = Array(form.reveal().utf8)
        request.largestAnswer = IAMToken.largestAnswer
        return request
    }

    private func refusal(_ answer: ServiceAnswer, _ credential: IBMCloudCredential) -> RegistryError {
        let problem = ManagementProblem(body: answer.body, header: answer.headers["transaction-id"])
        let help: String
        switch problem.code {
        case "BXNIM0415E": help = "check the API key; it may be mistyped or deleted"
        case "BXNIM0462E": help = "the API key is disabled; enable it, or use another"
        case "BXNIM0410E": help = "the user of the API key is not there any more"
        case "BXNIM0436E": help = "the account is suspended"
        default: help = answer.status >= 500 ? "IBM Cloud has a problem of its own; try again later" : "check the credential"
        }
        // IAM answers 400 to a bad key; the words say which.
        let code: RegistryError.Code =
            switch answer.status {
            case 429: .rateLimited
            case 500...: .unavailable
            case 400..<500: .unauthorized
            default: .badAnswer
            }
        return failure(code, credential, problem.message ?? "", status: answer.status, problem.code, help: help)
    }

    private func failure(
        _ code: RegistryError.Code,
        _ credential: IBMCloudCredential,
        _ reason: String,
        status: Int? = nil,
        _ registryCode: String? = nil,
        help: String? = nil
    ) -> RegistryError {
        RegistryError(
            code,
            action: "log in to",
            object: "IBM Cloud with \(credential.source)",
            registry: registry,
            status: status,
            registryCode: registryCode,
            reason: reason,
            help: help
        )
    }
}
