internal import Diagnostics
internal import OCI
internal import Planning

/// Whether `--target` and `--exclude` name anything at all: a misspelt glob must not look like "nothing to do".
struct FilterCheck {
    let desired: DesiredState

    /// A target that names nothing is an error, an exclusion that names nothing is a warning.
    func findings(targets: [ReferencePattern], excludes: [ReferencePattern]) -> [Diagnostic] {
        let help = "a glob is written as in a policy, such as 'us/payments/**' or 'us/payments/api:1.*'; '**' crosses components"
        return targets.filter { !namesSomething($0) }.map {
            .error("unmatched-filter", "--target '\($0.text)' names nothing that an entry writes or removes", help: help)
        }
            + excludes.filter { !namesSomething($0) }.map {
                .warning("unmatched-filter", "--exclude '\($0.text)' names nothing that an entry writes or removes", help: help)
            }
    }

    /// `true` also where only the registries could tell.
    private func namesSomething(_ pattern: ReferencePattern) -> Bool {
        desired.images.contains { entry in
            entry.targets.contains { target in entry.tags.contains { pattern.matches(target, tag: $0) } }
        }
            || desired.copies.contains { names(pattern, $0.scope) }
            || desired.absences.contains { names(pattern, $0.scopes) } || desired.prunes.contains { names(pattern, $0.scopes) }
            || desired.moves.contains { pattern.covers($0.from) || pattern.covers($0.to) }
    }

    private func names(_ pattern: ReferencePattern, _ scope: CopyEntry.Scope) -> Bool {
        switch scope {
        case .repository(_, let targets): targets.contains { pattern.covers($0) }
        case .repositories(_, _, let targets): targets.contains { isOf($0.registry, pattern) }
        }
    }

    private func names(_ pattern: ReferencePattern, _ scopes: [RepositoryPattern]) -> Bool {
        scopes.contains { scope in
            if let repository = scope.literal { return pattern.covers(repository) }
            guard let registry = scope.registry else { return true }
            return isOf(registry, pattern)
        }
    }

    private func isOf(_ registry: RegistryID, _ pattern: ReferencePattern) -> Bool {
        pattern.scopes.contains { $0.registry == nil || $0.registry == registry }
    }
}
