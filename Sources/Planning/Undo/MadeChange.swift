package import OCI

/// A visible write that was made, or may have been: an outcome of a journal, or a change of a plan.
package struct MadeChange: Hashable, Sendable {
    package var id: ChangeID
    package var kind: ChangeKind
    package var target: ChangeTarget
    /// What the target held before, and after it; `nil`: nothing.
    package var before: Digest?
    package var after: Digest?
    /// For a delete: the tags that went with the image.
    package var tags: [TagName]
    /// What an untag may have left on the tag when it was killed.
    package var placeholder: Digest?
    /// For a put: the repository that its content came from.
    package var source: RepositoryAddress?
    /// Where it stands in the journal or plan.
    package var origin: Origin

    package init(
        id: ChangeID,
        kind: ChangeKind,
        target: ChangeTarget,
        before: Digest?,
        after: Digest?,
        tags: [TagName] = [],
        placeholder: Digest? = nil,
        source: RepositoryAddress? = nil,
        origin: Origin
    ) {
        self.id = id
        self.kind = kind
        self.target = target
        self.before = before
        self.after = after
        self.tags = tags
        self.placeholder = placeholder
        self.source = source
        self.origin = origin
    }

    /// What a change of the plan does when all of it is made.
    package init(_ change: Change, of plan: Plan, origin: Origin) {
        var source: RepositoryAddress?
        if case .registry(let address)? = change.content.flatMap(plan.content)?.origin { source = address }
        self.init(
            id: change.id,
            kind: change.kind,
            target: change.target,
            before: change.oldDigest,
            after: change.newDigest,
            tags: change.consequences.removedTags,
            source: source,
            origin: origin
        )
    }
}

/// What taking changes back comes to.
package struct UndoPlan: Sendable {
    /// A change that stays, and why.
    package struct Stays: Hashable, Sendable, Comparable {
        package var change: ChangeID
        /// A clause, safe to show.
        package var reason: String

        package static func < (left: Stays, right: Stays) -> Bool { (left.change, left.reason) < (right.change, right.reason) }
    }

    /// The way back as entries, to be planned like any others.
    package var desired: DesiredState
    /// Sorted.
    package var stays: [Stays]
    /// The changes that are taken back, or are back already.
    package var undone: [MadeChange]
}
