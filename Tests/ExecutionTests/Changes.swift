import OCI
import Planning
import RegistryTestSupport

/// Plans for tests, by hand.
enum Changes {
    static func address(_ text: String) throws -> RepositoryAddress {
        let parts = text.split(separator: "/", maxSplits: 1)
        return RepositoryAddress(try RegistryID(host: parts[0]), try RepositoryName(parts.count > 1 ? parts[1] : ""))
    }

    static func tag(_ repository: String, _ tag: String) throws -> ChangeTarget {
        .manifest(try address(repository), .tag(try TagName(tag)))
    }

    static func content(_ sample: Sample, from origin: String) throws -> PlannedContent {
        PlannedContent(
            identity: .exact(sample.digest),
            digest: sample.digest,
            mediaType: sample.root.mediaType,
            origin: .registry(try address(origin)),
            label: origin
        )
    }

    /// Puts `content` under `tag`; `old` is what the plan saw there.
    static func put(
        _ content: PlannedContent,
        to repository: String,
        tag: String,
        old: Digest? = nil,
        method: ChangeMethod = .copy,
        after: [Change] = []
    ) throws -> Change {
        try put(content, at: .tag(TagName(tag)), in: repository, old: old, method: method, after: after)
    }

    static func put(
        _ content: PlannedContent,
        at reference: ManifestReference,
        in repository: String,
        old: Digest? = nil,
        method: ChangeMethod = .copy,
        after: [Change] = []
    ) throws -> Change {
        change(
            .put,
            .manifest(try address(repository), reference),
            old: old,
            new: content.digest,
            content: content.id,
            method,
            [old.map { .at($0) } ?? .absent],
            after
        )
    }

    static func untag(_ repository: String, _ tag: String, at old: Digest, method: ChangeMethod = .deleteTag, after: [Change] = [])
        throws -> Change
    {
        change(.untag, try Self.tag(repository, tag), old: old, method, [.at(old)], after)
    }

    static func delete(_ repository: String, _ digest: Digest, tags: [String] = [], isUnneeded: Bool = true, after: [Change] = [])
        throws -> Change
    {
        let preconditions = [Precondition.tagsOnDigest(try tags.map { try TagName($0) })] + (isUnneeded ? [.unneeded(digest)] : [])
        return change(.delete, .manifest(try address(repository), .digest(digest)), old: digest, .deleteManifest, preconditions, after)
    }

    static func change(
        _ kind: ChangeKind,
        _ target: ChangeTarget,
        old: Digest? = nil,
        new: Digest? = nil,
        content: PlannedContent.ID? = nil,
        _ method: ChangeMethod,
        _ preconditions: [Precondition],
        _ after: [Change] = []
    ) -> Change {
        Change(
            kind: kind,
            target: target,
            oldDigest: old,
            newDigest: new,
            content: content,
            method: method,
            reason: "never read",
            origin: Origin(file: "spec.yaml", line: 1),
            undo: .none,
            preconditions: preconditions,
            after: after.map(\.id).sorted()
        )
    }

    static func plan(_ changes: [Change], _ contents: [PlannedContent] = []) -> Plan {
        var plan = Plan(source: .workspace)
        plan.changes = changes.sorted { $0.id < $1.id }
        plan.contents = contents
        return plan
    }
}
