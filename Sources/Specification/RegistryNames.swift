internal import Diagnostics
package import OCI
package import Planning

/// What the first component of a name may mean: the aliases and groups of the spec, and full hosts.
struct RegistryNames: Sendable {
    struct Alias: Sendable {
        var declaration: RegistryDeclaration
        var range: SourceRange
    }

    struct Group: Sendable {
        /// `nil` members were reported.
        var members: [RepositoryPrefix]
        var range: SourceRange
    }

    private(set) var aliases: [String: Alias] = [:]
    private(set) var groups: [String: Group] = [:]
    private(set) var aliasOfRegistry: [RegistryID: String] = [:]
    /// Declared, but so that nothing can be resolved through them; a use is no second mistake.
    private(set) var broken: Set<String> = []

    /// Where a name is defined already, be it an alias or a group.
    func definition(of name: String) -> SourceRange? { aliases[name]?.range ?? groups[name]?.range }

    mutating func add(alias name: String, _ declaration: RegistryDeclaration, at range: SourceRange) {
        aliases[name] = Alias(declaration: declaration, range: range)
        if aliasOfRegistry[declaration.id] == nil { aliasOfRegistry[declaration.id] = name }
    }

    mutating func add(group name: String, _ members: [RepositoryPrefix], at range: SourceRange) {
        groups[name] = Group(members: members, range: range)
    }

    mutating func addBroken(_ name: String) { broken.insert(name) }

    func isName(_ component: some StringProtocol) -> Bool {
        let name = String(component)
        return aliases[name] != nil || groups[name] != nil || broken.contains(name)
    }

    /// The places that the first component of a name stands for.
    func places(_ component: Substring) throws(ReferenceProblem) -> [RepositoryPrefix] {
        let name = String(component)
        if let alias = aliases[name] { return [RepositoryPrefix(alias.declaration.id, nil)] }
        if let group = groups[name] { return group.members }
        if broken.contains(name) { throw .reported }
        guard ReferenceParts.isHost(name) else { throw unknown(name) }
        return [RepositoryPrefix(try Self.registry(host: name), nil)]
    }

    static func registry(host: String) throws(ReferenceProblem) -> RegistryID {
        let id: RegistryID
        do throws(InvalidName) {
            id = try RegistryID(host: host)
        } catch {
            // What looks like a login is not repeated.
            throw ReferenceProblem("invalid-reference", "\(host.contains("@") ? "what stands here" : "'\(host)'") is not a host: \(error)")
        }
        if let host = id.host, let publicHost = IBMCloudHosts.publicHost(of: host) {
            throw ReferenceProblem(
                "private-host",
                "'\(host)' is the private address of \(publicHost), not a registry of its own",
                help: "write \(publicHost), and 'private: true' under registries"
            )
        }
        return id
    }

    private func unknown(_ name: String) -> ReferenceProblem {
        let nearest = nearest(to: name)
        return ReferenceProblem(
            "unknown-registry",
            "'\(name)' is no alias, group or host",
            help: nearest.map { "did you mean '\($0)'?" } ?? "declare it under 'registries', or write a full host such as docker.io"
        )
    }

    func nearest(to name: String) -> String? {
        Suggestion.nearest(to: name, among: Array(aliases.keys) + Array(groups.keys))
    }

    /// An alias or group that Docker's short name may be a slip of: at most two edits away.
    func confusable(with name: String) -> String? {
        (Array(aliases.keys) + Array(groups.keys))
            .map { (distance: Suggestion.distance(name, $0, limit: 2), name: $0) }
            .filter { $0.distance <= 2 }
            .min { ($0.distance, $0.name) < ($1.distance, $1.name) }?
            .name
    }

    /// How a registry is described: by its alias, or for a host that nobody declared by itself.
    func declaration(of id: RegistryID) -> RegistryDeclaration {
        if let name = aliasOfRegistry[id], let alias = aliases[name] { return alias.declaration }
        return RegistryDeclaration(undeclared: id)
    }
}

extension RegistryDeclaration {
    /// Of a registry that entries name by its host, and no `registries` entry describes.
    package init(undeclared id: RegistryID) {
        let isCloud = id.host.map(IBMCloudHosts.content.contains) == true
        self.init(id: id, kind: id.isLayout ? .layout : isCloud ? .icr : .oci)
    }
}

/// Why a written name cannot be resolved; whoever knows the place makes it a diagnostic.
struct ReferenceProblem: Error {
    var code: String
    var message: String
    var help: String?
    /// The cause was reported where it lies.
    var isReported = false

    init(_ code: String, _ message: String, help: String? = nil) {
        self.code = code
        self.message = message
        self.help = help
    }

    static var reported: ReferenceProblem {
        var problem = ReferenceProblem("", "")
        problem.isReported = true
        return problem
    }
}
