// What a registry's administration tells about namespaces, inventories, retention, trash and quota. IBM's registry is the first that has one.

/// A namespace as its registry keeps it.
package struct NamespaceDetails: Hashable, Sendable, Codable {
    package var name: String
    /// The id of the resource group it is assigned to; `nil`: to none.
    package var resourceGroup: String?

    package init(name: String, resourceGroup: String? = nil) {
        self.name = name
        self.resourceGroup = resourceGroup
    }
}

/// Which images a registry removes by itself, per repository of a namespace.
package struct RetentionPolicy: Hashable, Sendable, Codable {
    /// The newest images (by creation time) that stay; `nil`: all.
    package var imagesPerRepository: Int?
    /// Images without a tag neither count nor go.
    package var keepUntagged: Bool
    /// Younger images stay whatever their number; 0: no such rule.
    package var minimumAgeDays: Int

    package init(imagesPerRepository: Int?, keepUntagged: Bool, minimumAgeDays: Int = 0) {
        self.imagesPerRepository = imagesPerRepository
        self.keepUntagged = keepUntagged
        self.minimumAgeDays = minimumAgeDays
    }

    /// Nothing is removed: what a namespace has before anybody sets a policy.
    package static let none = RetentionPolicy(imagesPerRepository: nil, keepUntagged: true)
}

/// One manifest of a repository, with every tag on it.
package struct InventoryImage: Hashable, Sendable {
    package var digest: Digest
    /// Sorted; empty: untagged.
    package var tags: [TagName]
    /// `nil`: the registry says nothing of it that is understood.
    package var mediaType: String?
    /// Seconds since 1970; `nil`: the registry does not know, as for every index.
    package var created: Int64?
    /// Bytes as stored; `nil`: the registry does not say.
    package var size: Int64?

    /// `nil`: not known.
    package var isIndex: Bool? { mediaType.map(MediaType.isIndex) }

    package init(digest: Digest, tags: [TagName], mediaType: String?, created: Int64?, size: Int64?) {
        self.digest = digest
        self.tags = tags
        self.mediaType = mediaType
        self.created = created
        self.size = size
    }
}

/// A removed image that the registry still keeps.
package struct TrashedImage: Hashable, Sendable {
    package var repository: RepositoryName
    package var digest: Digest
    /// The tags that went with it, sorted.
    package var tags: [TagName]
    package var daysLeft: Int

    package init(repository: RepositoryName, digest: Digest, tags: [TagName], daysLeft: Int) {
        self.repository = repository
        self.digest = digest
        self.tags = tags
        self.daysLeft = daysLeft
    }
}

/// An account's use of a registry, in bytes.
package struct Quota: Hashable, Sendable {
    package struct Amount: Hashable, Sendable {
        /// `nil`: unlimited.
        package var limit: Int64?
        package var usage: Int64

        package init(limit: Int64?, usage: Int64) {
            self.limit = limit
            self.usage = usage
        }

        /// `nil`: unlimited.
        package var left: Int64? { limit.map { max(0, $0 - usage) } }
    }

    package var storage: Amount
    /// Pulls over the public network, this month.
    package var traffic: Amount

    package init(storage: Amount, traffic: Amount) {
        self.storage = storage
        self.traffic = traffic
    }
}

/// A manifest in a repository.
package struct ImageName: Hashable, Sendable, Comparable {
    package var repository: RepositoryName
    package var digest: Digest

    package init(_ repository: RepositoryName, _ digest: Digest) {
        self.repository = repository
        self.digest = digest
    }

    package static func < (left: ImageName, right: ImageName) -> Bool {
        (left.repository.description, left.digest.description) < (right.repository.description, right.digest.description)
    }
}

/// An image that a retention policy would remove.
package struct RetentionVictim: Hashable, Sendable {
    package var image: ImageName
    /// Sorted.
    package var tags: [TagName]

    package init(image: ImageName, tags: [TagName]) {
        self.image = image
        self.tags = tags
    }
}

/// A tag of an image that a registry's owner offers to everybody.
package struct PublicImage: Hashable, Sendable {
    package var repository: RepositoryName
    package var tag: TagName
    package var digest: Digest
    /// Seconds since 1970; `nil`: the registry does not say.
    package var created: Int64?
    /// Bytes as stored; `nil`: the registry does not say.
    package var size: Int64?

    package init(repository: RepositoryName, tag: TagName, digest: Digest, created: Int64?, size: Int64?) {
        self.repository = repository
        self.tag = tag
        self.digest = digest
        self.created = created
        self.size = size
    }
}
