internal import OCI
internal import Planning
internal import Registry

/// Stored logins for a plan that is applied without its specs: not where only the plan says that the way there is less than safe.
struct CautiousCredentials: CredentialProvider {
    let stored: any CredentialProvider
    /// Why the way is not safe, as a clause; `nil`: it is.
    let weakness: String?

    init(_ stored: any CredentialProvider, for declaration: RegistryDeclaration) {
        self.stored = stored
        weakness = Self.weakness(of: declaration)
    }

    func credential(for registry: RegistryID, repository: RepositoryName?) async throws(RegistryError) -> Credential? {
        let credential = try await stored.credential(for: registry, repository: repository)
        guard let weakness, let credential else { return credential }
        throw RegistryError(
            .untrusted,
            action: "log in to",
            object: registry.description,
            registry: registry,
            reason: "only the plan says \(weakness), and the login from \(credential.source) would be sent so",
            help: "give the spec files with -f, or plan with 'credentials: anonymous'"
        )
    }

    /// On loopback nobody listens in between.
    private static func weakness(of declaration: RegistryDeclaration) -> String? {
        let host = declaration.id.host ?? ""
        if host.hasPrefix("127.") || host.hasPrefix("localhost") || host.hasPrefix("[::1]") { return nil }
        if declaration.plainHTTP { return "that it is reached over plain HTTP" }
        if declaration.insecureSkipVerify { return "that its certificate need not be verified" }
        if let file = declaration.caFile { return "that the certificates of \(file.withVisibleControls) are to be trusted" }
        return nil
    }
}
