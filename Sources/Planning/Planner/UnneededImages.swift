internal import Diagnostics
internal import OCI

extension PlanningRun {
    /// Images that lose all their tags to rules that delete, and untagged ones that a rule names; but only what nothing else needs.
    mutating func deleteUnneeded(in address: RepositoryAddress, _ removals: [TagName: RuleRemoval], _ origin: Origin) {
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
                graph.tags(on: digest).allSatisfy({ isLeaving($0, digest, in: address, leaving) })
            else { continue }
            candidates[digest] = ImageRemoval(digest, removal.origin, reason: removal.reason)
        }
        for entry in entries {
            guard addUntagged(of: entry, in: address, graph, leaving, &candidates) else { return }
        }
        // By other entries: what only these images need goes with them.
        let going = Set(changes.values.filter { $0.kind == .delete && $0.target.address == address }.compactMap(\.oldDigest))
        keepNeeded(&candidates, besides: going, in: address, graph, origin)
        let deleted = going.union(candidates.keys)
        for (digest, removal) in candidates.sorted(by: { $0.key < $1.key }) {
            let id = Change.id(.delete, .manifest(address, .digest(digest)))
            guard changes[id] == nil else { continue }
            delete(removal, in: address, graph, deleted)
            if changes[id] != nil { ruleChanges.insert(id) }
        }
    }

    /// Whether the plan takes the tag away from the image: by an untag, or by a put of something else. The next plan would find it so.
    private func isLeaving(_ tag: TagName, _ digest: Digest, in address: RepositoryAddress, _ leaving: Set<TagName>) -> Bool {
        leaving.contains(tag) || declarations[address, tag]?.digest.map { $0 != digest } == true
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
            guard graph.tags(on: digest).allSatisfy({ isLeaving($0, digest, in: address, leaving) }) else { continue }
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
        besides going: Set<Digest>,
        in address: RepositoryAddress,
        _ graph: RepositoryGraph,
        _ origin: Origin
    ) {
        var hasChanged = true
        while hasChanged {
            hasChanged = false
            let deleted = going.union(candidates.keys)
            for digest in candidates.keys.sorted() {
                switch reasonToKeep(digest, in: address, graph, deleted, origin) {
                case .known(nil): continue
                case .known, .waiting, .failed:
                    candidates[digest] = nil
                    hasChanged = true
                }
            }
        }
    }
}
