internal import OCI

/// What entries read by name. Without it the next plan would lack a source, so no rule and no retention takes it.
struct NamedSources {
    private var references: [RepositoryAddress: Set<ManifestReference>] = [:]

    init(_ desired: DesiredState) {
        for entry in desired.images {
            if case .reference(let address, let reference) = entry.source { references[address, default: []].insert(reference) }
        }
        for entry in desired.copies {
            guard case .list(let tags) = entry.selector.base, case .repository(let address, _) = entry.scope else { continue }
            references[address, default: []].formUnion(tags.map { .tag($0) })
        }
    }

    func contain(_ reference: ManifestReference, in address: RepositoryAddress) -> Bool {
        references[address]?.contains(reference) ?? false
    }
}
