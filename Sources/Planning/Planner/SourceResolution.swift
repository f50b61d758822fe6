internal import Diagnostics
internal import OCI

extension PlanningRun {
    /// How far an entry has come.
    enum Progress {
        case waiting, failed, done
    }

    /// Evaluates the entries, each after those it reads from, into declared tags.
    mutating func declareEverything() {
        guard let graph = makeEntryGraph() else { return }
        writtenRepositories = Set(graph.nodes.flatMap(\.targets))
        var isOpen = false
        var lacking: Set<String> = []
        for case .image(let entry) in graph.nodes {
            guard case .reference(let source, .digest(let digest)) = entry.source, graph.isWritten(source) else { continue }
            switch head(source, .digest(digest), for: entry.origin) {
            case .waiting: isOpen = true
            case .known(nil): lacking.insert("\(source)@\(digest)")
            case .known, .failed: break
            }
        }
        guard !isOpen else { return }
        let (sorted, cyclic, dependencies) = graph.order { lacking.contains("\($0)@\($1)") }
        reportCycle(cyclic.map { graph.nodes[$0].origin })
        var progress: [Progress] = Array(repeating: .failed, count: graph.nodes.count)
        for index in sorted {
            let before = dependencies[index].map { progress[$0] }
            if before.contains(.waiting) {
                progress[index] = .waiting
            } else if before.contains(.failed) {
                progress[index] = .failed
                leaveOut(graph.nodes[index].origin, because: "an entry that it reads from is left out")
            } else {
                progress[index] = evaluate(graph.nodes[index])
            }
            if progress[index] == .failed { keepWhatIsDeclared(by: graph.nodes[index]) }
        }
    }

    /// An entry that is left out still declares its tags: nothing that it names is removed.
    private mutating func keepWhatIsDeclared(by node: EntryGraph.Node) {
        incompleteRepositories.formUnion(node.targets)
        guard case .image(let entry) = node else { return }
        let terms = Declaration.Terms(entry.origin, entry.rules)
        for address in entry.targets {
            for tag in entry.tags where isSelected(address, tag) {
                let new = Declaration(content: nil, terms, isLeftOut: true)
                declarations.set(settled(declarations[address, tag]?.merged(with: new) ?? new, address, tag), address, tag)
            }
        }
    }

    private mutating func reportCycle(_ origins: [Origin]) {
        let places = Set(origins).sorted()
        guard let first = places.first else { return }
        error(
            "cycle",
            "these entries wait for each other: each reads what another of them writes",
            at: first,
            help: "take the source of one of them from elsewhere, or name it by digest",
            related: places.dropFirst().map { ("this entry is part of the cycle", $0) }
        )
    }

    mutating func leaveOut(_ origin: Origin, because reason: String) {
        if options.keepGoing { leftOut.insert(Plan.LeftOut(what: "entry at \(origin)", reason: reason, origin: origin)) }
    }

    private mutating func evaluate(_ node: EntryGraph.Node) -> Progress {
        switch node {
        case .image(let entry): return evaluate(entry)
        case .copy(let entry, let source, let targets): return evaluate(entry, from: source, to: targets)
        case .move(let entry): return evaluate(entry)
        }
    }

    private mutating func evaluate(_ entry: ImageEntry) -> Progress {
        if case .reference(let source, _) = entry.source, isMovedSource(source, entry.origin) { return .failed }
        let content: Lookup<ResolvedContent?>
        switch entry.source {
        case .local(let location): content = resolve(location, for: entry)
        case .reference(let source, let reference): content = resolve(source, reference, for: entry.origin)
        }
        switch content {
        case .waiting:
            for tag in entry.tags { lookAhead(tag, in: entry.targets) }
            return .waiting
        case .failed: return .failed
        case .known(nil):
            guard entry.rules.missing == .error else {
                note("source-missing", "the source of this entry is gone; its targets stay as they are (missing: keep)", at: entry.origin)
                partlyKnownRepositories.formUnion(entry.targets)
                return declare(nil, tags: entry.tags, in: entry.targets, Declaration.Terms(entry.origin, entry.rules))
            }
            return reportMissing(entry)
        case .known(let found?):
            switch select(entry.rules.platforms, of: found, for: entry.origin) {
            case .waiting: return .waiting
            case .failed: return .failed
            case .known(let selected):
                return declare(selected, tags: entry.tags, in: entry.targets, Declaration.Terms(entry.origin, entry.rules))
            }
        }
    }

    /// A repository that is moved in the same plan is gone after it: the next plan could not read it.
    mutating func isMovedSource(_ source: RepositoryAddress, _ origin: Origin) -> Bool {
        guard let move = selectedMoves.first(where: { $0.from == source }) else { return false }
        error(
            "source-moved",
            "\(source) cannot be a source, since this spec moves it to \(move.to)",
            at: origin,
            help: "read from \(move.to)",
            related: [("moved here", move.origin)]
        )
        return true
    }

    /// The content behind a reference, as it will stand. `known(nil)`: it is not there.
    mutating func resolve(_ source: RepositoryAddress, _ reference: ManifestReference, for origin: Origin) -> Lookup<ResolvedContent?> {
        if case .tag(let tag) = reference {
            if let declaration = declarations[source, tag] {
                return chain(declaration, DeclaredTag(address: source, tag: tag), for: origin)
            }
            switch isRemoved(source, tag, for: origin) {
            case .waiting: return .waiting
            case .failed: return .failed
            case .known(let removal?): return reportRemoved("\(source):\(tag)", at: origin, removal)
            case .known(nil): break
            }
        }
        if case .digest(let digest) = reference, let removal = absences[source].origin(of: digest), isSelected(source, digest) {
            return reportRemoved("\(source)@\(digest)", at: origin, removal)
        }
        switch head(source, reference, for: origin) {
        case .waiting: return .waiting
        case .failed: return .failed
        case .known(let head?):
            return .known(ResolvedContent(head.digest, mediaType: head.mediaType, in: source, as: reference))
        case .known(nil):
            if case .digest(let digest) = reference { return .known(declaredContent(source, digest)) }
            return .known(nil)
        }
    }

    private mutating func reportRemoved<Value>(_ name: String, at origin: Origin, _ removal: Origin) -> Lookup<Value> {
        error("source-removed", "\(name) cannot be a source, since this spec removes it", at: origin, related: [("removed here", removal)])
        return .failed
    }

    /// A tag that this plan declares: what it will lead to, read where it will be.
    private mutating func chain(_ declaration: Declaration, _ source: DeclaredTag, for origin: Origin) -> Lookup<ResolvedContent?> {
        switch declaration.state {
        case .failed, .unreadable, .missing: return .failed
        case .inPlace(let digest), .kept(let digest), .refused(let digest):
            let known = declaration.content?.digest == digest ? declaration.content : nil
            var content = ResolvedContent(digest, mediaType: known?.mediaType ?? "", in: source.address, as: .tag(source.tag))
            content.held = known?.held
            content.follows = source
            return .known(content)
        case .waiting, .toPut:
            guard let digest = declaration.digest, var content = declaration.content else { return .waiting }
            content.identity = .exact(digest)
            content.origin = .registry(source.address)
            content.reference = .tag(source.tag)
            content.follows = source
            content.isProvisional = content.isProvisional || declaration.state == .waiting
            return .known(content)
        }
    }

    /// Content that another entry puts into this repository under some tag.
    private func declaredContent(_ source: RepositoryAddress, _ digest: Digest) -> ResolvedContent? {
        let found = declarations.tags(in: source).filter { $0.value.digest == digest }.min { $0.key < $1.key }
        guard let (tag, declaration) = found, var content = declaration.content, content.digest == digest else { return nil }
        content.identity = .exact(digest)
        content.origin = .registry(source)
        content.reference = .digest(digest)
        content.follows = DeclaredTag(address: source, tag: tag)
        return content
    }

    private mutating func resolve(_ location: ContentLocation, for entry: ImageEntry) -> Lookup<ResolvedContent?> {
        switch content(location, for: entry.origin) {
        case .waiting: return .waiting
        case .failed: return .failed
        case .known(nil): return .known(nil)
        case .known(let inspection?): return .known(ResolvedContent(location, inspection))
        }
    }

    private mutating func reportMissing(_ entry: ImageEntry) -> Progress {
        switch entry.source {
        case .local(let location):
            error(
                "source-missing",
                "\(location.path) is not there",
                at: entry.origin,
                help: "build it first, correct the path, or write 'missing: keep'"
            )
        case .reference(let source, let reference):
            return reportMissing(source, reference, at: entry.origin)
        }
        return .failed
    }

    /// Names the nearest tags; one list is worth it, since nothing goes on without the source.
    mutating func reportMissing(_ source: RepositoryAddress, _ reference: ManifestReference, at origin: Origin) -> Progress {
        var help = "correct the reference, or write 'missing: keep' to leave the targets as they are"
        if case .tag(let tag) = reference {
            switch answer(.tags(source)) {
            case nil: return .waiting
            case .found(.tags(let tags))?:
                let names = tags.filter { $0.companion == nil }.map(\.description)
                help = "the repository has \(names.count) tag\(names.count == 1 ? "" : "s")" + nearest(tag.description, names) + "; " + help
            case .absent?: help = "the repository is not there; " + help
            case .found?, .unreadable?: break
            }
        }
        error("source-missing", "the source \(source)\(reference.suffix) is not there", at: origin, help: help)
        return .failed
    }

    func nearest(_ word: String, _ names: [String]) -> String {
        let best = names.map { (Suggestion.distance(word, $0, limit: 8), $0) }.sorted { $0 < $1 }.prefix(3).map(\.1)
        return best.isEmpty ? "" : ", nearest: " + best.joined(separator: ", ")
    }

    // MARK: Declaring

    /// Asks what the tag holds now while its source is still being read: unless that is missing, it will be asked anyway.
    mutating func lookAhead(_ tag: TagName, in targets: [RepositoryAddress]) {
        for address in targets where isSelected(address, tag) { _ = answer(.head(address, .tag(tag))) }
    }

    /// Declares the tags in every target. `content` nil: the tags keep what they have.
    mutating func declare(
        _ content: ResolvedContent?,
        tags: some Collection<TagName>,
        in targets: [RepositoryAddress],
        _ terms: Declaration.Terms
    ) -> Progress {
        var progress = Progress.done
        for address in targets {
            for tag in tags where isSelected(address, tag) {
                // An entry may reach the tag it reads from, by a group of targets: that one is as wanted.
                if let content, content.reference == .tag(tag), content.origin == .registry(address) {
                    wantedAsTheyAre.insert(DeclaredTag(address: address, tag: tag))
                    continue
                }
                var declaration = Declaration(content: content, terms)
                if let known = declarations[address, tag] {
                    compare(known, declaration, DeclaredTag(address: address, tag: tag))
                    declaration = known.merged(with: declaration)
                }
                declaration = settled(consume declaration, address, tag)
                declarations.set(declaration, address, tag)
                // Chained entries need the digest only where it is not the content's own.
                if declaration.digest == nil, declaration.state == .waiting { progress = .waiting }
            }
        }
        return progress
    }

    /// The same content twice is fine; two contents under one tag are not.
    private mutating func compare(_ known: Declaration, _ new: Declaration, _ tag: DeclaredTag) {
        guard let first = known.content, let second = new.content else { return }
        guard first.identity != second.identity, first.digest != second.digest else { return }
        let (earlier, later) = known.origin <= new.origin ? (known, new) : (new, known)
        error(
            "conflict",
            "two entries want different digests under \(tag.address):\(tag.tag): "
                + [earlier, later].compactMap(\.content).map { "\($0.digest.short) (\($0.label))" }.joined(separator: " and "),
            at: later.origin,
            help: "keep one of the two entries, or give one of them another tag",
            related: [("the other entry is here", earlier.origin)]
        )
    }
}
