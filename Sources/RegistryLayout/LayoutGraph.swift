internal import Files
internal import OCI

/// What can be reached in one layout from its index.
extension LayoutFolder {
    /// Every manifest that an entry or an index below it leads to, and that is there, by digest.
    func listedManifests(_ index: LayoutIndex, in folder: Folder) throws(RegistryError) -> [Digest: ManifestFacts] {
        var found: [Digest: ManifestFacts] = [:]
        try visit(index.entries.map(\.descriptor), in: folder) { found[$0.digest] = $1 }
        return found
    }

    /// Every manifest below an index of an entry, whether an entry names it too or not. What cannot be read is passed over where
    /// `tolerates` allows it.
    func reachedManifests(
        _ index: LayoutIndex,
        in folder: Folder,
        tolerates: (Descriptor) -> Bool
    ) throws(RegistryError) -> Set<Digest> {
        var reached: Set<Digest> = []
        try visit(index.entries.map(\.descriptor), in: folder, tolerates: tolerates) { _, facts in
            for child in facts?.children ?? [] { reached.insert(child.digest) }
        }
        return reached
    }

    /// Every blob, manifests included, that `roots` lead to. `nil`: it cannot be told, since a root is missing, or something of a kind
    /// that crplan does not know is among what they lead to.
    func reachedBlobs(_ roots: [Descriptor], in folder: Folder) throws(RegistryError) -> Set<Digest>? {
        var reached: Set<Digest> = []
        var unknown: Set<Digest> = []
        try visit(roots, in: folder) { descriptor, facts in
            reached.insert(descriptor.digest)
            for blob in facts?.blobs ?? [] { reached.insert(blob.digest) }
            if facts.map({ !MediaType.isManifest($0.descriptor.mediaType) }) ?? true { unknown.insert(descriptor.digest) }
        }
        let rootDigests = Set(roots.map(\.digest))
        for digest in unknown {
            // A platform that was never copied led to nothing here.
            let isThere = try blobSize(digest, in: folder) != nil
            if isThere || rootDigests.contains(digest) { return nil }
        }
        return reached
    }

    /// Calls `body` once for each descriptor of a manifest below `roots`, with what is there: `nil` where it is missing or no manifest.
    private func visit(
        _ roots: [Descriptor],
        in folder: Folder,
        tolerates: (Descriptor) -> Bool = { _ in false },
        _ body: (Descriptor, ManifestFacts?) -> Void
    ) throws(RegistryError) {
        var seen: Set<Digest> = []
        var open = roots
        while let next = open.popLast() {
            guard seen.insert(next.digest).inserted else { continue }
            let facts: ManifestFacts?
            do throws(RegistryError) {
                facts = try self.facts(next.digest, announced: next.mediaType, in: folder)
            } catch {
                guard tolerates(next) else { throw error }
                facts = nil
            }
            body(next, facts)
            open += facts?.children ?? []
        }
    }
}
