internal import Crypto

/// The content address of a manifest or blob: `sha256:` with 64 or `sha512:` with 128 lower-case hex digits
/// (image-spec, descriptor.md, "Digests"). A sha256 digest takes 32 bytes, inline.
package struct Digest: Hashable, Sendable {
    package enum Algorithm: String, Hashable, Sendable {
        case sha256, sha512

        package var byteCount: Int { self == .sha256 ? 32 : 64 }
    }

    private enum Storage: Hashable, Sendable {
        case sha256(UInt64, UInt64, UInt64, UInt64)
        /// 64 bytes. Boxed, since hardly any registry stores these.
        case sha512([UInt8])
    }

    private let storage: Storage

    /// Why a text is not a digest crplan can verify.
    package struct Invalid: Error, Hashable, Sendable, CustomStringConvertible {
        package let description: String
    }

    package init(_ text: some StringProtocol) throws(Invalid) {
        var text = String(text)
        storage = try text.withUTF8(Self.parse).get()
    }

    /// Large specs and indexes have many digests, so that they are read byte by byte.
    private static func parse(_ text: UnsafeBufferPointer<UInt8>) -> Result<Storage, Invalid> {
        Result { () throws(Invalid) in try storage(of: text) }
    }

    private static func storage(of text: UnsafeBufferPointer<UInt8>) throws(Invalid) -> Storage {
        guard let colon = text.firstIndex(of: UInt8(ascii: ":")) else {
            throw Invalid(description: "a digest looks like sha256:<64 hex digits>")
        }
        let name = text[..<colon]
        guard let algorithm = [Algorithm.sha256, .sha512].first(where: { name.elementsEqual($0.rawValue.utf8) }) else {
            throw Invalid(description: "the digest algorithm must be sha256 or sha512")
        }
        let hex = UnsafeBufferPointer(rebasing: text[(colon + 1)...])
        guard hex.count == algorithm.byteCount * 2 else {
            throw Invalid(description: "a \(algorithm) digest has \(algorithm.byteCount * 2) hex digits, not \(hex.count)")
        }
        func value(_ digits: Range<Int>) throws(Invalid) -> UInt64 {
            var value: UInt64 = 0
            for place in digits {
                let digit = hex[place]
                switch digit {
                case UInt8(ascii: "0")...UInt8(ascii: "9"): value = value << 4 | UInt64(digit - UInt8(ascii: "0"))
                case UInt8(ascii: "a")...UInt8(ascii: "f"): value = value << 4 | UInt64(digit - UInt8(ascii: "a") + 10)
                default: throw Invalid(description: "a \(algorithm) digest has lower-case hex digits only")
                }
            }
            return value
        }
        switch algorithm {
        case .sha256: return .sha256(try value(0..<16), try value(16..<32), try value(32..<48), try value(48..<64))
        case .sha512:
            var bytes: [UInt8] = []
            for place in 0..<64 { bytes.append(UInt8(try value(2 * place..<2 * place + 2))) }
            return .sha512(bytes)
        }
    }

    /// `bytes` must have the algorithm's length; only hash functions call this.
    private init(_ algorithm: Algorithm, bytes: [UInt8]) {
        precondition(bytes.count == algorithm.byteCount)
        switch algorithm {
        case .sha512: storage = .sha512(bytes)
        case .sha256:
            let words = stride(from: 0, to: 32, by: 8).map { start in
                bytes[start..<start + 8].reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
            }
            storage = .sha256(words[0], words[1], words[2], words[3])
        }
    }

    package static func sha256(of bytes: [UInt8]) -> Digest {
        Digest(.sha256, bytes: Array(Crypto.SHA256.hash(data: bytes)))
    }

    package static func of(_ bytes: [UInt8], with algorithm: Algorithm) -> Digest {
        var hasher = ContentHasher(algorithm)
        hasher.update(bytes)
        return hasher.finalize()
    }

    package var algorithm: Algorithm {
        switch storage {
        case .sha256: .sha256
        case .sha512: .sha512
        }
    }

    private var bytes: [UInt8] {
        switch storage {
        case .sha512(let bytes): bytes
        case .sha256(let first, let second, let third, let fourth):
            [UInt8](unsafeUninitializedCapacity: 32) { buffer, count in
                for (place, word) in [first, second, third, fourth].enumerated() {
                    for byte in 0..<8 { buffer[8 * place + byte] = UInt8(truncatingIfNeeded: word >> UInt64(56 - 8 * byte)) }
                }
                count = 32
            }
        }
    }

    /// The hex digits after the colon.
    package var encoded: String {
        let bytes = bytes
        return String(unsafeUninitializedCapacity: bytes.count * 2) { text in
            for (place, byte) in bytes.enumerated() {
                text[2 * place] = Self.hexDigit(byte >> 4)
                text[2 * place + 1] = Self.hexDigit(byte & 15)
            }
            return bytes.count * 2
        }
    }

    private static func hexDigit(_ value: UInt8) -> UInt8 { value < 10 ? UInt8(ascii: "0") + value : UInt8(ascii: "a") + value - 10 }

    /// The first 12 hex digits, for people.
    package var short: String { String(encoded.prefix(12)) }

    /// Computes a digest piece by piece.
    package struct ContentHasher: Sendable {
        private enum State: Sendable {
            case sha256(Crypto.SHA256)
            case sha512(Crypto.SHA512)
        }

        private var state: State

        package init(_ algorithm: Algorithm) {
            state = algorithm == .sha256 ? .sha256(Crypto.SHA256()) : .sha512(Crypto.SHA512())
        }

        package mutating func update(_ bytes: [UInt8]) {
            switch state {
            case .sha256(var hash):
                hash.update(data: bytes)
                state = .sha256(hash)
            case .sha512(var hash):
                hash.update(data: bytes)
                state = .sha512(hash)
            }
        }

        package func finalize() -> Digest {
            switch state {
            case .sha256(let hash): Digest(.sha256, bytes: Array(hash.finalize()))
            case .sha512(let hash): Digest(.sha512, bytes: Array(hash.finalize()))
            }
        }
    }
}

extension Digest: CustomStringConvertible, Comparable, Codable {
    package var description: String { "\(algorithm.rawValue):\(encoded)" }

    package static func < (left: Digest, right: Digest) -> Bool {
        switch (left.storage, right.storage) {
        case (.sha256(let a, let b, let c, let d), .sha256(let e, let f, let g, let h)): (a, b, c, d) < (e, f, g, h)
        case (.sha256, .sha512): true
        case (.sha512, .sha256): false
        case (.sha512(let a), .sha512(let b)): a.lexicographicallyPrecedes(b)
        }
    }

    package init(from decoder: any Decoder) throws {
        let container = try decoder.singleValueContainer()
        let text = try container.decode(String.self)
        do {
            try self.init(text)
        } catch {
            throw DecodingError.dataCorruptedError(in: container, debugDescription: error.description)
        }
    }

    package func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        try container.encode(description)
    }
}
