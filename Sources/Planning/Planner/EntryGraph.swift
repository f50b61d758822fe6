internal import OCI

/// Entries as nodes: which repositories each writes, and which entries must be evaluated before it,
/// so that every source is read as it will stand when the spec is applied.
struct EntryGraph {
    enum Node {
        case image(ImageEntry)
        /// One source repository of a `copies` entry, with its target repositories.
        case copy(CopyEntry, from: RepositoryAddress, to: [RepositoryAddress])
        case move(MoveEntry)

        var origin: Origin {
            switch self {
            case .image(let entry): entry.origin
            case .copy(let entry, _, _): entry.origin
            case .move(let entry): entry.origin
            }
        }

        var targets: [RepositoryAddress] {
            switch self {
            case .image(let entry): entry.targets
            case .copy(_, _, let targets): targets
            case .move(let entry): [entry.to]
            }
        }

        /// The repository it reads from, if it reads from one.
        var source: RepositoryAddress? {
            switch self {
            case .copy(_, let source, _): source
            case .move(let entry): entry.from
            case .image(let entry): if case .reference(let source, _) = entry.source { source } else { nil }
            }
        }

        var rules: TransferRules {
            switch self {
            case .image(let entry): entry.rules
            case .copy(let entry, _, _): entry.rules
            case .move: MoveEntry.rules
            }
        }

        /// Whether it may declare this tag in the repositories that it writes.
        func mayDeclare(_ tag: TagName) -> Bool {
            switch self {
            case .image(let entry): entry.tags.contains(tag)
            case .copy(let entry, _, _): entry.selector.covers(tag)
            case .move: true
            }
        }
    }

    let nodes: [Node]
    private let written: Set<RepositoryAddress>
    /// Only of repositories that some node reads.
    private var writers: [RepositoryAddress: [Int]] = [:]
    private var copyWriters: [RepositoryAddress: [Int]] = [:]
    private var imageWriters: [DeclaredTag: [Int]] = [:]

    init(_ nodes: [Node]) {
        self.nodes = nodes
        written = Set(nodes.flatMap(\.targets))
        let read = Set(nodes.compactMap(\.source))
        for (index, node) in nodes.enumerated() {
            for target in node.targets where read.contains(target) {
                writers[target, default: []].append(index)
                switch node {
                case .copy, .move: copyWriters[target, default: []].append(index)
                case .image(let entry):
                    for tag in entry.tags { imageWriters[DeclaredTag(address: target, tag: tag), default: []].append(index) }
                }
            }
        }
    }

    func isWritten(_ address: RepositoryAddress) -> Bool { written.contains(address) }

    /// A literal tag depends on who may declare it; a selector on every other entry that writes its repository. A digest depends on
    /// nobody while the registry has it; `lacksDigest` tells that it does not. An entry that reads and writes one tag, as in
    /// `from: us/api:1` with `to: regions/api`, waits for itself only if it would write other bytes than it reads.
    func dependencies(of index: Int, lacksDigest: (RepositoryAddress, Digest) -> Bool) -> [Int] {
        let node = nodes[index]
        guard let source = node.source, let writers = writers[source] else { return [] }
        var found: Set<Int> = []
        switch node {
        case .move: found.formUnion(writers)
        case .copy(let entry, _, _):
            switch entry.selector.base {
            case .all, .match: found.formUnion(writers)
            case .list(let tags): for tag in tags { found.formUnion(self.writers(of: tag, in: source)) }
            }
        case .image(let entry):
            guard case .reference(_, let reference) = entry.source else { return [] }
            switch reference {
            case .tag(let tag): found.formUnion(self.writers(of: tag, in: source))
            case .digest(let digest): if lacksDigest(source, digest) { found.formUnion(writers) }
            }
        }
        if node.rules.platforms == nil { found.remove(index) }
        return found.sorted()
    }

    private func writers(of tag: TagName, in address: RepositoryAddress) -> [Int] {
        let copies = (copyWriters[address] ?? []).filter { nodes[$0].mayDeclare(tag) }
        return copies + (imageWriters[DeclaredTag(address: address, tag: tag)] ?? [])
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
        var awaited = followers.map { $0.count { cyclic.contains($0) } }
        var loose = cyclic.filter { awaited[$0] == 0 }
        while let outside = loose.popFirst() {
            cyclic.remove(outside)
            for dependency in before[outside] where cyclic.contains(dependency) {
                awaited[dependency] -= 1
                if awaited[dependency] == 0 { loose.insert(dependency) }
            }
        }
        return (sorted, cyclic.sorted(), before)
    }
}
