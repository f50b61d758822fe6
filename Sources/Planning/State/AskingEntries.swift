internal import OCI

extension DesiredState {
    /// The entry that names the tag by itself, not by a pattern.
    func origin(naming tag: TagName, in address: RepositoryAddress) -> Origin? {
        let images = images.filter { $0.targets.contains(address) && $0.tags.contains(tag) }.map(\.origin)
        let lists = copies.filter { entry in
            guard case .list(let tags) = entry.selector.base, case .repository(_, let targets) = entry.scope else { return false }
            return targets.contains(address) && tags.contains(tag)
        }
        return (images + lists.map(\.origin)).min()
    }

    /// Whether some entry of the file that a change names as its origin asks for such a change. Lines may have moved since.
    package func asks(for change: Change) -> Bool {
        if case .namespace(let registry, let name) = change.target {
            let file = change.origin.file
            if change.setting == .remove {
                return namespaceAbsences.contains { $0.origin.file == file && $0.name == name && $0.registries.contains(registry) }
            }
            return namespaces.contains { $0.origin.file == file && $0.name == name && $0.registries.contains(registry) }
        }
        guard let address = change.target.address, let reference = change.target.reference else { return false }
        if change.isRemoval {
            let file = change.origin.file
            return absences.contains { $0.origin.file == file && $0.asks(for: reference, in: address) }
                || prunes.contains { $0.origin.file == file && $0.asks(for: reference, in: address) }
                || moves.contains { $0.origin.file == file && $0.from == address && reference.digest != nil }
                || copies.contains { $0.origin.file == file && $0.asks(for: reference, prunedIn: address) }
        }
        // What refers to an image, or is its companion, goes where the image goes.
        let tag = reference.tag.flatMap { $0.companion == nil ? $0 : nil }
        return moves.contains { $0.origin.file == change.origin.file && $0.to == address }
            || images.contains { entry in
                entry.origin.file == change.origin.file && entry.targets.contains(address) && tag.map(entry.tags.contains) ?? true
            }
            || copies.contains { entry in
                entry.origin.file == change.origin.file && entry.writes(address) && tag.map(entry.selector.covers) ?? true
            }
    }

    /// Whether these entries, of an earlier revision, declared in the file of a removal what it removes. A companion, and an image without a
    /// tag, go with what was declared in their repository.
    func asked(before removal: Change) -> Bool {
        guard removal.isRemoval, let address = removal.target.address else { return false }
        let tags = (removal.target.reference?.tag.map { [$0] } ?? []) + removal.consequences.removedTags
        let images = images.filter { $0.origin.file == removal.origin.file && $0.targets.contains(address) }
        let copies = copies.filter { $0.origin.file == removal.origin.file && $0.writes(address) }
        guard !images.isEmpty || !copies.isEmpty else { return false }
        return tags.allSatisfy { tag in
            tag.companion != nil || images.contains { $0.tags.contains(tag) } || copies.contains { $0.selector.covers(tag) }
        }
    }
}

extension DesiredState {
    /// The entries that would make such a change again, in reading order.
    package func entries(askingFor change: MadeChange) -> [Origin] {
        guard let address = change.target.address, let reference = change.target.reference else { return [] }
        var origins: [Origin] = []
        if change.kind == .put {
            let tag = reference.tag.flatMap { $0.companion == nil ? $0 : nil }
            origins += moves.filter { $0.to == address }.map(\.origin)
            origins += images.filter { $0.targets.contains(address) && tag.map($0.tags.contains) ?? false }.map(\.origin)
            origins += copies.filter { $0.writes(address) && tag.map($0.selector.covers) ?? false }.map(\.origin)
        } else {
            origins += absences.filter { $0.asks(for: reference, in: address) }.map(\.origin)
            origins += prunes.filter { $0.asks(for: reference, in: address) }.map(\.origin)
            origins += moves.filter { $0.from == address }.map(\.origin)
            origins += copies.filter { $0.asks(for: reference, prunedIn: address) }.map(\.origin)
        }
        return Set(origins).sorted()
    }
}

extension CopyEntry {
    func writes(_ address: RepositoryAddress) -> Bool {
        switch scope {
        case .repository(_, let targets): targets.contains(address)
        case .repositories(_, _, let targets):
            targets.contains { target in
                target.registry == address.registry
                    && (target.path.map { address.repository.description.hasPrefix("\($0)/") } ?? true)
            }
        }
    }
}

extension CopyEntry {
    fileprivate func asks(for reference: ManifestReference, prunedIn address: RepositoryAddress) -> Bool {
        switch reference {
        case .tag(let tag): prune.removes && writes(address) && selector.covers(tag)
        case .digest: prune == .delete && writes(address)
        }
    }
}

extension PruneEntry {
    fileprivate func asks(for reference: ManifestReference, in address: RepositoryAddress) -> Bool {
        guard covers(address) else { return false }
        switch reference {
        case .tag(let tag): return tags.undeclared.removes && tags.covers(tag)
        case .digest: return tags.undeclared == .delete || deletesUntaggedOlderThan != nil
        }
    }
}

extension AbsenceEntry {
    fileprivate func asks(for reference: ManifestReference, in address: RepositoryAddress) -> Bool {
        guard scopes.contains(where: { $0.matches(address) }) else { return false }
        switch (what, reference) {
        case (.tag(let absent), .tag(let tag)): return absent == tag
        case (.tags(let glob), .tag(let tag)): return glob.matches(tag.description)
        case (.digest(let absent), .digest(let digest)): return absent == digest
        case (.repository, .digest): return true
        default: return false
        }
    }
}
