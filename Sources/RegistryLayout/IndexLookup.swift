internal import OCI

/// An index that is only read, with its names and digests at hand.
struct IndexLookup: Sendable {
    let index: LayoutIndex
    /// The places of the entries of each name.
    private let byName: [String: [Int]]
    /// The place of the first entry of each digest.
    private let byDigest: [Digest: Int]

    init(_ index: LayoutIndex) {
        self.index = index
        var byName: [String: [Int]] = [:]
        var byDigest: [Digest: Int] = [:]
        byDigest.reserveCapacity(index.entries.count)
        for (place, entry) in index.entries.enumerated() {
            if let name = entry.name { byName[name, default: []].append(place) }
            if byDigest[entry.digest] == nil { byDigest[entry.digest] = place }
        }
        self.byName = byName
        self.byDigest = byDigest
    }

    /// As `LayoutIndex.entries(named:)`.
    func entries(named tag: TagName) -> [LayoutIndex.Entry] { (byName[tag.description] ?? []).map { index.entries[$0] } }

    /// As `LayoutIndex.entry`.
    func entry(_ digest: Digest) -> LayoutIndex.Entry? { byDigest[digest].map { index.entries[$0] } }
}
