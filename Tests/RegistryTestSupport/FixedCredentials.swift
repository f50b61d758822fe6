package import OCI
package import Registry
internal import Synchronization

/// The same credential for every registry, or none; it counts how often it was asked.
package final class FixedCredentials: CredentialProvider {
    private let credential: Credential?
    private let asked = Mutex<[RegistryID]>([])

    package init(_ credential: Credential?) {
        self.credential = credential
    }

    /// Anonymous.
    package convenience init() {
        self.init(nil)
    }

    package convenience init(user: String, password: String) {
        self.init(Credential(.password(user: user, Secret(password)), source: "the test"))
    }

    package func credential(for registry: RegistryID, repository: RepositoryName?) async throws(RegistryError) -> Credential? {
        asked.withLock { $0.append(registry) }
        return credential
    }

    package var requests: [RegistryID] { asked.withLock { $0 } }
}
