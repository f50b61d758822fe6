/// How far inside an address lies. What a registry answers may not lead further inside than the registry itself is
/// (design, "What it must never do").
enum AddressClass: Hashable, Sendable {
    case `public`, `private`, linkLocal, loopback

    /// Whether an answer from a registry of this class may lead to `other`. Link-local addresses hold clouds' metadata services:
    /// only a registry that is link-local itself may name one.
    func mayLead(to other: AddressClass) -> Bool {
        if other == self || other == .public { return true }
        return self == .loopback && other == .private
    }

    var words: String {
        switch self {
        case .public: "a public address"
        case .private: "a private address"
        case .linkLocal: "a link-local address"
        case .loopback: "a loopback address"
        }
    }

    /// The class of an address of 4 or 16 bytes in network order.
    init(bytes: [UInt8]) {
        if bytes.count == 16 {
            self.init(version6: bytes)
        } else {
            self.init(version4: bytes)
        }
    }

    private init(version4 bytes: [UInt8]) {
        guard bytes.count == 4 else {
            self = .loopback
            return
        }
        switch (bytes[0], bytes[1]) {
        // 0.0.0.0 reaches the machine itself.
        case (127, _), (0, _): self = .loopback
        // Multicast and broadcast stay on the network at hand, too.
        case (169, 254), (224..., _): self = .linkLocal
        // The metadata services of two clouds.
        case (168, 63) where bytes[2] == 129 && bytes[3] == 16, (192, 0) where bytes[2] == 0: self = .linkLocal
        case (10, _), (172, 16...31), (192, 168), (100, 64...127), (198, 18...19): self = .private
        default: self = .public
        }
    }

    private init(version6 bytes: [UInt8]) {
        let isZero = bytes[..<10].allSatisfy { $0 == 0 }
        // IPv4-mapped, IPv4-compatible and NAT64 addresses are judged by the address within.
        if isZero, bytes[10] == 0xff, bytes[11] == 0xff {
            self.init(version4: Array(bytes[12...]))
        } else if isZero, bytes[10] == 0, bytes[11] == 0 {
            let inner = Array(bytes[12...])
            self = inner[0] == 0 && inner[1] == 0 && inner[2] == 0 ? .loopback : AddressClass(version4: inner)
        } else if bytes.starts(with: [0x00, 0x64, 0xff, 0x9b, 0x00, 0x01]) {
            // NAT64 of the network at hand.
            self = .private
        } else if bytes.starts(with: [0x00, 0x64, 0xff, 0x9b]) {
            self.init(version4: Array(bytes[12...]))
        } else if bytes.starts(with: [0x20, 0x02]) {
            // 6to4
            self.init(version4: Array(bytes[2..<6]))
        } else if bytes.starts(with: [0x20, 0x01, 0x00, 0x00]) {
            // Teredo hides the address it leads to.
            self.init(version4: bytes[12...].map { ~$0 })
        } else if bytes[0] == 0xff {
            self = .linkLocal
        } else if bytes[0] == 0xfe, bytes[1] & 0xc0 == 0x80 {
            self = .linkLocal
        } else if bytes[0] & 0xfe == 0xfc || (bytes[0] == 0xfe && bytes[1] & 0xc0 == 0xc0) {
            self = .private
        } else {
            self = .public
        }
    }
}
