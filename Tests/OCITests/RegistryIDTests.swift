import OCI
import Testing

@Suite struct RegistryIDTests {
    @Test(arguments: [
        ("docker.io", "docker.io"), ("index.docker.io", "docker.io"), ("registry-1.docker.io", "docker.io"), ("Docker.IO", "docker.io"),
        ("docker.io:443", "docker.io"), ("index.docker.io:443", "docker.io"), ("h:443", "h"), ("h:0443", "h"), ("h:5000", "h:5000"),
        ("US.ICR.IO", "us.icr.io"), ("localhost", "localhost"), ("127.0.0.1:5000", "127.0.0.1:5000"), ("[::1]:5000", "[::1]:5000"),
        ("[::1]:443", "[::1]"), ("docker.io:5000", "docker.io:5000"), ("a-b.c", "a-b.c"),
    ])
    func oneHostHasOneForm(_ text: String, _ form: String) throws {
        let id = try RegistryID(host: text)
        #expect(id.description == form)
        #expect(id.host == form)
        #expect(!id.isLayout)
        #expect(try RegistryID(form) == id)
    }

    @Test(arguments: [
        "", "https://h", "h/p", "h:", "h:0", "h:65536", "h:x", "h:+5", "-a", "a-", "a..b", ".a", "a_b", "é.example", "h:5:6",
        "[::1", "[]", "[g]", "[::1]x", "a b", "h:４４３", String(repeating: "a", count: 64),
    ])
    func whatIsNoHostIsRefused(_ text: String) {
        #expect(throws: InvalidName.self) { try RegistryID(host: text) }
    }

    @Test(arguments: [
        ("mirror", "./mirror"), ("./mirror", "./mirror"), ("./a/../mirror/", "./mirror"), ("a//b/./c", "./a/b/c"), (".", "."), ("./", "."),
        ("a/..", "."), ("..", ".."), ("../x", "../x"), ("a/../../x", "../x"), ("../../x/..", "../.."), ("/srv/mirror", "/srv/mirror"),
        ("/srv/../../x", "/x"), ("/", "/"), ("/..", "/"),
    ])
    func onePathHasOneForm(_ text: String, _ form: String) throws {
        let id = try RegistryID(layout: text)
        #expect(id.description == form)
        #expect(id.layoutPath == form)
        #expect(id.host == nil)
        #expect(try RegistryID(form) == id)
    }

    @Test(arguments: ["", "a\nb", "a\u{0}"])
    func whatIsNoPathIsRefused(_ text: String) {
        #expect(throws: InvalidName.self) { try RegistryID(layout: text) }
    }

    @Test func addressesAndReferencesShowThemselvesInFull() throws {
        let address = RepositoryAddress(try RegistryID(host: "us.icr.io"), try RepositoryName("payments/api"))
        #expect("\(address)" == "us.icr.io/payments/api")
        #expect(ManifestReference.tag(try TagName("1")).suffix == ":1")
        let digest = Digest.sha256(of: [])
        #expect(ManifestReference.digest(digest).suffix == "@\(digest)")
        #expect(ManifestReference.tag(try TagName("z")) < ManifestReference.digest(digest))
    }
}
