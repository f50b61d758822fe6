internal import OCI

extension PlanningRun {
    /// Where `owners` stands, every entry must lie in the scope of a rule that names its file.
    mutating func checkOwners() {
        guard !policy.owners.isEmpty else { return }
        var check = OwnerCheck(policy: policy)
        for (address, tags) in declarations.byRepository {
            for (tag, declaration) in tags where tag.companion == nil {
                for origin in declaration.origins {
                    check.hold(origin, "\(address):\(tag)") { $0.matches(address, tag: tag) }
                }
            }
        }
        for entry in desired.copies { check.hold(entry) { $0.contains { isSelected($0) } } }
        for entry in desired.absences { check.hold(entry) }
        for entry in desired.prunes { check.hold(entry.origin, entry.scopes) { $0.tag == nil && $0.digest == nil && $0.covers($1) } }
        for entry in desired.moves {
            for address in [entry.from, entry.to] {
                check.hold(entry.origin, address.description) { $0.tag == nil && $0.digest == nil && $0.covers(address) }
            }
        }
        for entry in desired.namespaces { check.hold(entry.origin, entry.name, entry.registries) }
        for entry in desired.namespaceAbsences { check.hold(entry.origin, entry.name, entry.registries) }
        refusals += check.refusals
    }
}

/// Holds entries against `policy.owners`.
struct OwnerCheck {
    private let policy: Policy
    private var rulesByFile: [String: [ReferencePattern]] = [:]
    private var outside: [Origin: Set<String>] = [:]

    init(policy: Policy) {
        self.policy = policy
    }

    mutating func hold(_ origin: Origin, _ name: String, _ isAllowed: (ReferencePattern) -> Bool) {
        guard origin.file != policy.workspaceFile else { return }
        let known = rulesByFile[origin.file]
        let patterns = known ?? policy.owners.filter { $0.files.matches(origin.file) }.flatMap(\.may)
        if known == nil { rulesByFile[origin.file] = patterns }
        if !patterns.contains(where: isAllowed) { outside[origin, default: []].insert(name) }
    }

    /// A selector may select nothing today and anything tomorrow: its repositories must be the owner's.
    mutating func hold(_ entry: CopyEntry, isPlanned: ([RepositoryAddress]) -> Bool) {
        switch entry.scope {
        case .repository(_, let targets):
            guard isPlanned(targets) else { return }
            // Whoever prunes may take any tag there.
            for target in targets {
                hold(entry.origin, target.description) {
                    $0.covers(target) && (!entry.prune.removes || ($0.tag == nil && $0.digest == nil))
                }
            }
        case .repositories(_, _, let targets):
            for target in targets {
                hold(entry.origin, "\(target.description)/**") { rule in
                    rule.digest == nil && (!entry.prune.removes || rule.tag == nil)
                        && rule.scopes.contains { Self.covers($0, everythingBelow: target) }
                }
            }
        }
    }

    mutating func hold(_ entry: AbsenceEntry) {
        hold(entry.origin, entry.scopes) { rule, literal in
            switch entry.what {
            case .tag(let tag): return rule.matches(literal, tag: tag)
            case .digest(let digest): return rule.matches(literal, digest: digest)
            case .repository: return rule.tag == nil && rule.digest == nil && rule.covers(literal)
            case .tags(let glob): return rule.digest == nil && rule.covers(literal) && (rule.tag == nil || rule.tag == glob)
            }
        }
    }

    /// A pattern of repositories must be the owner's whole; of a literal one `isAllowed` says what a rule must give.
    mutating func hold(_ origin: Origin, _ scopes: [RepositoryPattern], _ isAllowed: (ReferencePattern, RepositoryAddress) -> Bool) {
        for scope in scopes {
            let name = "\(scope.registry?.description ?? "**")/\(scope.path)"
            hold(origin, name) { rule in
                guard let literal = scope.literal else {
                    return rule.tag == nil && rule.digest == nil && rule.scopes.contains { Self.covers($0, scope) }
                }
                return isAllowed(rule, literal)
            }
        }
    }

    mutating func hold(_ origin: Origin, _ namespace: String, _ registries: [RegistryID]) {
        for registry in registries { hold(origin, "\(registry)/\(namespace)") { Self.owns($0, registry, namespace: namespace) } }
    }

    /// Whoever owns everything in a namespace owns the namespace.
    static func owns(_ rule: ReferencePattern, _ registry: RegistryID, namespace: String) -> Bool {
        guard rule.tag == nil, rule.digest == nil, let path = try? RepositoryName(namespace) else { return false }
        return rule.scopes.contains { covers($0, everythingBelow: RepositoryPrefix(registry, path)) }
    }

    private static func covers(_ rule: RepositoryPattern, _ scope: RepositoryPattern) -> Bool {
        (rule.registry == nil || rule.registry == scope.registry) && (rule.path == scope.path || rule.path.description == "**")
    }

    /// Whether a rule that ends in `/**` reaches every repository below the target.
    private static func covers(_ rule: RepositoryPattern, everythingBelow target: RepositoryPrefix) -> Bool {
        guard rule.registry == nil || rule.registry == target.registry else { return false }
        let text = rule.path.description
        if text == "**" { return true }
        guard text.hasSuffix("/**"), let path = target.path?.description else { return false }
        let base = text.dropLast(3)
        return !base.contains("*") && (path == base || path.hasPrefix("\(base)/"))
    }

    var refusals: [Refusal] {
        outside.sorted { $0.key < $1.key }.map { origin, names in
            Refusal(
                code: "not-owner",
                message: "the file \(origin.file) may not declare this: policy.owners does not give it these targets",
                subjects: names.sorted(),
                origin: origin,
                help: "Move the entry to a file that owns the target, or widen 'may' in policy.owners."
            )
        }
    }
}
