internal import OCI

/// Content that a tag shall lead to, and where it is read.
struct ResolvedContent: Hashable {
    var identity: Content
    var digest: Digest
    var mediaType: String
    /// Where apply reads it: for a chained entry, where the entry before it has put it by then.
    var origin: ContentOrigin
    /// Where it can be read now.
    var readable: ContentOrigin
    /// The manifest, when it is not in a registry: derived, or local.
    var manifest: ManifestDocument?
    /// Local content whole.
    var inspection: ContentInspection?
    var label: String
    /// The tag this content comes from, when this plan declares that tag too.
    var follows: DeclaredTag?
}

struct DeclaredTag: Hashable, Comparable {
    var address: RepositoryAddress
    var tag: TagName

    static func < (left: DeclaredTag, right: DeclaredTag) -> Bool { (left.address, left.tag) < (right.address, right.tag) }
}

/// One tag that an entry declares, with what becomes of it.
struct Declaration {
    enum State: Hashable {
        case waiting
        case failed
        /// It leads to the wanted content already, under this digest.
        case inPlace(Digest)
        /// It stays as it is, by `existing: keep` or `missing: keep`.
        case kept(Digest)
        /// It will be put, over `old` if there is one.
        case toPut(old: Digest?)
        case refused(Digest)
    }

    /// `nil`: the source is gone, and the tag keeps what it has.
    var content: ResolvedContent?
    var origin: Origin
    var rules: TransferRules
    var state: State

    /// The digest the tag leads to once the plan is applied; `nil` while that is open.
    var digest: Digest? {
        switch state {
        case .waiting:
            // Only a move or a new tag takes the content's digest for sure.
            rules.existing == .move && content?.identity.needsManifest == false ? content?.digest : nil
        case .failed: nil
        case .inPlace(let digest), .kept(let digest), .refused(let digest): digest
        case .toPut: content?.digest
        }
    }

    var isPut: Bool { if case .toPut = state { true } else { false } }
}

/// Every tag that the specs declare, by repository.
struct Declarations {
    private(set) var byRepository: [RepositoryAddress: [TagName: Declaration]] = [:]

    subscript(_ address: RepositoryAddress, _ tag: TagName) -> Declaration? {
        get { byRepository[address]?[tag] }
        set { byRepository[address, default: [:]][tag] = newValue }
    }

    func tags(in address: RepositoryAddress) -> [TagName: Declaration] { byRepository[address] ?? [:] }

    /// In a fixed order.
    var all: [(DeclaredTag, Declaration)] {
        byRepository.sorted { $0.key < $1.key }.flatMap { address, tags in
            tags.sorted { $0.key < $1.key }.map { (DeclaredTag(address: address, tag: $0.key), $0.value) }
        }
    }
}
