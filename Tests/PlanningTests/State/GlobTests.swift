import Planning
import Testing

@Suite struct GlobTests {
    @Test(arguments: [
        ("1.*", "1.4.2"), ("1.*", "1."), ("*", ""), ("*", "stable"), ("pr-*", "pr-7"), ("*-rc*", "1.4.0-rc.1"), ("v1.4", "v1.4"),
        ("a*b*c", "abbbc"), ("a*b*c", "aXbYbZc"), ("*.*.*", "1.2.3"), ("**", ""), ("**", "a/b/c"), ("a/*", "a/b"), ("*/b", "a/b"),
        ("a/**", "a/b"), ("a/**", "a/b/c"), ("**/api", "api"), ("**/api", "x/y/api"), ("a/**/b", "a/b"), ("a/**/b", "a/x/y/b"),
        ("a/**/b/**/c", "a/b/b/c"), ("a/**/*-x", "a/b/c-x"), ("**/*", "a"), ("**/*", "a/b"), ("a**", "a/b"), ("a**c", "a/b/c"),
        ("**/**/x", "x"), ("***", "a/b"), ("a/b-*/**", "a/b-1/c"), ("**a*b", "a/ab"), ("**/a*/b", "a1/c/a2/b"),
    ])
    func `covers`(pattern: String, text: String) {
        #expect(Glob(pattern).matches(text))
    }

    @Test(arguments: [
        ("1.*", "2.1"), ("1.*", "11"), ("*", "a/b"), ("a/*", "a"), ("a/*", "a/b/c"), ("a/**", "a"), ("**/api", "myapi"),
        ("a/**/b", "a/xb"), ("a/**/b", "ab"), ("**/api", "api/x"), ("v1.4", "v1.40"), ("*-rc", "1.0-rc1"), ("a*b", "a/b"), ("", "a"),
        ("**a*b", "a/b"), ("a/**/b/**/c", "a/b/xc"), ("?", "a"), ("[a]", "a"), ("A*", "a1"),
    ])
    func `does not cover`(pattern: String, text: String) {
        #expect(!Glob(pattern).matches(text))
    }

    @Test func `a pattern made to be slow is answered`() {
        let pattern = String(repeating: "**/a/", count: 60) + "b"
        #expect(!Glob(pattern).matches(String(repeating: "a/", count: 120) + "c"))
        #expect(!Glob(String(repeating: "a*", count: 60) + "b").matches(String(repeating: "a", count: 200)))
    }
}
