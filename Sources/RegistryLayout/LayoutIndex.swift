internal import OCI

/// The `index.json` of one layout (image-spec, image-layout.md). Members and annotations that crplan does not know are kept as they are.
struct LayoutIndex: Hashable, Sendable {
    static let nameAnnotation = "org.opencontainers.image.ref.name"

    /// One descriptor of `manifests`. Its name may be a tag, or something else that another tool wrote, such as a full reference.
    struct Entry: Hashable, Sendable {
        private(set) var members: [String: JSONValue]
        let descriptor: Descriptor
        private(set) var name: String?

        var digest: Digest { descriptor.digest }
        var isTag: Bool { name.map { (try? TagName($0)) != nil } ?? false }

        init(_ descriptor: Descriptor) {
            self.descriptor = Descriptor(mediaType: descriptor.mediaType, digest: descriptor.digest, size: descriptor.size)
            members = [
                "mediaType": .string(descriptor.mediaType), "digest": .string(descriptor.digest.description),
                "size": .integer(descriptor.size),
            ]
        }

        init(_ value: JSONValue) throws(Invalid) {
            guard let members = value.object, let text = members["digest"]?.string else {
                throw Invalid(description: "an entry of index.json has no digest")
            }
            guard case .integer(let size)? = members["size"], size >= 0 else {
                throw Invalid(description: "the entry \(text.withVisibleControls) of index.json has no valid size")
            }
            do throws(Digest.Invalid) {
                descriptor = Descriptor(mediaType: members["mediaType"]?.string ?? "", digest: try Digest(text), size: size)
            } catch {
                throw Invalid(description: "'\(text.withVisibleControls)' in index.json is not a digest: \(error)")
            }
            self.members = members
            name = members["annotations"]?[LayoutIndex.nameAnnotation]?.string
        }

        mutating func rename(_ name: String?) {
            self.name = name
            var annotations = members["annotations"]?.object ?? [:]
            annotations[LayoutIndex.nameAnnotation] = name.map { .string($0) }
            members["annotations"] = annotations.isEmpty ? nil : .object(annotations)
        }
    }

    /// Why a file is not an `index.json`. The description is a clause.
    struct Invalid: Error, Hashable, Sendable, CustomStringConvertible {
        let description: String
    }

    private var members: [String: JSONValue]
    private(set) var entries: [Entry]

    /// An empty layout.
    init() {
        members = ["schemaVersion": .integer(2), "mediaType": .string(MediaType.ociIndex)]
        entries = []
    }

    /// `manifests` may be missing or null, as in what some versions of `docker save` wrote.
    init(parsing bytes: [UInt8]) throws(Invalid) {
        let value: JSONValue
        do throws(JSONValue.Invalid) {
            value = try JSONValue(parsing: bytes, strictly: .ofManifests)
        } catch {
            throw Invalid(description: error.description)
        }
        guard let members = value.object else { throw Invalid(description: "index.json is not a JSON object") }
        guard members["schemaVersion"] ?? .integer(2) == .integer(2) else { throw Invalid(description: "its schemaVersion is not 2") }
        self.members = members
        self.members["schemaVersion"] = .integer(2)
        self.members["manifests"] = nil
        entries = []
        switch members["manifests"] ?? .null {
        case .null: break
        case .array(let values): for value in values { entries.append(try Entry(value)) }
        default: throw Invalid(description: "its 'manifests' is not a list")
        }
    }

    /// The same index gives the same bytes.
    var bytes: [UInt8] {
        var whole = members
        whole["manifests"] = .array(entries.map { .object($0.members) })
        return Array(JSONValue.object(whole).canonicalText.utf8)
    }

    // MARK: Reading

    /// All tags, sorted. Names that are no tags, such as full references, do not count.
    var tags: [TagName] { Set(entries.compactMap { entry in entry.name.flatMap { try? TagName($0) } }).sorted() }

    /// The entries of that name; more than one digest among them makes the tag ambiguous.
    func entries(named tag: TagName) -> [Entry] { entries.filter { $0.name == tag.description } }

    func entry(_ digest: Digest) -> Entry? { entries.first { $0.digest == digest } }

    // MARK: Editing

    enum Edit: Hashable, Sendable {
        /// The tag leads to this manifest from now on.
        case put(TagName, Descriptor)
        case untag(TagName)
        /// The manifest can be found without a tag.
        case list(Descriptor)
        /// The manifest's entries go, with every name on them.
        case remove(Digest)
    }

    /// Makes one edit. Gives the digests that lost or gained an entry, for `settle`.
    mutating func apply(_ edit: Edit) -> Set<Digest> {
        switch edit {
        case .put(let tag, let descriptor):
            let former = Set(entries(named: tag).map(\.digest))
            if former == [descriptor.digest] { return former }
            unname(tag)
            if let place = entries.firstIndex(where: { $0.digest == descriptor.digest && $0.name == nil }) {
                entries[place].rename(tag.description)
            } else {
                var entry = Entry(descriptor)
                entry.rename(tag.description)
                insert(entry)
            }
            return former.union([descriptor.digest])
        case .untag(let tag):
            let former = Set(entries(named: tag).map(\.digest))
            unname(tag)
            return former
        case .list(let descriptor):
            if entry(descriptor.digest) == nil { insert(Entry(descriptor)) }
            return [descriptor.digest]
        case .remove(let digest):
            entries.removeAll { $0.digest == digest }
            return []
        }
    }

    /// Drops entries without a name that nothing needs: their manifest has a named entry too, or an index leads to it.
    /// `reached` gives every manifest below an index of an entry; it is asked only when there is something to decide.
    mutating func settle<Failure: Error>(_ touched: Set<Digest>, reached: (LayoutIndex) throws(Failure) -> Set<Digest>) throws(Failure) {
        var byDigest: [Digest: [Entry]] = [:]
        for entry in entries where touched.contains(entry.digest) { byDigest[entry.digest, default: []].append(entry) }
        let named = Set(byDigest.filter { $0.value.contains { $0.name != nil } }.keys)
        let unnamed = Set(byDigest.filter { $0.value.contains { $0.name == nil } }.keys)
        guard !unnamed.isEmpty else { return }
        let below = unnamed.isSubset(of: named) ? [] : try reached(self)
        var kept: Set<Digest> = []
        entries.removeAll { entry in
            guard entry.name == nil, unnamed.contains(entry.digest) else { return false }
            return named.contains(entry.digest) || below.contains(entry.digest) || !kept.insert(entry.digest).inserted
        }
    }

    private mutating func unname(_ tag: TagName) {
        for place in entries.indices where entries[place].name == tag.description { entries[place].rename(nil) }
    }

    /// By name, so that the order of concurrent puts leaves no trace; entries without a name come last, by digest.
    private mutating func insert(_ entry: Entry) {
        let place = entries.firstIndex { other in
            guard let otherName = other.name else { return entry.name != nil || entry.digest < other.digest }
            return entry.name.map { $0 < otherName } ?? false
        }
        entries.insert(entry, at: place ?? entries.endIndex)
    }
}
