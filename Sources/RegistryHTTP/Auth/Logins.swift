internal import OCI
internal import Registry

/// The credentials of one registry in this run: found once, not sent again after a rejection, and replaced where the provider has newer ones.
actor Logins {
    private let id: RegistryID
    private let provider: any CredentialProvider
    /// By repository, since podman's files may name one; `nil` inside: anonymous.
    private var found: [RepositoryName?: Credential?] = [:]
    private let questions = SingleFlight<RepositoryName?, Credential?>()
    /// What was rejected; sending it again locks accounts.
    private var refused: Set<Credential.Kind> = []
    /// What the registry or its token server has let through.
    private var good: Set<Credential.Kind> = []
    /// What takes the place of a credential; `nil` inside: nothing does.
    private var replacements: [Credential.Kind: Credential?] = [:]
    /// What took another's place.
    private var renewed: Set<Credential.Kind> = []
    private let replacing = SingleFlight<Credential.Kind, Credential?>()

    init(_ id: RegistryID, _ provider: any CredentialProvider) {
        self.id = id
        self.provider = provider
    }

    /// The credential to use. One that was rejected and has no replacement is given all the same: its owner is to be named.
    func credential(for repository: RepositoryName?) async throws(RegistryError) -> Credential? {
        if let known = found[repository] { return current(known) }
        return current(try await questions.run(repository) { () async throws(RegistryError) in try await self.find(repository) })
    }

    /// Notes the answer before the question is over: whoever comes in between would ask again.
    private func find(_ repository: RepositoryName?) async throws(RegistryError) -> Credential? {
        if let known = found[repository] { return known }
        let answer = try await provider.credential(for: id, repository: repository)
        found[repository] = .some(answer)
        return answer
    }

    /// As `credential`, without looking for one.
    func known(for repository: RepositoryName?) -> Credential? { current(found[repository] ?? found[nil] ?? nil) }

    func isRefused(_ kind: Credential.Kind) -> Bool { refused.contains(kind) }

    func refuse(_ kind: Credential.Kind) { refused.insert(kind) }

    func wasTaken(_ kind: Credential.Kind) { good.insert(kind) }
    func isGood(_ kind: Credential.Kind) -> Bool { good.contains(kind) }

    /// Another credential than the rejected one; `nil` when the provider has none. One that was let through before may only lack a right:
    /// unless the rejection is `certain`, it goes on to be used where there is no newer one. A replacement is not replaced before it was
    /// of use.
    func replacement(
        for rejected: Credential,
        certain: Bool,
        _ repository: RepositoryName?
    ) async throws(RegistryError) -> Credential? {
        let kind = rejected.kind
        let wasGood = good.contains(kind)
        if certain || !wasGood { refused.insert(kind) }
        if let known = replacements[kind] { return known }
        guard wasGood || !renewed.contains(kind) else {
            replacements.updateValue(nil, forKey: kind)
            return nil
        }
        return try await replacing.run(kind) { () async throws(RegistryError) in try await self.replace(kind, repository) }
    }

    /// As `find`: helpers may give another password each time.
    private func replace(_ kind: Credential.Kind, _ repository: RepositoryName?) async throws(RegistryError) -> Credential? {
        if let known = replacements[kind] { return known }
        let fresh = try await provider.credential(for: id, repository: repository)
        guard let fresh, fresh.kind != kind, !refused.contains(fresh.kind) else {
            replacements.updateValue(nil, forKey: kind)
            return nil
        }
        replacements.updateValue(fresh, forKey: kind)
        refused.insert(kind)
        renewed.insert(fresh.kind)
        return fresh
    }

    /// What was rejected takes nobody's place, so this ends.
    private func current(_ credential: Credential?) -> Credential? {
        var credential = credential
        while let kind = credential?.kind, let next = replacements[kind] ?? nil { credential = next }
        return credential
    }
}
