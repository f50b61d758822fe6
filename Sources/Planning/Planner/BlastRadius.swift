internal import OCI

/// What else a removal is about: for which platforms the image is, which indexes name it, what refers to it, and how many bytes are freed.
/// For people, so what cannot be read is left out. But here every manifest around a delete is read, and an index that shows only now, since
/// another one calls it an image, refuses the delete.
extension PlanningRun {
    /// What is around the images that go.
    private struct Surroundings {
        /// The indexes that name a digest.
        var parents: [Digest: Set<Digest>] = [:]
        /// Blobs of what stays in the repository; `nil`: not everything was looked at.
        var keptBlobs: Set<Digest>?
    }

    mutating func describeRemovals() {
        let all = sortedChanges(where: \.isRemoval)
        // Nobody looks at more of them one by one, and each costs requests.
        guard all.count <= Self.largestLook else { return }
        for (address, removals) in Dictionary(grouping: all, by: \.target.address) {
            guard let address, !limitsPulls(address.registry) else { continue }
            let deleted = Set(removals.filter { $0.kind == .delete }.compactMap(\.oldDigest))
            let surroundings = surroundings(of: address, without: deleted)
            var counted: Set<Digest> = []
            for change in removals {
                describe(change, in: address, surroundings, &counted)
                refuseNeeded(change, in: address, surroundings, deleted)
            }
        }
    }

    /// `counted`: blobs that other deletes free already.
    private mutating func describe(
        _ change: Change,
        in address: RepositoryAddress,
        _ surroundings: Surroundings,
        _ counted: inout Set<Digest>
    ) {
        guard let digest = change.oldDigest else { return }
        var consequences = change.consequences
        if change.kind == .untag, case .found(.referrers(let list))? = answer(.referrers(address, digest)) {
            consequences.referrers = list.map(\.digest).sorted()
        }
        consequences.parents = surroundings.parents[digest]?.sorted()
        defer { changes[change.id]?.consequences = consequences }
        guard case .found(.manifest(let document))? = answer(.manifest(address, digest)) else { return }
        consequences.platforms = platforms(of: document, in: address)
        guard change.kind == .delete || consequences.losesLastTag else { return }
        let blobs = Set((document.image?.blobs ?? []) + [document.descriptor])
        estimates[change.id] = Plan.Estimate(
            totalBytes: Self.size(of: blobs),
            bytesToSend: 0,
            bytesFreed: change.kind == .untag
                ? nil
                : surroundings.keptBlobs.map { kept in
                    Self.size(of: blobs.filter { !kept.contains($0.digest) && counted.insert($0.digest).inserted })
                }
        )
    }

    /// An index that calls another one an image hides what is below; here everything was read.
    private mutating func refuseNeeded(
        _ change: Change,
        in address: RepositoryAddress,
        _ surroundings: Surroundings,
        _ deleted: Set<Digest>
    ) {
        guard change.kind == .delete, let digest = change.oldDigest,
            let parent = surroundings.parents[digest]?.subtracting(deleted).min()
        else { return }
        refuseNeeded(
            digest,
            in: address,
            RepositoryGraph.ReasonToKeep(description: "the index \(parent.short) needs it", subjects: [.digest(parent)]),
            change.origin
        )
    }

    private mutating func platforms(of document: ManifestDocument, in address: RepositoryAddress) -> [Platform]? {
        if let index = document.index { return Set(index.manifests.compactMap(\.platform).filter { $0.os != "unknown" }).sorted() }
        guard let config = document.image?.config, Self.isImageConfig(config.mediaType),
            case .found(.config(let configuration))? = answer(.config(address, config))
        else { return nil }
        return configuration.platform.map { [$0] }
    }

    /// Where something is deleted, everything is read, for the blobs that what stays shares with it; else the indexes alone.
    private mutating func surroundings(of address: RepositoryAddress, without deleted: Set<Digest>) -> Surroundings {
        var found = Surroundings()
        guard case .found(.tags(let tags))? = answer(.tags(address)), tags.count <= Self.largestLook else { return found }
        var types: [Digest: String] = [:]
        if case .found(.digests(let digests))? = answer(.digests(address)) {
            guard digests.count <= Self.largestLook else { return found }
            for digest in digests { types[digest] = "" }
            for digest in plainImages(in: address) { types[digest] = MediaType.ociManifest }
        }
        for tag in tags {
            guard case .found(.head(let head))? = answer(.head(address, .tag(tag))) else { continue }
            types[head.digest] = head.mediaType
        }
        let looksAtBlobs = !deleted.isEmpty
        var kept: Set<Digest>? = looksAtBlobs ? coming(to: address) : nil
        var open = Array(types.keys)
        while let digest = open.popLast() {
            let isPlain = types[digest].map { MediaType.isManifest($0) && !MediaType.isIndex($0) } ?? false
            guard looksAtBlobs || !isPlain else { continue }
            switch answer(.manifest(address, digest)) {
            case .found(.manifest(let document))?:
                if !deleted.contains(digest) { kept?.formUnion((document.image?.blobs.map(\.digest) ?? []) + [digest]) }
                for child in document.index?.manifests ?? [] {
                    found.parents[child.digest, default: []].insert(digest)
                    if types.updateValue(child.mediaType, forKey: child.digest) == nil { open.append(child.digest) }
                }
            case .absent?: continue
            case nil, .found?, .unreadable?: kept = nil
            }
        }
        found.keptBlobs = kept
        return found
    }

    /// Blobs of what this plan puts there; `nil`: not known.
    private mutating func coming(to address: RepositoryAddress) -> Set<Digest>? {
        var blobs: Set<Digest> = []
        for change in changes.values where change.kind == .put && change.target.address == address {
            guard let content = change.content.flatMap({ resolvedContents[$0] }), mayReadForEstimate(content),
                case .known(let documents) = documents(of: content, for: change.origin)
            else { return nil }
            blobs.formUnion(documents.flatMap { $0.image?.blobs ?? [] }.map(\.digest))
        }
        return blobs
    }

    private static func size(of blobs: Set<Descriptor>) -> Int64 { blobs.reduce(0) { adding($1.size, to: $0) } }
}
