import NIOHTTP1
import OCI
import Testing

@testable import RegistryHTTP

struct VendorSignsTests {
    struct Shown: Sendable, CustomTestStringConvertible {
        var testDescription: String
        var headers: [(String, String)]
        var vendor: RegistryVendor?
    }

    private static let authority = "registry.example:5000"

    private static func challenge(_ text: String) -> (String, String) { ("WWW-Authenticate", text) }

    static let vendors: [Shown] = [
        Shown(
            testDescription: "Harbor's challenge",
            headers: [
                ("Server", "nginx"), ("Docker-Distribution-Api-Version", "registry/2.0"), ("Set-Cookie", "sid=1; Path=/; HttpOnly"),
                challenge(#"Bearer realm="https://registry.example:5000/service/token",service="harbor-registry""#),
            ],
            vendor: .harbor
        ),
        Shown(
            testDescription: "Harbor behind another name",
            headers: [
                challenge(#"Bearer realm="http://harbor-core.svc/service/token",service="harbor-registry",scope="repository:a/b:pull""#)
            ],
            vendor: .harbor
        ),
        Shown(testDescription: "Harbor's CSRF header", headers: [("X-Harbor-CSRF-Token", "x")], vendor: .harbor),
        Shown(
            testDescription: "GitLab's base answer",
            headers: [("Gitlab-Container-Registry-Version", "2.9.1-gitlab"), ("Gitlab-Container-Registry-Features", "tag_delete")],
            vendor: .gitLab
        ),
        Shown(
            testDescription: "GitLab's challenge",
            headers: [
                challenge(#"Bearer realm="https://gitlab.example/jwt/auth",service="container_registry",scope="repository:a/b:pull""#)
            ],
            vendor: .gitLab
        ),
        Shown(
            testDescription: "Quay's challenge",
            headers: [
                ("Server", "nginx/1.22.1"),
                challenge(
                    #"Bearer realm="https://registry.example:5000/v2/auth",service="registry.example:5000",scope="repository:a/b:pull""#
                ),
            ],
            vendor: .quay
        ),
        Shown(testDescription: "ACR's server", headers: [("Server", "AzureContainerRegistry")], vendor: .azure),
        Shown(
            testDescription: "ACR's challenge",
            headers: [
                ("Server", "openresty"), ("X-Ms-Correlation-Request-Id", "0f"),
                challenge(#"Bearer realm="https://registry.example:5000/oauth2/token",service="registry.example:5000""#),
            ],
            vendor: .azure
        ),
    ]

    static let lookalikes: [Shown] = [
        Shown(testDescription: "nothing", headers: []),
        Shown(
            testDescription: "distribution",
            headers: [("Docker-Distribution-Api-Version", "registry/2.0"), challenge(#"Basic realm="harbor""#)]
        ),
        Shown(
            testDescription: "Harbor's service alone",
            headers: [challenge(#"Bearer realm="https://a.example/token",service="harbor-registry""#)]
        ),
        Shown(testDescription: "Harbor's path alone", headers: [challenge(#"Bearer realm="https://a.example/service/token",service="a""#)]),
        Shown(
            testDescription: "Harbor's path as a part",
            headers: [challenge(#"Bearer realm="https://a.example/x/service/token",service="harbor-registry""#)]
        ),
        Shown(testDescription: "GitLab's path alone", headers: [challenge(#"Bearer realm="https://a.example/jwt/auth",service="other""#)]),
        Shown(testDescription: "Quay's path elsewhere", headers: [challenge(#"Bearer realm="https://quay.io/v2/auth",service="quay.io""#)]),
        Shown(
            testDescription: "another oauth2 service",
            headers: [challenge(#"Bearer realm="https://registry.example:5000/oauth2/token",service="registry.example:5000""#)]
        ),
        Shown(testDescription: "another Azure service", headers: [("X-Ms-Correlation-Request-Id", "0f"), ("Server", "openresty")]),
        Shown(
            testDescription: "a realm that is no address",
            headers: [challenge(#"Bearer realm="/service/token",service="harbor-registry""#)]
        ),
        Shown(testDescription: "zot", headers: [challenge(#"Bearer realm="zot",service="zot",scope="repository:a:pull""#)]),
    ]

    @Test(arguments: vendors + lookalikes)
    func aRegistryIsKnownByWhatItShows(_ shown: Shown) {
        var signs = VendorSigns()
        signs.observe(HTTPHeaders(shown.headers), authority: Self.authority)
        #expect(signs.vendor == shown.vendor)
    }

    @Test func aSignOnceSeenStays() {
        var signs = VendorSigns()
        signs.observe(["server": "AzureContainerRegistry"], authority: Self.authority)
        signs.observe(["server": "openresty"], authority: Self.authority)
        #expect(signs.vendor == .azure)
        #expect(!signs.isNexus)
        signs.observe(["server": "Nexus/3.71.0-06 (OSS)"], authority: Self.authority)
        #expect(signs.isNexus)
    }

    @Test func eachWayHasItsOwnPath() throws {
        let tag = try TagName("1.0")
        let digest = Digest.sha256(of: [1])
        let deep = try RepositoryName("team/app/web")
        #expect(TagDeletionWay.distribution.path(tag, deep, at: digest) == "/v2/team/app/web/manifests/1.0")
        #expect(TagDeletionWay.gitLab.path(tag, deep, at: digest) == "/v2/team/app/web/tags/reference/1.0")
        #expect(TagDeletionWay.azure.path(tag, deep, at: digest) == "/acr/v1/team/app/web/_tags/1.0")
        let harbor = "/api/v2.0/projects/team/repositories/app%252Fweb/artifacts"
        #expect(TagDeletionWay.harbor.path(tag, deep, at: digest) == "\(harbor)/\(digest)/tags/1.0")
        #expect(TagDeletionWay.harbor.path(tag, deep, at: nil) == "\(harbor)/1.0/tags/1.0")
        #expect(TagDeletionWay.harbor.path(tag, try RepositoryName("app"), at: nil) == nil)
    }
}
