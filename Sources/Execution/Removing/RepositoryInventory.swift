internal import OCI
internal import Planning

/// What a repository holds right before deletes, as far as it matters for them.
struct RepositoryInventory: Hashable, Sendable {
    var tags: [TagName: Digest] = [:]
    /// Every manifest, where the registry lists them.
    var listed: Set<Digest>?
    /// Manifests that are known to be there, beside those with a tag or in `listed`.
    var present: Set<Digest> = []
    /// Indexes and what they name.
    var children: [Digest: Set<Digest>] = [:]
    /// Images and what is attached to them, where the registry tells.
    var referrers: [Digest: Set<Digest>] = [:]
    var subjects: [Digest: Digest] = [:]

    func has(_ digest: Digest) -> Bool {
        present.contains(digest) || listed?.contains(digest) == true || tags.values.contains(digest)
    }

    func tags(on digest: Digest) -> [TagName] { tags.filter { $0.value == digest }.keys.sorted() }

    /// Everything that stays when `deleted` goes, and for each what leads to it, in words.
    func kept(without deleted: Set<Digest>) -> [Digest: String] {
        var kept: [Digest: String] = [:]
        var open: [Digest] = []
        func keep(_ digest: Digest, _ reason: @autoclosure () -> String) {
            guard kept[digest] == nil else { return }
            kept[digest] = reason()
            open.append(digest)
        }
        for (tag, digest) in tags.sorted(by: { $0.key < $1.key }) where !deleted.contains(digest) && !isOrphan(tag, deleted) {
            keep(digest, "the tag \(tag) leads to it")
        }
        for digest in (listed ?? []).sorted() where !deleted.contains(digest) && !isOnOrphan(digest, deleted) {
            keep(digest, "it is kept")
        }
        while let digest = open.popLast() {
            for child in children[digest] ?? [] { keep(child, "the index \(digest) names it") }
            for referrer in referrers[digest] ?? [] { keep(referrer, "it is attached to \(digest)") }
        }
        return kept
    }

    /// A companion tag keeps nothing once its subject is gone. A subject that cannot be told from the tag counts as there.
    private func isOrphan(_ tag: TagName, _ deleted: Set<Digest>) -> Bool {
        guard let subject = tag.companion?.digest else { return false }
        return deleted.contains(subject) || !has(subject)
    }

    private func isOnOrphan(_ digest: Digest, _ deleted: Set<Digest>) -> Bool {
        let tags = tags(on: digest)
        return !tags.isEmpty && tags.allSatisfy { isOrphan($0, deleted) }
    }
}

/// Which deletes of one repository may be made. Pure.
struct RemovalCheck {
    enum Verdict: Hashable, Sendable {
        case atGoal
        /// These tags go with the image.
        case mayDelete([TagName])
        case stale(expected: String, found: String)
        /// It has a precondition that cannot be checked here.
        case unknown
    }

    /// Deletes that must not be made stay, and may keep what others would delete: the answer is the largest set that is safe as a whole.
    static func verdicts(_ changes: [Change], _ inventory: RepositoryInventory) -> [ChangeID: Verdict] {
        var verdicts: [ChangeID: Verdict] = [:]
        var open: [(change: Change, digest: Digest)] = []
        for change in changes {
            guard let digest = change.target.reference?.digest else {
                verdicts[change.id] = .unknown
                continue
            }
            let verdict = tagVerdict(change, digest, inventory)
            verdicts[change.id] = verdict
            if case .mayDelete = verdict { open.append((change, digest)) }
        }
        while true {
            let deleted = Set(open.map(\.digest))
            let kept = inventory.kept(without: deleted)
            let needed = open.compactMap { change, digest -> (ChangeID, String)? in
                guard change.preconditions.contains(.unneeded(digest)) else { return nil }
                return need(for: digest, inventory, kept, deleted).map { (change.id, $0) }
            }
            if needed.isEmpty { return verdicts }
            for (id, reason) in needed { verdicts[id] = .stale(expected: "nothing leads to it", found: reason) }
            open.removeAll { row in needed.contains { $0.0 == row.change.id } }
        }
    }

    private static func need(
        for digest: Digest,
        _ inventory: RepositoryInventory,
        _ kept: [Digest: String],
        _ deleted: Set<Digest>
    ) -> String? {
        if let reason = kept[digest] { return reason }
        guard let subject = inventory.subjects[digest], inventory.has(subject), !deleted.contains(subject) else { return nil }
        return "it is attached to \(subject)"
    }

    private static func tagVerdict(_ change: Change, _ digest: Digest, _ inventory: RepositoryInventory) -> Verdict {
        guard inventory.has(digest) else { return .atGoal }
        let found = inventory.tags(on: digest)
        // Without a word about tags, none may go with the image.
        var expected: [TagName] = []
        guard !change.preconditions.isEmpty else { return .unknown }
        for precondition in change.preconditions {
            switch precondition {
            case .tagsOnDigest(let tags): expected = tags.sorted()
            case .unneeded(let other), .at(let other): if other != digest { return .unknown }
            case .absent, .contents, .unassigned, .retention, .retentionVictims, .inTrash, .fingerprint: return .unknown
            }
        }
        return found == expected ? .mayDelete(found) : .stale(expected: text(expected), found: text(found))
    }

    private static func text(_ tags: [TagName]) -> String {
        tags.isEmpty ? "no tags" : "tags " + tags.map(\.description).joined(separator: ", ")
    }
}
