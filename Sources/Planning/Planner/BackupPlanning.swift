internal import Diagnostics
internal import OCI

/// Puts into the backup of what moves, untags and deletes take from its place: `<backup>/<host>/<repository>:<tag>-<12 digits>`. The change
/// waits for its backup, and is skipped when that fails.
extension PlanningRun {
    /// The longest tag that leaves room for `-` and 12 digits.
    private static let longestTag = 115

    /// What is saved before a change.
    private struct Saving {
        var address: RepositoryAddress
        var digest: Digest
        /// Each tag, or `nil` for an image without one, with its name in the backup.
        var names: [(tag: TagName?, name: TagName)]
    }

    /// `nil`: the rule does not ask for it.
    private func saving(before change: Change, _ rule: BackupRule) -> Saving? {
        guard let address = change.target.address, let digest = change.oldDigest, let reference = change.target.reference,
            rule.before.contains(Self.occasion(of: change)), !rule.covers(address)
        else { return nil }
        let tags = reference.tag.map { [$0] } ?? change.consequences.removedTags
        let names = (tags.isEmpty ? [nil] : tags.map(Optional.some)).compactMap { tag in
            Self.backupTag(tag, digest).map { (tag, $0) }
        }
        return Saving(address: address, digest: digest, names: names)
    }

    mutating func planBackups() {
        guard let rule = policy.backup else { return }
        for change in sortedChanges(where: { $0.isMove || $0.isRemoval }) {
            // What is moved to another repository is saved there.
            if case .backup = change.undo { continue }
            guard let saving = saving(before: change, rule) else { continue }
            guard let target = backupRepository(of: saving.address, rule),
                let content = contentToSave(saving.digest, in: saving.address, change.origin)
            else {
                leaveOut(change)
                continue
            }
            var saved: [ChangeID] = []
            for (tag, name) in saving.names {
                switch save(content, of: tag, in: saving.address, at: target, name, rule) {
                case .known(let id): saved += id.map { [$0] } ?? []
                case .waiting: break
                case .failed: leaveOut(change)
                }
            }
            guard changes[change.id] != nil else { continue }
            changes[change.id]?.after = Set(change.after + saved).sorted()
            if change.kind == .delete, case .none = change.undo, let first = saving.names.map(\.name).min() {
                changes[change.id]?.undo = .backup("\(target):\(first)")
            }
        }
    }

    /// A plan that was saved may be older than the rule: what has to be saved is in the backup, or comes there before.
    mutating func refuseWithoutBackup() {
        guard let rule = policy.backup else { return }
        for change in sortedChanges(where: { $0.isMove || $0.isRemoval }) where !isSavedByMove(change) {
            guard let saving = saving(before: change, rule), let target = backupRepository(of: saving.address, rule) else { continue }
            let missing = saving.names.filter { !isInBackup(saving.digest, .manifest(target, .tag($0.name)), before: change) }
            guard !missing.isEmpty else { continue }
            refusals.append(
                Refusal(
                    code: "no-backup",
                    message: "'\(change.id)' is not saved first, and policy.backup asks for it",
                    subjects: missing.map { saving.address.description + ($0.tag.map { ":\($0)" } ?? "@\(saving.digest)") },
                    origin: rule.origin,
                    help: "Plan again."
                )
            )
        }
    }

    /// `true` too while it is asked for. What cannot be read is not there.
    private mutating func isInBackup(_ digest: Digest, _ place: ChangeTarget, before change: Change) -> Bool {
        let put = changes[Change.id(.put, place)]
        if let put, put.newDigest == digest, change.after.contains(put.id) { return true }
        guard let address = place.address, let reference = place.reference else { return false }
        return switch answer(.head(address, reference)) {
        case nil: true
        case .found(.head(let head))?: head.digest == digest
        case .found?, .absent?, .unreadable?: false
        }
    }

    /// What is moved to another repository is saved there; `PlanCheck` has seen that it comes after that.
    private func isSavedByMove(_ change: Change) -> Bool {
        guard case .backup(let name) = change.undo, let address = change.target.address, let old = change.oldDigest else { return false }
        return desired.moves.contains { $0.from == address && name == "\($0.to)@\(old)" }
    }

    /// With `--keep-going`, what cannot be saved stays.
    private mutating func leaveOut(_ change: Change) {
        guard options.keepGoing else { return }
        changes[change.id] = nil
        leftOut.insert(Plan.LeftOut(what: change.id.description, reason: "its backup cannot be made", origin: change.origin))
    }

    private static func occasion(of change: Change) -> BackupRule.Occasion {
        change.isMove ? .move : change.kind == .untag ? .untag : .delete
    }

    private mutating func backupRepository(of address: RepositoryAddress, _ rule: BackupRule) -> RepositoryAddress? {
        let path = rule.path(of: address, alias: desired.registries[address.registry]?.alias)
        do throws(InvalidName) {
            return RepositoryAddress(rule.to.registry, try RepositoryName(path))
        } catch {
            self.error(
                "no-backup",
                "what is removed from \(address) cannot be saved in the backup: '\(path)' is not a repository, since \(error.description)",
                at: rule.origin,
                help: "name another place under policy.backup.to"
            )
            return nil
        }
    }

    private static func backupTag(_ tag: TagName?, _ digest: Digest) -> TagName? {
        try? TagName("\((tag?.description ?? "untagged").prefix(longestTag))-\(digest.short)")
    }

    private mutating func contentToSave(_ digest: Digest, in address: RepositoryAddress, _ origin: Origin) -> ResolvedContent? {
        guard case .known(let head?) = head(address, .digest(digest), for: origin) else { return nil }
        return ResolvedContent(digest, mediaType: head.mediaType, in: address, as: .digest(digest))
    }

    /// `known(nil)`: it is saved already.
    private mutating func save(
        _ content: ResolvedContent,
        of tag: TagName?,
        in address: RepositoryAddress,
        at target: RepositoryAddress,
        _ name: TagName,
        _ rule: BackupRule
    ) -> Lookup<ChangeID?> {
        let head: ManifestHead?
        switch self.head(target, .tag(name), for: rule.origin) {
        case .waiting: return .waiting
        case .failed: return .failed
        case .known(let found): head = found
        }
        guard head?.digest != content.digest else { return .known(nil) }
        let what = tag.map { "\(address):\($0)" } ?? "\(address)@\(content.digest.short)"
        if let head {
            error(
                "no-backup",
                "the backup \(target):\(name) holds another image (\(head.digest.short)), so \(what) cannot be saved there",
                at: rule.origin,
                help: "untag it, or name another place under policy.backup.to"
            )
            return .failed
        }
        put(content, at: .manifest(target, .tag(name)), over: nil, rule.origin, reason: "backup of \(what)")
        return .known(Change.id(.put, .manifest(target, .tag(name))))
    }
}
