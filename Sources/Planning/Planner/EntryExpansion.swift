internal import OCI

extension PlanningRun {
    /// `copies` over many repositories become one node per source repository. Repositories that this spec fills count as well.
    mutating func makeEntryGraph() -> EntryGraph? {
        var nodes: [EntryGraph.Node] = desired.images.compactMap { entry in
            var entry = entry
            entry.targets = entry.targets.filter { target in entry.tags.contains { isSelected(target, $0) } }
            return entry.targets.isEmpty ? nil : .image(entry)
        }
        nodes += selectedMoves.map { .move($0) }
        var patterns: [CopyEntry] = []
        for entry in desired.copies {
            switch entry.scope {
            case .repository(let source, let targets):
                let selected = targets.filter { isSelected($0, entry.selector) }
                if !selected.isEmpty { nodes.append(.copy(entry, from: source, to: selected)) }
            case .repositories: patterns.append(entry)
            }
        }
        guard !patterns.isEmpty else { return EntryGraph(nodes) }
        return expand(patterns, into: nodes)
    }

    private mutating func expand(_ patterns: [CopyEntry], into literal: [EntryGraph.Node]) -> EntryGraph? {
        var live: [Int: [RepositoryName]] = [:]
        for (index, entry) in patterns.enumerated() {
            guard case .repositories(let from, let globs, let targets) = entry.scope else { continue }
            live[index] = []
            guard globs.contains(where: \.isPattern) else { continue }
            switch repositories(from.registry, for: entry.origin) {
            case .waiting: return nil
            case .failed:
                live[index] = nil
                incompletePrefixes += targets
            case .known(let names): live[index] = names ?? []
            }
        }
        // Chains of such entries need as many rounds as there are entries.
        var nodes = literal
        for _ in 0...patterns.count {
            let written = Set(nodes.flatMap(\.targets))
            let expanded = patterns.enumerated().map { index, entry in
                live[index].map { expansion(of: entry, live: $0, written: written) } ?? []
            }
            let before = nodes.count
            nodes = literal + expanded.joined()
            guard nodes.count == before else { continue }
            for (index, entry) in patterns.enumerated() where live[index] != nil && expanded[index].isEmpty { reportNoRepository(entry) }
            return EntryGraph(nodes)
        }
        for entry in patterns {
            error(
                "cycle",
                "the repositories that this entry copies grow without end, since it copies what it has written",
                at: entry.origin
            )
        }
        return EntryGraph(literal)
    }

    /// Nothing matches, or the filters leave none of the targets.
    private mutating func reportNoRepository(_ entry: CopyEntry) {
        guard case .repositories(let from, let globs, _) = entry.scope, !entry.allowEmpty else { return }
        guard options.targets.isEmpty, options.excludes.isEmpty else { return }
        error(
            "nothing-selected",
            "no repository below \(from.description) matches \(globs.map(\.description).joined(separator: ", "))",
            at: entry.origin,
            help: "correct 'repositories', or write 'allowEmpty: true'"
        )
    }

    private func expansion(of entry: CopyEntry, live: [RepositoryName], written: Set<RepositoryAddress>) -> [EntryGraph.Node] {
        guard case .repositories(let from, let globs, let targets) = entry.scope else { return [] }
        var sources: Set<RepositoryName> = []
        let known = live + written.filter { $0.registry == from.registry }.map(\.repository)
        for glob in globs {
            if glob.isPattern {
                let prefix = from.path.map { "\($0)/" } ?? ""
                for name in known where name.description.hasPrefix(prefix) && glob.matches(name.description.dropFirst(prefix.count)) {
                    sources.insert(name)
                }
            } else if let name = try? RepositoryName((from.path.map { "\($0)/" } ?? "") + glob.description) {
                sources.insert(name)
            }
        }
        // A pattern does not mean what is moved away.
        return sources.sorted().filter { name in
            !selectedMoves.contains { $0.from == RepositoryAddress(from.registry, name) }
        }.compactMap { source in
            let below = from.path.map { String(source.description.dropFirst($0.description.count + 1)) } ?? source.description
            let addresses = targets.compactMap { target -> RepositoryAddress? in
                guard let name = try? RepositoryName((target.path.map { "\($0)/" } ?? "") + below) else { return nil }
                let address = RepositoryAddress(target.registry, name)
                return isSelected(address, entry.selector) ? address : nil
            }
            return addresses.isEmpty ? nil : .copy(entry, from: RepositoryAddress(from.registry, source), to: addresses.sorted())
        }
    }
}
