internal import OCI

extension PlanningRun {
    /// Where this spec removes a tag. `known(nil)`: it does not.
    mutating func isRemoved(_ address: RepositoryAddress, _ tag: TagName, for origin: Origin) -> Lookup<Origin?> {
        for entry in desired.absences where entry.scopes.contains(where: { $0.matches(address) }) && isSelected(address, tag) {
            switch entry.what {
            case .tag(let absent): if absent == tag { return .known(entry.origin) }
            case .tags(let glob): if tag.companion == nil, glob.matches(tag.description) { return .known(entry.origin) }
            case .digest(let digest):
                switch head(address, .tag(tag), for: origin) {
                case .waiting: return .waiting
                case .failed: return .failed
                case .known(let head): if head?.digest == digest { return .known(entry.origin) }
                }
            }
        }
        return .known(nil)
    }

    /// Those of `tags` that an entry names or matches.
    func absentTags(in address: RepositoryAddress, among tags: [TagName]) -> [TagName] {
        let entries = desired.absences.filter { entry in entry.scopes.contains { $0.matches(address) } }
        guard !entries.isEmpty else { return [] }
        return tags.filter { tag in
            isSelected(address, tag)
                && entries.contains { entry in
                    switch entry.what {
                    case .tag(let absent): absent == tag
                    case .tags(let glob): tag.companion == nil && glob.matches(tag.description)
                    case .digest: false
                    }
                }
        }
    }

    /// Turns every `absent` entry into untags and deletes.
    mutating func planRemovals() {
        var deletes: [RepositoryAddress: [(Digest, Origin)]] = [:]
        for entry in desired.absences {
            guard case .known(let addresses) = repositories(of: entry) else { continue }
            for address in addresses {
                switch entry.what {
                case .tag(let tag): if isSelected(address, tag) { untag(tag, in: address, entry.origin) }
                case .tags(let glob): untagAll(matching: glob, in: address, entry.origin)
                case .digest(let digest):
                    if isSelected(address, digest) { deletes[address, default: []].append((digest, entry.origin)) }
                }
            }
        }
        for (address, digests) in deletes.sorted(by: { $0.key < $1.key }) { delete(digests, in: address) }
        describeUntags()
        dropUnreadableRemovals()
    }

    /// The repositories that an entry means; a glob over them needs a registry that lists them.
    private mutating func repositories(of entry: AbsenceEntry) -> Lookup<[RepositoryAddress]> {
        var addresses: Set<RepositoryAddress> = []
        var isOpen = false
        for scope in entry.scopes {
            if let literal = scope.literal {
                if isSelected(literal) { addresses.insert(literal) }
                continue
            }
            guard let registry = scope.registry else { continue }
            switch repositories(registry, for: entry.origin) {
            case .waiting: isOpen = true
            case .failed: return .failed
            case .known(let names):
                let matching = (names ?? []).map { RepositoryAddress(registry, $0) }.filter { scope.matches($0) && isSelected($0) }
                addresses.formUnion(matching)
            }
        }
        return isOpen ? .waiting : .known(addresses.sorted())
    }

    private mutating func untagAll(matching glob: Glob, in address: RepositoryAddress, _ origin: Origin) {
        guard case .known(let tags) = tags(address, for: origin) else { return }
        let matching = (tags ?? []).filter { $0.companion == nil && glob.matches($0.description) && isSelected(address, $0) }
        for tag in matching { untag(tag, in: address, origin, byGlob: true) }
        // A tag that is declared but not there yet must not be matched either.
        for (tag, declaration) in declarations.tags(in: address).sorted(by: { $0.key < $1.key })
        where tag.companion == nil && glob.matches(tag.description) && !matching.contains(tag) {
            reportDeclaredAndAbsent("\(address):\(tag)", origin, declaration.origin)
        }
        if matching.isEmpty { alreadyAbsent += 1 }
    }

    private mutating func reportDeclaredAndAbsent(_ name: String, _ absent: Origin, _ declared: Origin) {
        error(
            "declared-and-absent",
            "\(name) is both declared and absent",
            at: absent,
            help: "take it out of one of the two entries",
            related: [("declared here", declared)]
        )
    }

    private mutating func untag(_ tag: TagName, in address: RepositoryAddress, _ origin: Origin, byGlob: Bool = false) {
        let name = "\(address):\(tag)"
        if let declaration = declarations[address, tag] {
            reportDeclaredAndAbsent(name, origin, declaration.origin)
            return
        }
        guard case .known(let head) = head(address, .tag(tag), for: origin) else { return }
        guard let head else {
            alreadyAbsent += 1
            return
        }
        guard case .known(let capability) = capability(.deleteTag, address) else { return }
        guard capability != .no else {
            error(
                "cannot-untag",
                "\(address.registry) cannot delete a single tag, so \(name) cannot be untagged",
                at: origin,
                help: "take the entry out, or delete the image by digest if no other tag of it is needed"
            )
            return
        }
        let change = Change(
            kind: .untag,
            target: .manifest(address, .tag(tag)),
            oldDigest: head.digest,
            method: kind(of: address.registry) == .layout ? .layoutEdit : .deleteTag,
            reason: byGlob ? "matched by a glob under absent" : "named under absent",
            origin: origin,
            undo: .retag(head.digest),
            preconditions: [.at(head.digest)]
        )
        guard changes[change.id] == nil else { return }
        changes[change.id] = change
        if byGlob { globRemovals.insert(change.id) }
    }

    /// Which other tags keep the image of an untagged tag.
    private mutating func describeUntags() {
        for change in changes.values.sorted(by: { $0.id < $1.id }) where change.kind == .untag {
            guard let address = change.target.address, let old = change.oldDigest else { continue }
            guard case .known(let remaining?) = tagsThatStay(on: old, in: address, for: change.origin, limit: .max) else { continue }
            changes[change.id]?.consequences.remainingTags = remaining
        }
    }

    /// With `--keep-going`, a registry that could not be read whole loses nothing.
    private mutating func dropUnreadableRemovals() {
        guard options.keepGoing else { return }
        for change in changes.values where change.isRemoval && unreadableRegistries.contains(change.target.registry) {
            changes[change.id] = nil
            leftOut.insert(
                Plan.LeftOut(
                    what: change.id.description,
                    reason: "something in \(change.target.registry) could not be read",
                    origin: change.origin
                )
            )
        }
    }

    // MARK: Deletes

    private mutating func delete(_ digests: [(Digest, Origin)], in address: RepositoryAddress) {
        var wanted: [Digest: Origin] = [:]
        for (digest, origin) in digests {
            guard case .known(let head) = head(address, .digest(digest), for: origin) else { continue }
            if head == nil {
                alreadyAbsent += 1
            } else if wanted[digest] == nil {
                wanted[digest] = origin
            }
        }
        guard !wanted.isEmpty, let origin = wanted.values.sorted().first else { return }
        guard case .known(let graph) = readGraph(of: address, deleting: Set(wanted.keys), for: origin) else { return }
        for (digest, origin) in wanted.sorted(by: { $0.key < $1.key }) { delete(digest, in: address, graph, Set(wanted.keys), origin) }
    }

    private mutating func delete(
        _ digest: Digest,
        in address: RepositoryAddress,
        _ graph: RepositoryGraph,
        _ deleted: Set<Digest>,
        _ origin: Origin
    ) {
        let name = "\(address)@\(digest)"
        var removedTags: [TagName] = []
        for tag in graph.tags(on: digest) {
            guard let declaration = declarations[address, tag] else {
                removedTags.append(tag)
                continue
            }
            guard let wanted = declaration.digest, wanted != digest else {
                refuse(
                    "declared",
                    "\(name) cannot be deleted: its tag \(tag) is declared",
                    ["\(address):\(tag)"],
                    origin,
                    declaration.origin
                )
                return
            }
        }
        if let needed = graph.reasonToKeep(digest, deleting: deleted) {
            refuse(
                "needed",
                "\(name) cannot be deleted: \(needed.description)",
                needed.subjects.map { "\(address)\($0.suffix)" },
                origin,
                nil
            )
            return
        }
        guard case .known(let referrers) = referrersForDelete(of: digest, in: address, origin) else { return }
        guard case .known(let capability) = capability(.deleteManifest, address) else { return }
        guard capability != .no else {
            error(
                "cannot-delete",
                "\(address.registry) does not allow manifests to be deleted, so \(name) stays",
                at: origin,
                help: "enable deletes in the registry, or take the entry out"
            )
            return
        }
        let target = ChangeTarget.manifest(address, .digest(digest))
        // An untag of a tag that goes with the image anyway is not needed twice.
        for tag in removedTags { changes[Change.id(.untag, .manifest(address, .tag(tag)))] = nil }
        let change = Change(
            kind: .delete,
            target: target,
            oldDigest: digest,
            method: kind(of: address.registry) == .layout ? .layoutEdit : .deleteManifest,
            reason: "named under absent",
            origin: origin,
            consequences: Consequences(
                removedTags: removedTags.sorted(),
                remainingTags: nil,
                referrers: referrers.map(\.digest).filter { !deleted.contains($0) }.sorted(),
                children: graph.children(of: digest).count
            ),
            undo: .none,
            preconditions: [.tagsOnDigest(removedTags.sorted()), .unneeded(digest)],
            // Indexes go before their children.
            after: graph.parents(of: digest).filter(deleted.contains).map { Change.id(.delete, .manifest(address, .digest($0))) }.sorted()
        )
        changes[change.id] = change
    }

    /// Referrers that cannot be known refuse the delete: what points at an image is never guessed.
    private mutating func referrersForDelete(of digest: Digest, in address: RepositoryAddress, _ origin: Origin) -> Lookup<[Descriptor]> {
        switch answer(.referrers(address, digest)) {
        case nil: return .waiting
        case .found(.referrers(let list))?: return .known(list)
        case .absent?: return .known([])
        case .found?, .unreadable?:
            refuse(
                "referrers-unknown",
                "\(address)@\(digest) cannot be deleted: \(address.registry) does not tell which signatures refer to it",
                ["\(address)@\(digest)"],
                origin,
                nil
            )
            return .failed
        }
    }

    private mutating func refuse(_ code: String, _ message: String, _ subjects: [String], _ origin: Origin, _ declared: Origin?) {
        let help = declared.map { "Take the entry at \($0) out, or this one." }
        refusals.append(Refusal(code: code, message: message, subjects: subjects, origin: origin, help: help))
    }
}
