internal import Diagnostics
internal import OCI
internal import Planning

/// Turns checked documents into the desired state and the policy: resolves every name and checks what one value alone does not show.
struct SpecDecoder {
    let documents: [SpecDocument]
    let mode: SpecificationInput.Mode
    var rules = ReferenceRules(names: RegistryNames())
    var diagnostics: [Diagnostic] = []
    var desired = DesiredState()
    var policy = Policy()
    var pruningFiles: Set<String> = []
    var uses = RegistryUses()
    var declarations = Declarations()
    /// Without any there is nothing to hold the declarations against.
    let hasAbsences: Bool

    init(documents: [SpecDocument], mode: SpecificationInput.Mode) {
        self.documents = documents
        self.mode = mode
        hasAbsences = documents.contains { !$0.root.list("absent").isEmpty }
        if case .workspace(let crplanFile) = mode { policy.workspaceFile = crplanFile }
    }

    mutating func decodeAll() {
        for document in documents { checkPlace(document) }
        for document in documents where document.isOwner { decodeRegistries(document) }
        for document in documents where document.isOwner { decodeGroups(document) }
        for document in documents {
            for node in document.root.list("images") { decodeImage(node, document.file) }
            for node in document.root.list("copies") { decodeCopy(node, document.file) }
        }
        decodeNamespaces()
        for document in documents {
            for node in document.root.list("moved") { decodeMove(node) }
            for node in document.root.list("absent") { decodeAbsence(node, document.file) }
            for node in document.root.list("prune") { decodePrune(node, document.file) }
        }
        decodePolicies()
        finishRegistries()
        for document in documents { warnOfPersonalInformation(document) }
    }

    /// In a workspace, what belongs to `crplan.yaml` alone.
    private mutating func checkPlace(_ document: SpecDocument) {
        guard !document.isOwner else { return }
        for entry in document.root.entries where ["workspace", "registries", "groups"].contains(entry.key) {
            report("wrong-place", "'\(entry.key)' stands in crplan.yaml alone", entry.keyRange, "move it to crplan.yaml")
        }
        for entry in document.root["policy"]?.mapping?.entries ?? [] where ["owners", "backup"].contains(entry.key) {
            report("wrong-place", "'policy.\(entry.key)' stands in crplan.yaml alone", entry.keyRange, "move it to crplan.yaml")
        }
    }

    mutating func report(_ code: String, _ message: String, _ range: SourceRange, _ help: String? = nil) {
        diagnostics.append(.error(code, message, at: range, help: help))
    }

    mutating func report(_ problem: ReferenceProblem, at range: SourceRange) {
        guard !problem.isReported else { return }
        report(problem.code, problem.message, range, problem.help)
    }

    /// What `resolve` finds for a node's text; `nil`: it was reported.
    mutating func resolved<Found>(_ node: SpecNode?, _ resolve: (String) throws(ReferenceProblem) -> Found) -> Found? {
        guard let node, let text = node.text else { return nil }
        do throws(ReferenceProblem) {
            return try resolve(text)
        } catch {
            report(error, at: node.range)
            return nil
        }
    }

    static func origin(_ range: SourceRange) -> Origin { Origin(file: range.file, line: range.start.line) }

    /// A path as the spec writes it, from the root instead of from the file it stands in.
    static func path(_ text: String, in file: String) -> String {
        guard !text.hasPrefix("/") else { return normal(text) }
        guard let slash = file.lastIndex(of: "/") else { return normal(text) }
        return normal(file[...slash] + text)
    }

    private static func normal(_ path: some StringProtocol) -> String {
        // A layout's name is just such a path; the key table has refused what it refuses.
        (try? RegistryID(layout: path))?.description ?? String(path)
    }
}

/// Which registries and namespaces entries and policy name.
struct RegistryUses: Sendable {
    struct Namespace: Hashable, Sendable {
        var registry: RegistryID?
        var name: String
    }

    private(set) var byEntries: Set<RegistryID> = []
    private(set) var byPolicy: Set<RegistryID> = []
    private(set) var namespaces: Set<Namespace> = []
    /// Registries of which an entry names patterns that may be any namespace.
    private(set) var whole: Set<RegistryID> = []

    mutating func add(_ registry: RegistryID, path: String?) {
        byEntries.insert(registry)
        let first = path.map { $0.prefix { $0 != "/" } } ?? "*"
        if first.contains("*") {
            whole.insert(registry)
        } else {
            namespaces.insert(Namespace(registry: registry, name: String(first)))
            namespaces.insert(Namespace(registry: nil, name: String(first)))
        }
    }

    mutating func add(policy registry: RegistryID) { byPolicy.insert(registry) }

    /// Whether an entry names the registry, and the namespace if one is given literally.
    func name(_ scope: RepositoryPattern) -> Bool {
        let first = scope.path.description.prefix { $0 != "/" }
        if let registry = scope.registry, !byEntries.contains(registry) { return false }
        if first.contains("*") { return true }
        if let registry = scope.registry ?? whole.first, whole.contains(registry) { return true }
        return namespaces.contains(Namespace(registry: scope.registry, name: String(first)))
    }
}

/// The literal tags and digests that entries declare, to be held against `absent`.
struct Declarations: Sendable {
    var tags: [RepositoryAddress: [TagName: SourceRange]] = [:]
    var digests: [RepositoryAddress: [Digest: SourceRange]] = [:]
}
