internal import OCI

/// Images that a registry's trash still holds are restored instead of being sent again (reference of ICR, section E.1). Restoring one by
/// digest brings all of its tags back that are not taken, so it is done only where this spec wants those; else by one tag, which brings that
/// tag alone.
extension PlanningRun {
    private struct Restore {
        var address: RepositoryAddress
        var digest: Digest
        var puts: [Change]
    }

    mutating func restoreFromTrash() {
        for entry in desired.restores {
            let row = PlannedContent(
                identity: .exact(entry.digest),
                digest: entry.digest,
                mediaType: "",
                origin: .registry(entry.address),
                label: "\(entry.address)@\(entry.digest)"
            )
            contents[row.id] = contents[row.id] ?? row
            guard let trashed = trash(of: entry.address)[entry.digest], let returning = freeTags(of: trashed, in: entry.address) else {
                continue
            }
            let target = ChangeTarget.manifest(entry.address, entry.reference)
            var change = restore(entry.digest, to: target, row.id, entry.origin, returning.sorted())
            change.reason = "removed before, and in the trash"
            // Journals list indexes before their children, which come back first.
            change.after = desired.restores.filter { $0.address == entry.address && $0.origin.line > entry.origin.line }.map {
                Change.id(.restore, .manifest($0.address, $0.reference))
            }.sorted()
            changes[change.id] = changes[change.id] ?? change
        }
        var wanted: [RepositoryAddress: [Digest: [Change]]] = [:]
        for change in sortedChanges(where: { $0.kind == .put && $0.method != .tag }) {
            guard let address = change.target.address, kind(of: address.registry) == .icr, change.target.reference?.tag != nil,
                let digest = change.newDigest, case .exact? = change.content.flatMap({ contents[$0] })?.identity
            else { continue }
            wanted[address, default: [:]][digest, default: []].append(change)
        }
        for (address, images) in wanted.sorted(by: { $0.key < $1.key }) {
            for (digest, puts) in images.sorted(by: { $0.key < $1.key }) {
                plan(Restore(address: address, digest: digest, puts: puts))
            }
        }
    }

    private mutating func plan(_ restore: Restore) {
        guard let first = restore.puts.first, let id = first.content, var content = resolvedContents[id], let row = contents[id],
            isGone(restore.digest, in: restore.address), let trashed = trash(of: restore.address)[restore.digest],
            let (reference, returning) = reference(to: trashed, restore),
            // An index is nothing without its images.
            let children = missingParts(of: content, restore, for: first.origin)
        else { return }
        // What is said of it still names where the spec takes it from.
        content.label = content.label
        content.origin = .registry(restore.address)
        let here = PlannedContent(
            identity: row.identity,
            digest: row.digest,
            mediaType: row.mediaType,
            origin: content.origin,
            label: row.label
        )
        contents[here.id] = here
        resolvedContents[here.id] = content
        let parts = children.map { part(of: $0, row.label, restore, first.origin) }
        var change = self.restore(restore.digest, to: .manifest(restore.address, reference), here.id, first.origin, returning)
        change.after = parts.sorted()
        changes[change.id] = change
        for put in restore.puts {
            changes[put.id]?.content = here.id
            changes[put.id]?.method = .tag
            changes[put.id]?.after = (put.after + [change.id]).sorted()
        }
    }

    private mutating func part(of digest: Digest, _ label: String, _ restore: Restore, _ origin: Origin) -> ChangeID {
        let row = PlannedContent(
            identity: .exact(digest),
            digest: digest,
            mediaType: "",
            origin: .registry(restore.address),
            label: label
        )
        contents[row.id] = contents[row.id] ?? row
        let change = self.restore(digest, to: .manifest(restore.address, .digest(digest)), row.id, origin, [])
        changes[change.id] = changes[change.id] ?? change
        return change.id
    }

    /// `returning`: the tags that come back with it.
    private func restore(
        _ digest: Digest,
        to target: ChangeTarget,
        _ content: PlannedContent.ID,
        _ origin: Origin,
        _ returning: [TagName]
    ) -> Change {
        Change(
            kind: .restore,
            target: target,
            newDigest: digest,
            content: content,
            method: .management,
            reason: "declared, and in the trash",
            origin: origin,
            undo: .remove,
            preconditions: [.inTrash(digest), .absent] + (target.reference?.tag == nil ? [.tagsOnDigest(returning)] : [])
        )
    }

    /// `nil`: restoring it would bring back tags that nobody declares, or it cannot be said yet.
    private mutating func reference(to trashed: TrashedImage, _ restore: Restore) -> (ManifestReference, [TagName])? {
        let wanted = Set(restore.puts.compactMap(\.target.reference?.tag))
        guard let returning = freeTags(of: trashed, in: restore.address) else { return nil }
        if returning.isSubset(of: wanted) { return (.digest(restore.digest), returning.sorted()) }
        return returning.intersection(wanted).min().map { (.tag($0), [$0]) }
    }

    /// Those that nothing has taken, which come back with the image. `nil`: not known yet, or it cannot be read.
    private mutating func freeTags(of trashed: TrashedImage, in address: RepositoryAddress) -> Set<TagName>? {
        var free: Set<TagName> = []
        for tag in trashed.tags {
            switch answer(.head(address, .tag(tag))) {
            case .absent?: free.insert(tag)
            case .found?: continue
            case nil, .unreadable?: return nil
            }
        }
        return free
    }

    /// The children of an index that have to be restored first; `nil`: one of them cannot be, or it is not known yet.
    private mutating func missingParts(of content: ResolvedContent, _ restore: Restore, for origin: Origin) -> [Digest]? {
        guard content.mediaType.isEmpty || MediaType.isIndex(content.mediaType) else { return [] }
        guard case .known(let documents) = documents(of: content, for: origin) else { return nil }
        let trash = trash(of: restore.address)
        var missing: [Digest] = []
        for child in documents.compactMap(\.index).flatMap(\.manifests) where MediaType.isManifest(child.mediaType) {
            switch answer(.head(restore.address, .digest(child.digest))) {
            case .found?: continue
            case .absent?:
                guard let trashed = trash[child.digest], trashed.tags.isEmpty else { return nil }
                missing.append(child.digest)
            case nil, .unreadable?: return nil
            }
        }
        return Set(missing).sorted()
    }

    private mutating func isGone(_ digest: Digest, in address: RepositoryAddress) -> Bool {
        answer(.head(address, .digest(digest))) == .absent
    }

    /// By digest. What cannot be read holds nothing: the image is sent then.
    private mutating func trash(of address: RepositoryAddress) -> [Digest: TrashedImage] {
        let question = AdministrationQuestion.trash(of: address.repository.namespace)
        guard case .found(.administration(.trash(let images)))? = ask(.administration(address.registry, question)) else { return [:] }
        let own = images.filter { $0.repository == address.repository }
        return Dictionary(own.map { ($0.digest, $0) }) { first, _ in first }
    }
}
