/// A failure of a registry or of the way to it. It carries the facts; `Reporting` and `description` put them into one sentence:
/// could not *do*, *to what*, *because*, *then*.
package struct RegistryError: Error, Hashable, Sendable, CustomStringConvertible {
    /// What kind of failure it is; this drives decisions, the texts do not.
    package enum Code: String, Hashable, Sendable {
        /// The object or repository is not there.
        case notFound
        /// 401: no login, or one that the registry rejects.
        case unauthorized
        /// 403, or a token without the needed right.
        case denied
        /// The registry cannot do this at all.
        case unsupported
        /// 429 or a wait that was too long.
        case rateLimited
        /// The host cannot be reached, or broke off, or answered 5xx, after all retries.
        case unavailable
        /// Content that is not what its digest, size or media type says.
        case corrupt
        /// The registry refused what was sent: 400, 409, 412, 413, 415.
        case rejected
        /// An answer that the protocol does not allow.
        case badAnswer
        /// The write is done, but not all that belongs to it, which reading its target does not show.
        case incomplete
        /// TLS or trust rules: certificate, redirect, address class.
        case untrusted
        /// A local file or directory.
        case localFile
        case cancelled
        /// A limit of the spec is used up for this run: left for the next one.
        case deferred
    }

    package var code: Code
    /// What was tried, as an infinitive clause: `read the tag list of`, `push`.
    package var action: String
    /// On what: `us.icr.io/payments/api:1.4`.
    package var object: String
    package var registry: RegistryID?
    /// The HTTP status, when an answer came.
    package var status: Int?
    /// The registry's own error code, such as `DENIED`.
    package var registryCode: String?
    /// Why, in words; from a registry, already made safe to show.
    package var reason: String
    /// What to do next, as a clause.
    package var help: String?

    package init(
        _ code: Code,
        action: String,
        object: String,
        registry: RegistryID? = nil,
        status: Int? = nil,
        registryCode: String? = nil,
        reason: String,
        help: String? = nil
    ) {
        self.code = code
        self.action = action
        self.object = object
        self.registry = registry
        self.status = status
        self.registryCode = registryCode
        self.reason = reason
        self.help = help
    }

    package var description: String {
        let answer = [status.map(String.init), registryCode].compactMap(\.self).joined(separator: " ")
        let because = answer.isEmpty ? reason : reason.isEmpty ? answer : "\(answer) (\(reason))"
        return "cannot \(action) \(object): \(because)" + (help.map { "; \($0)" } ?? "")
    }
}

/// Whether a registry can do something. `unknown` is not `no`: a 401 or 403 never proves that a feature is missing.
package enum Capability: String, Hashable, Sendable, Codable {
    case yes, no, unknown
}

/// The features that differ between registries.
package enum RegistryFeature: String, Hashable, Sendable, CaseIterable, Codable {
    /// One tag can be removed while its manifest stays.
    case deleteTag
    /// A manifest can be removed by digest, with every tag on it.
    case deleteManifest
    /// The referrers API (distribution-spec, "Listing Referrers"); without it the fallback tag holds the list.
    case referrersAPI
    /// All repositories can be listed.
    case listRepositories
    /// All manifests of a repository can be listed, untagged ones too.
    case listDigests
    /// A blob can be taken over from another repository of the registry.
    case mountBlob
}

extension RegistryError {
    /// A manifest that the registry shows and does not give: what it leads to is open, so nothing may be removed on its word.
    package static func notGiven(_ digest: Digest, in address: RepositoryAddress) -> RegistryError {
        RegistryError(
            .badAnswer,
            action: "read",
            object: "\(address)@\(digest)",
            registry: address.registry,
            reason: "the registry shows that it is there, and does not give it",
            help: "try again; if it stays so, look at the registry and any proxy before it"
        )
    }
}
