internal import OCI

/// What a token is asked for (distribution, "Token Scope Documentation"): no more than the request at hand needs.
enum TokenScope: Hashable, Sendable, CustomStringConvertible {
    case pull(RepositoryName)
    case push(RepositoryName)
    case delete(RepositoryName)
    case catalog
    /// As a registry demanded it, word for word.
    case demanded(String)

    var description: String {
        switch self {
        case .pull(let repository): "repository:\(repository):pull"
        case .push(let repository): "repository:\(repository):pull,push"
        case .delete(let repository): "repository:\(repository):delete"
        case .catalog: "registry:catalog:*"
        case .demanded(let text): text
        }
    }
}
