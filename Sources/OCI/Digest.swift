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

    private init(_ hash: Crypto.SHA256.Digest) {
        storage = hash.withUnsafeBytes { bytes in
            func word(_ place: Int) -> UInt64 { UInt64(bigEndian: bytes.loadUnaligned(fromByteOffset: 8 * place, as: UInt64.self)) }
            return .sha256(word(0), word(1), word(2), word(3))
        }
    }

    private init(_ hash: Crypto.SHA512.Digest) {
        storage = .sha512(Array(hash))
    }

    package static func sha256(of bytes: [UInt8]) -> Digest { Digest(Crypto.SHA256.hash(data: bytes)) }

    package static func of(_ bytes: [UInt8], with algorithm: Algorithm) -> Digest {
        switch algorithm {
        case .sha256: Digest(Crypto.SHA256.hash(data: bytes))
        case .sha512: Digest(Crypto.SHA512.hash(data: bytes))
        }
    }

    package var algorithm: Algorithm {
        switch storage {
        case .sha256: .sha256
        case .sha512: .sha512
        }
    }

    /// The hex digits after the colon.
    package var encoded: String {
        func write(_ value: UInt64, digits: Int, at start: Int, in text: UnsafeMutableBufferPointer<UInt8>) {
            for place in 0..<digits {
                let digit = UInt8(truncatingIfNeeded: value >> UInt64(4 * (digits - 1 - place))) & 15
                text[start + place] = digit < 10 ? UInt8(ascii: "0") + digit : UInt8(ascii: "a") + digit - 10
            }
        }
        return String(unsafeUninitializedCapacity: algorithm.byteCount * 2) { text in
            switch storage {
            case .sha256(let first, let second, let third, let fourth):
                write(first, digits: 16, at: 0, in: text)
                write(second, digits: 16, at: 16, in: text)
                write(third, digits: 16, at: 32, in: text)
                write(fourth, digits: 16, at: 48, in: text)
            case .sha512(let bytes):
                for (place, byte) in bytes.enumerated() { write(UInt64(byte), digits: 2, at: 2 * place, in: text) }
            }
            return algorithm.byteCount * 2
        }
    }

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
            bytes.withUnsafeBytes { update($0) }
        }

        package mutating func update(_ bytes: UnsafeRawBufferPointer) {
            switch state {
            case .sha256(var hash):
                hash.update(bufferPointer: bytes)
                state = .sha256(hash)
            case .sha512(var hash):
                hash.update(bufferPointer: bytes)
                state = .sha512(hash)
            }
        }

        package func finalize() -> Digest {
            switch state {
            case .sha256(let hash): Digest(hash.finalize())
            case .sha512(let hash): Digest(hash.finalize())
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
