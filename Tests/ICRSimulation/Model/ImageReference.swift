internal import OCI

/// `HOST/NAMESPACE/REPOSITORY`, with a tag or a digest, as the management API takes it.
struct ImageReference: Hashable, Sendable {
    var repository: RepositoryName
    /// Without a tag or digest in the name: the tag `latest`.
    var manifest: ManifestReference
    /// Nil: the name has none.
    var tag: TagName?

    /// Nil: it is not the name of an image in the registry `host`. Addresses with a port pass for every host: clients that are pointed at
    /// a loopback address may build names from it.
    init?(_ text: String, host: String) {
        var rest = Substring(text)
        for scheme in ["http://", "https://"] where rest.hasPrefix(scheme) { rest = rest.dropFirst(scheme.count) }
        guard let slash = rest.firstIndex(of: "/") else { return nil }
        let named = rest[..<slash]
        guard named == host || named.contains(":") else { return nil }
        rest = rest[rest.index(after: slash)...]
        var digest: Digest?
        if let at = rest.lastIndex(of: "@") {
            digest = try? Digest(rest[rest.index(after: at)...])
            guard digest != nil else { return nil }
            rest = rest[..<at]
        }
        let lastSlash = rest.lastIndex(of: "/") ?? rest.startIndex
        if let colon = rest[lastSlash...].lastIndex(of: ":") {
            tag = try? TagName(rest[rest.index(after: colon)...])
            guard tag != nil else { return nil }
            rest = rest[..<colon]
        }
        guard rest.contains("/"), let repository = try? RepositoryName(rest), let latest = try? TagName("latest") else { return nil }
        self.repository = repository
        manifest = digest.map { .digest($0) } ?? .tag(tag ?? latest)
        if digest != nil { tag = nil }
    }

    var namespace: String { repository.namespace }
}
