internal import OCI

/// An http or https URL, split but never decoded and encoded again: upload locations carry opaque queries whose `%2B` must stay `%2B`.
struct WebAddress: Hashable, Sendable, CustomStringConvertible {
    enum Scheme: String, Hashable, Sendable {
        case http, https

        var defaultPort: Int { self == .https ? 443 : 80 }
    }

    struct Invalid: Error, Hashable, Sendable {
        let description: String

        init(_ description: String) {
            self.description = description
        }
    }

    /// Scheme, host and port together decide whether credentials may go along.
    struct Origin: Hashable, Sendable {
        var scheme: Scheme
        var host: String
        var port: Int
    }

    var scheme: Scheme
    /// Lower case; an IPv6 address stands in brackets.
    var host: String
    var port: Int
    /// Path and query as they were written; begins with `/` unless empty.
    var target: String

    init(_ text: some StringProtocol) throws(Invalid) {
        try Self.check(text)
        guard let schemeEnd = text.range(of: "://"), let scheme = Scheme(rawValue: text[..<schemeEnd.lowerBound].lowercased()) else {
            throw Invalid("it does not begin with https:// or http://")
        }
        self.scheme = scheme
        let rest = text[schemeEnd.upperBound...].prefix { $0 != "#" }
        let authority = rest.prefix { $0 != "/" && $0 != "?" }
        (host, port) = try Self.split(authority, scheme)
        let tail = rest.dropFirst(authority.count)
        target = tail.hasPrefix("?") ? "/" + tail : String(tail)
    }

    var origin: Origin { Origin(scheme: scheme, host: host, port: port) }
    var path: String { String(target.prefix { $0 != "?" }) }
    var hasDefaultPort: Bool { port == scheme.defaultPort }
    var authority: String { hasDefaultPort ? host : "\(host):\(port)" }
    var text: String { "\(scheme.rawValue)://\(authority)\(target)" }
    /// The host without an IPv6 address's brackets.
    var bareHost: String { host.hasPrefix("[") ? String(host.dropFirst().dropLast()) : host }

    /// Without what may be a key of its own: the query with its upload states and signatures, the session of an upload, and the long
    /// tokens that some stores put into the path.
    var description: String {
        var shown: [Substring] = []
        let parts = path.split(separator: "/", omittingEmptySubsequences: false)
        for (place, part) in parts.enumerated() {
            if place >= 2, parts[place - 2] == "blobs", parts[place - 1].hasPrefix("upload"), !part.isEmpty {
                shown.append("…")
                break
            }
            let isName = part.utf8.count <= 64 || (try? Digest(part)) != nil || parts[max(place - 1, 0)] == "manifests"
            shown.append(isName ? part : "…")
        }
        return "\(scheme.rawValue)://\(authority)\(shown.joined(separator: "/"))".withVisibleControls
    }

    func appending(path: String) -> WebAddress {
        var result = self
        result.target += path
        return result
    }

    /// Adds `name=value` to the query as it stands.
    func appending(query item: String) -> WebAddress {
        var result = self
        let separator = !target.contains("?") ? "?" : target.hasSuffix("?") || target.hasSuffix("&") ? "" : "&"
        result.target += separator + item
        return result
    }

    /// Resolves a reference as RFC 3986, section 5.2 says.
    func resolving(_ reference: some StringProtocol) throws(Invalid) -> WebAddress {
        try Self.check(reference)
        let reference = reference.prefix { $0 != "#" }
        if let schemeEnd = reference.range(of: "://"), !reference[..<schemeEnd.lowerBound].contains(where: { "/?".contains($0) }) {
            return try WebAddress(reference)
        }
        if reference.hasPrefix("//") { return try WebAddress("\(scheme.rawValue):\(reference)") }
        var result = self
        if reference.isEmpty {
            return result
        } else if reference.hasPrefix("/") {
            result.target = Self.removingDots(reference)
        } else if reference.hasPrefix("?") {
            result.target = path + reference
        } else {
            if reference.prefix(while: { $0 != "/" && $0 != "?" }).contains(":") { throw Invalid("its scheme is not http or https") }
            let parent = path.lastIndex(of: "/").map { String(path[...$0]) } ?? "/"
            result.target = Self.removingDots(parent + reference)
        }
        return result
    }

    private static func check(_ text: some StringProtocol) throws(Invalid) {
        guard text.utf8.count <= 16 << 10 else { throw Invalid("it is longer than 16 KiB") }
        guard text.utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7f && $0 != UInt8(ascii: "\\") }) else {
            throw Invalid("it holds white space, control or other characters that no URL has")
        }
    }

    private static func split(_ authority: some StringProtocol, _ scheme: Scheme) throws(Invalid) -> (String, Int) {
        guard !authority.contains("@") else { throw Invalid("it holds a user name or password") }
        do throws(InvalidName) {
            // `RegistryID` drops 443 and folds Docker's names, so it only checks here.
            _ = try RegistryID(host: authority)
        } catch {
            throw Invalid(error.description)
        }
        let lower = authority.lowercased()
        let afterBracket = lower.lastIndex(of: "]") ?? lower.startIndex
        guard let colon = lower[afterBracket...].lastIndex(of: ":") else { return (lower, scheme.defaultPort) }
        return (String(lower[..<colon]), Int(lower[lower.index(after: colon)...]) ?? scheme.defaultPort)
    }

    private static func removingDots(_ target: some StringProtocol) -> String {
        let path = target.prefix { $0 != "?" }
        let query = target.dropFirst(path.count)
        guard path.contains("/.") else { return String(target) }
        var kept: [Substring] = []
        let parts = String(path).split(separator: "/", omittingEmptySubsequences: false).dropFirst()
        for part in parts {
            if part == ".." {
                _ = kept.popLast()
            } else if part != "." {
                kept.append(part)
            }
        }
        if let last = parts.last, last == "." || last == ".." { kept.append("") }
        return "/" + kept.joined(separator: "/") + query
    }
}

extension StringProtocol {
    /// Where `other` stands first; Foundation's function of this name is not in FoundationEssentials.
    func range(of other: String) -> Range<Index>? {
        var start = startIndex
        while start < endIndex {
            if self[start...].hasPrefix(other) { return start..<index(start, offsetBy: other.count) }
            formIndex(after: &start)
        }
        return nil
    }
}
