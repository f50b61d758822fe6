internal import Diagnostics
internal import OCI

/// `--removed-since`: what the specs declared at an earlier revision.
extension PlanningRun {
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
                    "at \(earlier.revision) the specs declared tags in \(registry), which they do not declare any more",
                    help: "declare the registry again, under 'registries' in crplan.yaml, to remove what is there"
                )
            )
            for address in gone { earlierTags[address] = nil }
        }
        var run = PlanningRun(earlier.desired, Policy(), PlanningOptions())
        run.facts = facts
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
