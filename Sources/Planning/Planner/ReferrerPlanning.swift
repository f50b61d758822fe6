internal import OCI

/// Carries signatures, attestations and SBOMs along: manifests whose subject is the image (or one of an index's children, or one of
/// those referrers), and cosign's companion tags.
struct ReferrerPlanning {
    /// One image that goes from one repository to another, under whatever tags.
    struct Route: Hashable {
        var source: RepositoryAddress
        var target: RepositoryAddress
        var digest: Digest
    }

    struct Job {
        var route: Route
        /// The first of the tags, whose content this is; `nil`: it goes by its digest alone.
        var tag: TagName?
        var content: ResolvedContent
        var origin: Origin
        /// The puts of the tags; empty where all are in place.
        var puts: [ChangeID] = []
        /// How many declared tags the content passes through before this one.
        var hops: Int
    }

    /// A manifest that this plan puts into a repository since it refers to another.
    fileprivate struct Carried {
        var descriptor: Descriptor
        /// Where it can be read now.
        var readable: RepositoryAddress
    }

    fileprivate var carried: [RepositoryAddress: [Digest: [Carried]]] = [:]
    /// Live companion tags of a source; absent repositories have an empty set.
    fileprivate var companions: [RepositoryAddress: Set<TagName>] = [:]
    fileprivate var isThere: [RepositoryAddress: Bool] = [:]

    /// Referrers of referrers are followed this far.
    fileprivate static let deepest = 4
}

extension PlanningRun {
    mutating func findReferrerJobs() { referrerJobs = makeReferrerJobs() }

    mutating func carryReferrers() {
        var planning = ReferrerPlanning()
        // A chained copy carries what the copy before it has brought by then.
        for job in referrerJobs { carry(job, &planning) }
    }

    private func makeReferrerJobs() -> [ReferrerPlanning.Job] {
        var jobs: [ReferrerPlanning.Job] = []
        for (address, declared) in declarations.byRepository {
            var positions: [RepositoryAddress: [Digest: Int]] = [:]
            for (tag, declaration) in declared {
                let isInPlace = if case .inPlace = declaration.state { true } else { false }
                guard declaration.rules.referrers != .never, declaration.isPut || (isInPlace && declaration.rules.referrers == .always),
                    let content = declaration.content, case .registry(let source) = content.origin, source != address,
                    case .registry = content.readable, !content.isProvisional
                else { continue }
                let position = positions[source]?[content.digest] ?? jobs.endIndex
                if position == jobs.endIndex {
                    positions[source, default: [:]][content.digest] = position
                    let route = ReferrerPlanning.Route(source: source, target: address, digest: content.digest)
                    let hops = hops(of: content)
                    jobs.append(ReferrerPlanning.Job(route: route, tag: tag, content: content, origin: declaration.origin, hops: hops))
                } else {
                    if declaration.origin < jobs[position].origin { jobs[position].origin = declaration.origin }
                    if let first = jobs[position].tag, tag < first {
                        (jobs[position].tag, jobs[position].content, jobs[position].hops) = (tag, content, hops(of: content))
                    }
                }
                if declaration.isPut { jobs[position].puts.append(Change.id(.put, .manifest(address, .tag(tag)))) }
            }
        }
        for position in jobs.indices where jobs[position].puts.count > 1 { jobs[position].puts.sort() }
        jobs.sort { left, right in
            guard left.route.target == right.route.target, let first = left.tag, let second = right.tag else {
                return left.route.target < right.route.target
            }
            return first < second
        }
        // What goes by its digest alone.
        var routes = putsByDigest.isEmpty ? [] : Set(jobs.map(\.route))
        for id in putsByDigest.sorted() {
            guard let change = changes[id], let address = change.target.address,
                let content = change.content.flatMap({ resolvedContents[$0] }),
                case .registry(let source) = content.origin
            else { continue }
            let route = ReferrerPlanning.Route(source: source, target: address, digest: content.digest)
            guard routes.insert(route).inserted else { continue }
            jobs.append(ReferrerPlanning.Job(route: route, content: content, origin: change.origin, puts: [change.id], hops: 0))
        }
        // In the order of the declared tags, which is fixed; those with fewer hops first.
        let byHops = Dictionary(grouping: jobs.indices) { jobs[$0].hops }
        return byHops.count < 2 ? jobs : byHops.sorted { $0.key < $1.key }.flatMap { $0.value.map { jobs[$0] } }
    }

    private func hops(of content: ResolvedContent) -> Int {
        var count = 0
        var next = content.follows
        var seen: Set<DeclaredTag> = []
        while let tag = next, seen.insert(tag).inserted {
            count += 1
            next = declarations[tag.address, tag.tag]?.content?.follows
        }
        return count
    }

    private mutating func carry(_ job: ReferrerPlanning.Job, _ planning: inout ReferrerPlanning) {
        let source = job.route.source
        guard case .known(let companions) = companionTags(of: source, for: job.origin, &planning),
            case .known(let api) = capability(.referrersAPI, source)
        else { return }
        let fills = planning.carried[source] != nil || declarations.hasCompanions(in: source)
        // Without the API every referrer stands behind a fallback tag, so the list tells at once that there is none.
        guard api != .no || !companions.isEmpty || fills else { return }
        guard case .known(let subjects) = subjects(of: job.content, for: job.origin) else { return }
        for subject in subjects {
            carryManifests(of: subject, job, after: job.puts, asksSource: api != .no, &planning)
            guard !companions.isEmpty || fills else { continue }
            for kind in [TagName.Companion.Kind.signature, .attestation, .sbom] {
                let tag = TagName.companion(of: subject, kind)
                if companions.contains(tag) || declarations[source, tag] != nil { carryTag(tag, job) }
            }
        }
    }

    private mutating func companionTags(
        of source: RepositoryAddress,
        for origin: Origin,
        _ planning: inout ReferrerPlanning
    ) -> Lookup<Set<TagName>> {
        if let known = planning.companions[source] { return .known(known) }
        switch tags(source, for: origin) {
        case .waiting: return .waiting
        case .failed: return .failed
        case .known(let tags):
            // Else signatures would stay behind, and nobody would know.
            guard tags != nil || !repositoriesWithTags.contains(source) else {
                fail(.contradiction(source), in: source.registry, for: origin)
                return .failed
            }
            let found = Set((tags ?? []).filter { $0.companion != nil })
            planning.companions[source] = found
            planning.isThere[source] = tags != nil
            return .known(found)
        }
    }

    /// The image and, for an index, what is below it.
    private mutating func subjects(of content: ResolvedContent, for origin: Origin) -> Lookup<[Digest]> {
        // A reduced index is crplan's own: nothing refers to it, but its children keep what refers to them.
        let own = content.identity.isDerived ? [] : [content.digest]
        guard content.mediaType.isEmpty || MediaType.isIndex(content.mediaType) else { return .known(own) }
        // Through indexes in indexes as well.
        var found = own
        var seen = Set(own)
        var open = [content.digest]
        var isWaiting = false
        while let digest = open.popLast() {
            switch document(digest, of: content, for: origin) {
            case .waiting: isWaiting = true
            case .failed: return .failed
            case .known(let document):
                for child in document?.index?.manifests ?? [] where seen.insert(child.digest).inserted {
                    found.append(child.digest)
                    if MediaType.isIndex(child.mediaType) { open.append(child.digest) }
                }
            }
        }
        return isWaiting ? .waiting : .known(found)
    }

    /// What refers to a manifest in the source, as the source will stand.
    private mutating func referrers(
        of subject: Digest,
        _ job: ReferrerPlanning.Job,
        asksSource: Bool,
        _ planning: ReferrerPlanning
    ) -> Lookup<[ReferrerPlanning.Carried]> {
        let source = job.route.source
        var found = planning.carried[source]?[subject] ?? []
        guard planning.isThere[source] == true,
            asksSource || planning.companions[source]?.contains(.companion(of: subject, .referrers)) == true
        else { return .known(found) }
        switch referrers(source, subject, for: job.origin) {
        case .waiting: return .waiting
        case .failed: return .failed
        case .known(let live):
            let known = Set(found.map(\.descriptor.digest))
            for descriptor in live ?? [] where !known.contains(descriptor.digest) {
                found.append(ReferrerPlanning.Carried(descriptor: descriptor, readable: source))
            }
            return .known(found)
        }
    }

    private mutating func carryManifests(
        of subject: Digest,
        _ job: ReferrerPlanning.Job,
        after puts: [ChangeID],
        asksSource: Bool,
        _ planning: inout ReferrerPlanning,
        depth: Int = 0
    ) {
        let target = job.route.target
        guard depth < ReferrerPlanning.deepest, case .known(let there) = referrers(of: subject, job, asksSource: asksSource, planning),
            !there.isEmpty, case .known(let here) = referrers(target, subject, for: job.origin)
        else { return }
        let present = Set((here ?? []).map(\.digest))
        for referrer in there {
            let digest = referrer.descriptor.digest
            var next = puts
            if !present.contains(digest) {
                let change = carry(referrer, of: subject, job, after: puts)
                next = [change]
                if planning.carried[target]?[subject]?.contains(where: { $0.descriptor.digest == digest }) != true {
                    planning.carried[target, default: [:]][subject, default: []].append(referrer)
                }
            }
            carryManifests(of: digest, job, after: next, asksSource: asksSource, &planning, depth: depth + 1)
        }
    }

    private mutating func carry(
        _ referrer: ReferrerPlanning.Carried,
        of subject: Digest,
        _ job: ReferrerPlanning.Job,
        after puts: [ChangeID]
    ) -> ChangeID {
        let digest = referrer.descriptor.digest
        var content = ResolvedContent(digest, mediaType: referrer.descriptor.mediaType, in: referrer.readable, as: .digest(digest))
        if referrer.readable != job.route.source { content.origin = .registry(job.route.source) }
        let place = ChangeTarget.manifest(job.route.target, .digest(digest))
        put(content, at: place, over: nil, job.origin, reason: "refers to \(subject.short)")
        let id = Change.id(.put, place)
        // Where the source is filled by this plan too, that comes first. Edges to what is not planned are dropped later.
        addEdges(puts + [Change.id(.put, .manifest(job.route.source, .digest(digest)))], to: id)
        return id
    }

    private mutating func addEdges(_ ids: [ChangeID], to change: ChangeID) {
        guard let known = changes[change]?.after else { return }
        changes[change]?.after = Set(known + ids.filter { $0 != change }).sorted()
    }

    /// Cosign's tags are ordinary tags that change as signatures are added, so the source's is the wanted one.
    private mutating func carryTag(_ tag: TagName, _ job: ReferrerPlanning.Job) {
        let target = job.route.target
        let place = ChangeTarget.manifest(target, .tag(tag))
        if let known = declarations[target, tag] {
            if known.isPut { addEdges(job.puts, to: Change.id(.put, place)) }
            return
        }
        guard case .known(let found?) = resolve(job.route.source, .tag(tag), for: job.origin) else { return }
        let terms = Declaration.Terms(job.origin, TransferRules(referrers: .never))
        let companion = settled(Declaration(content: found, terms), target, tag)
        declarations.set(companion, target, tag)
        switch companion.state {
        case .unreadable(let error): fail(error, in: target.registry, for: job.origin)
        case .toPut(let old):
            put(found, at: place, over: old, job.origin, reason: "a companion of \(job.content.digest.short)")
            addEdges(job.puts, to: Change.id(.put, place))
        default: break
        }
    }
}

extension RegistryError {
    /// A registry that denies what it has just shown.
    static func contradiction(_ address: RepositoryAddress) -> RegistryError {
        RegistryError(
            .badAnswer,
            action: "read the tag list of",
            object: address.description,
            registry: address.registry,
            status: 404,
            reason: "the registry says that there is no such repository, but it has just shown something in it",
            help: "try again; if it stays so, look at the registry and any proxy before it"
        )
    }
}
