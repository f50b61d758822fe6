package import OCI

/// What a plan may not do, whatever the entries ask for.
package struct Policy: Sendable {
    /// May not be moved, untagged or deleted.
    package var protect: [ReferencePattern] = []
    /// May be created, never moved.
    package var immutable: [ReferencePattern] = []
    package var limits = PolicyLimits()
    package var owners: [OwnerRule] = []
    package var backup: BackupRule?
    /// What runs somewhere: may be moved, never untagged or deleted.
    package var inUse = InUse()
    /// The file that owns `registries`, `groups` and `policy`: it may declare everything.
    package var workspaceFile: String?

    package init() {}

    /// What crplan itself has made may be taken back, whatever the entries may do. Nobody's backup is needed for that.
    package mutating func allowTakingBack() {
        protect = []
        immutable = []
        backup = nil
        limits.deletions = nil
        limits.repositoryShare = nil
        limits.namespaceDeletions = nil
        limits.upload = nil
    }
}

/// Bounds on one plan. `nil`: no bound (`none` in the spec).
package struct PolicyLimits: Hashable, Sendable {
    /// Each tag untagged and each image deleted counts as one.
    package var deletions: Int? = 20
    /// Percent of a repository's tags that globs and prunes may remove.
    package var repositoryShare: Int? = 50
    package var namespaceDeletions: Int? = 0
    /// Bytes to send.
    package var upload: Int64?
    /// A plan that may exceed an account's quota is refused; else there is a warning.
    package var refusesOverQuota = false

    package init() {}
}

/// Where content is saved before a change takes it from its place.
package struct BackupRule: Hashable, Sendable {
    package enum Occasion: String, Hashable, Sendable, CaseIterable {
        case move, untag, delete
    }

    package var to: RepositoryPrefix
    package var before: Set<Occasion>
    package var origin: Origin

    package init(to: RepositoryPrefix, before: Set<Occasion>, origin: Origin) {
        self.to = to
        self.before = before
        self.origin = origin
    }

    package func covers(_ address: RepositoryAddress) -> Bool {
        address.registry == to.registry && to.path.map { address.repository.description.hasPrefix("\($0)/") } ?? true
    }

    /// The path of what is saved from a repository: `<backup>/<host>/<repository>`; it may be too long for one. `alias`: of a layout, which
    /// has no host.
    func path(of address: RepositoryAddress, alias: String?) -> String {
        let host = address.registry.isLayout ? alias ?? "layout" : address.registry.description
        // A port, and the signs of an IPv6 address, cannot stand in a path.
        let component = host.lowercased().split { !($0.isASCII && ($0.isLetter || $0.isNumber || $0 == ".")) }.joined(separator: "-")
        return [to.path?.description, component, address.repository.description].compactMap(\.self).joined(separator: "/")
    }
}

/// Which entries the files that match may hold.
package struct OwnerRule: Hashable, Sendable {
    /// Over paths from the workspace's root.
    package var files: Glob
    package var may: [ReferencePattern]
    package var origin: Origin

    package init(files: Glob, may: [ReferencePattern], origin: Origin) {
        self.files = files
        self.may = may
        self.origin = origin
    }
}
