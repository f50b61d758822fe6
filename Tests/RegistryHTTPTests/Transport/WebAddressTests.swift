import Testing

@testable import RegistryHTTP

@Suite struct WebAddressTests {
    struct Reference: Sendable, CustomTestStringConvertible {
        var text: String
        var result: String?

        var testDescription: String { text }
    }

    static let base = "https://r.example:5000/v2/a/blobs/uploads/?x=1"

    static let references: [Reference] = [
        Reference(text: "/v2/a/blobs/uploads/U?_state=x%2By%3D", result: "https://r.example:5000/v2/a/blobs/uploads/U?_state=x%2By%3D"),
        Reference(text: "U2", result: "https://r.example:5000/v2/a/blobs/uploads/U2"),
        Reference(text: "U2?s=a/../b", result: "https://r.example:5000/v2/a/blobs/uploads/U2?s=a/../b"),
        Reference(text: "../U3", result: "https://r.example:5000/v2/a/blobs/U3"),
        Reference(text: "./", result: "https://r.example:5000/v2/a/blobs/uploads/"),
        Reference(text: "/../../x", result: "https://r.example:5000/x"),
        Reference(text: "?last=x", result: "https://r.example:5000/v2/a/blobs/uploads/?last=x"),
        Reference(text: "", result: base),
        Reference(text: "//other/x", result: "https://other/x"),
        Reference(text: "HTTP://Other:80/X?Y=Z#frag", result: "http://other/X?Y=Z"),
        Reference(text: "https://s3.example/b?X-Amz-Signature=ab%2Fcd&y=+", result: "https://s3.example/b?X-Amz-Signature=ab%2Fcd&y=+"),
        Reference(text: "https://[::1]:5000/x", result: "https://[::1]:5000/x"),
        Reference(text: "/a?u=https://x/y", result: "https://r.example:5000/a?u=https://x/y"),
        Reference(text: "ftp://x/y", result: nil), Reference(text: "javascript:x", result: nil),
        Reference(text: "file:///etc/passwd", result: nil),
        Reference(text: "https://user:pw@x/y", result: nil), Reference(text: "https://x/ y", result: nil),
        Reference(text: "https://x/\u{1b}[2J", result: nil), Reference(text: "https://x\\@y/", result: nil),
        Reference(text: "https:///x", result: nil),
        Reference(text: "https://x:99999/", result: nil),
    ]

    @Test(arguments: references)
    func referencesAreResolvedByteForByte(_ reference: Reference) throws {
        let base = try WebAddress(Self.base)
        if let result = reference.result {
            #expect(try base.resolving(reference.text).text == result)
        } else {
            #expect(throws: WebAddress.Invalid.self) { try base.resolving(reference.text) }
        }
    }

    @Test func theDigestIsAppendedToTheQueryAsItStands() throws {
        #expect(try WebAddress("https://r/u?_state=a%2B").appending(query: "digest=d").text == "https://r/u?_state=a%2B&digest=d")
        #expect(try WebAddress("https://r/u").appending(query: "digest=d").text == "https://r/u?digest=d")
        #expect(try WebAddress("https://r/u?").appending(query: "digest=d").text == "https://r/u?digest=d")
        #expect(try WebAddress("https://r?x=1").text == "https://r/?x=1")
    }

    @Test func whatIsShownHoldsNoQueryNoSessionAndNoLongToken() throws {
        let digest = "sha256:\(String(repeating: "a", count: 64))"
        let long = String(repeating: "t", count: 65)
        for (text, shown) in [
            ("https://r/u?_state=secret", "https://r/u"), ("https://r/v2/a/blobs/uploads/0f-1e?_state=x", "https://r/v2/a/blobs/uploads/…"),
            ("https://r/v2/a/blobs/upload/1:\(digest)/x", "https://r/v2/a/blobs/upload/…"),
            ("https://r/v2/a/blobs/uploads/", "https://r/v2/a/blobs/uploads/"),
            ("https://r/v2/a/blobs/\(digest)", "https://r/v2/a/blobs/\(digest)"),
            ("https://r/v2/a/manifests/\(long)", "https://r/v2/a/manifests/\(long)"),
            ("https://r/downloads/\(long)/x", "https://r/downloads/…/x"),
        ] {
            #expect(try WebAddress(text).description == shown)
        }
    }

    @Test func uploadsNeverStepDownToHTTP() throws {
        let secure = try WebAddress("https://r.example/v2/a/blobs/uploads/")
        #expect(try UploadLocation.resolve("http://r.example/u?s=1", at: secure).text == "https://r.example/u?s=1")
        #expect(throws: WebAddress.Invalid.self) { try UploadLocation.resolve("http://other.example/u", at: secure) }
        #expect(throws: WebAddress.Invalid.self) { try UploadLocation.resolve("http://r.example:8080/u", at: secure) }
        let plain = try WebAddress("http://r.example:5000/v2/")
        #expect(try UploadLocation.resolve("https://r.example/u", at: plain).text == "https://r.example/u")
    }
}

@Suite struct RedirectsTests {
    private let address: WebAddress

    init() throws {
        address = try WebAddress("https://r.example/v2/a/blobs/sha256:0")
    }

    @Test func onlyReadingFollows() throws {
        var redirects = Redirects()
        let target = try WebAddress("https://s.example/b?sig=1")
        #expect(redirects.decide(status: 307, location: "https://s.example/b?sig=1", isReading: true, at: address) == .follow(target))
        guard case .refuse = redirects.decide(status: 307, location: "https://s.example/b", isReading: false, at: address) else {
            Issue.record("a write was redirected")
            return
        }
    }

    @Test(arguments: [200, 204, 300, 304, 305, 404])
    func otherAnswersAreNoRedirects(_ status: Int) {
        var redirects = Redirects()
        #expect(redirects.decide(status: status, location: "https://s.example/", isReading: true, at: address) == .none)
    }

    @Test(arguments: ["http://r.example/b", "ftp://r.example/b", nil])
    func unsafeTargetsAreRefused(_ location: String?) {
        var redirects = Redirects()
        guard case .refuse = redirects.decide(status: 302, location: location, isReading: true, at: address) else {
            Issue.record("it was followed")
            return
        }
    }

    @Test func theSixthHopIsRefused() {
        var redirects = Redirects()
        for _ in 1...5 {
            guard case .follow = redirects.decide(status: 302, location: "/x", isReading: true, at: address) else {
                Issue.record("refused too early")
                return
            }
        }
        #expect(
            redirects.decide(status: 302, location: "/x", isReading: true, at: address)
                == .refuse("the registry redirects more than 5 times")
        )
    }
}

@Suite struct AddressClassTests {
    struct Example: Sendable, CustomTestStringConvertible {
        var bytes: [UInt8]
        var expected: AddressClass
        var testDescription: String { "\(bytes) \(expected)" }

        init(_ bytes: [UInt8], _ expected: AddressClass) {
            self.bytes = bytes
            self.expected = expected
        }
    }

    private static func mapped(_ bytes: [UInt8]) -> [UInt8] { [UInt8](repeating: 0, count: 10) + [0xff, 0xff] + bytes }
    private static func six(_ head: [UInt8], _ last: UInt8 = 1) -> [UInt8] { head + [UInt8](repeating: 0, count: 15 - head.count) + [last] }

    static let examples: [Example] = [
        Example([8, 8, 8, 8], .public), Example([10, 0, 0, 1], .private), Example([172, 16, 0, 1], .private),
        Example([172, 32, 0, 1], .public),
        Example([192, 168, 1, 1], .private), Example([100, 64, 0, 1], .private), Example([169, 254, 169, 254], .linkLocal),
        Example([127, 0, 0, 1], .loopback), Example([0, 0, 0, 0], .loopback), Example(six([]), .loopback), Example(six([], 0), .loopback),
        Example(six([0xfe, 0x80]), .linkLocal), Example(six([0xfc]), .private), Example(six([0xfd]), .private),
        Example(six([0x20, 0x01, 0x48, 0x60]), .public),
        Example(mapped([127, 0, 0, 1]), .loopback), Example(mapped([169, 254, 169, 254]), .linkLocal),
        Example(mapped([8, 8, 8, 8]), .public),
        Example([224, 0, 0, 1], .linkLocal), Example([255, 255, 255, 255], .linkLocal), Example([168, 63, 129, 16], .linkLocal),
        Example([168, 63, 129, 17], .public), Example([192, 0, 0, 192], .linkLocal), Example([198, 19, 0, 1], .private),
        Example(six([0x20, 0x02, 127, 0, 0, 1]), .loopback), Example(six([0x20, 0x02, 8, 8, 8, 8]), .public),
        Example(six([0x00, 0x64, 0xff, 0x9b, 0, 1]), .private), Example(six([0xff, 0x02]), .linkLocal),
        Example(six([0xfe, 0xc0]), .private),
        Example([0x20, 0x01, 0, 0] + [UInt8](repeating: 0, count: 8) + [~10, ~0, ~0, ~1], .private),
        Example([0x00, 0x64, 0xff, 0x9b] + [UInt8](repeating: 0, count: 8) + [10, 0, 0, 1], .private), Example([], .loopback),
    ]

    @Test(arguments: examples)
    func addressesAreClassed(_ example: Example) {
        #expect(AddressClass(bytes: example.bytes) == example.expected)
    }

    @Test func answersNeverLeadFurtherInside() {
        #expect(AddressClass.public.mayLead(to: .public))
        for inner in [AddressClass.private, .linkLocal, .loopback] { #expect(!AddressClass.public.mayLead(to: inner)) }
        #expect(AddressClass.private.mayLead(to: .private) && AddressClass.private.mayLead(to: .public))
        #expect(!AddressClass.private.mayLead(to: .loopback) && !AddressClass.private.mayLead(to: .linkLocal))
        #expect(AddressClass.loopback.mayLead(to: .loopback) && AddressClass.loopback.mayLead(to: .private))
        #expect(!AddressClass.loopback.mayLead(to: .linkLocal))
    }
}
