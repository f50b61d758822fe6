internal import Glibc
internal import NIOPosix

/// Gives the addresses of a host, as texts; tests bring their own.
typealias HostResolver = @Sendable (WebAddress) async throws -> [String]

/// The addresses of a host, as texts, in the order in which the system would try them.
enum HostAddresses {
    /// Throws `TransportFailure.unknownHost` when there is none.
    static func resolve(_ address: WebAddress) async throws -> [String] {
        let host = address.bareHost
        // The system's resolver blocks.
        let found = try await NIOThreadPool.singleton.runIfActive { lookUp(host) }
        guard !found.isEmpty else { throw TransportFailure.unknownHost(address.host) }
        return found
    }

    private static func lookUp(_ host: String) -> [String] {
        var hints = addrinfo()
        hints.ai_socktype = Int32(SOCK_STREAM.rawValue)
        var list: UnsafeMutablePointer<addrinfo>?
        guard getaddrinfo(host, nil, &hints, &list) == 0 else { return [] }
        defer { freeaddrinfo(list) }
        var found: [String] = []
        var next = list
        while let current = next?.pointee {
            var text = [CChar](repeating: 0, count: Int(NI_MAXHOST))
            let failed = getnameinfo(current.ai_addr, current.ai_addrlen, &text, socklen_t(text.count), nil, 0, NI_NUMERICHOST)
            let literal = String(decoding: text.prefix { $0 != 0 }.map(UInt8.init(bitPattern:)), as: UTF8.self)
            if failed == 0, !found.contains(literal) { found.append(literal) }
            next = current.ai_next
        }
        return found
    }
}

extension AddressClass {
    /// Of an IPv4 or IPv6 address as text; what is neither counts as further inside than anything.
    init(literal text: String) {
        let isVersion6 = text.contains(":")
        var bytes = [UInt8](repeating: 0, count: isVersion6 ? 16 : 4)
        // A scope such as `%eth0` is not part of the address.
        let isRead = inet_pton(isVersion6 ? AF_INET6 : AF_INET, String(text.prefix { $0 != "%" }), &bytes) == 1
        self.init(bytes: isRead ? bytes : [])
    }
}
