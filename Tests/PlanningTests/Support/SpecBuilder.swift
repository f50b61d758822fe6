import OCI
import Planning

/// A desired state, a policy and options, entry by entry; every entry stands on a line of its own.
struct SpecBuilder {
    var desired = DesiredState()
    var policy = Policy()
    var options = PlanningOptions()
    var file = "spec.yaml"
    private(set) var line = 0

    init() {}

    private mutating func nextOrigin() -> Origin {
        line += 10
        return Origin(file: file, line: line)
    }

    mutating func image(
        from source: String,
        to targets: [String],
        tags: [String],
        platforms: [String]? = nil,
        missing: MissingRule = .error,
        existing: ExistingRule = .move,
        referrers: ReferrersRule = .always
    ) throws {
        let (address, reference) = try Names.reference(source)
        let rules = try Self.rules(platforms, missing, existing, referrers)
        try image(.reference(address, reference ?? .tag(TagName("latest"))), targets, tags, rules)
    }

    mutating func image(local location: ContentLocation, to targets: [String], tags: [String], rules: TransferRules = TransferRules())
        throws
    {
        try image(.local(location), targets, tags, rules)
    }

    private mutating func image(_ source: ImageEntry.Source, _ targets: [String], _ tags: [String], _ rules: TransferRules) throws {
        desired.images.append(
            ImageEntry(
                origin: nextOrigin(),
                source: source,
                targets: try targets.map { try Names.repository($0) }.sorted(),
                tags: try tags.map { try TagName($0) }.sorted(),
                rules: rules
            )
        )
    }

    mutating func copy(
        from source: String,
        to targets: [String],
        tags selector: TagSelector,
        allowEmpty: Bool = false,
        platforms: [String]? = nil,
        missing: MissingRule = .error,
        existing: ExistingRule = .move,
        referrers: ReferrersRule = .always,
        prune: PruneRule = .keep
    ) throws {
        desired.copies.append(
            CopyEntry(
                origin: nextOrigin(),
                scope: .repository(from: try Names.repository(source), to: try targets.map { try Names.repository($0) }.sorted()),
                selector: selector,
                allowEmpty: allowEmpty,
                rules: try Self.rules(platforms, missing, existing, referrers),
                prune: prune
            )
        )
    }

    /// `scope`: `us/app/*`; ages in days.
    mutating func prune(
        _ scope: String,
        _ undeclared: PruneRule = .keep,
        match: [String] = [],
        keepNewest: Int? = nil,
        olderThan: Int? = nil,
        untaggedOlderThan: Int? = nil
    ) throws {
        let parts = scope.split(separator: "/", maxSplits: 1)
        let registry = try Names.registry(parts[0])
        desired.registries[registry] = desired.registries[registry] ?? RegistryDeclaration(id: registry)
        desired.prunes.append(
            PruneEntry(
                origin: nextOrigin(),
                scopes: [RepositoryPattern(registry: registry, path: Glob(String(parts[1])))],
                tags: PruneEntry.Tags(
                    undeclared: undeclared,
                    match: match.map { Glob($0) },
                    keepNewest: keepNewest,
                    olderThan: olderThan.map { $0 * 86_400 }
                ),
                deletesUntaggedOlderThan: untaggedOlderThan.map { $0 * 86_400 }
            )
        )
    }

    mutating func move(from: String, to: String) throws {
        desired.moves.append(MoveEntry(origin: nextOrigin(), from: try Names.repository(from), to: try Names.repository(to)))
    }

    /// Ages are counted from this day since 1970.
    mutating func countAges(fromDay day: Int64) {
        options.asOf = PlanningOptions.AsOf(seconds: day * 86_400, text: "day \(day)")
    }

    /// Below a registry, or a registry with a path.
    mutating func copy(below source: String, repositories: [String], to targets: [String], tags selector: TagSelector) throws {
        func prefix(_ text: String) throws -> RepositoryPrefix {
            let parts = text.split(separator: "/", maxSplits: 1)
            return RepositoryPrefix(try Names.registry(parts[0]), parts.count == 2 ? try RepositoryName(parts[1]) : nil)
        }
        desired.copies.append(
            CopyEntry(
                origin: nextOrigin(),
                scope: .repositories(from: try prefix(source), matching: repositories.map { Glob($0) }, to: try targets.map(prefix)),
                selector: selector
            )
        )
    }

    /// Registries of IBM's kind.
    mutating func icr(_ names: String..., isPrivate: Bool = false) throws {
        for name in names {
            let id = try Names.registry(name)
            desired.registries[id] = RegistryDeclaration(id: id, alias: name, kind: .icr, isPrivate: isPrivate)
        }
    }

    mutating func absent(repository name: String) throws {
        let address = try Names.repository(name)
        let scope = RepositoryPattern(registry: address.registry, path: Glob(address.repository.description))
        desired.absences.append(AbsenceEntry(origin: nextOrigin(), scopes: [scope], what: .repository))
    }

    mutating func absent(_ text: String) throws {
        let pattern = try Names.pattern(text)
        let what: AbsenceEntry.What
        if let digest = pattern.digest {
            what = .digest(digest)
        } else if let glob = pattern.tag, glob.isPattern {
            what = .tags(glob)
        } else {
            what = .tag(try TagName(pattern.tag?.description ?? ""))
        }
        desired.absences.append(AbsenceEntry(origin: nextOrigin(), scopes: pattern.scopes, what: what))
    }

    mutating func namespace(
        _ name: String,
        on registries: [String] = ["us"],
        resourceGroup: String? = nil,
        retention: NamespaceEntry.RetentionRule? = nil
    ) throws {
        let ids = try registries.map { try Names.registry($0) }.sorted()
        for id in ids where id.host?.hasSuffix("icr.io") == true { desired.registries[id] = RegistryDeclaration(id: id, kind: .icr) }
        desired.namespaces.append(
            NamespaceEntry(origin: nextOrigin(), name: name, registries: ids, resourceGroup: resourceGroup, retention: retention)
        )
    }

    mutating func absent(namespace name: String, on registry: String = "us") throws {
        let id = try Names.registry(registry)
        desired.registries[id] = RegistryDeclaration(id: id, kind: .icr)
        desired.namespaceAbsences.append(NamespaceAbsence(origin: nextOrigin(), name: name, registries: [id]))
    }

    mutating func protect(_ text: String) throws { policy.protect.append(try Names.pattern(text)) }
    mutating func immutable(_ text: String) throws { policy.immutable.append(try Names.pattern(text)) }

    /// A list of what is in use; each reference stands on a line of its own. One without a repository is the id of an image.
    mutating func inUse(_ references: String..., file: String = "in-use.txt") throws {
        let found = try references.enumerated().map { number, text in
            let place = "\(file):\(number + 1)"
            if let id = try? Digest(text) { return InUseReference(repository: nil, digest: id, place: place) }
            let parts = try ReferenceParts(text)
            return InUseReference(repository: try Names.repository(parts.name), tag: parts.tag, digest: parts.digest, place: place)
        }
        inUse(.references(found), file: file)
    }

    mutating func inUse(_ content: InUseList.Content, file: String = "in-use.txt") {
        let origin = Origin(file: "crplan.yaml", line: 7)
        policy.inUse.lists.append(InUseList(path: "./\(file)", kind: .references, origin: origin, content: content))
    }

    mutating func target(_ text: String) throws { options.targets.append(try Names.pattern(text)) }
    mutating func exclude(_ text: String) throws { options.excludes.append(try Names.pattern(text)) }

    mutating func owner(files: String, may: [String]) throws {
        let origin = Origin(file: "crplan.yaml", line: 3)
        policy.owners.append(OwnerRule(files: Glob(files), may: try may.map { try Names.pattern($0) }, origin: origin))
        policy.workspaceFile = "crplan.yaml"
    }

    private static func rules(
        _ platforms: [String]?,
        _ missing: MissingRule,
        _ existing: ExistingRule,
        _ referrers: ReferrersRule
    ) throws -> TransferRules {
        TransferRules(
            platforms: try platforms.map { try $0.map { try Platform($0) } },
            missing: missing,
            existing: existing,
            referrers: referrers
        )
    }
}

extension TagSelector {
    static var all: TagSelector { TagSelector(base: .all) }

    static func list(_ tags: [String]) throws -> TagSelector { TagSelector(base: .list(try tags.map { try TagName($0) }.sorted())) }

    static func match(
        _ globs: [String],
        semver: String? = nil,
        except: [String] = [],
        newest: Int? = nil,
        by ranking: Ranking = .version
    ) throws -> TagSelector {
        TagSelector(
            base: .match(globs.map { Glob($0) }),
            semver: try semver.map { try VersionRange($0) },
            except: except.map { Glob($0) },
            newest: newest.map { Newest(count: $0, ranking: ranking) }
        )
    }
}
