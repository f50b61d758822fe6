internal import OCI

extension DesiredState {
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
            return absences.contains { $0.origin.file == change.origin.file && $0.asks(for: reference, in: address) }
        }
        // What refers to an image, or is its companion, goes where the image goes.
        let tag = reference.tag.flatMap { $0.companion == nil ? $0 : nil }
        return images.contains { entry in
            entry.origin.file == change.origin.file && entry.targets.contains(address) && tag.map(entry.tags.contains) ?? true
        }
            || copies.contains { entry in
                entry.origin.file == change.origin.file && entry.writes(address) && tag.map(entry.selector.covers) ?? true
            }
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
