package import OCI

/// What logs in to IBM Cloud's management, and where it was found.
package struct IBMCloudCredential: Hashable, Sendable {
    package enum Kind: Hashable, Sendable {
        /// The key of a user or of a service ID.
        case apiKey(Secret)
        /// An IAM access token, which lives for an hour at most.
        case accessToken(Secret)
        /// A trusted profile, by id or name, with a compute resource's token.
        case trustedProfile(idOrName: String, token: Secret)
    }

    package var kind: Kind
    /// For people: `the variable IBMCLOUD_API_KEY`, `the logged-in ibmcloud`.
    package var source: String

    package init(_ kind: Kind, source: String) {
        self.kind = kind
        self.source = source
    }
}

/// Finds the credential for IBM Cloud's management.
package protocol IBMCloudCredentialProvider: Sendable {
    /// `nil`: there is none, and only content can be read and written. Throws `.unauthorized` when one is configured but cannot be had.
    func credential() async throws(RegistryError) -> IBMCloudCredential?
}
