internal import OCI

extension PlanningRun {
    /// Sizes and platforms of what will be put. Binds nothing; but a source whose manifests cannot be read is an error here, not in apply.
    mutating func estimate() {
        var sent: [RegistryID: Set<Digest>] = [:]
        for change in sortedChanges(where: { $0.kind == .put }) {
            guard let id = change.content, let content = resolvedContents[id], let address = change.target.address else { continue }
            guard mayReadForEstimate(content) else { continue }
            guard case .known(let documents) = documents(of: content, for: change.origin) else { continue }
            guard isWhole(documents, content, for: change.origin) else { continue }
            let platforms = platforms(of: documents)
            contents[id]?.platforms = platforms
            if contents[id]?.mediaType.isEmpty == true { contents[id]?.mediaType = documents.first?.mediaType ?? "" }
            let present = change.oldDigest.map { blobsHeld(by: $0, in: address, for: change.origin) } ?? []
            var estimate = Plan.Estimate(totalBytes: 0, bytesToSend: 0)
            var counted: Set<Digest> = []
            for blob in documents.flatMap({ $0.image?.blobs ?? [] }) + documents.map(\.descriptor)
            where counted.insert(blob.digest).inserted {
                estimate.totalBytes = Self.adding(blob.size, to: estimate.totalBytes)
                let isNew = sent[address.registry, default: []].insert(blob.digest).inserted
                if isNew, !present.contains(blob.digest), change.method != .tag {
                    estimate.bytesToSend = Self.adding(blob.size, to: estimate.bytesToSend)
                }
            }
            estimates[change.id] = estimate
        }
    }

    /// Where pulls are limited none is spent on an estimate, unless a limit of the policy is counted by it.
    func mayReadForEstimate(_ content: ResolvedContent) -> Bool {
        guard case .registry(let address) = content.readable, limitsPulls(address.registry) else { return true }
        return policy.limits.upload != nil || content.mediaType.isEmpty
    }

    func limitsPulls(_ registry: RegistryID) -> Bool { desired.registries[registry]?.limits.pulls != nil }

    /// An index whose images are not all there cannot be copied as it is.
    private mutating func isWhole(_ documents: [ManifestDocument], _ content: ResolvedContent, for origin: Origin) -> Bool {
        let there = Set(documents.map(\.digest))
        let children = documents.compactMap(\.index).flatMap(\.manifests).filter { MediaType.isManifest($0.mediaType) }
        guard let missing = children.first(where: { !there.contains($0.digest) }) else { return true }
        let name = missing.platform.map { "\($0) (\(missing.digest.short))" } ?? missing.digest.short
        error(
            "source-incomplete",
            "\(content.label) is an index that names the image \(name), which its registry does not hold",
            at: origin,
            help: "push the source again, or choose the images that are there with 'platforms'"
        )
        return false
    }

    /// A manifest may claim any size.
    static func adding(_ size: Int64, to sum: Int64) -> Int64 {
        let (result, overflow) = sum.addingReportingOverflow(size)
        return overflow ? .max : result
    }

    private func platforms(of documents: [ManifestDocument]) -> [Platform] {
        let named = documents.compactMap(\.index).flatMap(\.manifests).compactMap(\.platform)
        return Set(named.filter { $0.os != "unknown" }).sorted()
    }

    /// What the moved tag's old image already has in the repository; nothing when that cannot be read.
    private mutating func blobsHeld(by old: Digest, in address: RepositoryAddress, for origin: Origin) -> Set<Digest> {
        guard !limitsPulls(address.registry) else { return [] }
        var held: Set<Digest> = []
        var queue = [old]
        while let digest = queue.popLast(), held.insert(digest).inserted {
            guard case .found(.manifest(let document))? = answer(.manifest(address, digest)) else { continue }
            held.formUnion(document.image?.blobs.map(\.digest) ?? [])
            queue += document.index?.manifests.map(\.digest).filter { !held.contains($0) } ?? []
        }
        return held
    }
}
