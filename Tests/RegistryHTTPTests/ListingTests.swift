import OCI
import Registry
import RegistryTestSupport
import Testing

@testable import RegistryHTTP

@Suite(.timeLimit(.minutes(5))) struct ListingTests {
    private func tags(_ wire: Wire) async throws(RegistryError) -> [String]? {
        try await wire.client.tags(in: wire.repository)?.map(\.description)
    }

    @Test func allPagesAreRead() async throws {
        try await withWire(.init(pageSize: 3)) { wire in
            let names = (1...10).map { "v\($0)" }
            try wire.held.seed(try Samples.image(), tags: names, in: wire.repository)
            let found = try await tags(wire)
            #expect(found == names.sorted())
            #expect(wire.server.log.count == 4)
            #expect(wire.server.log.first?.request.query == "")
        }
    }

    struct Page: Sendable, CustomTestStringConvertible {
        var body: String
        var tags: [String]?
        var testDescription: String { body }
    }

    static let pages: [Page] = [
        Page(body: #"{"name":"x","tags":null}"#, tags: []), Page(body: #"{"name":"x"}"#, tags: []), Page(body: #"{"tags":[]}"#, tags: []),
        Page(body: #"{"tags":["b",null,"a","b","B"]}"#, tags: ["B", "a", "b"]),
        Page(body: #"{"tags":["ok","sha256:abc","a b","\u001b[2J",".x"],"child":[1],"manifest":{}}"#, tags: ["ok"]),
        Page(body: "<html>", tags: nil), Page(body: "[]", tags: nil), Page(body: #"{"tags":"a"}"#, tags: nil), Page(body: "", tags: nil),
    ]

    @Test(arguments: pages)
    func oddPagesAreReadAndBrokenOnesRefused(_ page: Page) async throws {
        try await withWire { wire in
            wire.server.script { _ in .reply(200, body: Array(page.body.utf8)) }
            if let expected = page.tags {
                let found = try await tags(wire)
                #expect(found == expected)
            } else {
                let error = try await wire.failure { () async throws(RegistryError) in _ = try await tags(wire) }
                #expect(error.code == .badAnswer)
            }
        }
    }

    @Test func aLinkToItselfIsAnError() async throws {
        try await withWire { wire in
            wire.server.script { _ in
                .reply(200, headers: ["Link": #"</v2/team/app/tags/list?last=a>; rel="next""#], body: Array(#"{"tags":["a"]}"#.utf8))
            }
            let error = try await wire.failure { () async throws(RegistryError) in _ = try await tags(wire) }
            #expect(error.code == .badAnswer && error.reason.contains("pagination loop"))
            #expect(wire.server.log.count == 2)
        }
    }

    @Test func aPageThatIsGoneStartsTheListAnewOnce() async throws {
        try await withWire(.init(pageSize: 2)) { wire in
            try wire.held.seed(try Samples.image(), tags: ["a", "b", "c"], in: wire.repository)
            wire.server.answerNext(where: { $0.query.contains("last=") }, with: .reply(404))
            let found = try await tags(wire)
            #expect(found == ["a", "b", "c"])
            wire.server.script { $0.query.contains("last=") ? .reply(404) : nil }
            let error = try await wire.failure { () async throws(RegistryError) in _ = try await tags(wire) }
            #expect(error.code == .unavailable)
        }
    }

    @Test func aBrokenPageIsNeverAShorterList() async throws {
        try await withWire(.init(pageSize: 2)) { wire in
            try wire.held.seed(try Samples.image(), tags: ["a", "b", "c"], in: wire.repository)
            wire.server.script { $0.query.contains("last=") ? .error(403, "DENIED") : nil }
            let error = try await wire.failure { () async throws(RegistryError) in _ = try await tags(wire) }
            #expect(error.code == .denied)
        }
    }

    struct Catalog: Sendable, CustomTestStringConvertible {
        var status: Int
        var code: RegistryError.Code
        var told: Capability
        var testDescription: String { "\(status)" }
    }

    static let catalogs = [
        Catalog(status: 401, code: .unauthorized, told: .unknown), Catalog(status: 403, code: .denied, told: .unknown),
        Catalog(status: 404, code: .unsupported, told: .no), Catalog(status: 405, code: .unsupported, told: .no),
    ]

    @Test(arguments: catalogs)
    func aCatalogThatIsRefusedProvesNothing(_ catalog: Catalog) async throws {
        try await withWire { wire in
            wire.server.script { $0.path.hasSuffix("/_catalog") ? .error(catalog.status, "X") : nil }
            let error = try await wire.failure { () async throws(RegistryError) in _ = try await wire.client.repositories() }
            #expect(error.code == catalog.code)
            #expect(try await wire.client.capability(.listRepositories, in: wire.repository) == catalog.told)
        }
    }
}
