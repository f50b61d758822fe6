import OCI
import Reporting
import Testing

@Suite struct ListTests {
    private func listing() throws -> Listing {
        let registry = try RegistryID(host: "us.icr.io")
        let api = RepositoryAddress(registry, try RepositoryName("payments/api"))
        let web = RepositoryAddress(registry, try RepositoryName("payments/web"))
        return Listing(
            namespaces: [.init(registry: registry, name: "payments", repositories: 2), .init(registry: registry, name: "x")],
            repositories: [.init(api, tags: 1204), .init(web)],
            tags: [
                .init(
                    api,
                    tag: try TagName("1.4.2"),
                    digest: PlanBuilder.digest("new"),
                    size: 21_390_950,
                    created: 1_767_323_045,
                    platforms: [try Platform("linux/amd64"), try Platform("linux/arm64")]
                ),
                .init(api, tag: nil, digest: PlanBuilder.digest("old")),
                .init(web, tag: try TagName("2"), problem: "403 DENIED\u{7}"),
            ]
        )
    }

    @Test func `a table`() throws { try Golden.check(ListText.render(listing()), "list.txt") }

    @Test func `JSON`() throws { try Golden.check(ListJSON.render(listing()), "list.json") }

    @Test func `nothing`() { #expect(ListText.render(Listing()) == "Nothing found.\n") }
}
