internal import OCI

/// The `absent` entries by repository, so that each tag is looked up and not searched for.
struct AbsenceIndex {
    /// What must not be in one repository, each with the first entry that says so.
    struct Absences {
        fileprivate(set) var tags: [TagName: Origin] = [:]
        fileprivate(set) var globs: [(glob: Glob, origin: Origin)] = []
        fileprivate(set) var digests: [Digest: Origin] = [:]
        /// The repository as a whole.
        fileprivate(set) var whole: Origin?

        /// By name or glob, or with the whole repository.
        func origin(of tag: TagName) -> Origin? {
            if let origin = tags[tag] ?? whole { return origin }
            guard tag.companion == nil, !globs.isEmpty else { return nil }
            let text = tag.description
            return globs.first { $0.glob.matches(text) }?.origin
        }

        func origin(of digest: Digest) -> Origin? { digests[digest] ?? whole }

        fileprivate mutating func add(_ entry: AbsenceEntry) {
            switch entry.what {
            case .tag(let tag): tags[tag] = tags[tag] ?? entry.origin
            case .tags(let glob): globs.append((glob, entry.origin))
            case .digest(let digest): digests[digest] = digests[digest] ?? entry.origin
            case .repository: whole = whole ?? entry.origin
            }
        }
    }

    private var literal: [RepositoryAddress: Absences] = [:]
    private var patterns: [AbsenceEntry] = []
    private var known: [RepositoryAddress: Absences] = [:]

    /// Nothing shall be absent anywhere.
    var isEmpty: Bool { literal.isEmpty && patterns.isEmpty }

    init(_ entries: [AbsenceEntry]) {
        for entry in entries.sorted(by: { $0.origin < $1.origin }) {
            if entry.scopes.contains(where: { $0.literal == nil }) { patterns.append(entry) }
            for address in Set(entry.scopes.compactMap(\.literal)) { literal[address, default: Absences()].add(entry) }
        }
    }

    subscript(_ address: RepositoryAddress) -> Absences {
        mutating get {
            if patterns.isEmpty { return literal[address] ?? Absences() }
            if let found = known[address] { return found }
            var found = literal[address] ?? Absences()
            for entry in patterns where entry.scopes.contains(where: { $0.matches(address) }) { found.add(entry) }
            known[address] = found
            return found
        }
    }
}
