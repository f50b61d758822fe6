internal import Diagnostics
internal import OCI

/// Puts into the backup of what moves, untags and deletes take from its place: `<backup>/<host>/<repository>:<tag>-<12 digits>`. The change
/// waits for its backup, and is skipped when that fails.
extension PlanningRun {
    /// The longest tag that leaves room for `-` and 12 digits.
    private static let longestTag = 115

    mutating func planBackups() {
        guard let rule = policy.backup else { return }
        for change in sortedChanges(where: { $0.isMove || $0.isRemoval }) {
            guard let address = change.target.address, let old = change.oldDigest, let reference = change.target.reference,
                rule.before.contains(Self.occasion(of: change)), !rule.covers(address)
            else { continue }
            // What is moved to another repository is saved there.
            if case .backup = change.undo { continue }
            let tags = reference.tag.map { [$0] } ?? change.consequences.removedTags
            guard let target = backupRepository(of: address, rule), let content = contentToSave(old, in: address, change.origin) else {
                leaveOut(change)
                continue
            }
            var saved: [ChangeID] = []
            var names: [TagName] = []
            for name in tags.map({ Optional($0) }) + (tags.isEmpty ? [nil] : []) {
                guard let tag = Self.backupTag(name, old) else { continue }
                names.append(tag)
                switch save(content, of: name, in: address, at: target, tag, rule) {
                case .known(let id): saved += id.map { [$0] } ?? []
                case .waiting: break
                case .failed: leaveOut(change)
                }
            }
            guard changes[change.id] != nil else { continue }
            changes[change.id]?.after = Set(change.after + saved).sorted()
            if change.kind == .delete, case .none = change.undo, let first = names.min() {
                changes[change.id]?.undo = .backup("\(target):\(first)")
            }
        }
    }

    /// A plan that was saved may be older than the rule: what has to be saved is in the backup, or comes there before.
    mutating func refuseWithoutBackup() {
        guard let rule = policy.backup else { return }
        for change in sortedChanges(where: { $0.isMove || $0.isRemoval }) {
            guard let address = change.target.address, let old = change.oldDigest, let reference = change.target.reference,
                rule.before.contains(Self.occasion(of: change)), !rule.covers(address), !isSavedByMove(change),
                let target = backupRepository(of: address, rule)
            else { continue }
            let tags = reference.tag.map { [$0] } ?? change.consequences.removedTags
            for name in tags.map({ Optional($0) }) + (tags.isEmpty ? [nil] : []) {
                guard let tag = Self.backupTag(name, old) else { continue }
                let put = changes[Change.id(.put, .manifest(target, .tag(tag)))]
                if let put, put.newDigest == old, change.after.contains(put.id) { continue }
                switch answer(.head(target, .tag(tag))) {
                case nil: continue
                case .found(.head(let head))? where head.digest == old: continue
                case .found?, .absent?, .unreadable?: break
                }
                refusals.append(
                    Refusal(
                        code: "no-backup",
                        message: "'\(change.id)' is not saved first, and policy.backup asks for it",
                        subjects: [change.target.description],
                        origin: rule.origin,
                        help: "Plan again."
                    )
                )
            }
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
        let host = address.registry.isLayout ? desired.registries[address.registry]?.alias ?? "layout" : address.registry.description
        // A port, and the signs of an IPv6 address, cannot stand in a path.
        let component = host.lowercased().split { !($0.isASCII && ($0.isLetter || $0.isNumber || $0 == ".")) }.joined(separator: "-")
        let path = ([rule.to.path?.description, component, address.repository.description].compactMap(\.self)).joined(separator: "/")
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
        return ResolvedContent(
            identity: .exact(digest),
            digest: digest,
            mediaType: head.mediaType,
            origin: .registry(address),
            readable: .registry(address),
            label: "\(address)@\(digest)"
        )
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
