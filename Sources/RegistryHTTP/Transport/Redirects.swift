/// Which redirects are followed: at most 5, only for reading, never from https to http. Whether the new host's address may be reached at
/// all is checked when it is resolved (`Connections`).
struct Redirects: Sendable {
    static let limit = 5

    enum Decision: Hashable, Sendable {
        case none
        case follow(WebAddress)
        case refuse(String)
    }

    private(set) var hops = 0

    mutating func decide(status: Int, location: String?, isReading: Bool, at address: WebAddress) -> Decision {
        guard [301, 302, 303, 307, 308].contains(status) else { return .none }
        guard isReading else { return .refuse("the registry redirects a request that writes") }
        guard let location else { return .refuse("the registry redirects without saying where to") }
        hops += 1
        guard hops <= Self.limit else { return .refuse("the registry redirects more than \(Self.limit) times") }
        do throws(WebAddress.Invalid) {
            let next = try address.resolving(location)
            if address.scheme == .https, next.scheme == .http { return .refuse("the registry redirects from https to http") }
            return .follow(next)
        } catch {
            return .refuse("the registry redirects to an address that is not valid: \(error.description)")
        }
    }
}

/// Where an upload goes on. The text of the location is kept byte for byte.
enum UploadLocation {
    /// Resolves against the request's final address. A registry behind a TLS proxy may announce itself by http: the same host and port
    /// over https is meant then; any other step down is refused.
    static func resolve(_ location: String, at address: WebAddress) throws(WebAddress.Invalid) -> WebAddress {
        var next = try address.resolving(location)
        guard address.scheme == .https, next.scheme == .http else { return next }
        let isSamePlace = next.host == address.host && (next.port == address.port || (next.hasDefaultPort && address.hasDefaultPort))
        guard isSamePlace else {
            throw WebAddress.Invalid("the registry announces an http upload address; its X-Forwarded-Proto setting needs a fix")
        }
        next.scheme = .https
        next.port = address.port
        return next
    }
}
