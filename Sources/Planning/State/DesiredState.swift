package import Diagnostics
package import OCI

/// What the specs ask for, with every name resolved and nothing read from any registry.
package struct DesiredState: Sendable {
    /// Every registry that an entry or a policy uses, by what it is. Full hosts that nobody declared are here too.
    package var registries: [RegistryID: RegistryDeclaration] = [:]
    package var namespaces: [NamespaceEntry] = []
    package var images: [ImageEntry] = []
    package var copies: [CopyEntry] = []
    package var moves: [MoveEntry] = []
    package var absences: [AbsenceEntry] = []
    package var prunes: [PruneEntry] = []
    /// Only on the way back: no spec asks for them.
    package var restores: [RestoreEntry] = []
    /// From an undo: images without a tag.
    package var returns: [ReturnEntry] = []
    package var namespaceAbsences: [NamespaceAbsence] = []
    /// Keys that the spec may hold and this version cannot act on: each becomes an error of the plan, so that nothing is ignored.
    package var unavailable: [Diagnostic] = []

    package init() {}
}

/// One entry of `namespaces`: a namespace that is to exist.
package struct NamespaceEntry: Hashable, Sendable {
    /// The members that the spec names; the others are not managed.
    package struct Retention: Hashable, Sendable {
        package var imagesPerRepository: Int?
        package var keepUntagged: Bool?
        package var minimumAgeDays: Int?
        package var acceptChildLoss: Bool

        package init(
            imagesPerRepository: Int? = nil,
            keepUntagged: Bool? = nil,
            minimumAgeDays: Int? = nil,
            acceptChildLoss: Bool = false
        ) {
            self.imagesPerRepository = imagesPerRepository
            self.keepUntagged = keepUntagged
            self.minimumAgeDays = minimumAgeDays
            self.acceptChildLoss = acceptChildLoss
        }
    }

    package enum RetentionRule: Hashable, Sendable {
        case policy(Retention)
        /// Whatever is set is removed.
        case none
    }

    package var origin: Origin
    package var name: String
    /// Sorted, without duplicates.
    package var registries: [RegistryID]
    /// Its id.
    package var resourceGroup: String?
    /// `nil`: not managed.
    package var retention: RetentionRule?

    package init(
        origin: Origin,
        name: String,
        registries: [RegistryID],
        resourceGroup: String? = nil,
        retention: RetentionRule? = nil
    ) {
        self.origin = origin
        self.name = name
        self.registries = registries
        self.resourceGroup = resourceGroup
        self.retention = retention
    }
}

/// What becomes of a target whose source is gone.
package enum MissingRule: String, Hashable, Sendable, CaseIterable {
    case error, keep
}

/// What becomes of a tag that holds another digest.
package enum ExistingRule: String, Hashable, Sendable, CaseIterable {
    case move, keep, refuse
}

/// Whether signatures, attestations and SBOMs are part of the desired state (`true`), go along with a copy, or stay behind.
package enum ReferrersRule: String, Hashable, Sendable, CaseIterable {
    case always = "true"
    case onCopy
    case never = "false"
}

/// The keys that `images` and `copies` share.
package struct TransferRules: Hashable, Sendable {
    /// `nil`: everything, bytes untouched.
    package var platforms: [Platform]?
    package var missing: MissingRule
    package var existing: ExistingRule
    package var referrers: ReferrersRule

    package init(
        platforms: [Platform]? = nil,
        missing: MissingRule = .error,
        existing: ExistingRule = .move,
        referrers: ReferrersRule = .always
    ) {
        self.platforms = platforms
        self.missing = missing
        self.existing = existing
        self.referrers = referrers
    }
}

/// One entry of `images`: this content, under these tags.
package struct ImageEntry: Hashable, Sendable {
    package enum Source: Hashable, Sendable {
        case reference(RepositoryAddress, ManifestReference)
        case local(ContentLocation)
    }

    package var origin: Origin
    package var source: Source
    /// Sorted, without duplicates.
    package var targets: [RepositoryAddress]
    package var tags: [TagName]
    package var rules: TransferRules

    package init(origin: Origin, source: Source, targets: [RepositoryAddress], tags: [TagName], rules: TransferRules = TransferRules()) {
        self.origin = origin
        self.source = source
        self.targets = targets
        self.tags = tags
        self.rules = rules
    }
}

/// A registry and, below it, an optional path.
package struct RepositoryPrefix: Hashable, Sendable, Comparable {
    package var registry: RegistryID
    package var path: RepositoryName?

    package init(_ registry: RegistryID, _ path: RepositoryName?) {
        self.registry = registry
        self.path = path
    }

    package var description: String { path.map { "\(registry)/\($0)" } ?? registry.description }

    package static func < (left: RepositoryPrefix, right: RepositoryPrefix) -> Bool { left.description < right.description }
}

/// One entry of `copies`: many tags, kept in step.
package struct CopyEntry: Hashable, Sendable {
    package enum Scope: Hashable, Sendable {
        /// From one repository into each target repository.
        case repository(from: RepositoryAddress, to: [RepositoryAddress])
        /// From repositories below a prefix; the path below it is kept below each target.
        case repositories(from: RepositoryPrefix, matching: [Glob], to: [RepositoryPrefix])
    }

    package var origin: Origin
    package var scope: Scope
    package var selector: TagSelector
    package var allowEmpty: Bool
    package var rules: TransferRules
    /// What becomes of tags at a target that the selector covers, that the selection at the source lacks, and that no entry declares.
    package var prune: PruneRule

    package init(
        origin: Origin,
        scope: Scope,
        selector: TagSelector,
        allowEmpty: Bool = false,
        rules: TransferRules = TransferRules(),
        prune: PruneRule = .keep
    ) {
        self.origin = origin
        self.scope = scope
        self.selector = selector
        self.allowEmpty = allowEmpty
        self.rules = rules
        self.prune = prune
    }
}

/// Which tags of a repository: (match or list) ∩ semver − except, then `newest`. Companion tags are never selected.
package struct TagSelector: Hashable, Sendable {
    package enum Base: Hashable, Sendable {
        case all
        case list([TagName])
        case match([Glob])
    }

    package enum Ranking: Hashable, Sendable {
        case version, created
    }

    package struct Newest: Hashable, Sendable {
        /// Distinct digests, at least 1.
        package var count: Int
        package var ranking: Ranking

        package init(count: Int, ranking: Ranking) {
            self.count = count
            self.ranking = ranking
        }
    }

    package var base: Base
    package var semver: VersionRange?
    package var except: [Glob]
    package var newest: Newest?

    package init(base: Base, semver: VersionRange? = nil, except: [Glob] = [], newest: Newest? = nil) {
        self.base = base
        self.semver = semver
        self.except = except
        self.newest = newest
    }

    /// Whether the tag passes everything but `newest`.
    package func covers(_ tag: TagName) -> Bool {
        guard tag.companion == nil else { return false }
        let text = tag.description
        switch base {
        case .all: break
        case .list(let tags): guard tags.contains(tag) else { return false }
        case .match(let globs): guard globs.contains(where: { $0.matches(text) }) else { return false }
        }
        if let semver {
            guard let version = SemanticVersion(text), semver.contains(version) else { return false }
        }
        return !except.contains { $0.matches(text) }
    }

    /// Whether the repository's tag list is needed to know what is selected.
    package var needsTagList: Bool { if case .list = base { false } else { true } }
}

/// One entry of `absent`: what must not be there.
package struct AbsenceEntry: Hashable, Sendable {
    package enum What: Hashable, Sendable {
        /// Untag; the image stays for its other tags.
        case tag(TagName)
        /// Untag every tag that matches.
        case tags(Glob)
        /// Delete the image, and every tag on it.
        case digest(Digest)
        /// Delete every image of the repository.
        case repository
    }

    package var origin: Origin
    /// Sorted, without duplicates.
    package var scopes: [RepositoryPattern]
    package var what: What

    package init(origin: Origin, scopes: [RepositoryPattern], what: What) {
        self.origin = origin
        self.scopes = scopes
        self.what = what
    }
}

/// What becomes of tags that nobody declared.
package enum PruneRule: String, Hashable, Sendable, CaseIterable {
    case keep, report, untag, delete

    package var removes: Bool { self == .untag || self == .delete }
}

/// One entry of `prune`: what becomes of what nobody declared, within its scope alone.
package struct PruneEntry: Hashable, Sendable {
    package struct Tags: Hashable, Sendable {
        package var undeclared: PruneRule
        /// Empty: every tag.
        package var match: [Glob]
        /// So many distinct digests, the latest by creation time, stay.
        package var keepNewest: Int?
        /// Seconds; only tags whose image is older go.
        package var olderThan: Int?

        package init(undeclared: PruneRule = .keep, match: [Glob] = [], keepNewest: Int? = nil, olderThan: Int? = nil) {
            self.undeclared = undeclared
            self.match = match
            self.keepNewest = keepNewest
            self.olderThan = olderThan
        }

        package var usesAges: Bool { keepNewest != nil || olderThan != nil }

        package func covers(_ tag: TagName) -> Bool {
            tag.companion == nil && (match.isEmpty || match.contains { $0.matches(tag.description) })
        }
    }

    package var origin: Origin
    /// Sorted, without duplicates.
    package var scopes: [RepositoryPattern]
    package var tags: Tags
    /// Seconds; images that no tag, index or subject leads to and that are older are deleted. `nil`: they stay.
    package var deletesUntaggedOlderThan: Int?

    package init(origin: Origin, scopes: [RepositoryPattern], tags: Tags = Tags(), deletesUntaggedOlderThan: Int? = nil) {
        self.origin = origin
        self.scopes = scopes
        self.tags = tags
        self.deletesUntaggedOlderThan = deletesUntaggedOlderThan
    }

    package func covers(_ address: RepositoryAddress) -> Bool { scopes.contains { $0.matches(address) } }
}

/// An image that shall come back from a registry's trash.
package struct RestoreEntry: Hashable, Sendable {
    package var origin: Origin
    package var address: RepositoryAddress
    /// By digest it comes with all its tags that are free, by tag with that one alone.
    package var reference: ManifestReference
    package var digest: Digest

    package init(origin: Origin, address: RepositoryAddress, reference: ManifestReference, digest: Digest) {
        self.origin = origin
        self.address = address
        self.reference = reference
        self.digest = digest
    }
}

/// One repository that takes the place of another: everything of `from` is put into `to`, then `from` is removed.
package struct MoveEntry: Hashable, Sendable {
    package var origin: Origin
    package var from: RepositoryAddress
    package var to: RepositoryAddress

    package init(origin: Origin, from: RepositoryAddress, to: RepositoryAddress) {
        self.origin = origin
        self.from = from
        self.to = to
    }
}

/// An entry of `absent` that names a whole namespace, with all its images.
package struct NamespaceAbsence: Hashable, Sendable {
    package var origin: Origin
    package var name: String
    /// Sorted, without duplicates.
    package var registries: [RegistryID]

    package init(origin: Origin, name: String, registries: [RegistryID]) {
        self.origin = origin
        self.name = name
        self.registries = registries
    }
}

/// An image that an undo brings back by its digest, from where it was saved.
package struct ReturnEntry: Hashable, Sendable {
    package var origin: Origin
    package var source: RepositoryAddress
    package var digest: Digest
    package var target: RepositoryAddress
}
