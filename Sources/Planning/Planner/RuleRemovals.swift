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
        guard mayBeRuled(address), !isSpared(address) else { return .known([:]) }
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
    private func isSpared(_ address: RepositoryAddress) -> Bool {
        policy.backup?.covers(address) == true || desired.moves.contains { $0.to == address }
    }

    private func mayBeRuled(_ address: RepositoryAddress) -> Bool {
        copyPrunes[address] != nil || earlierTags[address] != nil || isEarlierOpen || desired.prunes.contains { $0.covers(address) }
    }

    private mutating func isUndeclared(_ tag: TagName, in address: RepositoryAddress) -> Bool {
        tag.companion == nil && declarations[address, tag] == nil && isSelected(address, tag)
            && absences[address].origin(of: tag) == nil && !isNamedSource(address, tag)
            && !wantedAsTheyAre.contains(DeclaredTag(address: address, tag: tag)) && filteredEntry(declaring: tag, in: address) == nil
            && !desired.moves.contains { $0.from == address }
    }

    /// Without the tag, the next plan would lack the source.
    private func isNamedSource(_ address: RepositoryAddress, _ tag: TagName) -> Bool {
        desired.images.contains { $0.source == .reference(address, .tag(tag)) }
            || desired.copies.contains { entry in
                guard case .list(let tags) = entry.selector.base, case .repository(address, _) = entry.scope else { return false }
                return tags.contains(tag)
            }
    }

    private func reasonNotToPrune(_ address: RepositoryAddress) -> String? {
        let isBelow = incompletePrefixes.contains { prefix in
            prefix.registry == address.registry && prefix.path.map { address.repository.description.hasPrefix("\($0)/") } ?? true
        }
        if isBelow || incompleteRepositories.contains(address) { return "an entry that writes it cannot be read in full" }
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

    private func isOlder(_ created: Int64, than seconds: Int) -> Bool { created < options.asOf.seconds - Int64(seconds) }

    private mutating func noteUndated(_ count: Int, _ what: String, in address: RepositoryAddress, _ entry: PruneEntry) {
        guard count > 0 else { return }
        note("undated", "\(count) \(what)\(count == 1 ? "" : "s") of \(address) without a creation date stay", at: entry.origin)
    }

    /// Docker's first day: builds that shall be the same again are dated before it, so such a date tells nothing.
    private static let firstDate: Int64 = 1_358_553_600

    /// Seconds since 1970; `known(nil)`: there is no date that tells something.
    private mutating func creationTime(
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
        let content = ResolvedContent(
            identity: .exact(digest),
            digest: digest,
            mediaType: mediaType,
            origin: .registry(address),
            readable: .registry(address),
            label: "\(address)@\(digest)"
        )
        switch creationTime(of: content, for: origin) {
        case .waiting: return .waiting
        case .failed: return .failed
        case .known(let created): return .known(created.flatMap { $0 < Self.firstDate ? nil : $0 })
        }
    }

    // MARK: Untags and deletes

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

    /// Images that lose all their tags to rules that delete, and untagged ones that a rule names; but only what nothing else needs.
    private mutating func deleteUnneeded(in address: RepositoryAddress, _ removals: [TagName: RuleRemoval], _ origin: Origin) {
        let entries = desired.prunes.filter { $0.covers(address) && $0.deletesUntaggedOlderThan != nil }
        guard !isSpared(address) else { return }
        guard removals.values.contains(where: \.deletesImage) || !entries.isEmpty, reasonNotToPrune(address) == nil,
            mayProveUnneeded(in: address, origin)
        else { return }
        guard case .known(let graph) = readGraph(of: address, deleting: [], for: origin) else { return }
        let leaving = Set(
            changes.values.filter { $0.kind == .untag && $0.target.address == address }.compactMap(\.target.reference?.tag)
        )
        var candidates: [Digest: ImageRemoval] = [:]
        for (tag, removal) in removals.sorted(by: { $0.key < $1.key }) where removal.deletesImage {
            guard let digest = changes[Change.id(.untag, .manifest(address, .tag(tag)))]?.oldDigest, candidates[digest] == nil,
                graph.tags(on: digest).allSatisfy(leaving.contains)
            else { continue }
            candidates[digest] = ImageRemoval(digest, removal.origin, reason: removal.reason)
        }
        for entry in entries {
            guard addUntagged(of: entry, in: address, graph, leaving, &candidates) else { return }
        }
        keepNeeded(&candidates, in: address, graph, origin)
        let deleted = Set(candidates.keys).union(
            changes.values.filter { $0.kind == .delete && $0.target.address == address }.compactMap(\.oldDigest)
        )
        for (digest, removal) in candidates.sorted(by: { $0.key < $1.key }) {
            let id = Change.id(.delete, .manifest(address, .digest(digest)))
            guard changes[id] == nil else { continue }
            delete(removal, in: address, graph, deleted)
            if changes[id] != nil { ruleChanges.insert(id) }
        }
    }

    /// `false`: it cannot be said yet, or not at all.
    private mutating func addUntagged(
        of entry: PruneEntry,
        in address: RepositoryAddress,
        _ graph: RepositoryGraph,
        _ leaving: Set<TagName>,
        _ candidates: inout [Digest: ImageRemoval]
    ) -> Bool {
        guard let age = entry.deletesUntaggedOlderThan else { return true }
        let listed: [Digest]
        switch digests(address, for: entry.origin) {
        case .waiting, .failed: return false
        case .known(let found?): listed = found
        case .known(nil):
            guard entry.tags.undeclared.removes else {
                error(
                    "cannot-list-images",
                    "\(address.registry) does not tell which untagged images it has, so 'untagged' can find none in \(address)",
                    at: entry.origin,
                    help: "take 'untagged' out; with 'tags.undeclared: untag' it reaches the images that this rule untags"
                )
                return false
            }
            listed = leaving.compactMap { changes[Change.id(.untag, .manifest(address, .tag($0)))]?.oldDigest }
        }
        usesAges = true
        var undated = 0
        var isKnown = true
        for digest in Set(listed).sorted() where candidates[digest] == nil && isSelected(address, digest) {
            guard graph.tags(on: digest).allSatisfy(leaving.contains) else { continue }
            switch creationTime(of: digest, "", in: address, for: entry.origin) {
            case .waiting, .failed: isKnown = false
            case .known(nil): undated += 1
            case .known(let created?):
                guard isOlder(created, than: age) else { continue }
                candidates[digest] = ImageRemoval(digest, entry.origin, reason: "no tag, index or subject leads to it")
            }
        }
        if isKnown { noteUndated(undated, "untagged image", in: address, entry) }
        return isKnown
    }

    /// What something that stays leads to is no candidate; whatever stays for that may keep more.
    private mutating func keepNeeded(
        _ candidates: inout [Digest: ImageRemoval],
        in address: RepositoryAddress,
        _ graph: RepositoryGraph,
        _ origin: Origin
    ) {
        var hasChanged = true
        while hasChanged {
            hasChanged = false
            let deleted = Set(candidates.keys)
            for digest in deleted.sorted() {
                switch reasonToKeep(digest, in: address, graph, deleted, origin) {
                case .known(nil): continue
                case .known, .waiting, .failed:
                    candidates[digest] = nil
                    hasChanged = true
                }
            }
        }
    }

    // MARK: Since an earlier revision

    /// What the earlier revision declared, read against the registries as they are now.
    mutating func recallEarlierRevision() {
        guard let earlier = options.removedSince else { return }
        for entry in earlier.desired.images {
            for address in entry.targets {
                for tag in entry.tags { earlierTags[address, default: [:]][tag] = entry.origin }
            }
        }
        for registry in Set(earlierTags.keys.map(\.registry)).sorted() where desired.registries[registry] == nil {
            let gone = earlierTags.keys.filter { $0.registry == registry }
            diagnostics.insert(
                .error(
                    "registry-gone",
                    "at \(earlier.revision) the specs declared tags in \(registry), which they do not name any more",
                    help: "name the registry again, at least under 'absent', to remove what is there"
                )
            )
            for address in gone { earlierTags[address] = nil }
        }
        var run = PlanningRun(earlier.desired, Policy(), facts, PlanningOptions())
        run.declareEverything()
        needs.formUnion(run.needs)
        isEarlierOpen = !run.needs.isEmpty
        for (address, tags) in run.declarations.byRepository where desired.registries[address.registry] != nil {
            for (tag, declaration) in tags where tag.companion == nil { earlierTags[address, default: [:]][tag] = declaration.origin }
        }
        // Selectors that could not be evaluated do not say what they declared. What images name one by one is known all the same.
        let images = Set(earlier.desired.images.flatMap(\.targets))
        earlierUnknown = run.incompleteRepositories.union(run.partlyKnownRepositories).subtracting(images)
    }
}
