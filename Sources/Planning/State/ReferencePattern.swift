package import OCI

/// A pattern over tags in registries, as `policy` and `absent` write it: `regions/payments/api:prod-*`, `**:v*`.
/// Groups and aliases are already resolved.
package struct ReferencePattern: Hashable, Sendable {
    /// As the spec writes it.
    package var text: String
    package var scopes: [RepositoryPattern]
    /// `nil`: every tag, and untagged images too.
    package var tag: Glob?
    package var digest: Digest?
    package var origin: Origin

    package init(text: String, scopes: [RepositoryPattern], tag: Glob?, digest: Digest?, origin: Origin) {
        self.text = text
        self.scopes = scopes
        self.tag = tag
        self.digest = digest
        self.origin = origin
    }

    package func matches(_ address: RepositoryAddress, tag name: TagName) -> Bool {
        digest == nil && (tag?.matches(name.description) ?? true) && scopes.contains { $0.matches(address) }
    }

    package func matches(_ address: RepositoryAddress, digest other: Digest) -> Bool {
        (digest == other || (digest == nil && tag == nil)) && scopes.contains { $0.matches(address) }
    }

    package func covers(_ address: RepositoryAddress) -> Bool { scopes.contains { $0.matches(address) } }

    /// Whether it names this very namespace.
    func isAbout(namespace: String, on registry: RegistryID) -> Bool {
        scopes.contains { scope in
            (scope.registry == nil || scope.registry == registry) && scope.path.description.prefix { $0 != "/" } == namespace
        }
    }
}

/// Repositories of one registry, or of every registry.
package struct RepositoryPattern: Hashable, Sendable, Comparable {
    /// `nil`: every registry.
    package var registry: RegistryID?
    /// Over the path below the registry.
    package var path: Glob

    package init(registry: RegistryID?, path: Glob) {
        self.registry = registry
        self.path = path
    }

    package func matches(_ address: RepositoryAddress) -> Bool {
        (registry == nil || registry == address.registry) && path.matches(address.repository.description)
    }

    /// The one repository it names, when it is no pattern.
    package var literal: RepositoryAddress? {
        guard let registry, !path.isPattern, let name = try? RepositoryName(path.description) else { return nil }
        return RepositoryAddress(registry, name)
    }

    package static func < (left: RepositoryPattern, right: RepositoryPattern) -> Bool {
        (left.registry?.description ?? "", left.path) < (right.registry?.description ?? "", right.path)
    }
}
