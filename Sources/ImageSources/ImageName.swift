internal import OCI

/// Names of images in layouts and archives, which tools write in short and in full.
enum ImageName {
    /// `job` is `docker.io/library/job:latest` to docker.
    static func full(_ name: String) -> String? {
        guard let parts = try? ReferenceParts(name), parts.digest == nil else { return nil }
        var components = parts.name.split(separator: "/").map(String.init)
        if components.count == 1 || !ReferenceParts.isHost(components[0]) { components.insert("docker.io", at: 0) }
        if components[0] == "index.docker.io" { components[0] = "docker.io" }
        if components[0] == "docker.io", components.count == 2 { components.insert("library", at: 1) }
        return "\(components.joined(separator: "/")):\(parts.tag?.description ?? "latest")"
    }

    /// An image that can be picked, under any of its names.
    struct Candidate<Value> {
        var names: [String]
        /// What tells two candidates apart.
        var digest: Digest
        var value: Value
    }

    /// The one that `wanted` names: an exact name first, then a name that means the same, then a digest; without `wanted` the only one.
    static func pick<Value>(
        _ wanted: String?,
        from candidates: [Candidate<Value>],
        _ failure: SourceFailure
    ) throws(RegistryError) -> Value {
        let found = wanted.map { matches($0, candidates) } ?? candidates
        let names = candidates.flatMap { $0.names.isEmpty ? [$0.digest.description] : $0.names }
        guard let first = found.first else {
            let holds = names.isEmpty ? "it holds no image" : "it holds \(SourceFailure.list(names))"
            throw failure.error(.notFound, reason: wanted.map { "there is no image '\($0)' in it; \(holds)" } ?? holds)
        }
        guard found.allSatisfy({ $0.digest == first.digest }) else {
            if let wanted {
                let digests = SourceFailure.list(found.map(\.digest.description))
                throw failure.error(.corrupt, reason: "'\(wanted)' names several images in it: \(digests)", help: "pick one by its digest")
            }
            throw failure.error(
                .rejected,
                reason: "it holds several images: \(SourceFailure.list(names))",
                help: "name the one that is meant"
            )
        }
        return first.value
    }

    private static func matches<Value>(_ wanted: String, _ candidates: [Candidate<Value>]) -> [Candidate<Value>] {
        let exact = candidates.filter { $0.names.contains(wanted) }
        if !exact.isEmpty { return exact }
        if let digest = try? Digest(wanted) { return candidates.filter { $0.digest == digest } }
        guard let name = full(wanted) else { return [] }
        return candidates.filter { $0.names.contains { full($0) == name } }
    }
}
