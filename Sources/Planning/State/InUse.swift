package import OCI

/// What runs somewhere, as the lists under `policy.inUse` tell: it is neither untagged nor deleted.
package struct InUse: Hashable, Sendable {
    /// In the order in which the specs name them.
    package var lists: [InUseList] = []
    /// Those that the specs declare, used by an entry or not. What a tag in use holds is asked of no other registry.
    package var registries: Set<RegistryID> = []

    package init() {}
}

/// One list of what is in use.
package struct InUseList: Hashable, Sendable {
    package enum Kind: Hashable, Sendable {
        /// One reference a line.
        case references
        /// What `kubectl get … -o json` wrote.
        case kubernetes
    }

    /// What reading it came to.
    package enum Content: Hashable, Sendable {
        /// Nobody has read it: as good as unreadable.
        case unread
        case references([InUseReference])
        /// Why it does not tell what is in use; each is a clause that names the file.
        case unusable([String])
    }

    /// From the root of the specs, or absolute.
    package var path: String
    package var kind: Kind
    /// Seconds since the file was written; `nil`: however many.
    package var maxAge: Int?
    package var origin: Origin
    package var content: Content

    package init(path: String, kind: Kind, maxAge: Int? = nil, origin: Origin, content: Content = .unread) {
        self.path = path
        self.kind = kind
        self.maxAge = maxAge
        self.origin = origin
        self.content = content
    }

    /// For messages: `in-use.txt`.
    package var name: String { path.hasPrefix("./") ? String(path.dropFirst(2)) : path }

    package var references: [InUseReference] { if case .references(let references) = content { references } else { [] } }

    /// Why the file is too old to go by; `nil`: it is not. Both times in seconds since 1970.
    package func ageProblem(written: Int64, now: Int64) -> String? {
        guard let maxAge, now - written > Int64(maxAge) else { return nil }
        return "\(name) is too old: it was written \(Self.words(now - written)) ago, and its maxAge is \(Self.words(Int64(maxAge)))"
    }

    /// In the largest unit of which there are two or more.
    private static func words(_ seconds: Int64) -> String {
        for (unit, length) in [("days", Int64(86400)), ("hours", 3600), ("minutes", 60)] where seconds >= 2 * length {
            return "\(seconds / length) \(unit)"
        }
        return "\(seconds) seconds"
    }

    /// Why nothing may be removed on its word.
    var problems: [String] {
        switch content {
        case .unread: ["\(name) was not read"]
        case .references: []
        case .unusable(let problems): problems
        }
    }
}

/// Something that runs: a tag, a digest, or both.
package struct InUseReference: Hashable, Sendable {
    /// `nil`: an image is known by its id alone, which is the digest of a manifest or of a config.
    package var repository: RepositoryAddress?
    package var tag: TagName?
    package var digest: Digest?
    /// Where it stands, for people: `in-use.txt:3`, `workloads.json (Pod shop/web-1)`.
    package var place: String

    package init(repository: RepositoryAddress?, tag: TagName? = nil, digest: Digest? = nil, place: String) {
        self.repository = repository
        self.tag = tag
        self.digest = digest
        self.place = place
    }
}
