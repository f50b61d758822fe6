internal import Diagnostics
internal import OCI

/// What is known about something that had to be asked.
enum Lookup<Value> {
    case known(Value)
    /// A question is open.
    case waiting
    /// It could not be read; that is reported already.
    case failed
}

/// The state of planning, in one step or, behind the stages that lacked nothing, from one to the next. Each stage is an extension in a file of
/// its own.
struct PlanningRun {
    let desired: DesiredState
    let policy: Policy
    var facts = Facts()
    let options: PlanningOptions

    var needs = QuestionSet()
    var diagnostics: Set<Diagnostic> = []
    var refusals: [Refusal] = []
    var leftOut: Set<Plan.LeftOut> = []
    /// Registries of which something could not be read: with `keepGoing`, nothing is removed there.
    var unreadableRegistries: Set<RegistryID> = []
    /// Repositories of which an entry could not say in full what they shall hold: with `keepGoing`, nothing is removed there.
    var incompleteRepositories: Set<RepositoryAddress> = []
    /// Below these, an entry could not say which repositories it writes.
    var incompletePrefixes: [RepositoryPrefix] = []
    /// Repositories of which an entry says that they stay as they are while its source is gone.
    var partlyKnownRepositories: Set<RepositoryAddress> = []
    /// Undeclared tags that an entry reads and would write with what they hold.
    var wantedAsTheyAre: Set<DeclaredTag> = []
    /// What each target's `copies` entries with `prune` select.
    var copyPrunes: [RepositoryAddress: [CopyPrune]] = [:]
    /// What an earlier revision of the specs declared.
    var earlierTags: [RepositoryAddress: [TagName: Origin]] = [:]
    /// Repositories of which that is not known in full.
    var earlierUnknown: Set<RepositoryAddress> = []
    var isEarlierOpen = false
    /// The removals by rule that were found.
    var ruleRemovals: [RepositoryAddress: [TagName: RuleRemoval]] = [:]
    /// An age counts in this plan.
    var usesAges = false
    /// Repositories that an entry of this run writes.
    var writtenRepositories: Set<RepositoryAddress> = []
    let written: WrittenNamespaces
    /// A registry may list a whole namespace at once.
    let hasInventories: Bool
    let namedSources: NamedSources
    /// The lists that were looked up.
    var lists: [RepositoryAddress: RepositoryList] = [:]
    var absences: AbsenceIndex
    var declarations = Declarations()
    var changes: [ChangeID: Change] = [:]
    var contents: [PlannedContent.ID: PlannedContent] = [:]
    /// The resolved content behind each row of `contents`.
    var resolvedContents: [PlannedContent.ID: ResolvedContent] = [:]
    /// Images whose signatures and the like go along, in the order in which they are looked at.
    var referrerJobs: [ReferrerPlanning.Job] = []
    /// Puts of images without a tag whose signatures go along.
    var putsByDigest: Set<ChangeID> = []
    var estimates: [ChangeID: Plan.Estimate] = [:]
    /// Removals that no entry names one by one: they count for `repositoryShare`.
    var ruleChanges: Set<ChangeID> = []
    /// Removals that were asked for and are so already.
    var alreadyAbsent = 0
    /// Repositories in which a tag was found.
    private(set) var repositoriesWithTags: Set<RepositoryAddress> = []
    private var lastWithTags: RepositoryAddress?
    /// Tags on which an untag that was killed left a placeholder; everything else in the plan sees what they held before.
    var leftPlaceholders: [DeclaredTag: LeftPlaceholder] = [:]
    /// The tag lists that the stages which count used: what an earlier step alone asked for must not show in the plan.
    var usedTagLists: Set<RepositoryAddress> = []

    init(_ desired: DesiredState, _ policy: Policy, _ options: PlanningOptions) {
        var desired = desired
        // What only the earlier specs use can be asked as well.
        if let earlier = options.removedSince { desired.registries.merge(earlier.registries) { today, _ in today } }
        self.desired = desired
        self.policy = policy
        self.options = options
        written = WrittenNamespaces(desired)
        hasInventories = desired.registries.values.contains { $0.kind == .icr }
        namedSources = NamedSources(desired)
        absences = AbsenceIndex(desired.absences)
    }

    /// In the order of their ids.
    func sortedChanges(where isMeant: (Change) -> Bool = { _ in true }) -> [Change] {
        changes.filter { isMeant($0.value) }.keys.sorted().compactMap { changes[$0] }
    }

    // MARK: Asking

    /// The answer, or `nil` and a note that it is needed. What a list tells is not asked by itself.
    mutating func answer(_ question: Question) -> Answer? {
        switch listed(question) {
        case .answer(let answer): answer
        case .waiting: nil
        case .no: behindPlaceholder(question)
        }
    }

    /// As `answer`, but for this very question.
    mutating func ask(_ question: Question) -> Answer? {
        if let answer = facts[question] { return answer }
        needs.insert(question)
        return nil
    }

    /// `known(nil)` means absent.
    private mutating func look<Value>(_ question: Question, for origin: Origin, _ extract: (Fact) -> Value?) -> Lookup<Value?> {
        switch answer(question) {
        case nil: return .waiting
        case .absent?: return .known(nil)
        case .found(let fact)?: return .known(extract(fact))
        case .unreadable(let error)?:
            fail(error, in: question.registry, for: origin)
            return .failed
        }
    }

    mutating func head(_ address: RepositoryAddress, _ reference: ManifestReference, for origin: Origin) -> Lookup<ManifestHead?> {
        let found = look(.head(address, reference), for: origin) { if case .head(let head) = $0 { head } else { nil } }
        if case .known(.some) = found, reference.tag != nil, address != lastWithTags {
            repositoriesWithTags.insert(address)
            lastWithTags = address
        }
        return found
    }

    /// Companion tags included; `known(nil)`: the repository is not there.
    mutating func tags(_ address: RepositoryAddress, for origin: Origin) -> Lookup<[TagName]?> {
        usedTagLists.insert(address)
        return look(.tags(address), for: origin) { if case .tags(let tags) = $0 { tags } else { nil } }
    }

    mutating func repositories(_ registry: RegistryID, for origin: Origin) -> Lookup<[RepositoryName]?> {
        look(.repositories(registry), for: origin) { if case .repositories(let names) = $0 { names } else { nil } }
    }

    mutating func digests(_ address: RepositoryAddress, for origin: Origin) -> Lookup<[Digest]?> {
        look(.digests(address), for: origin) { if case .digests(let digests) = $0 { digests } else { nil } }
    }

    mutating func manifest(_ address: RepositoryAddress, _ digest: Digest, for origin: Origin) -> Lookup<ManifestDocument?> {
        look(.manifest(address, digest), for: origin) { if case .manifest(let document) = $0 { document } else { nil } }
    }

    mutating func config(_ address: RepositoryAddress, _ descriptor: Descriptor, for origin: Origin) -> Lookup<ImageConfiguration?> {
        look(.config(address, descriptor), for: origin) { if case .config(let config) = $0 { config } else { nil } }
    }

    mutating func referrers(_ address: RepositoryAddress, _ digest: Digest, for origin: Origin) -> Lookup<[Descriptor]?> {
        look(.referrers(address, digest), for: origin) { if case .referrers(let list) = $0 { list } else { nil } }
    }

    /// `known(nil)`: the registry has no management API.
    mutating func administration(
        _ registry: RegistryID,
        _ question: AdministrationQuestion,
        for origin: Origin
    ) -> Lookup<AdministrationFact?> {
        look(.administration(registry, question), for: origin) { if case .administration(let fact) = $0 { fact } else { nil } }
    }

    mutating func content(_ location: ContentLocation, for origin: Origin) -> Lookup<ContentInspection?> {
        look(.content(location), for: origin) { if case .content(let inspection) = $0 { inspection } else { nil } }
    }

    /// What the registry can do; `unknown` when it could not be read.
    mutating func capability(_ feature: RegistryFeature, _ address: RepositoryAddress) -> Lookup<Capability> {
        // What lists a namespace is what untags and deletes in it, by the same login.
        if feature == .deleteTag || feature == .deleteManifest, case .known = list(of: address) { return .known(.yes) }
        return switch answer(.capability(feature, address)) {
        case nil: .waiting
        case .found(.capability(let capability))?: .known(capability)
        default: .known(.unknown)
        }
    }

    /// The same, found out by a deletion of what is not there.
    mutating func probe(_ feature: RegistryFeature, _ address: RepositoryAddress, for origin: Origin) -> Lookup<Capability> {
        switch look(.probe(feature, address), for: origin, { if case .capability(let capability) = $0 { capability } else { nil } }) {
        case .waiting: .waiting
        case .failed: .failed
        case .known(let capability): .known(capability ?? .unknown)
        }
    }

    // MARK: Reporting

    /// Something an entry needs could not be read.
    mutating func fail(_ error: RegistryError, in registry: RegistryID?, for origin: Origin) {
        if let registry { unreadableRegistries.insert(registry) }
        if options.keepGoing {
            leftOut.insert(Plan.LeftOut(what: "entry at \(origin)", reason: error.description, origin: origin))
        } else {
            diagnostics.insert(.error("unreadable", error.description, at: origin.range))
        }
    }

    mutating func error(_ code: String, _ message: String, at origin: Origin, help: String? = nil, related: [(String, Origin)] = []) {
        diagnostics.insert(
            .error(code, message, at: origin.range, help: help, related: related.map { .init(message: $0.0, range: $0.1.range) })
        )
    }

    mutating func note(_ code: String, _ message: String, at origin: Origin, help: String? = nil) {
        diagnostics.insert(.note(code, message, at: origin.range, help: help))
    }

    /// Whether the filters of this run let this tag be planned.
    func isSelected(_ address: RepositoryAddress, _ tag: TagName) -> Bool {
        (options.targets.isEmpty || options.targets.contains { $0.matches(address, tag: tag) })
            && !options.excludes.contains { $0.matches(address, tag: tag) }
    }

    /// Whether the filters let anything in this repository be planned.
    func isSelected(_ address: RepositoryAddress) -> Bool {
        (options.targets.isEmpty || options.targets.contains { $0.covers(address) })
            && !options.excludes.contains { $0.tag == nil && $0.digest == nil && $0.covers(address) }
    }

    /// Whether the filters may let a tag through that the selector takes.
    func isSelected(_ address: RepositoryAddress, _ selector: TagSelector) -> Bool {
        func mayMatch(_ pattern: ReferencePattern) -> Bool {
            guard pattern.digest == nil, pattern.covers(address) else { return false }
            guard let tag = pattern.tag, !tag.isPattern, let name = try? TagName(tag.description) else { return true }
            return selector.covers(name)
        }
        return isSelected(address) && (options.targets.isEmpty || options.targets.contains(where: mayMatch))
    }

    func isSelected(_ address: RepositoryAddress, _ digest: Digest) -> Bool {
        (options.targets.isEmpty || options.targets.contains { $0.matches(address, digest: digest) })
            && !options.excludes.contains { $0.matches(address, digest: digest) }
    }

    /// Whether the filters let something in this namespace, or the namespace itself, be planned.
    func isSelected(_ registry: RegistryID, namespace: String) -> Bool {
        func covers(_ pattern: ReferencePattern, whole: Bool) -> Bool {
            pattern.scopes.contains { scope in
                guard scope.registry == nil || scope.registry == registry else { return false }
                let text = scope.path.description
                if text == "**" || text == "\(namespace)/**" { return true }
                return !whole && Glob(text.prefix { $0 != "/" }).matches(namespace)
            }
        }
        return (options.targets.isEmpty || options.targets.contains { covers($0, whole: false) })
            && !options.excludes.contains { $0.tag == nil && $0.digest == nil && covers($0, whole: true) }
    }

    func kind(of registry: RegistryID) -> RegistryKind { desired.registries[registry]?.kind ?? (registry.isLayout ? .layout : .oci) }
}

extension Origin {
    /// The beginning of the line: entries are named by their line.
    var range: SourceRange {
        SourceRange(file: file, start: SourcePosition(line: line, column: 1), end: SourcePosition(line: line, column: 1))
    }
}
