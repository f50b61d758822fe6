import OCI
import Testing

@Suite struct RepositoryNameTests {
    @Test(arguments: ["a", "0", "library/nginx", "a.b/c_d/e__f/g-h/i---j", "a1/b2/c3", String(repeating: "a", count: 255)])
    func pathsOfTheSpecificationAreTaken(_ text: String) throws {
        #expect(try RepositoryName(text).description == text)
    }

    @Test(arguments: [
        ("", "needs a name"), ("/", "empty"), ("a/", "empty"), ("/a", "empty"), ("a//b", "empty"),
        ("A/b", "lower case"), ("a..b", "between"), ("a___b", "between"), ("a._b", "between"), ("a/.b", "between"),
        ("a-", "between"), ("_a", "between"), ("..", "between"), ("a/../b", "between"), (".", "between"),
        ("a b", "only"), ("a:b", "only"), ("a@b", "only"), ("é", "only"), ("a%2fb", "only"), ("a\\b", "only"), ("a\n", "only"),
        (String(repeating: "a", count: 256), "255"),
    ])
    func otherPathsAreRefusedWithAReason(_ text: String, _ reason: String) throws {
        let error = try #require(throws: InvalidName.self) { try RepositoryName(text) }
        #expect(error.description.contains(reason))
    }

    @Test func theNamespaceIsTheFirstComponent() throws {
        #expect(try RepositoryName("payments/api/v1").namespace == "payments")
        #expect(try RepositoryName("payments").namespace == "payments")
        #expect(try RepositoryName("payments/api/v1").components == ["payments", "api", "v1"])
    }
}

@Suite struct TagNameTests {
    private static let hex = String(repeating: "0123456789abcdef", count: 4)

    @Test(arguments: ["a", "_", "1.0", "V1_2-x.y", "latest", String(repeating: "x", count: 128)])
    func tagsOfTheSpecificationAreTaken(_ text: String) throws {
        #expect(try TagName(text).description == text)
    }

    @Test(arguments: [
        ("", "empty"), (".a", "begin"), ("-a", "begin"), ("a+b", "only"), ("a/b", "only"), ("a:b", "only"), ("a b", "only"),
        ("é", "only"), ("a\u{1b}", "only"), (String(repeating: "x", count: 129), "128"),
    ])
    func otherTagsAreRefusedWithAReason(_ text: String, _ reason: String) throws {
        let error = try #require(throws: InvalidName.self) { try TagName(text) }
        #expect(error.description.contains(reason))
    }

    @Test(arguments: [
        ("", TagName.Companion.Kind.referrers), (".sig", .signature), (".att", .attestation), (".sbom", .sbom),
    ])
    func companionsAreKnown(_ suffix: String, _ kind: TagName.Companion.Kind) throws {
        let tag = try TagName("sha256-\(Self.hex)\(suffix)")
        #expect(tag.companion?.kind == kind)
        #expect(tag.companion?.subject == "sha256-\(Self.hex)")
        #expect(TagName.companion(of: try Digest("sha256:\(Self.hex)"), kind) == tag)
    }

    @Test(arguments: [
        "sha256", "sha256-", "sha256-abc", "sha256-\(hex)0", "sha256-\(hex).other", "sha256-\(hex.uppercased())",
        "sha256-\(hex.dropLast())",
        "md5-\(hex)", "x\(hex)", "sha256_\(hex)", "sha256-\(hex)sig",
    ])
    func otherTagsAreNobodysCompanion(_ text: String) throws {
        #expect(try TagName(text).companion == nil)
    }

    @Test func aLongDigestIsCutAt64Digits() throws {
        let digest = Digest.of([1], with: .sha512)
        let tag = TagName.companion(of: digest, .referrers)
        #expect(tag.description == "sha512-\(digest.encoded.prefix(64))")
        #expect(tag.companion?.kind == .referrers)
    }
}
