internal import Logging
internal import NIOHTTP1
internal import OCI
internal import Registry

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
        /// The login that it is, or was had by; `nil`: none.
        var login: Credential.Kind?

        var header: String { kind == .basic ? secret.reveal() : "Bearer \(secret.reveal())" }
    }

    /// The logins that an answer offers, and where it came from.
    struct Offer: Sendable {
        var challenges: [Challenge]
        var address: WebAddress

        init(challenges: [Challenge], address: WebAddress) {
            self.challenges = challenges
            self.address = address
        }

        init(_ response: RegistryResponse) {
            self.init(challenges: Challenge.parse(response.headers["www-authenticate"]), address: response.address)
        }
    }

    struct Refusal: Sendable {
        var offer: Offer
        var used: Authorization?
    }

    private enum Scheme: Sendable {
        case basic
        case bearer(realm: WebAddress, service: String?)
    }

    private let settings: HTTPRegistrySettings
    private let base: WebAddress
    private let logger: Logger
    private let tokens: TokenCache
    private let tokenServer: TokenServer
    private let logins: Logins
    private var scheme: Scheme?
    /// What `/v2/` offers, once it was asked.
    private var rootOffer: Offer?
    private let rootQuestions = SingleFlight<WebAddress, Offer>()
    private let proofs = SingleFlight<Credential.Kind, Token>()
    /// What the registry demanded beyond what was asked, by what was asked.
    private var widened: [[String]: [String]] = [:]
    /// Token servers on other hosts that were told about.
    private var announced: Set<String> = []

    init(
        settings: HTTPRegistrySettings,
        credentials: any CredentialProvider,
        connections: Connections,
        gate: HostGate,
        clock: RegistryClock,
        logger: Logger
    ) {
        self.settings = settings
        self.logger = logger
        base = connections.base
        logins = Logins(settings.id, credentials)
        tokens = TokenCache(wallSeconds: clock.wallSeconds)
        tokenServer = TokenServer(settings: settings, connections: connections, registryGate: gate, clock: clock, logger: logger)
    }

    /// What to send along, as far as the registry's wishes are known. `nil`: nothing, which draws the challenge.
    func authorization(scopes: [TokenScope], for purpose: Purpose) async throws(RegistryError) -> Authorization? {
        guard let scheme else { return nil }
        let credential = try await logins.credential(for: purpose.repository)
        switch scheme {
        case .basic: return await basic(credential)
        case .bearer(let realm, let service):
            return try await token(realm, service, scopes: scopes.map(\.description), credential, purpose)
        }
    }

    /// The login itself, for an API of the registry's own host that takes no token. `nil`: there is no password, or it has only ever gone
    /// over https and would now go in the clear.
    func password(for purpose: Purpose) async throws(RegistryError) -> Authorization? {
        if case .bearer(let realm, _) = scheme, realm.scheme == .https, try settings.base().scheme == .http { return nil }
        return await basic(try await logins.credential(for: purpose.repository))
    }

    /// What to send instead, after a 401. `nil`: there is nothing else to try.
    func renew(after refusal: Refusal, scopes: [TokenScope], for purpose: Purpose) async throws(RegistryError) -> Authorization? {
        var offer = refusal.offer
        if offer.challenges.isEmpty, scheme == nil { offer = try await askRoot(purpose) }
        // Without a challenge, what was known before still holds.
        guard try adopt(offer, purpose) || offer.challenges.isEmpty else {
            let names = Set(offer.challenges.map(\.scheme)).sorted().joined(separator: ", ")
            let shown = ErrorBody.shown(names, limit: 80)
            throw purpose.error(.unauthorized, status: 401, "the registry offers only logins that crplan does not speak: \(shown)")
        }
        switch scheme {
        case nil: return nil
        case .basic: return try await renewBasic(refusal, purpose)
        case .bearer: return try await renewToken(refusal, scopes, purpose)
        }
    }

    /// For an answer that came without a login and offers one all the same: whether there is a login to try, now that it is known how.
    func takesUp(_ offer: Offer, for purpose: Purpose) async throws(RegistryError) -> Bool {
        guard scheme == nil, try await logins.credential(for: purpose.repository) != nil else { return false }
        return try adopt(offer, purpose)
    }

    /// Whether a password goes along that the registry has neither let through nor refused.
    func isUntried(_ authorization: Authorization) async -> Bool {
        guard authorization.kind == .basic, let login = authorization.login else { return false }
        return await !logins.isGood(login)
    }

    func forgetTokens() async { await tokens.dropAll() }

    /// The registry let a request through.
    func wasTaken(_ used: Authorization?) async {
        guard let used, used.kind == .basic, let login = used.login else { return }
        await logins.wasTaken(login)
    }

    /// Whether a 401 that no renewal changes means that the login lacks a right: it is known to be good. `isFresh`: the token was fetched
    /// for this very request. A password that is not known to be good is not sent again.
    func lacksRight(_ used: Authorization?, isFresh: Bool, for purpose: Purpose) async -> Bool {
        guard let used, let login = used.login else { return false }
        switch used.kind {
        case .basic:
            if await logins.isGood(login) { return true }
            await logins.refuse(login)
            return false
        case .token: return isFresh
        }
    }

    /// Whose login is in use and where it came from, for errors; no secret in it.
    func login(for purpose: Purpose) async -> String? {
        guard let credential = await logins.known(for: purpose.repository) else { return nil }
        let user = credential.user.map { "user '\($0.withVisibleControls)'" } ?? "the stored token"
        return "\(user) (from \(credential.source))"
    }

    /// The credential that is used for a repository, once it has been needed.
    func knownCredential(for repository: RepositoryName?) async -> Credential? { await logins.known(for: repository) }

    // MARK: Challenges

    /// Takes over how the registry wants to be told who asks. `false`: by nothing that is known.
    private func adopt(_ offer: Offer, _ purpose: Purpose) throws(RegistryError) -> Bool {
        var knowsRealm = false
        if case .bearer = scheme { knowsRealm = true }
        switch AuthenticationScheme.choose(offer.challenges, knowsRealm: knowsRealm) {
        case nil: return false
        case .basic: scheme = .basic
        case .bearer(nil, _): break
        case .bearer(let realm?, let service):
            scheme = .bearer(realm: try resolve(realm, at: offer.address, purpose), service: service)
        }
        return true
    }

    /// The challenge of `/v2/`, for registries whose 401 carries none; asked for once.
    private func askRoot(_ purpose: Purpose) async throws(RegistryError) -> Offer {
        if let rootOffer { return rootOffer }
        let tokenServer = tokenServer
        let found = try await rootQuestions.run(base) { () async throws(RegistryError) in await tokenServer.ping() }
        rootOffer = found
        return found
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

    // MARK: Basic

    private func renewBasic(_ refusal: Refusal, _ purpose: Purpose) async throws(RegistryError) -> Authorization? {
        guard let credential = try await logins.credential(for: purpose.repository) else { return nil }
        // Whoever else was refused with it may be getting the next one at this moment.
        if refusal.used?.login != credential.kind, await !logins.isRefused(credential.kind) {
            if let authorization = await basic(credential) { return authorization }
            // It may have been refused since.
            guard await logins.isRefused(credential.kind) else { return nil }
        }
        return await basic(try await logins.replacement(for: credential, certain: false, purpose.repository))
    }

    private func basic(_ credential: Credential?) async -> Authorization? {
        guard let kind = credential?.kind, case .password(let user, let password) = kind, await !logins.isRefused(kind) else { return nil }
        return Authorization(kind: .basic, secret: Secret(TokenRequest.basic(user: user, password: password)), login: kind)
    }

    // MARK: Tokens

    private func renewToken(
        _ refusal: Refusal,
        _ scopes: [TokenScope],
        _ purpose: Purpose
    ) async throws(RegistryError) -> Authorization? {
        guard case .bearer(let realm, let service) = scheme else { return nil }
        let texts = scopes.map(\.description)
        if let used = refusal.used, used.kind == .token {
            await tokens.drop(used.secret)
            widen(texts, by: refusal.offer.challenges)
        }
        var credential = try await logins.credential(for: purpose.repository)
        if let current = credential, case .bearerToken(let secret) = current.kind, secret == refusal.used?.secret {
            credential = try await logins.replacement(for: current, certain: true, purpose.repository)
            if credential == nil { throw rejection(current, purpose) }
        }
        return try await token(realm, service, scopes: texts, credential, purpose)
    }

    /// A token that was too narrow is asked for anew with what the registry demands; that comes first, since some servers read no more.
    private func widen(_ texts: [String], by challenges: [Challenge]) {
        guard let bearer = challenges.first(where: { $0.scheme == "bearer" }), bearer.parameters["error"] != "invalid_token" else { return }
        let demanded = (bearer.parameters["scope"] ?? "").split(separator: " ").map(String.init)
        let held = widened[texts] ?? texts
        guard !demanded.allSatisfy(held.contains) else { return }
        widened[texts] = demanded + held.filter { !demanded.contains($0) }
    }

    private func token(
        _ realm: WebAddress,
        _ service: String?,
        scopes: [String],
        _ credential: Credential?,
        _ purpose: Purpose
    ) async throws(RegistryError) -> Authorization? {
        if let credential {
            if await logins.isRefused(credential.kind) {
                return try await renewedToken(realm, service, scopes: scopes, credential, purpose)
            }
            if case .bearerToken(let secret) = credential.kind {
                return Authorization(kind: .token, secret: secret, login: credential.kind)
            }
            try allowLogin(at: realm, purpose)
        }
        let wanted = widened[scopes] ?? scopes
        let request = TokenRequest(realm: realm, service: service, scopes: wanted, credential: credential?.kind)
        let key = TokenCache.Key(realm: realm, service: service, scopes: Set(wanted), credential: credential?.kind)
        do throws(RegistryError) {
            let token = try await proven(credential, purpose) { [tokens, tokenServer] () async throws(RegistryError) in
                try await tokens.token(key) { (refresh) async throws(RegistryError) in
                    try await tokenServer.fetch(request, refresh: refresh, for: purpose)
                }
            }
            return Authorization(kind: .token, secret: token.value, login: credential?.kind)
        } catch {
            guard error.code == .unauthorized, let credential else { throw error }
            return try await renewedToken(realm, service, scopes: scopes, credential, purpose)
        }
    }

    /// A helper's password may have run out; a new one is worth one more try.
    private func renewedToken(
        _ realm: WebAddress,
        _ service: String?,
        scopes: [String],
        _ rejected: Credential,
        _ purpose: Purpose
    ) async throws(RegistryError) -> Authorization? {
        guard let fresh = try await logins.replacement(for: rejected, certain: true, purpose.repository) else {
            throw rejection(rejected, purpose)
        }
        return try await token(realm, service, scopes: scopes, fresh, purpose)
    }

    /// A login that was not let through yet is tried by one request alone: side by side, a wrong one would be refused several times, and some
    /// servers lock its account.
    private func proven(
        _ credential: Credential?,
        _ purpose: Purpose,
        _ fetch: @escaping @Sendable () async throws(RegistryError) -> Token
    ) async throws(RegistryError) -> Token {
        guard let credential else { return try await fetch() }
        let (kind, logins, refusal) = (credential.kind, logins, rejection(credential, purpose))
        while await !logins.isGood(kind) {
            let token = try await proofs.runAlone(kind) { () async throws(RegistryError) -> Token in
                if await logins.isRefused(kind) { throw refusal }
                do throws(RegistryError) {
                    let token = try await fetch()
                    await logins.wasTaken(kind)
                    return token
                } catch {
                    if error.code == .unauthorized { await logins.refuse(kind) }
                    throw error
                }
            }
            if let token { return token }
        }
        return try await fetch()
    }

    /// A login goes to another host than the registry's over https alone, and the user is told once; a token server that bears the
    /// registry's own name (auth.docker.io) is no surprise.
    private func allowLogin(at realm: WebAddress, _ purpose: Purpose) throws(RegistryError) {
        guard realm.host != base.host else { return }
        guard realm.scheme == .https else {
            throw purpose.error(.untrusted, "the registry wants its login sent to \(realm.authority), another host, over plain http")
        }
        guard announced.insert(realm.authority).inserted else { return }
        let name = (settings.id.host ?? base.host).prefix { $0 != ":" }
        let isKin = realm.host.hasSuffix(".\(name)") || name.hasSuffix(".\(realm.host)")
        logger.log(level: isKin ? .info : .warning, "the login for \(settings.id) is sent to its token server \(realm.authority)")
    }

    private func rejection(_ credential: Credential, _ purpose: Purpose) -> RegistryError {
        let user = credential.user.map { "the login for user '\($0.withVisibleControls)'" } ?? "the stored token"
        return purpose.error(
            .unauthorized,
            status: 401,
            "\(settings.id) rejected \(user) (from \(credential.source))",
            help: Self.helpAfterRejection
        )
    }

    /// The message before it says where the login comes from: a file, or variables.
    static let helpAfterRejection = "set a valid one there, or log in again"
}
