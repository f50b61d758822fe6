internal import OCI
internal import Planning

/// What a reference in a list of what is in use means: as docker reads it, and as container runtimes report it.
enum InUseNames {
    /// How runtimes begin the id of an image.
    private static let runtimes = ["docker-pullable://", "docker://", "containerd://", "cri-o://"]

    static func reference(_ text: some StringProtocol, at place: String) throws(InvalidName) -> InUseReference {
        var text = Substring(text)
        if let runtime = runtimes.first(where: { text.hasPrefix($0) }) { text = text.dropFirst(runtime.count) }
        if let id = try imageID(text) { return InUseReference(repository: nil, digest: id, place: place) }
        let parts = try ReferenceParts(text)
        let tag: TagName? = if parts.tag == nil, parts.digest == nil { try TagName("latest") } else { parts.tag }
        return InUseReference(repository: try repository(parts.name), tag: tag, digest: parts.digest, place: place)
    }

    /// An image without a name: `sha256:…`, or 64 hex digits as CRI-O writes them. Docker takes no repository for either.
    private static func imageID(_ text: Substring) throws(InvalidName) -> Digest? {
        if text.utf8.count == 64, let digest = try? Digest("sha256:\(text)") { return digest }
        guard !text.contains("/"), text.hasPrefix("sha256:") || text.hasPrefix("sha512:") else { return nil }
        do throws(Digest.Invalid) {
            return try Digest(text)
        } catch {
            throw InvalidName(error.description)
        }
    }

    private static func repository(_ name: String) throws(InvalidName) -> RepositoryAddress {
        let (first, path) = ReferenceRules.split(name)
        guard let path, ReferenceParts.isHost(first) else { return try onDockerHub(Substring(name)) }
        let written = try RegistryID(host: first)
        // Content that came over the private address is content of the public host.
        let publicHost = written.host.flatMap(IBMCloudHosts.publicHost)
        let registry = if let publicHost { try RegistryID(host: publicHost) } else { written }
        return registry == .dockerHub ? try onDockerHub(path) : RepositoryAddress(registry, try RepositoryName(path))
    }

    private static func onDockerHub(_ path: Substring) throws(InvalidName) -> RepositoryAddress {
        RepositoryAddress(.dockerHub, try RepositoryName(path.contains("/") ? String(path) : "library/\(path)"))
    }
}
