internal import Diagnostics
internal import OCI

/// Why a rule removes a tag that no entry names.
struct RuleRemoval {
    var origin: Origin
    var reason: String
    /// Whether its image goes too when nothing else needs it.
    var deletesImage: Bool
}

/// A `copies` entry with `prune`, and what it selects at the source.
struct CopyPrune {
    var entry: CopyEntry
    var selected: Set<TagName>
}

/// Removals by `prune`, `copies[].prune` and `--removed-since`: what nobody declared, within the scope that the rule names. What an entry
/// cannot say in full keeps every tag of the repositories that it writes.
extension PlanningRun {
    /// The tags that rules remove from a repository. Ask only when everything that writes the repository is declared.
    mutating func removedByRule(in address: RepositoryAddress, for origin: Origin) -> Lookup<[TagName: RuleRemoval]> {
        if let known = ruleRemovals[address] { return .known(known) }
        guard mayBeRuled(address) else { return .known([:]) }
        if isSpared(address) {
            if policy.backup?.covers(address) == true {
                noteNotPruned(address, "it is in the place of backups (policy.backup)", origin)
            }
            return .known([:])
        }
        if isEarlierOpen { return .waiting }
        let live: [TagName]
        switch tags(address, for: origin) {
        case .waiting: return .waiting
        case .failed: return .failed
        case .known(let tags): live = tags ?? []
        }
        if let reason = reasonNotToPrune(address) {
            noteNotPruned(address, reason, origin)
            ruleRemovals[address] = [:]
            return .known([:])
        }
        let undeclared = live.filter { isUndeclared($0, in: address) }
        var removals: [TagName: RuleRemoval] = [:]
        for prune in copyPrunes[address] ?? [] {
            for tag in undeclared where prune.entry.selector.covers(tag) && !prune.selected.contains(tag) {
                let reason = "the source of the copy does not select it"
                add(RuleRemoval(origin: prune.entry.origin, reason: reason, deletesImage: prune.entry.prune == .delete), tag, &removals)
            }
        }
        if let earlier = options.removedSince, !earlierUnknown.contains(address) {
            for tag in undeclared {
                guard let origin = earlierTags[address]?[tag] else { continue }
                let reason = "declared at \(earlier.revision) and declared no more"
                add(RuleRemoval(origin: origin, reason: reason, deletesImage: earlier.deletes), tag, &removals)
            }
        }
        for entry in desired.prunes where entry.covers(address) && entry.tags.undeclared != .keep {
            switch pruned(by: entry, undeclared, in: address) {
            case .waiting: return .waiting
            case .failed: return .failed
            case .known(let tags):
                if entry.tags.undeclared == .report {
                    report(tags, in: address, entry)
                } else {
                    for tag in tags {
                        let deletes = entry.tags.undeclared == .delete
                        add(RuleRemoval(origin: entry.origin, reason: "no entry declares it", deletesImage: deletes), tag, &removals)
                    }
                }
            }
        }
        ruleRemovals[address] = removals
        return .known(removals)
    }

    /// The first rule is why; one that deletes wins over one that only untags.
    private func add(_ removal: RuleRemoval, _ tag: TagName, _ removals: inout [TagName: RuleRemoval]) {
        if removals[tag].map({ !$0.deletesImage && removal.deletesImage }) ?? true { removals[tag] = removal }
    }

    /// No rule reaches backups, nor the new place of a repository while its entry stands: what came there no entry declares any more.
    func isSpared(_ address: RepositoryAddress) -> Bool {
        policy.backup?.covers(address) == true || desired.moves.contains { $0.to == address }
    }

    private func mayBeRuled(_ address: RepositoryAddress) -> Bool {
        copyPrunes[address] != nil || earlierTags[address] != nil || isEarlierOpen || desired.prunes.contains { $0.covers(address) }
    }

    private mutating func isUndeclared(_ tag: TagName, in address: RepositoryAddress) -> Bool {
        tag.companion == nil && declarations[address, tag] == nil && isSelected(address, tag)
            && absences[address].origin(of: tag) == nil && !namedSources.contain(.tag(tag), in: address)
            && !wantedAsTheyAre.contains(DeclaredTag(address: address, tag: tag)) && filteredEntry(declaring: tag, in: address) == nil
            && !desired.moves.contains { $0.from == address }
    }

    func reasonNotToPrune(_ address: RepositoryAddress) -> String? {
        if isIncomplete(address) { return "an entry that writes it cannot be read in full" }
        if partlyKnownRepositories.contains(address) { return "the source of an entry that writes it is gone (missing: keep)" }
        return nil
    }

    private mutating func noteNotPruned(_ address: RepositoryAddress, _ reason: String, _ origin: Origin) {
        note("not-pruned", "no tag of \(address) is removed by a rule: \(reason)", at: origin)
    }

    private mutating func report(_ tags: [TagName], in address: RepositoryAddress, _ entry: PruneEntry) {
        guard !tags.isEmpty else { return }
        let names = tags.prefix(10).map(\.description).joined(separator: ", ") + (tags.count > 10 ? " and \(tags.count - 10) more" : "")
        let what = tags.count == 1 ? "1 tag" : "\(tags.count) tags"
        note("undeclared", "no entry declares \(what) of \(address): \(names)", at: entry.origin)
    }

    /// The undeclared tags that the entry takes; what is kept by age is out.
    private mutating func pruned(by entry: PruneEntry, _ undeclared: [TagName], in address: RepositoryAddress) -> Lookup<[TagName]> {
        let covered = undeclared.filter(entry.tags.covers)
        guard entry.tags.usesAges, !covered.isEmpty else { return .known(covered) }
        usesAges = usesAges || entry.tags.olderThan != nil
        var dated: [(tag: TagName, digest: Digest, created: Int64)] = []
        var undated = 0
        var outcome = Progress.done
        for tag in covered {
            switch head(address, .tag(tag), for: entry.origin) {
            case .waiting: if outcome == .done { outcome = .waiting }
            case .failed: outcome = .failed
            case .known(nil): continue
            case .known(let head?):
                switch creationTime(of: head.digest, head.mediaType, in: address, for: entry.origin) {
                case .waiting: if outcome == .done { outcome = .waiting }
                case .failed: outcome = .failed
                case .known(nil): undated += 1
                case .known(let created?): dated.append((tag, head.digest, created))
                }
            }
        }
        if outcome == .failed { return .failed }
        if outcome == .waiting { return .waiting }
        noteUndated(undated, "tag", in: address, entry)
        var newest: Set<Digest> = []
        for image in dated.sorted(by: { ($1.created, $1.digest) < ($0.created, $0.digest) })
        where newest.count < entry.tags.keepNewest ?? 0 {
            newest.insert(image.digest)
        }
        let old = dated.filter { image in
            !newest.contains(image.digest) && (entry.tags.olderThan.map { isOlder(image.created, than: $0) } ?? true)
        }
        return .known(old.map(\.tag).sorted())
    }

    func isOlder(_ created: Int64, than seconds: Int) -> Bool { created < options.asOf.seconds - Int64(seconds) }

    mutating func noteUndated(_ count: Int, _ what: String, in address: RepositoryAddress, _ entry: PruneEntry) {
        guard count > 0 else { return }
        note("undated", "\(count) \(what)\(count == 1 ? "" : "s") of \(address) without a creation date stay", at: entry.origin)
    }

    /// Docker's first day: builds that shall be the same again are dated before it, so such a date tells nothing.
    private static let firstDate: Int64 = 1_358_553_600

    /// Seconds since 1970; `known(nil)`: there is no date that tells something.
    mutating func creationTime(
        of digest: Digest,
        _ mediaType: String,
        in address: RepositoryAddress,
        for origin: Origin
    ) -> Lookup<Int64?> {
        if case .known(let list) = list(of: address), let image = list.image(.digest(digest)), image.isIndex == false,
            let created = image.created
        {
            return .known(created < Self.firstDate ? nil : created)
        }
        let content = ResolvedContent(digest, mediaType: mediaType, in: address, as: .digest(digest))
        switch creationTime(of: content, for: origin) {
        case .waiting: return .waiting
        case .failed: return .failed
        case .known(let created): return .known(created.flatMap { $0 < Self.firstDate ? nil : $0 })
        }
    }

    // MARK: Untags

    mutating func removeByRules() {
        for address in ruledRepositories() {
            let origin = originOfRules(for: address)
            guard case .known(let removals) = removedByRule(in: address, for: origin) else { continue }
            for (tag, removal) in removals.sorted(by: { $0.key < $1.key }) {
                untag(tag, in: address, removal.origin, byRule: removal.reason)
            }
            deleteUnneeded(in: address, removals, origin)
        }
    }

    private mutating func ruledRepositories() -> [RepositoryAddress] {
        var addresses = Set(copyPrunes.keys).union(earlierTags.keys).filter { isSelected($0) }
        for entry in desired.prunes {
            guard case .known(let found) = repositories(in: entry.scopes, for: entry.origin) else { continue }
            addresses.formUnion(found)
        }
        return addresses.sorted()
    }

    private func originOfRules(for address: RepositoryAddress) -> Origin {
        let origins =
            desired.prunes.filter { $0.covers(address) }.map(\.origin) + (copyPrunes[address] ?? []).map(\.entry.origin)
            + (earlierTags[address] ?? [:]).values
        return origins.min() ?? Origin(file: "", line: 0)
    }
}
