internal import OCI

extension DesiredState {
    /// Tags that `earlier` names one by one and that nothing here declares any more, sorted. Taking an entry out removes nothing, so they stay.
    package func tagsForgotten(since earlier: DesiredState) -> [String] {
        let absent = Set(absences.flatMap(\.names))
        let declared = Set(images.flatMap { entry in entry.targets.flatMap { target in entry.tags.map { "\(target):\($0)" } } })
        return earlier.namedTags.compactMap { address, tag in
            let name = "\(address):\(tag)"
            return declared.contains(name) || absent.contains(name) || selects(tag, in: address) ? nil : name
        }.sorted()
    }

    private var namedTags: [(RepositoryAddress, TagName)] {
        images.flatMap { entry in entry.targets.flatMap { target in entry.tags.map { (target, $0) } } }
            + copies.flatMap { entry -> [(RepositoryAddress, TagName)] in
                guard case .list(let tags) = entry.selector.base, case .repository(_, let targets) = entry.scope else { return [] }
                return targets.flatMap { target in tags.map { (target, $0) } }
            }
    }

    private func selects(_ tag: TagName, in address: RepositoryAddress) -> Bool {
        copies.contains { entry in
            switch entry.scope {
            case .repository(_, let targets): targets.contains(address) && entry.selector.covers(tag)
            case .repositories(_, _, let targets): targets.contains { $0.registry == address.registry } && entry.selector.covers(tag)
            }
        }
    }
}

extension AbsenceEntry {
    fileprivate var names: [String] {
        guard case .tag(let tag) = what else { return [] }
        return scopes.compactMap(\.literal).map { "\($0):\(tag)" }
    }
}
