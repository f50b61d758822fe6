internal import NIOHTTP1
internal import OCI

/// What an answer to the deletion of a tag means. A refusal that another way could get round is only `unsupported`: after 401, 403, 429 or a
/// 5xx nothing else is ever tried.
enum TagDeletion: Hashable, Sendable {
    /// Accepted; whoever asked verifies that the tag is gone and its image still there.
    case accepted
    /// The tag is gone, or nobody knows such a request: the tag itself decides.
    case lookAtTag
    case unsupported
    case refused

    init(status: Int, _ error: ErrorBody) {
        switch status {
        case 200..<300: self = .accepted
        case 404: self = .lookAtTag
        // A lock is a refusal of this tag, not of the request.
        case 405 where error.isLock || error.contains("DENIED"): self = .refused
        case 405: self = .unsupported
        case 400 where error.contains("DIGEST_INVALID", "UNSUPPORTED"): self = .unsupported
        default: self = .refused
        }
    }
}

/// A request by which a tag can be removed.
enum TagDeletionWay: Hashable, Sendable {
    /// `DELETE /v2/R/manifests/TAG` (distribution-spec, "Deleting tags").
    case distribution
    /// Harbor's API 2.0, which wants the login itself instead of a token.
    case harbor
    /// GitLab's registry before 4.0.
    case gitLab
    /// Azure's own API.
    case azure

    /// In the order in which they are tried; the next only where the one before is not known to the registry.
    static func ways(for vendor: RegistryVendor?) -> [TagDeletionWay] {
        switch vendor {
        case .harbor: [.distribution, .harbor]
        case .gitLab: [.distribution, .gitLab]
        // Its own way first: it says in so many words that the manifest stays.
        case .azure: [.azure, .distribution]
        case .quay, nil: [.distribution]
        }
    }

    /// The path on the registry's own host; `nil`: this way does not reach the repository. `digest`: what the tag was last seen at; with it
    /// Harbor refuses when the tag has moved.
    func path(_ tag: TagName, _ repository: RepositoryName, at digest: Digest?) -> String? {
        switch self {
        case .distribution: return "/v2/\(repository)/manifests/\(tag)"
        case .gitLab: return "/v2/\(repository)/tags/reference/\(tag)"
        case .azure: return "/acr/v1/\(repository)/_tags/\(tag)"
        case .harbor:
            let parts = repository.description.split(separator: "/")
            guard let project = parts.first, parts.count > 1 else { return nil }
            // Escaped twice: Harbor's proxy decodes once.
            let rest = parts.dropFirst().joined(separator: "%252F")
            let artifact = digest.map(\.description) ?? tag.description
            return "/api/v2.0/projects/\(project)/repositories/\(rest)/artifacts/\(artifact)/tags/\(tag)"
        }
    }

    /// Harbor's API takes no registry token. No cookie goes along, so that it asks for no CSRF token.
    var needsPassword: Bool { self == .harbor }
}

extension TokenScope {
    /// Quay knows no action `delete`, and refuses a token request that names it.
    static func deletion(in repository: RepositoryName, at vendor: RegistryVendor?) -> TokenScope {
        vendor == .quay ? .push(repository) : .delete(repository)
    }
}
