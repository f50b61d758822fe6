package import OCI

/// How many manifests an apply would read from one registry, as far as planning knows.
package struct PullEstimate: Hashable, Sendable {
    package var registry: RegistryID
    package var count: Int
    /// An index among them was not read, so the number of its images is not known.
    package var isLeast: Bool

    package init(registry: RegistryID, count: Int, isLeast: Bool = false) {
        self.registry = registry
        self.count = count
        self.isLeast = isLeast
    }
}

extension PlanningRun {
    /// One for each registry that contents are read from, in order. Contents are counted one by one, as apply reads them.
    func pullEstimates(of contents: [PlannedContent]) -> [PullEstimate] {
        var estimates: [RegistryID: PullEstimate] = [:]
        for content in contents {
            guard case .registry(let address) = content.origin else { continue }
            let registry = address.registry
            let found = pulls(of: content)
            estimates[registry, default: PullEstimate(registry: registry, count: 0)].count += found.count
            if found.isLeast { estimates[registry]?.isLeast = true }
        }
        return estimates.values.sorted { $0.registry < $1.registry }
    }

    private func pulls(of content: PlannedContent) -> (count: Int, isLeast: Bool) {
        let resolved = resolvedContents[content.id]
        var seen: Set<Digest> = [content.digest]
        var queue = [(digest: content.digest, mediaType: content.mediaType)]
        var (count, isLeast) = (0, false)
        while let (digest, mediaType) = queue.popLast() {
            var document: ManifestDocument?
            if let held = resolved?.held?.manifest, held.digest == digest { document = held }
            if document == nil, case .registry(let address)? = resolved?.readable,
                case .found(.manifest(let read))? = facts[.manifest(address, digest)]
            {
                document = read
            }
            // What crplan derives travels in the plan.
            if content.manifest == nil || digest != content.digest { count += 1 }
            if document == nil, MediaType.isIndex(mediaType) { isLeast = true }
            for child in document?.index?.manifests ?? []
            where MediaType.isManifest(child.mediaType) && seen.insert(child.digest).inserted {
                queue.append((child.digest, child.mediaType))
            }
        }
        return (count, isLeast)
    }
}
