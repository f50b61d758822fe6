internal import OCI
internal import Registry

/// What a target holds right now.
struct TargetSight: Sendable {
    /// Nil: nothing.
    var digest: Digest?
    /// An untag that was killed left it there.
    var placeholder: UntagPlaceholder?

    /// The digest that a precondition may name all the same: what the placeholder stands for.
    var standsFor: Digest? { placeholder?.replaced }
}

extension ManifestTarget {
    /// As `digest`, with a look at what may be a placeholder.
    func sight() async throws(RegistryError) -> TargetSight {
        guard let head = try await registry.head(reference, in: address.repository) else { return TargetSight() }
        var sight = TargetSight(digest: head.digest)
        if reference.tag != nil, UntagPlaceholder.mayBe(head) {
            let document = try await registry.manifest(.digest(head.digest), in: address.repository)
            sight.placeholder = document.flatMap { UntagPlaceholder($0) }
        }
        return sight
    }
}
