package import OCI
package import Planning

/// One line of a journal (`schemas/journal.schema.json`). No secret and no upload state stands in it.
package enum JournalEntry: Hashable, Sendable {
    package static let formatVersion = 1

    /// The first line of each run.
    case header(Header)
    /// Before a visible write.
    case intent(Write)
    /// After it.
    case outcome(Write, Result)
    package struct Header: Hashable, Sendable {
        package var planDigest: Digest
        /// As the user named the plan file; nil when the plan was not saved.
        package var planPath: String?
        /// The folder that relative paths start at, such as those of layouts.
        package var root: String?

        package init(planDigest: Digest, planPath: String?, root: String? = nil) {
            self.planDigest = planDigest
            self.planPath = planPath
            self.root = root
        }
    }

    /// A write that users of the registry see.
    package struct Write: Hashable, Sendable {
        package var change: ChangeID
        package var kind: ChangeKind
        package var target: ChangeTarget
        /// What the target held right before, and shall hold; nil: nothing.
        package var before: Digest?
        package var after: Digest?
        /// For a delete: the tags that were on the digest.
        package var tags: [TagName]
        /// For an untag by replacement: the digest that the tag holds in between. A run that was killed may have left it there.
        package var placeholder: Digest?
        /// For a put: the repository that its content was read from.
        package var source: RepositoryAddress?

        package init(
            _ change: Change,
            before: Digest?,
            after: Digest?,
            tags: [TagName] = [],
            placeholder: Digest? = nil,
            source: RepositoryAddress? = nil
        ) {
            self.init(
                id: change.id,
                kind: change.kind,
                target: change.target,
                before: before,
                after: after,
                tags: tags,
                placeholder: placeholder,
                source: source
            )
        }

        init(
            id: ChangeID,
            kind: ChangeKind,
            target: ChangeTarget,
            before: Digest?,
            after: Digest?,
            tags: [TagName],
            placeholder: Digest?,
            source: RepositoryAddress?
        ) {
            self.source = source
            change = id
            self.kind = kind
            self.target = target
            self.before = before
            self.after = after
            self.tags = tags
            self.placeholder = placeholder
        }
    }

    package enum Result: String, Hashable, Sendable, Codable {
        case done
        /// Not written.
        case failed
        /// It was sent, and whether it is there could not be found out.
        case unknown
    }
}

/// The line as JSON.
struct JournalLine: Codable {
    enum Form: String, Codable { case header, intent, outcome }

    var type: Form
    var time: String
    var formatVersion: Int?
    var planDigest: Digest?
    var plan: String?
    var root: String?
    var change: ChangeID?
    var kind: ChangeKind?
    var registry: RegistryID?
    var repository: RepositoryName?
    var tag: TagName?
    var digest: Digest?
    var namespace: String?
    var before: Digest?
    var after: Digest?
    var tags: [TagName]?
    var placeholder: Digest?
    var sourceRegistry: RegistryID?
    var sourceRepository: RepositoryName?
    var result: JournalEntry.Result?

    init(_ entry: JournalEntry, time: Int64) {
        self.time = WallTime.text(time)
        switch entry {
        case .header(let header):
            type = .header
            formatVersion = JournalEntry.formatVersion
            planDigest = header.planDigest
            plan = header.planPath
            root = header.root
        case .intent(let write):
            type = .intent
            set(write)
        case .outcome(let write, let result):
            type = .outcome
            set(write)
            self.result = result
        }
    }

    private mutating func set(_ write: JournalEntry.Write) {
        change = write.change
        kind = write.kind
        registry = write.target.registry
        switch write.target {
        case .manifest(let address, let reference):
            repository = address.repository
            tag = reference.tag
            digest = reference.digest
        case .namespace(_, let name): namespace = name
        }
        before = write.before
        after = write.after
        tags = write.tags.isEmpty ? nil : write.tags
        placeholder = write.placeholder
        sourceRegistry = write.source?.registry
        sourceRepository = write.source?.repository
    }

    /// Nil: a member that this kind of line needs is missing.
    var entry: JournalEntry? {
        switch type {
        case .header: planDigest.map { .header(JournalEntry.Header(planDigest: $0, planPath: plan, root: root)) }
        case .intent: write.map { .intent($0) }
        case .outcome: write.flatMap { write in result.map { .outcome(write, $0) } }
        }
    }

    private var write: JournalEntry.Write? {
        guard let change, let kind, let target else { return nil }
        return JournalEntry.Write(
            id: change,
            kind: kind,
            target: target,
            before: before,
            after: after,
            tags: tags ?? [],
            placeholder: placeholder,
            source: source
        )
    }

    private var source: RepositoryAddress? {
        guard let sourceRegistry, let sourceRepository else { return nil }
        return RepositoryAddress(sourceRegistry, sourceRepository)
    }

    private var target: ChangeTarget? {
        guard let registry else { return nil }
        if let namespace { return .namespace(registry, namespace) }
        guard let repository, let reference = tag.map(ManifestReference.tag) ?? digest.map(ManifestReference.digest) else { return nil }
        return .manifest(RepositoryAddress(registry, repository), reference)
    }
}
