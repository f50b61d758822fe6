internal import OCI

/// Entries as nodes: which repositories each writes, and which entries must be evaluated before it,
/// so that every source is read as it will stand when the spec is applied.
struct EntryGraph {
    enum Node {
        case image(ImageEntry)
        /// One source repository of a `copies` entry, with its target repositories.
        case copy(CopyEntry, from: RepositoryAddress, to: [RepositoryAddress])

        var origin: Origin {
            switch self {
            case .image(let entry): entry.origin
            case .copy(let entry, _, _): entry.origin
            }
        }

        var targets: [RepositoryAddress] {
            switch self {
            case .image(let entry): entry.targets
            case .copy(_, _, let targets): targets
            }
        }

        /// Whether it may declare this tag in the repositories that it writes.
        func mayDeclare(_ tag: TagName) -> Bool {
            switch self {
            case .image(let entry): entry.tags.contains(tag)
            case .copy(let entry, _, _): entry.selector.covers(tag)
            }
        }
    }

    let nodes: [Node]
    private let writers: [RepositoryAddress: [Int]]

    init(_ nodes: [Node]) {
        self.nodes = nodes
        var writers: [RepositoryAddress: [Int]] = [:]
        for (index, node) in nodes.enumerated() {
            for target in node.targets { writers[target, default: []].append(index) }
        }
        self.writers = writers
    }

    func isWritten(_ address: RepositoryAddress) -> Bool { writers[address] != nil }

    /// The nodes that write this repository, other than `node` itself.
    private func otherWriters(of address: RepositoryAddress, than node: Int) -> [Int] { (writers[address] ?? []).filter { $0 != node } }

    /// A literal tag depends on who may declare it; a selector on every other entry that writes its repository. A digest depends on
    /// nobody while the registry has it; `lacksDigest` tells that it does not.
    func dependencies(of index: Int, lacksDigest: (RepositoryAddress, Digest) -> Bool) -> [Int] {
        switch nodes[index] {
        case .copy(let entry, let source, _):
            switch entry.selector.base {
            case .all, .match: return otherWriters(of: source, than: index)
            case .list(let tags):
                return otherWriters(of: source, than: index).filter { writer in tags.contains { nodes[writer].mayDeclare($0) } }
            }
        case .image(let entry):
            guard case .reference(let source, let reference) = entry.source else { return [] }
            switch reference {
            case .tag(let tag): return (writers[source] ?? []).filter { nodes[$0].mayDeclare(tag) }
            case .digest(let digest): return lacksDigest(source, digest) ? otherWriters(of: source, than: index) : []
            }
        }
    }

    /// The nodes after those they depend on, and those that wait for each other.
    func order(lacksDigest: (RepositoryAddress, Digest) -> Bool) -> (sorted: [Int], cyclic: [Int], dependencies: [[Int]]) {
        let before = nodes.indices.map { dependencies(of: $0, lacksDigest: lacksDigest) }
        var waiting = before.map(\.count)
        var followers: [[Int]] = Array(repeating: [], count: nodes.count)
        for (index, list) in before.enumerated() {
            for dependency in list { followers[dependency].append(index) }
        }
        var sorted = nodes.indices.filter { waiting[$0] == 0 }
        var next = 0
        while next < sorted.count {
            for follower in followers[sorted[next]] {
                waiting[follower] -= 1
                if waiting[follower] == 0 { sorted.append(follower) }
            }
            next += 1
        }
        // What only waits behind a cycle is not part of it: take away, from the end, what nobody left waits for.
        var cyclic = Set(nodes.indices.filter { waiting[$0] > 0 })
        while let outside = cyclic.first(where: { node in !followers[node].contains(where: cyclic.contains) }) { cyclic.remove(outside) }
        return (sorted, cyclic.sorted(), before)
    }
}

extension PlanningRun {
    /// `copies` over many repositories become one node per source repository. Repositories that this spec fills count as well.
    mutating func makeEntryGraph() -> EntryGraph? {
        var nodes: [EntryGraph.Node] = desired.images.compactMap { entry in
            var entry = entry
            entry.targets = entry.targets.filter { isSelected($0) }
            return entry.targets.isEmpty ? nil : .image(entry)
        }
        var patterns: [CopyEntry] = []
        for entry in desired.copies {
            switch entry.scope {
            case .repository(let source, let targets):
                let selected = targets.filter { isSelected($0) }
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
            guard case .repositories(let from, let globs, _) = entry.scope else { continue }
            live[index] = []
            guard globs.contains(where: \.isPattern) else { continue }
            switch repositories(from.registry, for: entry.origin) {
            case .waiting: return nil
            case .failed: continue
            case .known(let names): live[index] = names ?? []
            }
        }
        // Chains of such entries need as many rounds as there are entries.
        var nodes = literal
        for _ in 0...patterns.count {
            let written = Set(nodes.flatMap(\.targets))
            let expanded = patterns.enumerated().flatMap { index, entry in expansion(of: entry, live: live[index] ?? [], written: written) }
            let before = nodes.count
            nodes = literal + expanded
            if nodes.count == before { return EntryGraph(nodes) }
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
        return sources.sorted().compactMap { source in
            let below = from.path.map { String(source.description.dropFirst($0.description.count + 1)) } ?? source.description
            let addresses = targets.compactMap { target -> RepositoryAddress? in
                guard let name = try? RepositoryName((target.path.map { "\($0)/" } ?? "") + below) else { return nil }
                let address = RepositoryAddress(target.registry, name)
                return isSelected(address) ? address : nil
            }
            return addresses.isEmpty ? nil : .copy(entry, from: RepositoryAddress(from.registry, source), to: addresses.sorted())
        }
    }
}
