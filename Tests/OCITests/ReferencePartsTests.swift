import OCI
import Testing

@Suite struct ReferencePartsTests {
    private static let digest = "sha256:\(String(repeating: "a", count: 64))"

    @Test(
        arguments: [
            ("nginx", "nginx", nil, nil), ("foo/bar", "foo/bar", nil, nil), ("foo:5000", "foo", "5000", nil),
            ("foo:5000/bar", "foo:5000/bar", nil, nil), ("foo.bar/x", "foo.bar/x", nil, nil), ("localhost/x", "localhost/x", nil, nil),
            ("[::1]:5000/x:1", "[::1]:5000/x", "1", nil), ("index.docker.io/x", "index.docker.io/x", nil, nil),
            ("ghcr.io/a/b:1@\(digest)", "ghcr.io/a/b", "1", digest), ("ghcr.io/a/b@\(digest)", "ghcr.io/a/b", nil, digest),
            ("ghcr.io/A/b", "ghcr.io/A/b", nil, nil), ("us/payments/api:1.4.2", "us/payments/api", "1.4.2", nil),
        ] as [(String, String, String?, String?)]
    )
    func aReferenceFallsIntoParts(_ text: String, _ name: String, _ tag: String?, _ digest: String?) throws {
        let parts = try ReferenceParts(text)
        #expect(parts.name == name)
        #expect(parts.tag?.description == tag)
        #expect(parts.digest?.description == digest)
    }

    @Test(arguments: [
        ("", "empty"), ("https://ghcr.io/a", "drop the scheme 'https://'"), ("HTTP://x/a", "drop the scheme"),
        ("docker://x", "drop the scheme"),
        ("a b", "white space"), ("a\tb", "white space"), ("a%20b", "white space"), ("a\\b", "white space"), ("é", "white space"),
        ("ghcr.io/a:", "tag may not be empty"), ("a:b:c", "only"), ("a:-x", "begin"),
        ("ghcr.io/a/b@sha256:\(String(repeating: "A", count: 64))", "lower-case"), ("a@", "digest"), ("@\(digest)", "needs a repository"),
        (":1", "needs a repository"), ("a@\(digest)@\(digest)", "hex digits"),
    ])
    func whatIsNoReferenceSaysWhy(_ text: String, _ reason: String) throws {
        let error = try #require(throws: InvalidName.self) { try ReferenceParts(text) }
        #expect(error.description.contains(reason), "\(error)")
    }

    @Test(arguments: [
        ("foo.bar", true), ("foo:5000", true), ("localhost", true), ("[::1]:5000", true), ("foo", false), ("library", false),
    ])
    func dockersRuleTellsHosts(_ component: String, _ isHost: Bool) {
        #expect(ReferenceParts.isHost(component) == isHost)
    }
}
