import OCI
import RegistryTestSupport
import Testing

/// skopeo, as somebody else's view of the same content.
enum Skopeo {
    /// `docker://` of a registry, and the options that reach it.
    private static func options(_ prefix: String, _ registry: RealRegistry) throws -> [String] {
        var options: [String] = []
        if let authority = registry.authorityPath {
            let folder = "\(registry.storagePath)-certificates"
            try makeFolder(folder)
            try writeFile(String(decoding: try readFile(authority), as: UTF8.self), to: "\(folder)/ca.crt")
            options.append("--\(prefix)cert-dir=\(folder)")
        } else {
            options.append("--\(prefix)tls-verify=false")
        }
        if let user = registry.options.user { options.append("--\(prefix)creds=\(user):\(registry.options.password ?? "")") }
        return options
    }

    /// Puts what another tool names `source` into a registry.
    static func put(_ source: String, into reference: String, of registry: RealRegistry, _ more: String...) async throws {
        let how = more.isEmpty ? ["--all", "--preserve-digests"] : more
        try await runSuccessfully(
            "skopeo",
            ["copy", "--quiet"] + how + options("dest-", registry) + [source, "docker://\(registry.host)/\(reference)"]
        )
    }

    /// Takes everything of an image out of a registry, verified by skopeo.
    static func take(_ reference: String, of registry: RealRegistry, to target: String) async throws {
        try await runSuccessfully(
            "skopeo",
            ["copy", "--quiet", "--all", "--preserve-digests"] + options("src-", registry)
                + ["docker://\(registry.host)/\(reference)", target]
        )
    }

    /// The digest of the raw manifest. Nil: skopeo cannot read it.
    static func digest(_ reference: String, of registry: RealRegistry) async throws -> Digest? {
        try await digest(["--raw"] + options("", registry) + ["docker://\(registry.host)/\(reference)"])
    }

    /// The tags of a repository. Empty when it has none, or is not there.
    static func tags(_ repository: String, of registry: RealRegistry) async throws -> Set<String> {
        let result = try await run("skopeo", ["list-tags"] + options("", registry) + ["docker://\(registry.host)/\(repository)"])
        if result.status != 0, result.stderr.contains("name unknown") { return [] }
        guard result.status == 0 else { throw TestSupportError("skopeo cannot list \(repository): \(result.stderr)") }
        return Set(try JSONValue(parsing: Array(result.stdout.utf8))["Tags"]?.array?.compactMap(\.string) ?? [])
    }

    /// As `digest`, for a local place such as `oci:PATH:TAG`.
    static func digest(_ place: String) async throws -> Digest? { try await digest(["--raw", place]) }

    private static func digest(_ arguments: [String]) async throws -> Digest? {
        let result = try await run("skopeo", ["inspect"] + arguments)
        return result.status == 0 ? Digest.sha256(of: Array(result.stdout.utf8)) : nil
    }
}
