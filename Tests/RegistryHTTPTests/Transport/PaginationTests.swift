import Testing

@testable import RegistryHTTP

@Suite struct PaginationTests {
    struct Link: Sendable, CustomTestStringConvertible {
        var fields: [String]
        var next: String?
        var testDescription: String { fields.joined(separator: " | ") }

        init(_ fields: String..., next: String?) {
            self.fields = fields
            self.next = next
        }
    }

    static let links: [Link] = [
        Link(#"</v2/a/tags/list?last=x&n=2>; rel="next""#, next: "/v2/a/tags/list?last=x&n=2"),
        Link(#"</p>; rel="prev", </n>; rel=next"#, next: "/n"),
        Link(#"<?last=x>; title="a,b;c"; rel="prev next""#, next: "?last=x"),
        Link(#"</a,b;c?d=e>;type="x";REL="NEXT""#, next: "/a,b;c?d=e"),
        Link(#"</p>; rel=prev"#, #"</n>; rel=next"#, next: "/n"),
        Link(#"</n>;rel=next;rel=prev"#, next: "/n"), Link(#"</n>; rel=prev; rel=next"#, next: nil),
        Link(#"</n>; anchor; rel=next"#, next: "/n"), Link(#"</p>; rel="last""#, next: nil), Link("", next: nil),
        Link("nonsense", next: nil),
        Link("</n", next: nil),
    ]

    @Test(arguments: links)
    func theNextLinkIsFound(_ link: Link) {
        #expect(Pagination.next(in: link.fields) == link.next)
    }

    private let first: WebAddress

    init() throws {
        first = try WebAddress("https://r.example/v2/a/tags/list")
    }

    @Test func pagesOfTheSameHostAreFollowed() throws {
        var pagination = Pagination(first: first)
        let second = try WebAddress("https://r.example/v2/a/tags/list?last=x")
        #expect(pagination.step(after: first, links: ["<?last=x>; rel=next"], newItems: 1) == .next(second))
        #expect(pagination.step(after: second, links: [], newItems: 0) == .end)
    }

    @Test(arguments: ["//evil/v2/x", "http://r.example/v2/x", "https://r.example:444/v2/x", "ftp://r.example/"])
    func otherHostsAreNot(_ reference: String) {
        var pagination = Pagination(first: first)
        guard case .broken = pagination.step(after: first, links: ["<\(reference)>; rel=next"], newItems: 1) else {
            Issue.record("it was followed")
            return
        }
    }

    @Test func circlesAreFound() throws {
        var pagination = Pagination(first: first)
        let circle = Pagination.Step.broken("the pages go in circles (pagination loop)")
        #expect(pagination.step(after: first, links: ["</v2/a/tags/list>; rel=next"], newItems: 3) == circle)
        let second = try WebAddress("https://r.example/v2/a/tags/list?p=2")
        #expect(pagination.step(after: first, links: ["<?p=2>; rel=next"], newItems: 3) == .next(second))
        #expect(pagination.step(after: second, links: ["<?p=3>; rel=next"], newItems: 0) == circle)
    }
}
