internal import OCI

/// Content that a tag shall lead to, and where it is read. Small, as every declared tag has one: what hardly any has stands in a box.
struct ResolvedContent {
    private struct Peculiarities {
        var identity: Content?
        var origin: ContentOrigin?
        var held: HeldContent?
        var isProvisional = false
        var follows: DeclaredTag?
        var label: String?
    }

    private final class Box: Sendable {
        let peculiarities: Peculiarities

        init(_ peculiarities: Peculiarities) {
            self.peculiarities = peculiarities
        }
    }

    var digest: Digest
    var mediaType: String
    /// Where it can be read now.
    let readable: ContentOrigin
    /// Which manifest of its origin it is; `nil`: local content.
    var reference: ManifestReference?
    private var box: Box?

    init(_ digest: Digest, mediaType: String, in address: RepositoryAddress, as reference: ManifestReference) {
        self.digest = digest
        self.mediaType = mediaType
        readable = .registry(address)
        self.reference = reference
    }

    init(_ location: ContentLocation, _ inspection: ContentInspection) {
        digest = inspection.root.digest
        mediaType = inspection.root.mediaType
        readable = .local(location)
        held = HeldContent(inspection.root, inspection: inspection)
        if let imageID = inspection.imageID { identity = .image(config: imageID) }
    }

    var identity: Content {
        get { box?.peculiarities.identity ?? .exact(digest) }
        set { change { $0.identity = newValue } }
    }

    /// Where apply reads it: for a chained entry, where the entry before it has put it by then.
    var origin: ContentOrigin {
        get { box?.peculiarities.origin ?? readable }
        set { change { $0.origin = newValue } }
    }

    /// What of it is known without a registry.
    var held: HeldContent? {
        get { box?.peculiarities.held }
        set { change { $0.held = newValue } }
    }

    /// It comes from a declared tag whose live digest is still asked for, so where it can be read is open.
    var isProvisional: Bool {
        get { box?.peculiarities.isProvisional ?? false }
        set { change { $0.isProvisional = newValue } }
    }

    /// The tag this content comes from, when this plan declares that tag too.
    var follows: DeclaredTag? {
        get { box?.peculiarities.follows }
        set { change { $0.follows = newValue } }
    }

    /// As the spec writes it.
    var label: String {
        get { box?.peculiarities.label ?? "\(origin)\(reference?.suffix ?? "")" }
        set { change { $0.label = newValue } }
    }

    private mutating func change(_ change: (inout Peculiarities) -> Void) {
        var peculiarities = box?.peculiarities ?? Peculiarities()
        change(&peculiarities)
        box = Box(peculiarities)
    }
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

struct DeclaredTag: Hashable, Comparable, Sendable {
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

    /// What an entry says of all its tags alike.
    final class Terms: Sendable {
        let origin: Origin
        let rules: TransferRules

        init(_ origin: Origin, _ rules: TransferRules) {
            self.origin = origin
            self.rules = rules
        }
    }

    private struct Values {
        var content: ResolvedContent?
        var terms: Terms
        var otherOrigins: Set<Origin> = []
        var isLeftOut: Bool
        var state = State.waiting
    }

    private final class Box {
        var values: Values

        init(_ values: Values) {
            self.values = values
        }
    }

    /// Large plans declare many tags, and look at each several times.
    private var box: Box

    init(content: ResolvedContent?, _ terms: Terms, isLeftOut: Bool = false) {
        box = Box(Values(content: content, terms: terms, isLeftOut: isLeftOut))
    }

    /// `nil`: the source is gone, and the tag keeps what it has.
    var content: ResolvedContent? { box.values.content }
    /// The first of the entries that declare it, in reading order.
    var origin: Origin { box.values.terms.origin }
    var rules: TransferRules { box.values.terms.rules }
    /// One of the entries could not be evaluated, so what the tag shall hold is not known.
    var isLeftOut: Bool { box.values.isLeftOut }

    var state: State {
        get { box.values.state }
        set { change { $0.state = newValue } }
    }

    private mutating func change(_ change: (inout Values) -> Void) {
        if !isKnownUniquelyReferenced(&box) { box = Box(box.values) }
        change(&box.values)
    }

    /// All the entries that declare it.
    var origins: Set<Origin> { box.values.otherOrigins.union([origin]) }

    /// What two entries for one tag ask for together; the order of the two makes no difference.
    func merged(with other: Declaration) -> Declaration {
        var merged = origin <= other.origin ? self : other
        let second = origin <= other.origin ? other : self
        var rules = merged.rules
        rules.existing = Self.stricter(rules.existing, second.rules.existing)
        if [rules.referrers, second.rules.referrers].contains(.always) {
            rules.referrers = .always
        } else if [rules.referrers, second.rules.referrers].contains(.onCopy) {
            rules.referrers = .onCopy
        }
        merged.change { values in
            if values.terms.rules != rules { values.terms = Terms(values.terms.origin, rules) }
            values.content = values.content ?? second.content
            values.otherOrigins.formUnion(second.origins)
            values.isLeftOut = isLeftOut || other.isLeftOut
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

    /// Something follows from its state.
    var isToCompare: Bool {
        switch state {
        case .waiting, .inPlace: false
        default: true
        }
    }

    var isPut: Bool { if case .toPut = state { true } else { false } }
}

/// Every tag that the specs declare, by repository.
struct Declarations {
    private(set) var byRepository: [RepositoryAddress: [TagName: Declaration]] = [:]

    private var expected: [RepositoryAddress: Int] = [:]
    private var withCompanions: Set<RepositoryAddress> = []

    subscript(_ address: RepositoryAddress, _ tag: TagName) -> Declaration? { byRepository[address]?[tag] }

    mutating func set(_ declaration: Declaration, _ address: RepositoryAddress, _ tag: TagName) {
        guard byRepository[address]?.updateValue(declaration, forKey: tag) == nil else { return }
        if byRepository[address] == nil {
            var declared = [TagName: Declaration](minimumCapacity: expected[address] ?? 1)
            declared[tag] = declaration
            byRepository[address] = declared
        }
        if tag.companion != nil { withCompanions.insert(address) }
    }

    /// So many tags may be about to be declared there.
    mutating func expect(_ count: Int, in address: RepositoryAddress) { expected[address] = count }

    /// Whether a companion tag is declared there.
    func hasCompanions(in address: RepositoryAddress) -> Bool { withCompanions.contains(address) }

    func tags(in address: RepositoryAddress) -> [TagName: Declaration] { byRepository[address] ?? [:] }

    /// The tags whose declarations are meant, in a fixed order.
    func names(where isMeant: (Declaration) -> Bool) -> [(address: RepositoryAddress, tags: [TagName])] {
        byRepository.sorted { $0.key < $1.key }.compactMap { address, declared in
            let tags = declared.compactMap { isMeant($0.value) ? $0.key : nil }
            return tags.isEmpty ? nil : (address, tags.sorted())
        }
    }
}
