internal import OCI
internal import Planning

/// What the names in a spec mean: which repositories, tags and digests.
struct ReferenceRules: Sendable {
    var names: RegistryNames

    /// A repository or group with a path, without tag and digest: each repository it stands for.
    func targets(_ text: String) throws(ReferenceProblem) -> [RepositoryAddress] {
        try prefixes(text).map { prefix throws(ReferenceProblem) in try address(prefix, written: text) }
    }

    /// A registry, group or host with an optional path.
    func prefixes(_ text: String) throws(ReferenceProblem) -> [RepositoryPrefix] {
        let (first, path) = Self.split(text)
        if let last = path ?? (ReferenceParts.isHost(first) ? nil : first) {
            if last.utf8.contains(UInt8(ascii: "@")) {
                throw ReferenceProblem("invalid-reference", "'\(text)' may not have a digest here", help: "write the repository alone")
            }
            if let colon = last.utf8.firstIndex(of: UInt8(ascii: ":")) {
                let repository = text.dropLast(last.distance(from: colon, to: last.endIndex))
                throw ReferenceProblem(
                    "invalid-reference",
                    "'\(text)' may not have a tag here",
                    help: "write '\(repository)'; tags have a key of their own"
                )
            }
        }
        return try names.places(first).map { place throws(ReferenceProblem) in try Self.join(place, path, written: text) }
    }

    /// One repository that is read from: an alias, a host, or one of Docker's short names.
    func sourceRepository(_ text: String) throws(ReferenceProblem) -> RepositoryAddress {
        let first = Self.split(text).first
        guard names.isName(first) || ReferenceParts.isHost(first) else { return try shortName(text, first: first) }
        return try address(try sourcePrefix(text), written: text)
    }

    /// One registry or path that is read from.
    func sourcePrefix(_ text: String) throws(ReferenceProblem) -> RepositoryPrefix {
        let prefixes = try prefixes(text)
        // A group without members has mistakes, which were reported.
        guard let prefix = prefixes.first else { throw .reported }
        guard prefixes.count == 1 else {
            throw ReferenceProblem(
                "group-as-source",
                "'\(Self.split(text).first)' stands for \(prefixes.count) places; content comes from one",
                help: "name one of its registries"
            )
        }
        return prefix
    }

    /// One manifest: a tag, a digest, or both, of which the digest decides.
    func source(_ text: String) throws(ReferenceProblem) -> (RepositoryAddress, ManifestReference) {
        let parts: ReferenceParts
        do throws(InvalidName) {
            parts = try ReferenceParts(text)
        } catch {
            throw ReferenceProblem("invalid-reference", "'\(text)' is not a reference: \(error)")
        }
        let repository = try sourceRepository(parts.name)
        if let digest = parts.digest { return (repository, .digest(digest)) }
        if let tag = parts.tag { return (repository, .tag(tag)) }
        throw ReferenceProblem("no-tag", "'\(text)' names neither a tag nor a digest", help: "add one, such as '\(text):latest'")
    }

    private func shortName(_ text: String, first: Substring) throws(ReferenceProblem) -> RepositoryAddress {
        let full = "docker.io/" + (text.contains("/") ? text : "library/" + text)
        if let other = names.confusable(with: String(first)) {
            throw ReferenceProblem(
                "ambiguous-name",
                "'\(first)' may be Docker Hub's or a slip for '\(other)'",
                help: "write '\(full)' for Docker Hub's, or begin with '\(other)/'"
            )
        }
        return RepositoryAddress(.dockerHub, try Self.name(String(full.dropFirst("docker.io/".count)), written: text))
    }

    private func address(_ prefix: RepositoryPrefix, written text: String) throws(ReferenceProblem) -> RepositoryAddress {
        guard let path = prefix.path else {
            throw ReferenceProblem(
                "no-repository",
                "'\(text)' names a registry, not a repository",
                help: "add a path, such as '\(text)/library/nginx'"
            )
        }
        if prefix.registry == .dockerHub, !path.description.contains("/") {
            return RepositoryAddress(.dockerHub, try Self.name("library/\(path)", written: text))
        }
        return RepositoryAddress(prefix.registry, path)
    }

    /// The first component, and the rest if there is any.
    static func split(_ text: some StringProtocol) -> (first: Substring, path: Substring?) {
        let text = Substring(text)
        guard let slash = text.utf8.firstIndex(of: UInt8(ascii: "/")) else { return (text, nil) }
        return (text[..<slash], text[text.index(after: slash)...])
    }

    private static func join(_ place: RepositoryPrefix, _ path: Substring?, written text: String) throws(ReferenceProblem)
        -> RepositoryPrefix
    {
        guard let path else { return place }
        let name = try name(place.path.map { "\($0)/\(path)" } ?? String(path), written: text)
        try checkLayout(place.registry, name.description, written: text)
        return RepositoryPrefix(place.registry, name)
    }

    /// A directory of layouts keeps its own files beside the repositories.
    static func checkLayout(_ registry: RegistryID, _ path: String, written text: String) throws(ReferenceProblem) {
        guard registry.isLayout else { return }
        guard let taken = path.split(separator: "/").first(where: { ["blobs", "oci-layout", "index.json"].contains($0) }) else { return }
        throw ReferenceProblem("invalid-reference", "'\(text)' is not possible in a layout: no component of a path may be '\(taken)' there")
    }

    private static func name(_ path: String, written text: String) throws(ReferenceProblem) -> RepositoryName {
        do throws(InvalidName) {
            return try RepositoryName(path)
        } catch {
            throw ReferenceProblem("invalid-reference", "'\(text)' is not a repository: \(error)", help: lowerCaseHelp(text))
        }
    }

    private static func lowerCaseHelp(_ text: String) -> String? {
        text.contains { $0.isASCII && $0.isUppercase } ? "write '\(text.lowercased())'" : nil
    }
}
