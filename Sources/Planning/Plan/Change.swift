package import OCI

/// `kind registry/repository[:tag|@digest]`: unique in a plan, shown everywhere, and what edges and journals refer to.
package struct ChangeID: Hashable, Sendable, Comparable, CustomStringConvertible, Codable {
    package let description: String

    package init(_ text: String) {
        description = text
    }

    package static func < (left: ChangeID, right: ChangeID) -> Bool { left.description < right.description }

    package init(from decoder: any Decoder) throws {
        description = try decoder.singleValueContainer().decode(String.self)
    }

    package func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        try container.encode(description)
    }
}

package enum ChangeKind: String, Hashable, Sendable, Codable, CaseIterable {
    case namespace, retention, put, untag, delete, restore
}

/// How a change is made.
package enum ChangeMethod: String, Hashable, Sendable, Codable, CaseIterable {
    /// A put from another registry.
    case copy
    /// A put of local content.
    case push
    /// A put from the same registry: by one call of its management API where it has one that can be used, else mount and put.
    case tag
    /// By the registry's management API.
    case management
    /// An untag by `DELETE` of the tag.
    case deleteTag = "tag-delete"
    /// An untag or delete by an edit of `index.json`.
    case layoutEdit = "layout-edit"
    /// An untag by replacement.
    case placeholder
    /// As `tag-delete` where the registry can, else as `placeholder`; apply's probe settles it.
    case deleteTagElsePlaceholder = "tag-delete-else-placeholder"
    /// A delete by `DELETE` of the manifest.
    case deleteManifest = "manifest-delete"
}

/// What a change acts on.
package enum ChangeTarget: Hashable, Sendable {
    /// A tag, or (for a delete, a restore, or a referrer's put) a manifest by digest.
    case manifest(RepositoryAddress, ManifestReference)
    case namespace(RegistryID, String)

    package var registry: RegistryID {
        switch self {
        case .manifest(let address, _): address.registry
        case .namespace(let registry, _): registry
        }
    }

    package var address: RepositoryAddress? {
        if case .manifest(let address, _) = self { address } else { nil }
    }

    package var reference: ManifestReference? {
        if case .manifest(_, let reference) = self { reference } else { nil }
    }
}

extension ChangeTarget: CustomStringConvertible {
    package var description: String {
        switch self {
        case .manifest(let address, let reference): "\(address)\(reference.suffix)"
        case .namespace(let registry, let name): "\(registry)/\(name)"
        }
    }
}

/// What a change of a namespace sets.
package enum NamespaceSetting: Hashable, Sendable {
    case create(resourceGroup: String?)
    case assign(resourceGroup: String)
    /// With all its images and its trash.
    case remove
    case retention(before: RetentionPolicy, after: RetentionPolicy)

    var kind: ChangeKind { if case .retention = self { .retention } else { .namespace } }
}

/// An image that goes with its namespace, or by a retention policy.
package struct LostImage: Hashable, Sendable, Codable, Comparable, CustomStringConvertible {
    package var repository: RepositoryName
    package var digest: Digest
    /// Sorted; empty: untagged.
    package var tags: [TagName]
    /// It was removed before, and goes for good now.
    package var isTrashed: Bool

    package init(_ repository: RepositoryName, _ digest: Digest, tags: [TagName], isTrashed: Bool = false) {
        self.repository = repository
        self.digest = digest
        self.tags = tags
        self.isTrashed = isTrashed
    }

    /// As preconditions name it: with its tags, since those are what policies protect.
    package var description: String {
        let tags = tags.isEmpty ? "" : " (\(tags.map(\.description).joined(separator: ", ")))"
        return "\(isTrashed ? "trash " : "")\(repository)@\(digest)\(tags)"
    }

    package static func < (left: LostImage, right: LostImage) -> Bool { left.description < right.description }
}

/// What a change takes along or leaves behind, for people and for the guards; apply never reads it.
package struct Consequences: Hashable, Sendable, Codable {
    /// Tags that go with a deleted image.
    package var removedTags: [TagName]
    /// Other tags that keep the old image; `nil`: they were not looked at.
    package var remainingTags: [TagName]?
    /// Digests of manifests whose subject is the old image.
    package var referrers: [Digest]
    /// The old image is an index of this many manifests.
    package var children: Int
    /// What goes with a namespace or by a retention policy, sorted; `nil` for every other change.
    package var images: [LostImage]?
    /// The lists under `policy.inUse` that name the moved tag or the old image, sorted; `nil`: none does.
    package var usedBy: [String]?
    /// Of a removed image; `nil`: not looked at, as `parents`.
    package var platforms: [Platform]?
    /// The indexes that name a removed image, sorted; `nil`: none is known.
    package var parents: [Digest]?

    package init(
        removedTags: [TagName] = [],
        remainingTags: [TagName]? = nil,
        referrers: [Digest] = [],
        children: Int = 0,
        images: [LostImage]? = nil,
        usedBy: [String]? = nil,
        platforms: [Platform]? = nil,
        parents: [Digest]? = nil
    ) {
        self.removedTags = removedTags
        self.remainingTags = remainingTags
        self.referrers = referrers
        self.children = children
        self.images = images
        self.usedBy = usedBy
        self.platforms = platforms
        self.parents = parents
    }

    /// The old image is left without any tag.
    package var losesLastTag: Bool { remainingTags?.isEmpty == true }
}

/// How a change can be taken back.
package enum UndoWay: Hashable, Sendable {
    /// Nothing to bring back: remove what was added.
    case remove
    /// Put the tag back on this digest, which stays in the registry.
    case retag(Digest)
    /// The registry's trash keeps it this many days.
    case trash(days: Int)
    /// From the backup of this name.
    case backup(String)
    /// The setting before is set again.
    case setBack
    /// It cannot be undone.
    case none

    package var isPossible: Bool { self != .none }
}

/// One visible write. Blobs and manifests are steps inside it.
package struct Change: Hashable, Sendable {
    package let kind: ChangeKind
    package let target: ChangeTarget
    /// Made once: large plans ask for it again and again.
    package let id: ChangeID
    /// What the target holds now; `nil`: nothing.
    package var oldDigest: Digest?
    /// What it shall hold; `nil`: nothing.
    package var newDigest: Digest?
    /// A row of the plan's contents, for a put.
    package var content: PlannedContent.ID?
    /// For kinds namespace and retention alone.
    package var setting: NamespaceSetting?
    package var method: ChangeMethod
    /// For people; drives nothing.
    package var reason: String
    package var origin: Origin
    package var consequences: Consequences
    package var undo: UndoWay
    package var preconditions: [Precondition]
    /// The changes that must have succeeded before this one begins, sorted.
    package var after: [ChangeID]

    package init(
        kind: ChangeKind,
        target: ChangeTarget,
        oldDigest: Digest? = nil,
        newDigest: Digest? = nil,
        content: PlannedContent.ID? = nil,
        setting: NamespaceSetting? = nil,
        method: ChangeMethod,
        reason: String,
        origin: Origin,
        consequences: Consequences = Consequences(),
        undo: UndoWay,
        preconditions: [Precondition],
        after: [ChangeID] = []
    ) {
        self.kind = kind
        self.target = target
        id = Self.id(kind, target)
        self.oldDigest = oldDigest
        self.newDigest = newDigest
        self.content = content
        self.setting = setting
        self.method = method
        self.reason = reason
        self.origin = origin
        self.consequences = consequences
        self.undo = undo
        self.preconditions = preconditions
        self.after = after
    }

    package static func id(_ kind: ChangeKind, _ target: ChangeTarget) -> ChangeID { ChangeID("\(kind.rawValue) \(target)") }

    /// A put that takes a tag from one digest to another.
    package var isMove: Bool { kind == .put && oldDigest != nil }

    package var isRemoval: Bool { kind == .untag || kind == .delete }

    /// Whether it removes something of this repository: by itself, with its namespace, or by a retention policy.
    func mayRemove(from address: RepositoryAddress) -> Bool {
        switch target {
        case .manifest(let own, _): isRemoval && own == address
        case .namespace(let registry, let name):
            registry == address.registry && name == address.repository.namespace && consequences.images != nil
        }
    }

    /// Everything that a removal takes away, in full.
    var removedNames: [String] {
        let images = (consequences.images ?? []).filter { !$0.isTrashed }.flatMap { image in
            ["\(target.registry)/\(image.repository)@\(image.digest)"] + image.tags.map { "\(target.registry)/\(image.repository):\($0)" }
        }
        let tags = consequences.removedTags.map { tag in target.address.map { "\($0):\(tag)" } ?? tag.description }
        return (consequences.images == nil ? [target.description] : []) + tags + images
    }
}
