import OCI
import Registry
import RegistryTestSupport
import Testing

@testable import RegistryHTTP

/// A registry that shows itself as one vendor's, with tokens of its own and its own way to remove a tag.
struct VendorScript: Sendable, CustomTestStringConvertible {
    var testDescription: String
    var realm: String
    /// `nil`: the registry's own name.
    var service: String?
    var headers: [String: String] = [:]
    /// What `DELETE /v2/…/manifests/TAG` gets; `nil`: the tag goes.
    var plain: LoopbackReply?
    /// The vendor's path for `team/app:1`, `DIGEST` standing for the image's; `nil`: it has none.
    var own: String?
    /// What that path gets; `nil`: the tag goes.
    var ownReply: LoopbackReply?
    var ownWantsPassword = false
    /// Everything that is sent to remove the tag once it was read.
    var sent: [String] = []

    static let plainPath = "/v2/team/app/manifests/1"

    func play(on wire: Wire, _ image: Sample) {
        let held = wire.held
        let (host, url) = (wire.server.host, wire.server.url)
        let own = self.own?.replacing("DIGEST", with: image.digest.description)
        wire.server.script { request in
            if request.path == realm {
                let isLogin = request.headers["authorization"]?.hasPrefix("Basic ") ?? false
                return isLogin ? Self.answer(LoopbackReply(200, json: #"{"token":"vendor-token"}"#)) : .error(401, "UNAUTHORIZED")
            }
            let isOwn = request.path == own
            let kind = isOwn && ownWantsPassword ? "Basic " : "Bearer vendor-token"
            guard request.headers["authorization"]?.hasPrefix(kind) ?? false else {
                var headers = headers
                headers["WWW-Authenticate"] = #"Bearer realm="\#(url)\#(realm)",service="\#(service ?? host)""#
                return .error(401, "UNAUTHORIZED", headers: headers)
            }
            guard request.method == "DELETE" else { return nil }
            if isOwn, let ownReply { return Self.answer(ownReply) }
            if request.path == Self.plainPath, let plain { return Self.answer(plain) }
            guard isOwn || request.path == Self.plainPath else { return Self.answer(.text(404, "404 page not found\n")) }
            held.update { contents in
                if let tag = try? TagName("1") { _ = contents.deleteTag(tag, in: wire.repository) }
            }
            return .reply(isOwn && ownWantsPassword ? 200 : 202)
        }
    }

    private static func answer(_ reply: LoopbackReply) -> ScriptedAnswer { ScriptedAnswer(reply: reply) }
}

@Suite(.timeLimit(.minutes(5))) struct VendorUntagTests {
    private static let harborPath = "/api/v2.0/projects/team/repositories/app/artifacts/DIGEST/tags/1"
    private static let unsupported = LoopbackReply.error(405, "UNSUPPORTED", "unsupported")
    private static let plainLine = "DELETE \(VendorScript.plainPath) Bearer"

    static let harbor = VendorScript(
        testDescription: "Harbor",
        realm: "/service/token",
        service: "harbor-registry",
        plain: .error(400, "UNSUPPORTED", "unsupported digest 1"),
        own: harborPath,
        ownWantsPassword: true,
        sent: [plainLine, "DELETE \(harborPath) Basic"]
    )

    static let vendors: [VendorScript] = [
        harbor,
        VendorScript(
            testDescription: "Quay since 2024-08",
            realm: "/v2/auth",
            sent: [plainLine]
        ),
        VendorScript(
            testDescription: "GitLab 4",
            realm: "/jwt/auth",
            service: "container_registry",
            sent: [plainLine]
        ),
        VendorScript(
            testDescription: "GitLab before 4",
            realm: "/jwt/auth",
            service: "container_registry",
            plain: unsupported,
            own: "/v2/team/app/tags/reference/1",
            sent: [plainLine, "DELETE /v2/team/app/tags/reference/1 Bearer"]
        ),
        VendorScript(
            testDescription: "ACR",
            realm: "/oauth2/token",
            headers: ["X-Ms-Correlation-Request-Id": "0f"],
            plain: unsupported,
            own: "/acr/v1/team/app/_tags/1",
            sent: ["DELETE /acr/v1/team/app/_tags/1 Bearer"]
        ),
        VendorScript(testDescription: "zot", realm: "/zot/auth/token", service: "zot", sent: [plainLine]),
        VendorScript(
            testDescription: "what looks like ACR but is not",
            realm: "/oauth2/token",
            headers: ["X-Ms-Correlation-Request-Id": "0f"],
            sent: ["DELETE /acr/v1/team/app/_tags/1 Bearer", look, plainLine]
        ),
    ]

    @Test(arguments: vendors)
    func theTagGoesAndImageAndOtherTagsStay(_ vendor: VendorScript) async throws {
        try await withWire(credentials: FixedCredentials(user: "me", password: "secret")) { wire in
            let image = try Samples.image()
            try wire.held.seed(image, tags: ["1", "2"], in: wire.repository)
            vendor.play(on: wire, image)
            let tag = try TagName("1")
            _ = try await wire.client.head(.tag(tag), in: wire.repository)
            wire.server.forgetLog()
            try await wire.client.deleteTag(tag, in: wire.repository)
            let expected = vendor.sent.map { $0.replacing("DIGEST", with: image.digest.description) }
            #expect(Self.lines(wire, vendor) == expected)
            #expect(try await wire.client.head(.tag(tag), in: wire.repository) == nil)
            #expect(try await wire.client.head(.tag(try TagName("2")), in: wire.repository)?.digest == image.digest)
            #expect(try await wire.client.head(.digest(image.digest), in: wire.repository) != nil)
            #expect(try await wire.client.capability(.deleteTag, in: wire.repository) == .yes)
        }
    }

    /// All requests but those for tokens, with the kind of login that each carried.
    private static func lines(_ wire: Wire, _ vendor: VendorScript) -> [String] {
        wire.server.log.filter { $0.path != vendor.realm }.map { entry in
            "\(entry.line) " + (entry.request.headers["authorization"].map { String($0.prefix { $0 != " " }) } ?? "anonymous")
        }
    }

    @Test func theWayThatWorkedIsTakenFirstNextTime() async throws {
        try await withWire(credentials: FixedCredentials(user: "me", password: "secret")) { wire in
            let image = try Samples.image()
            try wire.held.seed(image, tags: ["1", "2"], in: wire.repository)
            Self.harbor.play(on: wire, image)
            let tag = try TagName("1")
            _ = try await wire.client.head(.tag(tag), in: wire.repository)
            try await wire.client.deleteTag(tag, in: wire.repository)
            try wire.held.seed(image, tags: ["1"], in: wire.repository)
            _ = try await wire.client.head(.tag(tag), in: wire.repository)
            wire.server.forgetLog()
            try await wire.client.deleteTag(tag, in: wire.repository)
            #expect(
                Self.lines(wire, Self.harbor) == ["DELETE \(Self.harborPath) Basic".replacing("DIGEST", with: image.digest.description)]
            )
        }
    }

    struct Refused: Sendable, CustomTestStringConvertible {
        var testDescription: String
        var vendor: VendorScript
        var code: RegistryError.Code
        var help: String
        var sent: [String]
    }

    private static func changed(_ vendor: VendorScript, plain: LoopbackReply? = nil, own: LoopbackReply? = nil) -> VendorScript {
        var vendor = vendor
        if let plain { vendor.plain = plain }
        if let own { vendor.ownReply = own }
        return vendor
    }

    private static let azure = vendors[4]
    private static let ownHarbor = "DELETE \(harborPath) Basic"
    private static let look = "HEAD \(VendorScript.plainPath) Bearer"

    static let refused: [Refused] = [
        Refused(
            testDescription: "403 to the plain way",
            vendor: changed(harbor, plain: .error(403, "DENIED")),
            code: .denied,
            help: "lacks the right to untag",
            sent: [plainLine]
        ),
        Refused(
            testDescription: "Harbor's immutable tag",
            vendor: changed(harbor, own: .error(412, "PRECONDITION", "matched the immutable rule")),
            code: .rejected,
            help: "a rule makes it immutable",
            sent: [plainLine, ownHarbor]
        ),
        Refused(
            testDescription: "a login that Harbor's API refuses",
            vendor: changed(harbor, own: .error(401, "UNAUTHORIZED")),
            // The same login is good for the registry itself.
            code: .denied,
            help: "lacks the right",
            sent: [plainLine, ownHarbor]
        ),
        Refused(
            testDescription: "a web page in place of Harbor's API",
            vendor: changed(harbor, own: LoopbackReply(200, headers: ["Content-Type": "text/html"], body: Array("<html>".utf8))),
            code: .unsupported,
            help: "Harbor removes a tag by its own API",
            sent: [plainLine, ownHarbor, look]
        ),
        Refused(
            testDescription: "ACR's lock",
            vendor: changed(azure, own: .error(405, "REGISTRY_DISALLOWED_OPERATION", "The operation is disallowed on this image.")),
            code: .rejected,
            help: "unlock it",
            sent: ["DELETE /acr/v1/team/app/_tags/1 Bearer"]
        ),
        Refused(
            testDescription: "Quay before 2024-08",
            vendor: changed(vendors[1], plain: unsupported),
            code: .unsupported,
            help: "this Quay is older",
            sent: [plainLine]
        ),
    ]

    @Test(arguments: refused)
    func aRefusalIsSaidAndNothingElseIsTried(_ refused: Refused) async throws {
        try await withWire(credentials: FixedCredentials(user: "me", password: "secret")) { wire in
            let image = try Samples.image()
            try wire.held.seed(image, tags: ["1", "2"], in: wire.repository)
            refused.vendor.play(on: wire, image)
            let tag = try TagName("1")
            _ = try await wire.client.head(.tag(tag), in: wire.repository)
            wire.server.forgetLog()
            let error = try await wire.failure { () async throws(RegistryError) in
                try await wire.client.deleteTag(tag, in: wire.repository)
            }
            #expect(error.code == refused.code)
            #expect(error.help?.contains(refused.help) == true, "\(error)")
            let expected = refused.sent.map { $0.replacing("DIGEST", with: image.digest.description) }
            #expect(Self.lines(wire, refused.vendor) == expected)
            #expect(wire.held.tagsAndDigests(in: wire.repository).count == 2)
        }
    }

    @Test func quayIsAskedForTheRightToPushSinceItKnowsNoOther() async throws {
        try await withWire(credentials: FixedCredentials(user: "me", password: "secret")) { wire in
            let image = try Samples.image()
            try wire.held.seed(image, tags: ["1"], in: wire.repository)
            Self.vendors[1].play(on: wire, image)
            _ = try await wire.client.head(.tag(try TagName("1")), in: wire.repository)
            try await wire.client.deleteTag(try TagName("1"), in: wire.repository)
            let scopes = wire.server.log.filter { $0.path == "/v2/auth" }.flatMap { $0.request.parameters("scope") }
            #expect(scopes == ["repository:team/app:pull", "repository:team/app:pull,push"])
        }
    }
}
