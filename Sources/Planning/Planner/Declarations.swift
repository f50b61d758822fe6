internal import OCI

/// Content that a tag shall lead to, and where it is read.
struct ResolvedContent {
    var identity: Content
    var digest: Digest
    var mediaType: String
    /// Where apply reads it: for a chained entry, where the entry before it has put it by then.
    var origin: ContentOrigin
    /// Where it can be read now.
    var readable: ContentOrigin
    /// What of it is known without a registry.
    var held: HeldContent?
    var label: String
    /// It comes from a declared tag whose live digest is still asked for, so where it can be read is open.
    var isProvisional = false
    /// The tag this content comes from, when this plan declares that tag too.
    var follows: DeclaredTag?
}

/// Manifests that are not in a registry. A class, since hardly any content has some and every declared tag has content.
final class HeldContent: Sendable {
    /// Derived, or the root of local content.
    let manifest: ManifestDocument
    /// Local content whole.
    let inspection: ContentInspection?

    init(_ manifest: ManifestDocument, inspection: ContentInspection? = nil) {
        self.manifest = manifest
        self.inspection = inspection
    }
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
        /// The entry is left out or in error; that is reported already.
        case failed
        /// What the tag holds could not be read.
        indirect case unreadable(RegistryError)
        /// The source is gone, and the tag is not there either.
        case missing
        /// It leads to the wanted content already, under this digest.
        case inPlace(Digest)
        /// It stays as it is, by `existing: keep` or `missing: keep`.
        case kept(Digest)
        /// It will be put, over `old` if there is one.
        case toPut(old: Digest?)
        case refused(Digest)
    }

    /// In a box, as large plans declare many tags, and dictionaries keep room for more.
    private final class Box {
        let content: ResolvedContent

        init(_ content: ResolvedContent) {
            self.content = content
        }
    }

    private var box: Box?

    /// `nil`: the source is gone, and the tag keeps what it has.
    var content: ResolvedContent? {
        get { box?.content }
        set { box = newValue.map(Box.init) }
    }

    /// The first of the entries that declare it, in reading order.
    var origin: Origin
    private var otherOrigins: Set<Origin> = []
    var rules: TransferRules
    /// One of the entries could not be evaluated, so what the tag shall hold is not known.
    var isLeftOut = false
    var state = State.waiting

    init(content: ResolvedContent?, origin: Origin, rules: TransferRules, isLeftOut: Bool = false) {
        box = content.map(Box.init)
        self.origin = origin
        self.rules = rules
        self.isLeftOut = isLeftOut
    }

    /// All the entries that declare it.
    var origins: Set<Origin> { otherOrigins.union([origin]) }

    /// What two entries for one tag ask for together; the order of the two makes no difference.
    func merged(with other: Declaration) -> Declaration {
        var merged = origin <= other.origin ? self : other
        let second = origin <= other.origin ? other : self
        merged.box = merged.box ?? second.box
        merged.otherOrigins.formUnion(second.origins)
        merged.isLeftOut = isLeftOut || other.isLeftOut
        merged.rules.existing = Self.stricter(rules.existing, other.rules.existing)
        if [rules.referrers, other.rules.referrers].contains(.always) {
            merged.rules.referrers = .always
        } else if [rules.referrers, other.rules.referrers].contains(.onCopy) {
            merged.rules.referrers = .onCopy
        }
        return merged
    }

    private static func stricter(_ left: ExistingRule, _ right: ExistingRule) -> ExistingRule {
        left == .refuse || right == .refuse ? .refuse : left == .keep || right == .keep ? .keep : .move
    }

    /// The digest the tag leads to once the plan is applied; `nil` while that is open.
    var digest: Digest? {
        switch state {
        case .waiting:
            // Only a move or a new tag takes the content's digest for sure.
            rules.existing == .move && content?.identity.needsManifest == false ? content?.digest : nil
        case .failed, .unreadable, .missing: nil
        case .inPlace(let digest), .kept(let digest), .refused(let digest): digest
        case .toPut: content?.digest
        }
    }

    var isPut: Bool { if case .toPut = state { true } else { false } }
}

/// Every tag that the specs declare, by repository.
struct Declarations {
    private(set) var byRepository: [RepositoryAddress: [TagName: Declaration]] = [:]

    private var withCompanions: Set<RepositoryAddress> = []
    /// Of `names`, as long as no tag is added.
    private var knownNames: [(address: RepositoryAddress, tags: [TagName])]?

    subscript(_ address: RepositoryAddress, _ tag: TagName) -> Declaration? { byRepository[address]?[tag] }

    mutating func set(_ declaration: Declaration, _ address: RepositoryAddress, _ tag: TagName) {
        guard byRepository[address, default: [:]].updateValue(declaration, forKey: tag) == nil else { return }
        knownNames = nil
        if tag.companion != nil { withCompanions.insert(address) }
    }

    /// Whether a companion tag is declared there.
    func hasCompanions(in address: RepositoryAddress) -> Bool { withCompanions.contains(address) }

    func tags(in address: RepositoryAddress) -> [TagName: Declaration] { byRepository[address] ?? [:] }

    /// In a fixed order.
    mutating func names() -> [(address: RepositoryAddress, tags: [TagName])] {
        if let knownNames { return knownNames }
        let names = byRepository.sorted { $0.key < $1.key }.map { (address: $0.key, tags: $0.value.keys.sorted()) }
        knownNames = names
        return names
    }
}
