internal import Diagnostics
internal import OCI

extension PlanningRun {
    /// Selects tags at the source, as it will stand, and declares each in every target.
    mutating func evaluate(_ entry: CopyEntry, from source: RepositoryAddress, to targets: [RepositoryAddress]) -> Progress {
        switch candidates(entry, in: source) {
        case .waiting: return .waiting
        case .failed: return .failed
        case .known(nil):
            note("source-missing", "\(source) is gone; its targets stay as they are (missing: keep)", at: entry.origin)
            return .done
        case .known(let candidates?):
            switch newest(entry, candidates, in: source) {
            case .waiting: return .waiting
            case .failed: return .failed
            case .known(let selected):
                guard !selected.isEmpty || entry.allowEmpty else { return reportEmpty(entry, in: source) }
                return declare(selected, entry, from: source, to: targets)
            }
        }
    }

    /// The tags that pass everything but `newest`, sorted. `known(nil)`: the repository is gone, and `missing: keep` covers it.
    private mutating func candidates(_ entry: CopyEntry, in source: RepositoryAddress) -> Lookup<[TagName]?> {
        let declared = declarations.tags(in: source).filter { $0.value.state != .failed }.map(\.key)
        var names: Set<TagName> = []
        if case .list(let list) = entry.selector.base {
            return .known(list.filter { entry.selector.covers($0) }.sorted())
        }
        switch tags(source, for: entry.origin) {
        case .waiting: return .waiting
        case .failed: return .failed
        case .known(let live?): names = Set(live)
        case .known(nil):
            if declared.isEmpty {
                if entry.rules.missing == .keep { return .known(nil) }
                if entry.allowEmpty, desired.copies.contains(where: { writes($0, source) }) { return .known([]) }
                error(
                    "source-missing",
                    "the source repository \(source) is not there",
                    at: entry.origin,
                    help: "correct its name, or write 'missing: keep' to leave the targets as they are"
                )
                return .failed
            }
        }
        var isOpen = false
        for name in names where declarations[source, name] == nil && entry.selector.covers(name) {
            switch isRemoved(source, name, for: entry.origin) {
            case .waiting: isOpen = true
            case .failed: return .failed
            case .known(nil): break
            case .known: names.remove(name)
            }
        }
        if isOpen { return .waiting }
        return .known(names.union(declared).filter { entry.selector.covers($0) }.sorted())
    }

    private func writes(_ entry: CopyEntry, _ address: RepositoryAddress) -> Bool {
        if case .repository(_, let targets) = entry.scope { targets.contains(address) } else { false }
    }

    /// The first tags in ranking order that hold `count` distinct digests.
    private mutating func newest(_ entry: CopyEntry, _ candidates: [TagName], in source: RepositoryAddress) -> Lookup<[TagName]> {
        guard let newest = entry.selector.newest else { return .known(candidates) }
        switch newest.ranking {
        case .version:
            let ranked = candidates.compactMap { tag in SemanticVersion(tag.description).map { (tag, $0) } }
                .sorted { ($1.1, $1.0) < ($0.1, $0.0) }.map(\.0)
            return take(newest.count, of: ranked, in: source, for: entry.origin)
        case .created: return latest(newest.count, of: candidates, in: source, for: entry.origin)
        }
    }

    /// Asks for the digests of no more tags than the ranking needs.
    private mutating func take(_ count: Int, of ranked: [TagName], in source: RepositoryAddress, for origin: Origin) -> Lookup<[TagName]> {
        var digests: Set<Digest> = []
        var taken: [TagName] = []
        var asked = 0
        var isOpen = false
        for tag in ranked {
            if isOpen {
                asked += 1
                if digests.count + asked > count { break }
            }
            switch resolve(source, .tag(tag), for: origin) {
            case .waiting: isOpen = true
            case .failed: return .failed
            case .known(nil): continue
            case .known(let content?):
                if !isOpen, digests.count == count, !digests.contains(content.digest) { return .known(taken.sorted()) }
                digests.insert(content.digest)
                taken.append(tag)
            }
        }
        return isOpen ? .waiting : .known(taken.sorted())
    }

    /// By the creation time in each image's config; images without one are the oldest.
    private mutating func latest(_ count: Int, of tags: [TagName], in source: RepositoryAddress, for origin: Origin) -> Lookup<[TagName]> {
        var dated: [(created: Int64, digest: Digest, tag: TagName)] = []
        var isOpen = false
        for tag in tags {
            switch resolve(source, .tag(tag), for: origin) {
            case .waiting: isOpen = true
            case .failed: return .failed
            case .known(nil): continue
            case .known(let content?):
                switch creationTime(of: content, for: origin) {
                case .waiting: isOpen = true
                case .failed: return .failed
                case .known(let created): dated.append((created ?? .min, content.digest, tag))
                }
            }
        }
        if isOpen { return .waiting }
        var digests: Set<Digest> = []
        for image in dated.sorted(by: { ($1.created, $1.digest) < ($0.created, $0.digest) }) where digests.count < count {
            digests.insert(image.digest)
        }
        return .known(dated.filter { digests.contains($0.digest) }.map(\.tag).sorted())
    }

    /// Seconds since 1970; of an index, the latest of its images.
    private mutating func creationTime(of content: ResolvedContent, for origin: Origin) -> Lookup<Int64?> {
        switch documents(of: content, for: origin) {
        case .waiting: return .waiting
        case .failed: return .failed
        case .known(let documents):
            guard case .registry(let address) = content.readable else { return .known(nil) }
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

    private mutating func declare(
        _ selected: [TagName],
        _ entry: CopyEntry,
        from source: RepositoryAddress,
        to targets: [RepositoryAddress]
    ) -> Progress {
        var progress = Progress.done
        for tag in selected {
            switch resolve(source, .tag(tag), for: entry.origin) {
            case .waiting: progress = .waiting
            case .failed: return .failed
            case .known(nil):
                // A listed tag that vanished since is simply not selected; one that the spec names is missed.
                guard case .list = entry.selector.base else { continue }
                if entry.rules.missing == .keep {
                    note("source-missing", "\(source):\(tag) is gone; its targets stay as they are (missing: keep)", at: entry.origin)
                    progress = later(progress, declare(nil, tags: [tag], in: targets, entry.origin, entry.rules))
                } else {
                    progress = later(progress, reportMissing(source, .tag(tag), at: entry.origin))
                }
            case .known(let content?):
                switch select(entry.rules.platforms, of: content, for: entry.origin) {
                case .waiting: progress = later(progress, .waiting)
                case .failed: return .failed
                case .known(let chosen):
                    progress = later(progress, declare(chosen, tags: [tag], in: targets, entry.origin, entry.rules))
                }
            }
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
        let shown =
            names.count > 5 ? names.suffix(5).joined(separator: ", ") + " and \(names.count - 5) more" : names.joined(separator: ", ")
        error(
            "nothing-selected",
            "the tags of this entry select nothing in \(source)",
            at: entry.origin,
            help: (names.isEmpty ? "the repository has no tags" : "it has \(shown)") + "; correct the selector, or write 'allowEmpty: true'"
        )
        return .failed
    }
}
