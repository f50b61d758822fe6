import OCI
import Testing

@Suite struct DigestTests {
    private static let empty = "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
    private static let empty512 =
        "sha512:cf83e1357eefb8bdf1542850d66d8007d620e4050b5715dc83f4a921d36ce9ce"
        + "47d0d13c5d85f2b0ff8318d2877eec2f63b931bd47417a81a538327af927da3e"

    @Test(arguments: [empty, empty512])
    func aDigestKeepsItsText(_ text: String) throws {
        let digest = try Digest(text)
        #expect(digest.description == text)
        #expect("\(digest.algorithm.rawValue):\(digest.encoded)" == text)
        #expect(digest.short == text.dropFirst(7).prefix(12))
    }

    @Test func theHashFunctionsAreTheStandards() throws {
        #expect(Digest.sha256(of: []).description == Self.empty)
        #expect(Digest.of([], with: .sha512).description == Self.empty512)
        let abc = "sha256:ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
        #expect(Digest.sha256(of: Array("abc".utf8)).description == abc)
    }

    @Test(arguments: [
        "", ":", "sha256", "sha256:", "sha256:abc", "sha256:\(String(repeating: "A", count: 64))",
        "sha256:\(String(repeating: "g", count: 64))", "sha256:\(String(repeating: "a", count: 63))",
        "sha256:\(String(repeating: "a", count: 65))", "sha512:\(String(repeating: "a", count: 64))",
        "md5:\(String(repeating: "a", count: 32))", "SHA256:\(String(repeating: "a", count: 64))",
        "sha256:\(String(repeating: "a", count: 62))é", " sha256:\(String(repeating: "a", count: 64))",
        "sha256:../../../../\(String(repeating: "a", count: 52))",
    ])
    func whatCannotBeVerifiedIsNoDigest(_ text: String) {
        #expect(throws: Digest.Invalid.self) { try Digest(text) }
    }

    @Test func piecesHashLikeTheWhole() {
        let bytes = (0..<1000).map { UInt8(truncatingIfNeeded: $0) }
        for algorithm in [Digest.Algorithm.sha256, .sha512] {
            var hasher = Digest.ContentHasher(algorithm)
            for start in stride(from: 0, to: 1000, by: 77) { hasher.update(Array(bytes[start..<min(start + 77, 1000)])) }
            #expect(hasher.finalize() == Digest.of(bytes, with: algorithm))
        }
    }

    @Test func theOrderIsThatOfTheText() {
        let digests = (0..<50).map { Digest.of([UInt8($0)], with: $0 % 2 == 0 ? .sha256 : .sha512) }
        #expect(digests.sorted().map(\.description) == digests.map(\.description).sorted())
    }
}
