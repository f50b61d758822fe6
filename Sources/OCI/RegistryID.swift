/// Which registry: a host with an optional port, or the directory of a layout registry. Two spellings of one registry are equal:
/// hosts are lower case, `docker.io` stands for its aliases, and port 443 is left out; a path is written `./a`, `../a` or `/a`.
package struct RegistryID: Hashable, Sendable, CustomStringConvertible, Comparable {
    /// How it is shown and stored; the two forms cannot be confused, since no host begins with `.` or `/`.
    package let description: String

    package static let dockerHub = RegistryID(unchecked: "docker.io")

    /// `host[:port]`: a DNS name, an IPv4 address, or an IPv6 address in brackets.
    package init(host text: some StringProtocol) throws(InvalidName) {
        if text.contains("://") { throw InvalidName("a host is written without a scheme such as https://") }
        var host = text.lowercased()
        if host.contains("/") { throw InvalidName("a host has no path") }
        let (name, port) = try Self.split(host)
        if let port {
            guard let number = Int(port), (1...65535).contains(number), port.allSatisfy(\.isASCII), port.first != "+" else {
                throw InvalidName("a port is a number from 1 to 65535")
            }
            host = number == 443 ? name : "\(name):\(number)"
        }
        try Self.check(name)
        let isDockerHub = ["docker.io", "index.docker.io", "registry-1.docker.io"].contains(host)
        description = isDockerHub ? Self.dockerHub.description : host
    }

    /// The directory of a layout registry, made lexically normal: `./mirror`, `../mirror` or `/srv/mirror`.
    package init(layout path: some StringProtocol) throws(InvalidName) {
        guard !path.isEmpty else { throw InvalidName("a path may not be empty") }
        guard !path.unicodeScalars.contains(where: { $0.value < 0x20 || $0.value == 0x7f }) else {
            throw InvalidName("a path may not hold control characters")
        }
        let isAbsolute = path.hasPrefix("/")
        var components: [Substring] = []
        for component in path.split(separator: "/") where component != "." {
            if component == ".." {
                if components.isEmpty || components.last == ".." {
                    if !isAbsolute { components.append("..") }
                } else {
                    components.removeLast()
                }
            } else {
                components.append(Substring(component))
            }
        }
        let joined = components.joined(separator: "/")
        description = isAbsolute ? "/" + joined : components.first == ".." ? joined : joined.isEmpty ? "." : "./" + joined
    }

    /// The form that `description` gives.
    package init(_ text: some StringProtocol) throws(InvalidName) {
        if text.hasPrefix(".") || text.hasPrefix("/") {
            try self.init(layout: text)
        } else {
            try self.init(host: text)
        }
    }

    private init(unchecked text: String) {
        description = text
    }

    package var isLayout: Bool { description.hasPrefix(".") || description.hasPrefix("/") }

    /// The directory, when this is a layout registry.
    package var layoutPath: String? { isLayout ? description : nil }

    /// `host[:port]`, when this is not a layout registry.
    package var host: String? { isLayout ? nil : description }

    package static func < (left: RegistryID, right: RegistryID) -> Bool { left.description < right.description }

    private static func split(_ host: String) throws(InvalidName) -> (name: String, port: String?) {
        if host.hasPrefix("[") {
            guard let end = host.firstIndex(of: "]") else { throw InvalidName("an IPv6 address stands in brackets") }
            let rest = host[host.index(after: end)...]
            guard rest.isEmpty || rest.hasPrefix(":") else { throw InvalidName("after ']' only a port may follow") }
            return (String(host[...end]), rest.isEmpty ? nil : String(rest.dropFirst()))
        }
        guard let colon = host.firstIndex(of: ":") else { return (host, nil) }
        return (String(host[..<colon]), String(host[host.index(after: colon)...]))
    }

    private static func check(_ name: String) throws(InvalidName) {
        if name.hasPrefix("[") {
            let inner = name.dropFirst().dropLast()
            guard !inner.isEmpty, inner.allSatisfy({ $0.isHexDigit && $0.isASCII || $0 == ":" || $0 == "." }) else {
                throw InvalidName("'\(inner)' is not an IPv6 address")
            }
            return
        }
        guard !name.isEmpty, name.utf8.count <= 253 else { throw InvalidName("a host name has 1 to 253 characters") }
        for label in name.split(separator: ".", omittingEmptySubsequences: false) {
            guard !label.isEmpty, label.utf8.count <= 63, !label.hasPrefix("-"), !label.hasSuffix("-"),
                label.unicodeScalars.allSatisfy({ ("a"..."z").contains($0) || ("0"..."9").contains($0) || $0 == "-" })
            else { throw InvalidName("a host name has letters, digits and '-' between single dots") }
        }
    }
}

extension RegistryID: Codable {
    package init(from decoder: any Decoder) throws {
        self = try decodeName(from: decoder) { text throws(InvalidName) in try RegistryID(text) }
    }

    package func encode(to encoder: any Encoder) throws { try encodeName(description, to: encoder) }
}

/// A repository in a registry: `us.icr.io/payments/api`.
package struct RepositoryAddress: Hashable, Sendable, CustomStringConvertible, Comparable {
    package let registry: RegistryID
    package let repository: RepositoryName
    /// Of both names. Planning looks the same few addresses up for millions of tags.
    private let hash: Int

    package init(_ registry: RegistryID, _ repository: RepositoryName) {
        self.registry = registry
        self.repository = repository
        var hasher = Hasher()
        hasher.combine(registry)
        hasher.combine(repository)
        hash = hasher.finalize()
    }

    package var description: String { "\(registry)/\(repository)" }

    package static func == (left: RepositoryAddress, right: RepositoryAddress) -> Bool {
        left.hash == right.hash && left.repository == right.repository && left.registry == right.registry
    }

    package func hash(into hasher: inout Hasher) { hasher.combine(hash) }

    package static func < (left: RepositoryAddress, right: RepositoryAddress) -> Bool {
        (left.registry, left.repository) < (right.registry, right.repository)
    }
}

extension RepositoryAddress: Codable {
    private enum CodingKeys: CodingKey {
        case registry, repository
    }

    package init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: CodingKeys.self)
        self.init(try container.decode(RegistryID.self, forKey: .registry), try container.decode(RepositoryName.self, forKey: .repository))
    }

    package func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: CodingKeys.self)
        try container.encode(registry, forKey: .registry)
        try container.encode(repository, forKey: .repository)
    }
}

/// What names a manifest within a repository.
package enum ManifestReference: Hashable, Sendable, CustomStringConvertible, Comparable {
    case tag(TagName)
    case digest(Digest)

    package var description: String {
        switch self {
        case .tag(let tag): tag.description
        case .digest(let digest): digest.description
        }
    }

    /// With its separator: `:1.4` or `@sha256:…`.
    package var suffix: String {
        switch self {
        case .tag(let tag): ":\(tag)"
        case .digest(let digest): "@\(digest)"
        }
    }

    package var tag: TagName? { if case .tag(let tag) = self { tag } else { nil } }
    package var digest: Digest? { if case .digest(let digest) = self { digest } else { nil } }

    package static func < (left: ManifestReference, right: ManifestReference) -> Bool {
        switch (left, right) {
        case (.tag(let a), .tag(let b)): a < b
        case (.digest(let a), .digest(let b)): a < b
        case (.tag, .digest): true
        case (.digest, .tag): false
        }
    }
}

/// The parts of a written reference `name[:tag][@digest]`, before it is known what the name's first component means.
package struct ReferenceParts: Hashable, Sendable {
    /// Everything before the tag: an alias, group or host, and the path.
    package var name: String
    package var tag: TagName?
    package var digest: Digest?

    /// Splits off digest and tag, and refuses what no reference holds (white space, `%`, `\`, a scheme).
    package init(_ text: some StringProtocol) throws(InvalidName) { try self.init(whole: String(text)) }

    private init(whole text: String) throws(InvalidName) {
        guard !text.isEmpty else { throw InvalidName("a reference may not be empty") }
        if let colon = text.utf8.firstIndex(of: UInt8(ascii: ":")), text.utf8[colon...].starts(with: "://".utf8) {
            for scheme in ["https://", "http://", "docker://", "oci://"] where text.lowercased().hasPrefix(scheme) {
                throw InvalidName("drop the scheme '\(scheme)'")
            }
        }
        let visible: ClosedRange<UInt8> = 0x21...0x7e
        guard text.utf8.allSatisfy({ visible.contains($0) && $0 != UInt8(ascii: "%") && $0 != UInt8(ascii: "\\") }) else {
            throw InvalidName("a reference has no white space, control characters, '%' or '\\'")
        }
        var rest = text[...]
        if let at = rest.utf8.firstIndex(of: UInt8(ascii: "@")) {
            do throws(Digest.Invalid) {
                digest = try Digest(rest[rest.index(after: at)...])
            } catch {
                throw InvalidName(error.description)
            }
            rest = rest[..<at]
        }
        // A colon in the first component of several is a port.
        let lastSlash = rest.utf8.lastIndex(of: UInt8(ascii: "/"))
        let lastComponent = lastSlash.map { rest[rest.index(after: $0)...] } ?? rest
        if let colon = lastComponent.utf8.firstIndex(of: UInt8(ascii: ":")) {
            tag = try TagName(lastComponent[lastComponent.index(after: colon)...])
            rest = rest[..<colon]
        }
        guard !rest.isEmpty else { throw InvalidName("a reference needs a repository") }
        name = String(rest)
    }

    /// Whether Docker's rule takes this first component of a path for a host: it holds a `.` or `:`, or is `localhost`.
    package static func isHost(_ component: some StringProtocol) -> Bool {
        component.utf8.contains(UInt8(ascii: ".")) || component.utf8.contains(UInt8(ascii: ":")) || component == "localhost"
    }
}
