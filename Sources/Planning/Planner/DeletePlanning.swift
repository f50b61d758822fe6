internal import OCI

/// An image that shall go, and why.
struct ImageRemoval {
    var digest: Digest
    var origin: Origin
    var reason: String
    /// The repository that has its content, too, once it is gone.
    var movedTo: RepositoryAddress?

    init(_ digest: Digest, _ origin: Origin, reason: String = "named under absent", movedTo: RepositoryAddress? = nil) {
        self.digest = digest
        self.origin = origin
        self.reason = reason
        self.movedTo = movedTo
    }
}

/// Deletes by digest, decided on the repository's whole graph.
extension PlanningRun {
    /// How long ICR keeps what was deleted (reference of ICR, section E.1).
    private static let trashDays = 30

    mutating func delete(_ removals: [ImageRemoval], in address: RepositoryAddress) {
        var there: [Digest: ImageRemoval] = [:]
        var gone: [Digest: Origin] = [:]
        for removal in removals.sorted(by: { $0.origin < $1.origin }) {
            let digest = removal.digest
            guard case .known(let head) = head(address, .digest(digest), for: removal.origin) else { continue }
            if head == nil {
                if gone.updateValue(gone[digest] ?? removal.origin, forKey: digest) == nil { alreadyAbsent += 1 }
            } else {
                there[digest] = there[digest] ?? removal
            }
        }
        for (digest, origin) in gone.sorted(by: { $0.key < $1.key }) { refuseIfComing(digest, in: address, origin) }
        guard let origin = there.values.map(\.origin).min(), mayProveUnneeded(in: address, origin) else { return }
        let deleted = Set(there.keys)
        guard case .known(let graph) = readGraph(of: address, deleting: deleted, for: origin) else { return }
        for (_, removal) in there.sorted(by: { $0.key < $1.key }) { delete(removal, in: address, graph, deleted) }
    }

    /// Without its list nobody knows which untagged indexes a repository of IBM's has.
    mutating func mayProveUnneeded(in address: RepositoryAddress, _ origin: Origin) -> Bool {
        guard kind(of: address.registry) == .icr else { return true }
        switch list(of: address) {
        case .known: return true
        case .waiting: return false
        case .unreadable(let error):
            fail(error, in: address.registry, for: origin)
            return false
        case .none:
            switch ask(.administration(address.registry, .inventory(of: address.repository.namespace))) {
            case nil: return false
            case .absent?: reportNoLogin(to: address.registry, for: "deleting from \(address)", at: origin)
            case .unreadable(let error)?: fail(error, in: address.registry, for: origin)
            case .found?:
                error(
                    "cannot-prove",
                    "\(address.registry) does not show what is in \(address), so nothing proves that an image there is not needed",
                    at: origin,
                    help: "check the account and the region, and that the login has the role Reader there"
                )
            }
            return false
        }
    }

    /// What is not there yet must not be put by this plan either: the next one would want to delete it.
    private mutating func refuseIfComing(_ digest: Digest, in address: RepositoryAddress, _ origin: Origin) {
        for (tag, declaration) in declarations.tags(in: address).sorted(by: { $0.key < $1.key }) {
            if declaration.digest == digest { return refuseDeclared(digest, tag, in: address, origin, declaration.origin) }
            guard declaration.isPut, let content = declaration.content else { continue }
            guard case .known(let documents) = documents(of: content, for: declaration.origin) else { continue }
            guard documents.contains(where: { $0.index?.manifests.contains { $0.digest == digest } == true }) else { continue }
            let needed = RepositoryGraph.ReasonToKeep(description: "the index under the tag \(tag) needs it", subjects: [.tag(tag)])
            return refuseNeeded(digest, in: address, needed, origin)
        }
    }

    /// `deleted`: everything that goes from the repository.
    mutating func delete(_ removal: ImageRemoval, in address: RepositoryAddress, _ graph: RepositoryGraph, _ deleted: Set<Digest>) {
        let (digest, origin) = (removal.digest, removal.origin)
        guard let removedTags = removedTags(with: digest, in: address, graph, origin) else { return }
        switch reasonToKeep(digest, in: address, graph, deleted, origin) {
        case .waiting, .failed: return
        case .known(let needed?): return refuseNeeded(digest, in: address, needed, origin)
        case .known(nil): break
        }
        guard case .known(let referrers) = referrersForDelete(of: digest, in: address, origin) else { return }
        guard case .known(let capability) = capability(.deleteManifest, address) else { return }
        let kind = kind(of: address.registry)
        guard capability != .no else {
            if kind == .icr { return reportNoLogin(to: address.registry, for: "deleting \(address)@\(digest.short)", at: origin) }
            error(
                "cannot-delete",
                "\(address.registry) does not allow manifests to be deleted, so \(address)@\(digest) stays",
                at: origin,
                help: "enable deletes in the registry, or take the entry out"
            )
            return
        }
        // An untag of a tag that goes with the image anyway is not needed twice.
        for tag in removedTags { changes[Change.id(.untag, .manifest(address, .tag(tag)))] = nil }
        let change = Change(
            kind: .delete,
            target: .manifest(address, .digest(digest)),
            oldDigest: digest,
            method: kind == .layout ? .layoutEdit : kind == .icr ? .management : .deleteManifest,
            reason: removal.reason,
            origin: origin,
            consequences: Consequences(
                removedTags: removedTags,
                remainingTags: nil,
                referrers: referrers.map(\.digest).filter { !deleted.contains($0) }.sorted(),
                children: graph.children(of: digest).count
            ),
            undo: removal.movedTo.map { .backup("\($0)@\(digest)") } ?? (kind == .icr ? .trash(days: Self.trashDays) : .none),
            preconditions: [.tagsOnDigest(removedTags), .unneeded(digest)],
            // Indexes go before their children, and images before their signatures: what something deleted needs is needed until then.
            after: graph.needers(of: digest).filter(deleted.contains).map { Change.id(.delete, .manifest(address, .digest($0))) }.sorted()
        )
        changes[change.id] = change
    }

    /// The tags that go with the image; `nil`: one of them may not, which is reported.
    private mutating func removedTags(
        with digest: Digest,
        in address: RepositoryAddress,
        _ graph: RepositoryGraph,
        _ origin: Origin
    ) -> [TagName]? {
        var removed: [TagName] = []
        for tag in graph.tags(on: digest) {
            if let declaration = declarations[address, tag] {
                // A tag that moves away has left before the delete.
                if let wanted = declaration.digest, wanted != digest { continue }
                refuseDeclared(digest, tag, in: address, origin, declaration.origin)
                return nil
            }
            if let declared = filteredEntry(declaring: tag, in: address) {
                refuseDeclared(digest, tag, in: address, origin, declared)
                return nil
            }
            if options.excludes.contains(where: { $0.matches(address, tag: tag) }) {
                refuse("out-of-scope", "\(address)@\(digest) cannot be deleted: its tag \(tag) is excluded", ["\(address):\(tag)"], origin)
                return nil
            }
            removed.append(tag)
        }
        return removed.sorted()
    }

    /// The filters leave entries out of this run, but what those declare is declared still.
    func filteredEntry(declaring tag: TagName, in address: RepositoryAddress) -> Origin? {
        guard !options.targets.isEmpty || !options.excludes.isEmpty else { return nil }
        let images = desired.images.filter { $0.targets.contains(address) && $0.tags.contains(tag) }.map(\.origin)
        let copies = desired.copies.filter { entry in
            guard entry.selector.covers(tag) else { return false }
            switch entry.scope {
            case .repository(_, let targets): return targets.contains(address)
            case .repositories(_, _, let targets):
                return targets.contains { target in
                    target.registry == address.registry
                        && target.path.map { address.repository.description.hasPrefix("\($0)/") } ?? true
                }
            }
        }
        return (images + copies.map(\.origin)).min()
    }

    /// What leads to the image, or what it is a signature of. Only what is proved unneeded goes.
    mutating func reasonToKeep(
        _ digest: Digest,
        in address: RepositoryAddress,
        _ graph: RepositoryGraph,
        _ deleted: Set<Digest>,
        _ origin: Origin
    ) -> Lookup<RepositoryGraph.ReasonToKeep?> {
        if let needed = graph.reasonToKeep(digest, deleting: deleted) { return .known(needed) }
        for subject in graph.subjects(of: digest) where !deleted.contains(subject) {
            // It may be untagged, and not listed.
            switch head(address, .digest(subject), for: origin) {
            case .waiting: return .waiting
            case .failed: return .failed
            case .known(nil): continue
            case .known: return .known(RepositoryGraph.reasonToKeep(referrerOf: subject))
            }
        }
        return .known(nil)
    }

    /// Referrers that cannot be known refuse the delete: what points at an image is never guessed.
    private mutating func referrersForDelete(of digest: Digest, in address: RepositoryAddress, _ origin: Origin) -> Lookup<[Descriptor]> {
        switch answer(.referrers(address, digest)) {
        case nil: return .waiting
        case .found(.referrers(let list))?: return .known(list)
        case .absent?: return .known([])
        case .unreadable(let error)? where options.keepGoing:
            fail(error, in: address.registry, for: origin)
            return .failed
        case .found?, .unreadable?:
            let name = "\(address)@\(digest)"
            refuse(
                "referrers-unknown",
                "\(name) cannot be deleted: \(address.registry) does not tell which signatures refer to it",
                [name],
                origin
            )
            return .failed
        }
    }

    private mutating func refuseDeclared(
        _ digest: Digest,
        _ tag: TagName,
        in address: RepositoryAddress,
        _ origin: Origin,
        _ declared: Origin
    ) {
        let message = "\(address)@\(digest) cannot be deleted: its tag \(tag) is declared"
        refuse("declared", message, ["\(address):\(tag)"], origin, help: "Take the entry at \(declared) out, or this one.")
    }

    mutating func refuseNeeded(
        _ digest: Digest,
        in address: RepositoryAddress,
        _ needed: RepositoryGraph.ReasonToKeep,
        _ origin: Origin
    ) {
        let subjects = needed.subjects.map { "\(address)\($0.suffix)" }
        refuse("needed", "\(address)@\(digest) cannot be deleted: \(needed.description)", subjects, origin)
    }

    private mutating func refuse(_ code: String, _ message: String, _ subjects: [String], _ origin: Origin, help: String? = nil) {
        refusals.append(Refusal(code: code, message: message, subjects: subjects, origin: origin, help: help))
    }
}
