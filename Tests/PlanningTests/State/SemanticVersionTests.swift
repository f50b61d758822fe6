import OCI
import Planning
import Testing

@Suite struct SemanticVersionTests {
    @Test(arguments: ["1.2.3", "v1.2.3", "0.0.0", "1.2.3-rc.1", "1.2.3-0", "1.0.0--1", "10.20.30-alpha-1.b", "20260102.0.1"])
    func `is a full version`(text: String) {
        #expect(SemanticVersion(text) != nil)
    }

    @Test(arguments: [
        "1.2", "1", "latest", "1.2.3.4", "01.2.3", "1.02.3", "1.2.3-", "1.2.3-a..b", "1.2.3-01", "V1.2.3", "vv1.2.3", "1.2.x", "-1.2.3",
        "1.2.+3", "", "v", "99999999999999999999.0.0", "9223372036854775807.0.0", "1.2.3_4", "１.2.3",
    ])
    func `is none`(text: String) {
        #expect(SemanticVersion(text) == nil)
    }

    @Test func `precedence is that of semver_org`() throws {
        let ordered = [
            "0.9.9", "1.0.0--1", "1.0.0-1", "1.0.0-2", "1.0.0-10", "1.0.0-99999999999999999999", "1.0.0-100000000000000000000",
            "1.0.0-alpha", "1.0.0-alpha.1", "1.0.0-alpha.beta", "1.0.0-beta", "1.0.0-beta.2", "1.0.0-beta.11", "1.0.0-rc.1", "1.0.0",
            "1.0.1", "1.2.0", "1.10.0", "2.0.0",
        ]
        // A hyphen makes an identifier alphanumeric: `-1` is no number.
        var versions = try ordered.map { try #require(SemanticVersion($0)) }
        let hyphen = versions.remove(at: 1)
        for (lower, higher) in zip(versions, versions.dropFirst()) {
            #expect(lower < higher)
            #expect(!(higher < lower))
        }
        #expect(try hyphen > #require(SemanticVersion("1.0.0-10")))
        #expect(try hyphen < #require(SemanticVersion("1.0.0-alpha")))
    }
}

@Suite struct VersionRangeTests {
    /// As `npm`'s semver answers.
    @Test(arguments: [
        (">=1.4 <2", ["1.4.0", "1.4.2", "1.99.0", "v1.5.0"], ["1.3.9", "2.0.0", "1.5.0-rc.1", "2.0.0-rc.1"]),
        (">=1.4, <2", ["1.4.0"], ["2.0.0"]),
        (">= 1.4 < 2", ["1.4.0"], ["2.0.0", "1.3.0"]),
        ("*", ["0.0.0", "99.1.0"], ["1.0.0-rc.1"]),
        ("x", ["1.2.3"], ["1.0.0-rc.1"]),
        ("1.4", ["1.4.0", "1.4.9"], ["1.5.0", "1.3.9"]),
        ("1.4.x", ["1.4.0", "1.4.9"], ["1.5.0"]),
        ("1", ["1.0.0", "1.9.9"], ["2.0.0", "0.9.0"]),
        ("=1.4.2", ["1.4.2", "v1.4.2"], ["1.4.3", "1.4.2-rc.1"]),
        ("1.4.2", ["1.4.2"], ["1.4.3"]),
        ("v1.4.2", ["1.4.2"], ["1.4.3"]),
        ("<1.4", ["1.3.9", "0.0.0"], ["1.4.0", "1.4.0-rc.1"]),
        ("<=1.4", ["1.4.9"], ["1.5.0"]),
        ("<=1.4.2", ["1.4.2"], ["1.4.3"]),
        (">1.4", ["1.5.0"], ["1.4.9"]),
        (">1.4.2", ["1.4.3"], ["1.4.2"]),
        (">1", ["2.0.0"], ["1.9.9"]),
        (">*", [], ["0.0.0", "9.9.9"]),
        ("<*", [], ["0.0.0", "9.9.9"]),
        (">=*", ["0.0.0", "9.9.9"], ["1.0.0-a"]),
        ("~1.4.2", ["1.4.2", "1.4.9"], ["1.5.0", "1.4.1"]),
        ("~1.4", ["1.4.0", "1.4.9"], ["1.5.0"]),
        ("~1", ["1.0.0", "1.9.0"], ["2.0.0"]),
        ("~*", ["3.0.0"], ["3.0.0-a"]),
        ("^1.4.2", ["1.4.2", "1.9.0"], ["2.0.0", "1.4.1", "2.0.0-rc.1"]),
        ("^0.2.3", ["0.2.3", "0.2.9"], ["0.3.0", "0.2.2"]),
        ("^0.0.3", ["0.0.3"], ["0.0.4"]),
        ("^0.0", ["0.0.0", "0.0.9"], ["0.1.0"]),
        ("^0", ["0.0.0", "0.9.9"], ["1.0.0"]),
        ("^0.2", ["0.2.0", "0.2.9"], ["0.3.0"]),
        ("^1", ["1.0.0", "1.9.9"], ["2.0.0"]),
        ("^*", ["0.0.0", "7.0.0"], ["1.0.0-a"]),
        ("1.2 || >=2.1 <3", ["1.2.9", "2.1.0"], ["1.3.0", "2.0.0", "3.0.0"]),
        (">=1.2.3-rc.1 <2", ["1.2.3-rc.1", "1.2.3-rc.2", "1.2.3", "1.9.0"], ["1.2.3-beta", "1.2.4-rc.1", "2.0.0-rc.1"]),
        ("^1.2.3-beta.2", ["1.2.3-beta.2", "1.2.3-beta.4", "1.9.0"], ["1.2.3-beta.1", "1.2.4-beta.4", "2.0.0"]),
        ("~1.2.3-beta.2", ["1.2.3-beta.4", "1.2.9"], ["1.3.0", "1.2.4-beta.1"]),
        ("=1.2.3-rc.1", ["1.2.3-rc.1"], ["1.2.3"]),
    ])
    func `contains and leaves out`(text: String, inside: [String], outside: [String]) throws {
        let range = try VersionRange(text)
        for version in inside { #expect(range.contains(try #require(SemanticVersion(version))), "\(version)") }
        for version in outside { #expect(!range.contains(try #require(SemanticVersion(version))), "\(version)") }
    }

    @Test(arguments: [
        "", " ", "||", "1 ||", "|| 1", ">=", "foo", "1.2.3.4", "=>1", "1..2", "1.", "1.x.3", "-", "1.2 - 2.3", "!1", "1.2.3.x",
        "9223372036854775807", "^1.9223372036854775807.0", "><1", ">=1 <",
    ])
    func `is refused`(text: String) {
        #expect(throws: VersionRange.Invalid.self) { try VersionRange(text) }
    }
}

@Suite struct TagSelectorTests {
    @Test(arguments: [
        ("1.4.2", true), ("1.4.0-rc1", false), ("1.4", false), ("2.0.0", false), ("latest", false), ("v1.4.2", false), ("1.9.9", true),
    ])
    func `takes match and semver, and takes except away`(tag: String, isCovered: Bool) throws {
        let selector = try TagSelector.match(["1.*"], semver: ">=1.4 <2", except: ["*-rc*"])
        #expect(try selector.covers(TagName(tag)) == isCovered)
    }

    @Test func `companion tags are never selected`() throws {
        let hex = String(repeating: "0a", count: 32)
        for suffix in ["", ".sig", ".att", ".sbom"] {
            let tag = try TagName("sha256-\(hex)\(suffix)")
            #expect(!TagSelector.all.covers(tag))
            #expect(try !TagSelector.match(["*"]).covers(tag))
            #expect(!TagSelector(base: .list([tag])).covers(tag))
        }
        #expect(TagSelector.all.covers(try TagName("sha256-\(hex).other")))
    }

    @Test func `a list is narrowed like a match`() throws {
        var selector = try TagSelector.list(["1.4.1", "1.4.2", "latest"])
        #expect(selector.covers(try TagName("latest")))
        #expect(!selector.covers(try TagName("1.4.3")))
        selector.semver = try VersionRange("*")
        selector.except = [Glob("*.1")]
        #expect(selector.covers(try TagName("1.4.2")))
        #expect(!selector.covers(try TagName("latest")))
        #expect(!selector.covers(try TagName("1.4.1")))
    }
}
