package import OCI

/// What a registry's management API does beside content. Every call is safe to repeat: what is already so counts as done. Errors name the
/// missing right.
package protocol RegistryAdministration: Sendable {
    /// Whether there is a login for it. Throws `.unauthorized` when one is configured but cannot be had.
    func isAvailable() async throws(RegistryError) -> Bool

    /// Those of the account, sorted by name.
    func namespaces() async throws(RegistryError) -> [NamespaceDetails]

    /// `resourceGroup`: its id; `nil`: what the registry takes by default.
    func createNamespace(_ name: String, resourceGroup: String?) async throws(RegistryError)

    /// Once for all: a namespace never changes its resource group.
    func assignNamespace(_ name: String, resourceGroup: String) async throws(RegistryError)

    /// With all its images and its trash; nothing brings them back.
    func deleteNamespace(_ name: String) async throws(RegistryError)

    /// Everything that is live in a namespace, tagged or not, by repository.
    func inventory(of namespace: String) async throws(RegistryError) -> [RepositoryName: [InventoryImage]]

    func retention(of namespace: String) async throws(RegistryError) -> RetentionPolicy

    /// Replaces the policy, and runs it at once.
    func setRetention(_ policy: RetentionPolicy, of namespace: String) async throws(RegistryError)

    /// What the policy would remove now, as `repository@digest` with its tags, sorted. Changes nothing.
    func retentionVictims(_ policy: RetentionPolicy, of namespace: String) async throws(RegistryError) -> [RetentionVictim]

    /// Sorted by repository and digest.
    func trash(of namespace: String) async throws(RegistryError) -> [TrashedImage]

    /// Brings the image back with those of its tags that are not taken meanwhile; those are the answer, sorted.
    func restore(_ digest: Digest, in repository: RepositoryName) async throws(RegistryError) -> [TagName]

    /// Images that the registry's owner offers to everybody, sorted by repository and tag; one with several tags stands under each.
    func publicImages() async throws(RegistryError) -> [PublicImage]

    /// Brings the image back under this tag alone. Throws `.notFound` when the trash has no image with it, `.rejected` when the tag is taken.
    func restoreTag(_ tag: TagName, in repository: RepositoryName) async throws(RegistryError)

    /// Throws `.denied` where the login may not read it.
    func quota() async throws(RegistryError) -> Quota

    /// Puts `tag` on an image of the same registry, without moving content. Signatures are not carried.
    func tag(_ source: Digest, of repository: RepositoryName, as tag: TagName, in target: RepositoryName) async throws(RegistryError)

    /// Removes images with all their tags; each has a result of its own.
    func deleteImages(_ images: [ImageName]) async -> [ImageName: RegistryError?]
}
