internal import Diagnostics
internal import OCI

extension PlanningRun {
    /// Selects tags at the source, as it will stand, and declares each in every target.
    mutating func evaluate(_ entry: CopyEntry, from source: RepositoryAddress, to targets: [RepositoryAddress]) -> Progress {
        if isMovedSource(source, entry.origin) { return .failed }
        switch candidates(entry, in: source) {
        case .waiting: return .waiting
        case .failed: return .failed
        case .known(nil):
            note("source-missing", "\(source) is gone; its targets stay as they are (missing: keep)", at: entry.origin)
            partlyKnownRepositories.formUnion(targets)
            return .done
        case .known(let candidates?):
            switch newest(entry, candidates, in: source) {
            case .waiting: return .waiting
            case .failed: return .failed
            case .known(let selected):
                guard !selected.isEmpty || entry.allowEmpty else { return reportEmpty(entry, in: source) }
                if entry.prune.removes {
                    for target in targets { copyPrunes[target, default: []].append(CopyPrune(entry: entry, selected: Set(selected))) }
                }
                return declare(selected, entry, from: source, to: targets)
            }
        }
    }

    /// The tags that pass everything but `newest`, sorted. `known(nil)`: the repository is gone, and `missing: keep` covers it.
    private mutating func candidates(_ entry: CopyEntry, in source: RepositoryAddress) -> Lookup<[TagName]?> {
        if case .list(let list) = entry.selector.base {
            var narrowed = entry.selector
            narrowed.base = .all
            return .known(list.filter { narrowed.covers($0) }.sorted())
        }
        // A tag whose future is not known counts too: reading it fails the entry.
        let declared = declarations.tags(in: source).keys.filter { entry.selector.covers($0) }
        var names: [TagName] = []
        switch tags(source, for: entry.origin) {
        case .waiting: return .waiting
        case .failed: return .failed
        case .known(let live?): names = Self.sorted(live.filter { entry.selector.covers($0) })
        case .known(nil):
            if declared.isEmpty {
                if entry.rules.missing == .keep { return .known(nil) }
                if entry.allowEmpty, writtenRepositories.contains(source) { return .known([]) }
                error(
                    "source-missing",
                    "the source repository \(source) is not there",
                    at: entry.origin,
                    help: "correct its name, or write 'missing: keep' to leave the targets as they are"
                )
                return .failed
            }
        }
        var outcome = Progress.done
        var removed: Set<TagName> = []
        let declaredHere = declarations.tags(in: source)
        for name in names where declaredHere[name] == nil {
            switch isRemoved(source, name, for: entry.origin) {
            case .waiting: outcome = later(outcome, .waiting)
            case .failed: outcome = .failed
            case .known(nil): break
            case .known: removed.insert(name)
            }
        }
        // What an entry reads from its own target it declares only now: that is not undeclared.
        if !entry.writes(source) {
            switch removedByRule(in: source, for: entry.origin) {
            case .waiting: outcome = later(outcome, .waiting)
            case .failed: outcome = .failed
            case .known(let removals): removed.formUnion(removals.keys)
            }
        }
        switch outcome {
        case .waiting: return .waiting
        case .failed: return .failed
        case .done:
            if removed.isEmpty, declared.isEmpty { return .known(names) }
            return .known(Set(names).subtracting(removed).union(declared).sorted())
        }
    }

    /// Each once. Most registries list tags in this order already.
    private static func sorted(_ tags: [TagName]) -> [TagName] {
        var sorted: [TagName] = []
        sorted.reserveCapacity(tags.count)
        for tag in tags.sorted() where tag != sorted.last { sorted.append(tag) }
        return sorted
    }

    /// The first tags in ranking order that hold `count` distinct digests.
    private mutating func newest(_ entry: CopyEntry, _ candidates: [TagName], in source: RepositoryAddress) -> Lookup<[TagName]> {
        guard let newest = entry.selector.newest else { return .known(candidates) }
        switch newest.ranking {
        case .version:
            let ranked = candidates.compactMap { tag in SemanticVersion(tag.description).map { (tag, $0) } }
                .sorted { ($1.1, $1.0) < ($0.1, $0.0) }.map(\.0)
            return take(newest.count, of: ranked, in: source, for: entry)
        case .created: return latest(newest.count, of: candidates, in: source, for: entry)
        }
    }

    /// Asks for the digests of no more tags than the ranking needs: one more than `count`, since equal neighbours count once.
    private mutating func take(_ count: Int, of ranked: [TagName], in source: RepositoryAddress, for entry: CopyEntry) -> Lookup<[TagName]>
    {
        var digests: Set<Digest> = []
        var taken: [TagName] = []
        var open = 0
        for tag in ranked {
            if open > 0, digests.count + open > count { return .waiting }
            switch resolve(source, .tag(tag), for: entry.origin) {
            case .waiting: open += 1
            case .failed: return .failed
            case .known(nil): if entry.selector.isList { taken.append(tag) }
            case .known(let content?):
                if open == 0, digests.count == count, !digests.contains(content.digest) { return .known(taken.sorted()) }
                digests.insert(content.digest)
                taken.append(tag)
            }
        }
        return open > 0 ? .waiting : .known(taken.sorted())
    }

    /// By the creation time in each image's config; images without one are the oldest.
    private mutating func latest(_ count: Int, of tags: [TagName], in source: RepositoryAddress, for entry: CopyEntry) -> Lookup<[TagName]>
    {
        var dated: [(created: Int64, digest: Digest, tag: TagName)] = []
        var missing: [TagName] = []
        var outcome = Progress.done
        for tag in tags {
            switch resolve(source, .tag(tag), for: entry.origin) {
            case .waiting: outcome = later(outcome, .waiting)
            case .failed: outcome = .failed
            case .known(nil): missing.append(tag)
            case .known(let content?):
                switch creationTime(of: content, for: entry.origin) {
                case .waiting: outcome = later(outcome, .waiting)
                case .failed: outcome = .failed
                case .known(let created): dated.append((created ?? .min, content.digest, tag))
                }
            }
        }
        if outcome == .failed { return .failed }
        if outcome == .waiting { return .waiting }
        var digests: Set<Digest> = []
        for image in dated.sorted(by: { ($1.created, $1.digest) < ($0.created, $0.digest) }) where digests.count < count {
            digests.insert(image.digest)
        }
        let taken = dated.filter { digests.contains($0.digest) }.map(\.tag)
        return .known((taken + (entry.selector.isList ? missing : [])).sorted())
    }

    /// Seconds since 1970; of an index, the latest of its images.
    mutating func creationTime(of content: ResolvedContent, for origin: Origin) -> Lookup<Int64?> {
        guard case .registry(let address) = content.readable else {
            error(
                "no-creation-time",
                "\(content.label) cannot be ranked by creation time before it is pushed from a local file",
                at: origin,
                help: "rank by version, or take the push and this entry apart"
            )
            return .failed
        }
        switch documents(of: content, for: origin) {
        case .waiting: return .waiting
        case .failed: return .failed
        case .known(let documents):
            var latest: Int64?
            var isOpen = false
            for document in documents {
                guard let descriptor = document.image?.config, Self.isImageConfig(descriptor.mediaType) else { continue }
                switch config(address, descriptor, for: origin) {
                case .waiting: isOpen = true
                case .failed: return .failed
                case .known(let configuration): latest = [latest, configuration?.created].compactMap(\.self).max()
                }
            }
            return isOpen ? .waiting : .known(latest)
        }
    }

    static func isImageConfig(_ mediaType: String) -> Bool { mediaType == MediaType.ociConfig || mediaType == MediaType.dockerConfig }

    /// All or nothing: while one tag cannot be read, none is declared.
    private mutating func declare(
        _ selected: [TagName],
        _ entry: CopyEntry,
        from source: RepositoryAddress,
        to targets: [RepositoryAddress]
    ) -> Progress {
        var progress = Progress.done
        var chosen: [(TagName, ResolvedContent?)] = []
        chosen.reserveCapacity(selected.count)
        for tag in selected where targets.contains(where: { isSelected($0, tag) }) {
            switch resolve(source, .tag(tag), for: entry.origin) {
            case .waiting:
                progress = later(progress, .waiting)
                lookAhead(tag, in: targets)
            case .failed: progress = .failed
            case .known(nil):
                // A listed tag that vanished since is simply not selected; one that the spec names is missed.
                guard entry.selector.isList else { continue }
                if entry.rules.missing == .keep {
                    note("source-missing", "\(source):\(tag) is gone; its targets stay as they are (missing: keep)", at: entry.origin)
                    partlyKnownRepositories.formUnion(targets)
                    chosen.append((tag, nil))
                } else {
                    progress = later(progress, reportMissing(source, .tag(tag), at: entry.origin))
                }
            case .known(let content?):
                switch select(entry.rules.platforms, of: content, for: entry.origin) {
                case .waiting: progress = later(progress, .waiting)
                case .failed: progress = .failed
                case .known(let content): chosen.append((tag, content))
                }
            }
        }
        if progress == .waiting, entry.rules.referrers == .always { _ = capability(.referrersAPI, source) }
        guard progress != .failed else { return .failed }
        for target in targets { declarations.expect(chosen.count, in: target) }
        let terms = Declaration.Terms(entry.origin, entry.rules)
        for (tag, content) in chosen {
            progress = later(progress, declare(content, tags: CollectionOfOne(tag), in: targets, terms))
        }
        return progress
    }

    private func later(_ left: Progress, _ right: Progress) -> Progress {
        left == .failed || right == .failed ? .failed : left == .waiting || right == .waiting ? .waiting : .done
    }

    private mutating func reportEmpty(_ entry: CopyEntry, in source: RepositoryAddress) -> Progress {
        var names: [String] = []
        switch answer(.tags(source)) {
        case nil: return .waiting
        case .found(.tags(let tags))?: names = tags.filter { $0.companion == nil }.map(\.description)
        default: break
        }
        names = Array(Set(names).union(declarations.tags(in: source).keys.map(\.description))).sorted()
        let wanted: String
        switch entry.selector.base {
        case .all: wanted = entry.selector.semver?.description ?? ""
        case .list(let tags): wanted = tags.first?.description ?? ""
        case .match(let globs): wanted = globs.first?.description ?? ""
        }
        let isShort = entry.selector.semver != nil && names.contains { SemanticVersion($0) == nil && SemanticVersion("\($0).0") != nil }
        let parts = isShort ? "; 'semver' counts full versions with three parts only" : ""
        let count = "it has \(names.count) tag\(names.count == 1 ? "" : "s")" + nearest(wanted.filter { $0 != "*" }, names) + parts
        error(
            "nothing-selected",
            "the tags of this entry select nothing in \(source)",
            at: entry.origin,
            help: (names.isEmpty ? "the repository has no tags" : count) + "; correct the selector, or write 'allowEmpty: true'"
        )
        return .failed
    }
}

extension TagSelector {
    /// Whether the spec names each tag.
    fileprivate var isList: Bool { if case .list = base { true } else { false } }
}
