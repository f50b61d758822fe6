internal import OCI

/// What the parts of a plan must be to each other; each part is valid by its type. A plan file is trusted no further than this.
enum PlanCheck {
    typealias Invalid = PlanFile.Invalid

    static func check(_ plan: Plan) throws(Invalid) {
        var registries: Set<RegistryID> = []
        for registry in plan.registries {
            guard registries.insert(registry.id).inserted else { throw Invalid("it names the registry \(registry.id) twice") }
            try check(registry)
        }
        var contents: [PlannedContent.ID: PlannedContent] = [:]
        for content in plan.contents {
            guard contents.updateValue(content, forKey: content.id) == nil else {
                throw Invalid("it names the content '\(content.id)' twice")
            }
            try check(content, registries)
        }
        var ids: Set<ChangeID> = []
        for change in plan.changes where !ids.insert(change.id).inserted { throw Invalid("it names the change '\(change.id)' twice") }
        let puts = Dictionary(plan.changes.filter { $0.kind == .put }.map { ($0.id, $0) }) { first, _ in first }
        let replacing = Set(plan.registries.filter { $0.untag == .placeholder }.map(\.id))
        for change in plan.changes {
            // Only the registry's own setting allows it.
            if change.method.mayReplace, !replacing.contains(change.target.registry) {
                throw Invalid("'\(change.id)' may use a placeholder, which \(change.target.registry) does not allow")
            }
            guard registries.contains(change.target.registry) else {
                throw Invalid("'\(change.id)' writes to \(change.target.registry), which its registries do not list")
            }
            for id in change.after where !ids.contains(id) { throw Invalid("'\(change.id)' comes after '\(id)', which is not there") }
            try check(change, contents, isSaved: isSaved(change, puts, contents))
        }
        if ChangeOrder.hasCycle(plan.changes) { throw Invalid("its changes wait for each other") }
    }

    /// Whether the change comes after the put that its way back names: of its image into a backup, or of its image, or an index that may hold
    /// it, into the repository's new place.
    static func isSaved(
        _ change: Change,
        _ puts: [ChangeID: Change],
        _ contents: [PlannedContent.ID: PlannedContent]
    ) -> Bool {
        guard case .backup(let name) = change.undo, let address = change.target.address else { return false }
        return change.after.contains { id in
            guard let put = puts[id], let content = put.content.flatMap({ contents[$0] }), content.origin == .registry(address) else {
                return false
            }
            return content.digest == change.oldDigest || MediaType.isIndex(content.mediaType) && isPlace(name, of: put, change)
        }
    }

    private static func isPlace(_ name: String, of put: Change, _ change: Change) -> Bool {
        guard let place = put.target.address, let digest = change.oldDigest else { return false }
        return name == "\(place)@\(digest)"
    }

    private static func check(_ registry: RegistryDeclaration) throws(Invalid) {
        guard (registry.kind == .layout) == registry.id.isLayout else {
            throw Invalid("\(registry.id) cannot be of kind \(registry.kind.rawValue)")
        }
        let names: [String]
        switch registry.credentials {
        case .variables(let username, let password): names = [username, password]
        case .apiKeyVariable(let name), .bearerTokenVariable(let name): names = [name]
        case .automatic, .anonymous, .apiKeyFile, .trustedProfile: names = []
        }
        for name in names where !isVariableName(name) {
            throw Invalid("'\(name.withVisibleControls)' is not the name of an environment variable")
        }
    }

    private static func isVariableName(_ name: String) -> Bool {
        guard let first = name.utf8.first, !(UInt8(ascii: "0")...UInt8(ascii: "9")).contains(first) else { return false }
        return name.utf8.allSatisfy { byte in
            switch byte {
            case UInt8(ascii: "A")...UInt8(ascii: "Z"), UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "0")...UInt8(ascii: "9"),
                UInt8(ascii: "_"):
                true
            default: false
            }
        }
    }

    private static func check(_ content: PlannedContent, _ registries: Set<RegistryID>) throws(Invalid) {
        if case .registry(let address) = content.origin, !registries.contains(address.registry) {
            throw Invalid("it reads from \(address.registry), which its registries do not list")
        }
        if let manifest = content.manifest, Digest.of(Array(manifest.utf8), with: content.digest.algorithm) != content.digest {
            throw Invalid("the bytes of the manifest \(content.digest) do not have that digest")
        }
        switch content.identity {
        case .exact(let digest):
            guard digest == content.digest, content.manifest == nil else {
                throw Invalid("the content \(content.digest) is not what it says it is")
            }
        case .derived(_, let digest):
            guard digest == content.digest, content.manifest != nil else {
                throw Invalid("the content \(content.digest) comes without its manifest")
            }
        case .image, .built:
            guard content.manifest == nil else { throw Invalid("the content \(content.digest) is not what it says it is") }
        }
    }

    private static func check(
        _ change: Change,
        _ contents: [PlannedContent.ID: PlannedContent],
        isSaved: Bool
    ) throws(Invalid) {
        guard !change.preconditions.isEmpty else { throw Invalid("'\(change.id)' has no precondition") }
        guard methods(of: change.kind).contains(change.method) else {
            throw Invalid("'\(change.id)' cannot be made by '\(change.method.rawValue)'")
        }
        guard change.setting == nil || [.namespace, .retention].contains(change.kind) else {
            throw Invalid("'\(change.id)' sets nothing of a namespace, but names a setting")
        }
        if change.kind != .put, change.kind != .restore {
            guard change.content == nil, change.newDigest == nil else { throw Invalid("'\(change.id)' puts nothing, but names content") }
        }
        switch change.kind {
        case .put, .restore: try checkPut(change, contents)
        case .untag:
            guard change.target.reference?.tag != nil, let old = change.oldDigest else {
                throw Invalid("'\(change.id)' does not say which digest the tag holds")
            }
            guard change.preconditions.contains(.at(old)) else { throw lacksPrecondition(change) }
        case .delete:
            guard let digest = change.target.reference?.digest, change.oldDigest == digest else {
                throw Invalid("'\(change.id)' does not name the digest that it deletes")
            }
            try checkDelete(change, digest, isSaved: isSaved)
        case .namespace, .retention: try checkSetting(change)
        }
    }

    /// The policy is held against the tags that the change says it removes, and the user's leave against its way back: neither may differ
    /// from what apply does.
    private static func checkDelete(_ change: Change, _ digest: Digest, isSaved: Bool) throws(Invalid) {
        let removed = change.preconditions.compactMap { if case .tagsOnDigest(let tags) = $0 { Set(tags) } else { nil } }
        guard !removed.isEmpty, change.preconditions.contains(.unneeded(digest)) else { throw lacksPrecondition(change) }
        guard removed.allSatisfy({ $0 == Set(change.consequences.removedTags) }) else {
            throw Invalid("'\(change.id)' removes other tags than it shows")
        }
        guard change.method == .management || change.undo == .none || isSaved else {
            throw Invalid("'\(change.id)' says that it can be undone, and it cannot")
        }
    }

    private static func checkPut(_ change: Change, _ contents: [PlannedContent.ID: PlannedContent]) throws(Invalid) {
        guard let id = change.content, let content = contents[id], content.digest == change.newDigest else {
            throw Invalid("'\(change.id)' does not name the content that it puts")
        }
        if case .digest(let digest)? = change.target.reference, digest != content.digest {
            throw Invalid("'\(change.id)' puts another digest than its target's")
        }
        guard change.kind == .put else { return }
        guard change.preconditions.contains(change.oldDigest.map { .at($0) } ?? .absent) else { throw lacksPrecondition(change) }
        let fitting: ChangeMethod
        switch content.origin {
        case .local: fitting = .push
        case .registry(let address): fitting = address.registry == change.target.registry ? .tag : .copy
        }
        guard change.method == fitting || change.method == .management else {
            throw Invalid("'\(change.id)' cannot be made by '\(change.method.rawValue)' from \(content.origin)")
        }
    }

    private static func checkSetting(_ change: Change) throws(Invalid) {
        guard case .namespace = change.target, let setting = change.setting else {
            throw Invalid("'\(change.id)' does not say what it sets on which namespace")
        }
        // The policy is held against what the change shows: it must be what apply compares with.
        let shown = change.consequences.images.map { $0.map(\.description) }
        let isSafe: Bool
        switch setting {
        case .create: isSafe = change.preconditions.contains(.absent) && shown == nil
        case .assign: isSafe = change.preconditions.contains(.unassigned) && shown == nil
        case .remove: isSafe = shown.map { change.preconditions.contains(.contents($0)) } ?? false
        case .retention(let before, _):
            isSafe = shown.map { Set(change.preconditions) == [.retention(before), .retentionVictims($0)] } ?? false
        }
        guard isSafe else { throw lacksPrecondition(change) }
        guard setting.kind == change.kind else { throw Invalid("'\(change.id)' sets something else than its kind says") }
        guard setting != .remove || change.undo == .none else {
            throw Invalid("'\(change.id)' says that it can be undone, and it cannot")
        }
    }

    private static func lacksPrecondition(_ change: Change) -> Invalid {
        Invalid("'\(change.id)' lacks the precondition that keeps it safe")
    }

    /// An untag never becomes a delete, nor a delete an untag.
    private static func methods(of kind: ChangeKind) -> Set<ChangeMethod> {
        switch kind {
        case .put: [.copy, .push, .tag, .management]
        case .untag: [.management, .deleteTag, .layoutEdit, .placeholder, .deleteTagElsePlaceholder]
        case .delete: [.management, .deleteManifest, .layoutEdit]
        case .namespace, .retention, .restore: [.management]
        }
    }
}

extension ChangeMethod {
    /// The tag may be put on a placeholder.
    fileprivate var mayReplace: Bool { self == .placeholder || self == .deleteTagElsePlaceholder }
}
