package import OCI

/// A secret that never shows itself: its description, debug description and mirror say `<redacted>`.
package struct Secret: Sendable, Hashable, CustomStringConvertible, CustomDebugStringConvertible, CustomReflectable {
    private let value: String

    package init(_ value: String) {
        self.value = value
    }

    /// The one way to the value: for an authorization header or a token request.
    package func reveal() -> String { value }

    package var description: String { "<redacted>" }
    package var debugDescription: String { "<redacted>" }
    package var customMirror: Mirror { Mirror(self, children: []) }
}

/// What logs in to a registry, and where it was found.
package struct Credential: Sendable, Hashable {
    package enum Kind: Sendable, Hashable {
        case password(user: String, Secret)
        /// An OAuth2 refresh token (docker's `identitytoken`).
        case identityToken(Secret)
        /// A ready bearer token (docker's `registrytoken`).
        case bearerToken(Secret)
    }

    package var kind: Kind
    /// For people: `~/.docker/config.json`, `docker-credential-pass (from ~/.docker/config.json)`, `variables A and B`.
    package var source: String

    package init(_ kind: Kind, source: String) {
        self.kind = kind
        self.source = source
    }

    package var user: String? { if case .password(let user, _) = kind { user } else { nil } }
}

/// Finds the credential for a registry. Asked at most once per registry, repository and run by the registry client (podman's
/// files may name repositories), and again after a rejection.
package protocol CredentialProvider: Sendable {
    /// `nil`: anonymous. Throws `.unauthorized` when credentials are configured but cannot be had (a helper fails, a variable is unset).
    func credential(for registry: RegistryID, repository: RepositoryName?) async throws(RegistryError) -> Credential?
}
