import OCI
import Planning

/// Names as a spec writes them, with a few aliases.
enum Names {
    static let aliases = ["us": "us.icr.io", "de": "de.icr.io", "jp": "jp.icr.io", "disk": "./mirror"]

    static func registry(_ name: some StringProtocol) throws -> RegistryID { try RegistryID(aliases[String(name)] ?? String(name)) }

    static func repository(_ name: some StringProtocol) throws -> RepositoryAddress {
        let parts = name.split(separator: "/", maxSplits: 1)
        return RepositoryAddress(try registry(parts[0]), try RepositoryName(parts.count == 2 ? parts[1] : ""))
    }

    static func reference(_ text: String) throws -> (RepositoryAddress, ManifestReference?) {
        let parts = try ReferenceParts(text)
        return (try repository(parts.name), parts.digest.map { .digest($0) } ?? parts.tag.map { .tag($0) })
    }

    /// `us/payments/api:v*`, `us/**`, `**:v*`, `us/payments/api@sha256:…`.
    static func pattern(_ text: String, at origin: Origin = Origin(file: "crplan.yaml", line: 1)) throws -> ReferencePattern {
        var name = Substring(text)
        var tag: Glob?
        var digest: Digest?
        if let at = name.firstIndex(of: "@") {
            digest = try Digest(name[name.index(after: at)...])
            name = name[..<at]
        } else if let colon = name.lastIndex(of: ":") {
            tag = Glob(name[name.index(after: colon)...])
            name = name[..<colon]
        }
        return ReferencePattern(text: text, scopes: [try scope(name)], tag: tag, digest: digest, origin: origin)
    }

    static func scope(_ name: some StringProtocol) throws -> RepositoryPattern {
        guard let slash = name.firstIndex(of: "/"), !name[..<slash].contains("*") else {
            return RepositoryPattern(registry: nil, path: Glob(name))
        }
        return RepositoryPattern(registry: try registry(name[..<slash]), path: Glob(name[name.index(after: slash)...]))
    }
}
