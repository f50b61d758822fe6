internal import OCI

/// What is in use, ready to be looked up, each with the places that say so.
struct InUseIndex {
    /// As the lists name it.
    private(set) var tags: [RepositoryAddress: [TagName: [String]]] = [:]
    /// Named by a list, or held by a tag that one names.
    private(set) var digests: [Digest: [String]] = [:]
    /// Where the manifests of `digests` may be read.
    private(set) var addresses: [Digest: Set<RepositoryAddress>] = [:]
    /// Some images are known by an id alone, which may be the digest of their config.
    private(set) var hasImageIDs = false
    /// What an index in use leads to: its children, however deep.
    private(set) var parts: [Digest: Use] = [:]

    /// That something is in use, and how it comes to be.
    struct Use: Hashable {
        /// A clause without its verb: `the image`, `the index 5e884898da28, which it is a part of,`.
        var what: String
        var places: [String]
    }

    init(_ references: [InUseReference]) {
        for reference in references {
            if let address = reference.repository, let tag = reference.tag {
                tags[address, default: [:]][tag, default: []].append(reference.place)
            }
            guard let digest = reference.digest else { continue }
            add(digest, in: reference.repository, [reference.place])
            if reference.repository == nil { hasImageIDs = true }
        }
    }

    mutating func add(_ digest: Digest, in address: RepositoryAddress?, _ places: [String]) {
        digests[digest, default: []] += places
        if let address { addresses[digest, default: []].insert(address) }
    }

    mutating func add(parts: Set<Digest>, of index: Digest) {
        let use = Use(what: "the index \(index.short), which it is a part of,", places: digests[index] ?? [])
        for part in parts { self.parts[part] = self.parts[part] ?? use }
    }

    /// Why these tags of a repository, or the image itself, must stay.
    func use(of tags: [TagName], _ digest: Digest, in address: RepositoryAddress) -> Use? {
        let named = self.tags[address] ?? [:]
        for tag in tags {
            if let places = named[tag] { return Use(what: "the tag \(tag)", places: places) }
        }
        if let places = digests[digest] { return Use(what: "the image", places: places) }
        return parts[digest]
    }

    /// Why an index must stay that leads to these.
    func use(ofParts parts: Set<Digest>) -> Use? {
        parts.filter { digests[$0] != nil }.min().map { Use(what: "its part \($0.short)", places: digests[$0] ?? []) }
    }
}

extension InUseIndex.Use {
    /// `in-use.txt:3 and 4 more`.
    var shownPlaces: String {
        let distinct = Set(places).count
        return (places.first ?? "") + (distinct > 1 ? " and \(distinct - 1) more" : "")
    }

    var description: String { "\(what) is in use (\(shownPlaces))" }
}
