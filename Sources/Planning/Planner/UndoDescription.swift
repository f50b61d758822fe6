internal import OCI

/// The way back of a change, where other changes or the state of the image stand in its way.
extension PlanningRun {
    mutating func describeUndo() {
        let all = sortedChanges(where: { $0.isMove || $0.kind == .untag })
        for change in all {
            guard let address = change.target.address, let tag = change.target.reference, let old = change.oldDigest else { continue }
            // Its image goes too, and comes back as that does.
            if let deletion = changes[Change.id(.delete, .manifest(address, .digest(old)))] {
                changes[change.id]?.undo = deletion.undo
            } else if all.count <= Self.largestLook, !limitsPulls(address.registry), losesPart(of: old, seenAt: tag, in: address) {
                changes[change.id]?.undo = .none
            }
        }
    }

    /// Registries take no index under a tag whose images are not all there. What cannot be read is taken for whole.
    private mutating func losesPart(of digest: Digest, seenAt reference: ManifestReference, in address: RepositoryAddress) -> Bool {
        guard case .found(.head(let head))? = answer(.head(address, reference)), MediaType.isIndex(head.mediaType),
            case .found(.manifest(let document))? = answer(.manifest(address, digest))
        else { return false }
        for child in document.index?.manifests ?? [] where MediaType.isManifest(child.mediaType) {
            if changes[Change.id(.delete, .manifest(address, .digest(child.digest)))] != nil { return true }
            if case .absent? = answer(.head(address, .digest(child.digest))) { return true }
            if MediaType.isIndex(child.mediaType), losesPart(of: child.digest, seenAt: .digest(child.digest), in: address) { return true }
        }
        return false
    }
}
