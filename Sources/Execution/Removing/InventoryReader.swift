internal import OCI
internal import Planning
internal import Registry

/// Reads what `RemovalCheck` must know about one repository. Everything unreadable is thrown: a delete is never decided on a guess.
struct InventoryReader: Sendable {
    private static let breadth = 16

    let registry: any RegistryReader
    let repository: RepositoryName

    /// `candidates` are the digests that are to be deleted; `asksForNeeds` when some must be unneeded. A repository that is not there
    /// is empty.
    func read(candidates: Set<Digest>, asksForNeeds: Bool) async throws(RegistryError) -> RepositoryInventory {
        var inventory = RepositoryInventory()
        let tags = try await registry.tags(in: repository) ?? []
        let heads = try await concurrentlyTrying(tags, limit: Self.breadth) { tag async throws(RegistryError) in
            try await registry.head(.tag(tag), in: repository)
        }
        for (tag, head) in zip(tags, heads) { inventory.tags[tag] = head?.digest }
        if asksForNeeds {
            inventory.listed = try await registry.digests(in: repository).map(Set.init)
            var types: [Digest: String] = [:]
            for head in heads.compactMap(\.self) { types[head.digest] = head.mediaType }
            try await walk(from: types, candidates, &inventory)
        }
        try await checkPresence(candidates, &inventory)
        return inventory
    }

    /// Follows indexes, and referrers where the registry does not list what it has.
    private func walk(
        from tagged: [Digest: String],
        _ candidates: Set<Digest>,
        _ inventory: inout RepositoryInventory
    ) async throws(RegistryError) {
        let asksReferrers: Bool =
            if inventory.listed == nil { try await registry.capability(.referrersAPI, in: repository) != .no } else { false }
        var open = tagged
        for digest in candidates.union(inventory.listed ?? []) where open[digest] == nil { open[digest] = "" }
        var seen = Set(open.keys)
        while !open.isEmpty {
            let found = try await concurrentlyTrying(open.sorted { $0.key < $1.key }, limit: Self.breadth) {
                node async throws(RegistryError) in
                try await links(of: node.key, node.value, isCandidate: candidates.contains(node.key), asksReferrers)
            }
            open = [:]
            for links in found {
                inventory.subjects[links.digest] = links.subject
                inventory.children[links.digest] = Set(links.children.map(\.digest))
                inventory.referrers[links.digest] = Set(links.referrers.map(\.digest))
                for next in links.children + links.referrers where seen.insert(next.digest).inserted { open[next.digest] = next.mediaType }
            }
        }
    }

    private struct Links: Sendable {
        var digest: Digest
        var subject: Digest?
        var children: [Descriptor] = []
        var referrers: [Descriptor] = []
    }

    /// An image leads to no manifest; it is read only as a candidate, for its subject. Of an empty type it is not known what it is.
    private func links(
        of digest: Digest,
        _ mediaType: String,
        isCandidate: Bool,
        _ asksReferrers: Bool
    ) async throws(RegistryError) -> Links {
        var links = Links(digest: digest)
        let isImage = MediaType.isManifest(mediaType) && !MediaType.isIndex(mediaType)
        if isCandidate || !isImage {
            let document = try await registry.manifest(.digest(digest), in: repository)
            // What is shown and not given may lead anywhere.
            if document == nil, try await registry.head(.digest(digest), in: repository) != nil {
                throw .notGiven(digest, in: RepositoryAddress(registry.id, repository))
            }
            links.children = document?.index?.manifests ?? []
            links.subject = document?.subject?.digest
        }
        if asksReferrers { links.referrers = try await registry.referrers(of: digest, in: repository).descriptors }
        return links
    }

    /// Candidates, their subjects and the subjects of companion tags may be there without a tag. A list may still show a candidate that is
    /// gone.
    private func checkPresence(_ candidates: Set<Digest>, _ inventory: inout RepositoryInventory) async throws(RegistryError) {
        let companions = inventory.tags.keys.compactMap { $0.companion?.digest }
        let subjects = candidates.compactMap { inventory.subjects[$0] }
        let tagged = Set(inventory.tags.values)
        let unsure = candidates.union(companions).union(subjects).filter { [inventory] digest in
            candidates.contains(digest) ? !tagged.contains(digest) : !inventory.has(digest)
        }.sorted()
        let heads = try await concurrentlyTrying(unsure, limit: Self.breadth) { digest async throws(RegistryError) in
            try await registry.head(.digest(digest), in: repository)
        }
        for (digest, head) in zip(unsure, heads) {
            if head == nil { inventory.listed?.remove(digest) } else { inventory.present.insert(digest) }
        }
    }
}
