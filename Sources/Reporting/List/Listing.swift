package import OCI

/// What `crplan list` found, as plain rows; the order given is the order shown.
package struct Listing: Hashable, Sendable {
    package struct Namespace: Hashable, Sendable {
        package var registry: RegistryID
        package var name: String
        /// `nil`: they were not counted.
        package var repositories: Int?

        package init(registry: RegistryID, name: String, repositories: Int? = nil) {
            self.registry = registry
            self.name = name
            self.repositories = repositories
        }
    }

    package struct Repository: Hashable, Sendable {
        package var address: RepositoryAddress
        /// `nil`: they were not counted.
        package var tags: Int?

        package init(_ address: RepositoryAddress, tags: Int? = nil) {
            self.address = address
            self.tags = tags
        }
    }

    package struct Tag: Hashable, Sendable {
        package var address: RepositoryAddress
        /// `nil`: an image without a tag.
        package var tag: TagName?
        /// `nil`, as what follows: not known, since it was not asked for or could not be read.
        package var digest: Digest?
        /// Bytes of everything the image leads to.
        package var size: Int64?
        /// Seconds since 1970.
        package var created: Int64?
        package var platforms: [Platform]
        /// Why the row is not complete, in words.
        package var problem: String?

        package init(
            _ address: RepositoryAddress,
            tag: TagName?,
            digest: Digest? = nil,
            size: Int64? = nil,
            created: Int64? = nil,
            platforms: [Platform] = [],
            problem: String? = nil
        ) {
            self.address = address
            self.tag = tag
            self.digest = digest
            self.size = size
            self.created = created
            self.platforms = platforms
            self.problem = problem
        }
    }

    /// A removed image that its registry still keeps.
    package struct Trashed: Hashable, Sendable {
        package var address: RepositoryAddress
        package var digest: Digest
        package var tags: [TagName]
        package var daysLeft: Int

        package init(_ registry: RegistryID, _ image: TrashedImage) {
            address = RepositoryAddress(registry, image.repository)
            digest = image.digest
            tags = image.tags
            daysLeft = image.daysLeft
        }
    }

    package var namespaces: [Namespace]
    package var repositories: [Repository]
    package var tags: [Tag]
    /// `nil`: it was not asked for.
    package var trash: [Trashed]?

    package var isEmpty: Bool { namespaces.isEmpty && repositories.isEmpty && tags.isEmpty && (trash ?? []).isEmpty }

    package init(namespaces: [Namespace] = [], repositories: [Repository] = [], tags: [Tag] = []) {
        self.namespaces = namespaces
        self.repositories = repositories
        self.tags = tags
    }
}
