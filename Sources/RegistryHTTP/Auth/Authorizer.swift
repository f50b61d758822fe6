internal import Logging
internal import OCI
internal import Registry
internal import Synchronization

/// Says who we are to one registry: learns from its challenges what it wants, fetches tokens, and remembers what it refused.
actor Authorizer {
    /// What went along with a request.
    struct Authorization: Hashable, Sendable {
        enum Kind: Hashable, Sendable {
            case basic
            case token
        }

        var kind: Kind
        var secret: Secret

        var header: String { kind == .basic ? secret.reveal() : "Bearer \(secret.reveal())" }
    }

    struct Refusal: Sendable {
        var challenges: [Challenge]
        var address: WebAddress
        var used: Authorization?
    }

    private enum Scheme: Sendable {
        case basic
        case bearer(realm: WebAddress, service: String?)
    }

    private let settings: HTTPRegistrySettings
    private let provider: any CredentialProvider
    private let tokens: TokenCache
    private let tokenServer: TokenServer
    private var scheme: Scheme?
    /// By repository, since podman's files may name one; `nil` inside: anonymous.
    private var credentials: [RepositoryName?: Credential?] = [:]
    private let questions = SingleFlight<RepositoryName?, Credential?>()
    /// Secrets the registry rejected in this run; sending them again locks accounts.
    private var refused: Set<Credential.Kind> = []
    /// What the registry demanded beyond what was asked, by what was asked.
    private var widened: [[String]: [String]] = [:]

    init(
        settings: HTTPRegistrySettings,
        credentials: any CredentialProvider,
        connections: Connections,
        clock: RegistryClock,
        logger: Logger
    ) {
        self.settings = settings
        provider = credentials
        tokens = TokenCache(wallSeconds: clock.wallSeconds)
        tokenServer = TokenServer(settings: settings, connections: connections, clock: clock, logger: logger)
    }

    /// What to send along, as far as the registry's wishes are known. `nil`: nothing, which draws the challenge.
    func authorization(scopes: [TokenScope], for purpose: Purpose) async throws(RegistryError) -> Authorization? {
        guard let scheme else { return nil }
        let credential = try await credential(for: purpose)
        switch scheme {
        case .basic: return basic(credential)
        case .bearer(let realm, let service):
            return try await token(realm, service, scopes: scopes.map(\.description), credential, purpose)
        }
    }

    /// What to send instead, after a 401. `nil`: there is nothing else to try.
    func renew(after refusal: Refusal, scopes: [TokenScope], for purpose: Purpose) async throws(RegistryError) -> Authorization? {
        var challenges = refusal.challenges
        if challenges.isEmpty, scheme == nil { challenges = await tokenServer.ping(for: purpose) }
        var knowsRealm = false
        if case .bearer = scheme { knowsRealm = true }
        if challenges.isEmpty, knowsRealm { return try await renewToken(refusal, [], scopes, purpose) }
        switch AuthenticationScheme.choose(challenges, knowsRealm: knowsRealm) {
        case nil:
            guard challenges.isEmpty else { throw unknownScheme(challenges, purpose) }
            return nil
        case .basic:
            scheme = .basic
            return try await renewBasic(refusal, purpose)
        case .bearer(let realmText, let service):
            if let realmText {
                let realm = try resolve(realmText, at: refusal.address, purpose)
                scheme = .bearer(realm: realm, service: service)
            }
            return try await renewToken(refusal, challenges, scopes, purpose)
        }
    }

    /// Whose login is in use and where it came from, for errors; no secret in it.
    func login(for purpose: Purpose) -> String? {
        guard let found = credentials[purpose.repository] ?? credentials[nil], let credential = found else { return nil }
        let user = credential.user.map { "user '\($0.withVisibleControls)'" } ?? "the stored token"
        return "\(user) (from \(credential.source))"
    }

    /// The credential that is used for a repository, once it has been needed.
    func knownCredential(for repository: RepositoryName?) -> Credential? {
        credentials[repository] ?? nil
    }

    private func renewBasic(_ refusal: Refusal, _ purpose: Purpose) async throws(RegistryError) -> Authorization? {
        let credential = try await credential(for: purpose)
        let current = basic(credential)
        guard refusal.used?.kind == .basic else { return current }
        guard current == refusal.used, let credential else { return current }
        return basic(try await replacement(for: credential, purpose))
    }

    private func renewToken(
        _ refusal: Refusal,
        _ challenges: [Challenge],
        _ scopes: [TokenScope],
        _ purpose: Purpose
    ) async throws(RegistryError) -> Authorization? {
        guard case .bearer(let realm, let service) = scheme else { return nil }
        let texts = scopes.map(\.description)
        if let used = refusal.used, used.kind == .token {
            await tokens.drop(used.secret)
            let bearer = challenges.first { $0.scheme == "bearer" }
            if let demanded = bearer?.parameters["scope"] {
                let held = widened[texts] ?? texts
                widened[texts] = held + demanded.split(separator: " ").map(String.init).filter { !held.contains($0) }
            }
        }
        var credential = try await credential(for: purpose)
        if let current = credential, case .bearerToken(let secret) = current.kind, secret == refusal.used?.secret {
            credential = try await replacement(for: current, purpose)
        }
        return try await token(realm, service, scopes: texts, credential, purpose)
    }

    private func token(
        _ realm: WebAddress,
        _ service: String?,
        scopes: [String],
        _ credential: Credential?,
        _ purpose: Purpose
    ) async throws(RegistryError) -> Authorization? {
        if let credential {
            if refused.contains(credential.kind) { throw rejection(credential, purpose) }
            if case .bearerToken(let secret) = credential.kind { return Authorization(kind: .token, secret: secret) }
        }
        let wanted = widened[scopes] ?? scopes
        let request = TokenRequest(realm: realm, service: service, scopes: wanted, credential: credential?.kind)
        let key = TokenCache.Key(realm: realm, service: service, scopes: Set(wanted), credential: credential?.kind)
        do throws(RegistryError) {
            let token = try await tokens.token(key) { [tokenServer] () async throws(RegistryError) in
                try await tokenServer.fetch(request, for: purpose)
            }
            return Authorization(kind: .token, secret: token.value)
        } catch {
            guard error.code == .unauthorized, let credential else { throw error }
            // A helper's password may have run out; a new one is worth one more try.
            guard let fresh = try await replacement(for: credential, purpose) else { throw rejection(credential, purpose) }
            return try await self.token(realm, service, scopes: scopes, fresh, purpose)
        }
    }

    private func basic(_ credential: Credential?) -> Authorization? {
        guard let credential, !refused.contains(credential.kind), case .password(let user, let password) = credential.kind else {
            return nil
        }
        return Authorization(kind: .basic, secret: Secret(TokenRequest.basic(user: user, password: password)))
    }

    private func credential(for purpose: Purpose) async throws(RegistryError) -> Credential? {
        if let known = credentials[purpose.repository] { return known }
        let (provider, id) = (provider, settings.id)
        let found = try await questions.run(purpose.repository) { () async throws(RegistryError) in
            try await provider.credential(for: id, repository: purpose.repository)
        }
        if let known = credentials[purpose.repository] { return known }
        credentials[purpose.repository] = .some(found)
        return found
    }

    /// Another credential than the rejected one; `nil` when the provider has none.
    private func replacement(for rejected: Credential, _ purpose: Purpose) async throws(RegistryError) -> Credential? {
        if !refused.contains(rejected.kind) {
            refused.insert(rejected.kind)
            let (provider, id) = (provider, settings.id)
            let fresh = try await questions.run(purpose.repository) { () async throws(RegistryError) in
                try await provider.credential(for: id, repository: purpose.repository)
            }
            if let fresh, !refused.contains(fresh.kind) { credentials[purpose.repository] = .some(fresh) }
        }
        guard let current = credentials[purpose.repository] ?? nil, !refused.contains(current.kind) else { return nil }
        return current
    }

    private func rejection(_ credential: Credential, _ purpose: Purpose) -> RegistryError {
        let user = credential.user.map { "the login for user '\($0.withVisibleControls)'" } ?? "the stored token"
        return purpose.error(
            .unauthorized,
            status: 401,
            "\(settings.id) rejected \(user) (from \(credential.source))",
            help: "log in again"
        )
    }

    private func unknownScheme(_ challenges: [Challenge], _ purpose: Purpose) -> RegistryError {
        let offered = Set(challenges.map(\.scheme)).sorted().joined(separator: ", ")
        return purpose.error(
            .unauthorized,
            status: 401,
            "the registry offers only logins that crplan does not speak: \(ErrorBody.shown(offered, limit: 80))"
        )
    }

    private func resolve(_ realm: String, at address: WebAddress, _ purpose: Purpose) throws(RegistryError) -> WebAddress {
        do throws(WebAddress.Invalid) {
            let result = try address.resolving(realm)
            guard result.scheme == .https || address.scheme == .http else {
                throw WebAddress.Invalid("it sends logins over plain http, but the registry is reached by https")
            }
            return result
        } catch {
            let shown = ErrorBody.shown(realm, limit: 100)
            throw purpose.error(.untrusted, "the token server '\(shown)' that the registry names is refused: \(error.description)")
        }
    }
}
