/// What a plan may not do, whatever the entries ask for.
package struct Policy: Sendable {
    /// May not be moved, untagged or deleted.
    package var protect: [ReferencePattern] = []
    /// May be created, never moved.
    package var immutable: [ReferencePattern] = []
    package var limits = PolicyLimits()
    package var owners: [OwnerRule] = []
    /// The file that owns `registries`, `groups` and `policy`: it may declare everything.
    package var workspaceFile: String?

    package init() {}
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
