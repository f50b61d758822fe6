internal import OCI

/// Tags → indexes → manifests → subjects of one repository, as they will stand. Every delete is decided on it.
struct RepositoryGraph {
    /// Why a digest must stay, in words and with what it is needed by.
    struct ReasonToKeep {
        var description: String
        var subjects: [ManifestReference]
    }

    private let documents: [Digest: ManifestDocument]
    /// Untagged manifests, where the registry lists them.
    private let listed: Set<Digest>
    private var liveTags: [Digest: [TagName]] = [:]
    /// Where kept tags, declared ones included, will lead, by what they lead to.
    private var keptTags: [Digest: [TagName]] = [:]
    /// The indexes that name each digest, and what refers to it.
    private var parents: [Digest: [Digest]] = [:]
    private var referrers: [Digest: [Digest]] = [:]

    init(live: [TagName: Digest], kept: [TagName: Digest], listed: Set<Digest>, documents: [Digest: ManifestDocument]) {
        self.documents = documents
        self.listed = listed
        for (tag, digest) in live { liveTags[digest, default: []].append(tag) }
        for (tag, digest) in kept { keptTags[digest, default: []].append(tag) }
        for (digest, document) in documents {
            for child in document.index?.manifests ?? [] { parents[child.digest, default: []].append(digest) }
            if let subject = document.subject { referrers[subject.digest, default: []].append(digest) }
        }
    }

    func tags(on digest: Digest) -> [TagName] { liveTags[digest]?.sorted() ?? [] }

    /// Every manifest that these lead to through indexes, and what refers to those.
    func everything(below roots: Set<Digest>) -> Set<Digest> {
        var found: Set<Digest> = []
        var queue = Array(roots)
        while let digest = queue.popLast() {
            for next in children(of: digest) + (referrers[digest] ?? []) where found.insert(next).inserted { queue.append(next) }
        }
        return found
    }

    func children(of digest: Digest) -> [Digest] { documents[digest]?.index?.manifests.map(\.digest) ?? [] }

    /// The indexes that name `digest`, and the images whose signature or other referrer it is.
    func needers(of digest: Digest) -> [Digest] {
        Set((parents[digest] ?? []) + subjects(of: digest)).sorted()
    }

    /// Whether something that stays leads to `digest`: a kept index with it among its children, however deep, or a kept image that
    /// it is a signature (or other referrer) of.
    func reasonToKeep(_ digest: Digest, deleting deleted: Set<Digest>) -> ReasonToKeep? {
        let staying = indexes(leadingTo: digest).subtracting(deleted).subtracting([digest])
        if let tag = staying.compactMap({ keptTags[$0]?.min() }).min() {
            return ReasonToKeep(description: "the index under the tag \(tag) needs it", subjects: [.tag(tag)])
        }
        if let root = staying.intersection(listed).min() {
            return ReasonToKeep(description: "the index \(root.short) needs it", subjects: [.digest(root)])
        }
        let subject = subjects(of: digest).first { !deleted.contains($0) && isKept($0) }
        return subject.map(Self.reasonToKeep(referrerOf:))
    }

    static func reasonToKeep(referrerOf subject: Digest) -> ReasonToKeep {
        ReasonToKeep(description: "it is a signature or other referrer of \(subject.short), which stays", subjects: [.digest(subject)])
    }

    /// What it is about: its own subject, and the images that its companion tags name.
    func subjects(of digest: Digest) -> [Digest] {
        (documents[digest]?.subject.map { [$0.digest] } ?? []) + tags(on: digest).compactMap { $0.companion?.digest }
    }

    private func isKept(_ digest: Digest) -> Bool {
        listed.contains(digest) || keptTags[digest] != nil || indexes(leadingTo: digest).contains { keptTags[$0] != nil }
    }

    /// The indexes with `digest` among their children, however deep.
    private func indexes(leadingTo digest: Digest) -> Set<Digest> {
        var found: Set<Digest> = []
        var queue = [digest]
        while let next = queue.popLast() {
            for parent in parents[next] ?? [] where found.insert(parent).inserted { queue.append(parent) }
        }
        return found
    }
}

extension PlanningRun {
    /// A registry that shows a manifest and does not give it leaves open what it leads to: that fails.
    mutating func isReallyAbsent(_ digest: Digest, in address: RepositoryAddress, for origin: Origin) -> Lookup<Bool> {
        switch head(address, .digest(digest), for: origin) {
        case .waiting: return .waiting
        case .failed: return .failed
        case .known(nil): return .known(true)
        case .known:
            fail(.notGiven(digest, in: address), in: address.registry, for: origin)
            return .failed
        }
    }

    /// Reads every tag, and every manifest that a tag or (where the registry lists them) anything else leads from.
    /// A manifest that cannot be read fails the whole: no delete is decided on half a graph.
    mutating func readGraph(of address: RepositoryAddress, deleting deleted: Set<Digest>, for origin: Origin) -> Lookup<RepositoryGraph> {
        let heads: [TagName: ManifestHead]
        switch headsByTag(in: address, for: origin) {
        case .waiting: return .waiting
        case .failed: return .failed
        case .known(let found): heads = found
        }
        // A list that is denied may come as one that is not there.
        if heads.isEmpty, !deleted.isEmpty {
            switch tags(address, for: origin) {
            case .waiting: return .waiting
            case .failed: return .failed
            case .known(nil):
                fail(.contradiction(address), in: address.registry, for: origin)
                return .failed
            case .known: break
            }
        }
        let live = heads.mapValues(\.digest)
        var kept = live
        for (tag, declaration) in declarations.tags(in: address) {
            guard let digest = declaration.digest else { continue }
            kept[tag] = digest
        }
        var listed: Set<Digest> = []
        switch digests(address, for: origin) {
        case .waiting: return .waiting
        case .failed: return .failed
        case .known(let digests): listed = Set(digests ?? [])
        }
        var documents: [Digest: ManifestDocument] = [:]
        // A tag whose type is known leads on only from an index.
        let leading = heads.values.filter { MediaType.isIndex($0.mediaType) || !MediaType.isManifest($0.mediaType) }.map(\.digest)
        var queue = Array(Set(leading).union(listed.subtracting(plainImages(in: address))).union(deleted)).sorted()
        var seen = Set(queue)
        var outcome = Progress.done
        while let digest = queue.popLast() {
            switch manifest(address, digest, for: origin) {
            case .waiting: if outcome == .done { outcome = .waiting }
            case .failed: outcome = .failed
            case .known(let document):
                guard let document else {
                    switch isReallyAbsent(digest, in: address, for: origin) {
                    case .waiting: if outcome == .done { outcome = .waiting }
                    case .failed: outcome = .failed
                    // A child that is not there leads nowhere; a tag's own manifest went between two answers: its tag went too.
                    case .known: continue
                    }
                    continue
                }
                documents[digest] = document
                for child in document.index?.manifests ?? []
                where (MediaType.isIndex(child.mediaType) || !MediaType.isManifest(child.mediaType)) && seen.insert(child.digest).inserted {
                    queue.append(child.digest)
                }
            }
        }
        // What will be put here is known from its source.
        for (_, declaration) in declarations.tags(in: address) {
            guard declaration.isPut, let content = declaration.content else { continue }
            switch self.documents(of: content, for: origin) {
            case .waiting: if outcome == .done { outcome = .waiting }
            case .failed: outcome = .failed
            case .known(let coming): for document in coming { documents[document.digest] = document }
            }
        }
        if outcome == .failed { return .failed }
        return outcome == .waiting ? .waiting : .known(RepositoryGraph(live: live, kept: kept, listed: listed, documents: documents))
    }
}
