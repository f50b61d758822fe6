package import OCI
package import Registry

/// The login for content: what docker or podman stored ('ibmcloud cr login' writes there), else what logs in to IBM Cloud.
package struct ICRContentCredentials: CredentialProvider {
    private let stored: (any CredentialProvider)?
    private let login: IAMLogin
    private let privateName: RegistryID?

    /// `stored`: `nil` where the spec names the login, which counts alone then. `privateName`: where content goes over the private address;
    /// a login may be stored under it.
    package init(stored: (any CredentialProvider)?, login: IAMLogin, privateName: RegistryID? = nil) {
        self.stored = stored
        self.login = login
        self.privateName = privateName
    }

    package func credential(for registry: RegistryID, repository: RepositoryName?) async throws(RegistryError) -> Credential? {
        for name in [registry] + (privateName.map { [$0] } ?? []) {
            if let found = try await stored?.credential(for: name, repository: repository) { return found }
        }
        return try await login.contentCredential()
    }
}
