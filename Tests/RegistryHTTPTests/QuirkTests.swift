import OCI
import Registry
import RegistryTestSupport
import Testing

@testable import RegistryHTTP

@Suite(.timeLimit(.minutes(5))) struct QuirkTests {
    private static func hidesFromHead(_ request: LoopbackRequest) -> ScriptedAnswer? {
        request.method == "HEAD" ? .reply(404) : nil
    }

    @Test func aTagThatTheListJustNamedIsLookedUpByGetWhereHeadDeniesIt() async throws {
        try await withWire { wire in
            let image = try Samples.image()
            try wire.held.seed(image, tags: ["1"], in: wire.repository)
            wire.server.script(Self.hidesFromHead)
            #expect(try await wire.client.head(.tag(try TagName("1")), in: wire.repository) == nil)
            #expect(wire.server.count("GET", "/manifests/1") == 0, "an absent tag costs one request")
            _ = try await wire.client.tags(in: wire.repository)
            #expect(try await wire.client.head(.tag(try TagName("2")), in: wire.repository) == nil)
            #expect(wire.server.count("GET", "/manifests/2") == 0)
        }
        try await withWire { wire in
            let image = try Samples.image()
            try wire.held.seed(image, tags: ["1"], in: wire.repository)
            wire.server.script(Self.hidesFromHead)
            _ = try await wire.client.tags(in: wire.repository)
            #expect(try await wire.client.head(.tag(try TagName("1")), in: wire.repository)?.digest == image.digest)
        }
    }

    @Test func aNexusWhoseHeadFindsNothingIsReadByGet() async throws {
        try await withWire { wire in
            let image = try Samples.image()
            try wire.held.seed(image, tags: ["1"], in: wire.repository)
            wire.server.script {
                $0.method == "HEAD" ? .reply(404, headers: ["Server": "Nexus/3.71.0-06 (OSS)"]) : nil
            }
            #expect(try await wire.client.head(.digest(image.digest), in: wire.repository)?.digest == image.digest)
        }
        try await withWire { wire in
            try wire.held.seed(try Samples.image(), tags: ["1"], in: wire.repository)
            wire.server.script { _ in .changed { $0.headers["Server"] = "Nexus/3.90.2-06 (COMMUNITY)" } }
            _ = try await wire.client.head(.tag(try TagName("1")), in: wire.repository)
            wire.server.forgetLog()
            #expect(try await wire.client.head(.tag(try TagName("2")), in: wire.repository) == nil)
            #expect(wire.server.log.map(\.method) == ["HEAD"], "a HEAD that has worked is believed")
        }
    }

    @Test func aRefusalIsNeverAbsence() async throws {
        try await withWire { wire in
            wire.server.script { _ in .error(403, "DENIED") }
            for work in [0, 1, 2] {
                let error = try await wire.failure { () async throws(RegistryError) in
                    switch work {
                    case 0: _ = try await wire.client.head(.digest(Digest.sha256(of: [1])), in: wire.repository)
                    case 1: _ = try await wire.client.tags(in: wire.repository)
                    default: _ = try await wire.client.manifest(.digest(Digest.sha256(of: [1])), in: wire.repository)
                    }
                }
                #expect(error.code == .denied)
            }
        }
    }

    @Test func anOpaqueCursorIsFollowedAsItStands() async throws {
        try await withWire { wire in
            wire.server.script { request in
                guard request.path.hasSuffix("/tags/list") else { return nil }
                if request.query == "n=50&next_page=gAAA%2Bb%3D%3D" { return .reply(200, body: Array(#"{"tags":["c"]}"#.utf8)) }
                let link = #"</v2/team/app/tags/list?n=50&next_page=gAAA%2Bb%3D%3D>; rel="next""#
                return .reply(200, headers: ["Link": link], body: Array(#"{"tags":["b","sha256:00"]}"#.utf8))
            }
            let tags = try await wire.client.tags(in: wire.repository)
            #expect(tags?.map(\.description) == ["b", "c"])
        }
    }

    @Test func aPageOfNothingButDigestsIsNotALoop() async throws {
        try await withWire { wire in
            wire.server.script { request in
                guard request.path.hasSuffix("/tags/list") else { return nil }
                if request.query == "last=x" { return .reply(200, body: Array(#"{"tags":["a"]}"#.utf8)) }
                let link = #"</v2/team/app/tags/list?last=x>; rel="next""#
                return .reply(200, headers: ["Link": link], body: Array(#"{"tags":["sha256:00","sha256:01"]}"#.utf8))
            }
            let tags = try await wire.client.tags(in: wire.repository)
            #expect(tags?.map(\.description) == ["a"])
        }
    }

    @Test func aCatalogThatRefusesTheSizeOfAPageListsNevertheless() async throws {
        try await withWire { wire in
            wire.server.script { $0.query == "n=1" ? .error(400, "PAGINATION_NUMBER_INVALID") : nil }
            let capability = try await wire.client.capability(.listRepositories, in: wire.repository)
            #expect(capability == .yes)
        }
    }

    @Test func anImageThatIsSaidToBeGoneButIsThereIsAnError() async throws {
        try await withWire { wire in
            let image = try Samples.image()
            try wire.held.seed(image, tags: ["1"], in: wire.repository)
            wire.server.script { $0.method == "DELETE" ? .error(404, "MANIFEST_UNKNOWN") : nil }
            let error = try await wire.failure { () async throws(RegistryError) in
                try await wire.client.deleteManifest(image.digest, in: wire.repository)
            }
            #expect(error.code == .rejected && error.status == 404)
            #expect(error.reason == "the registry says that it is not there, but still gives it out")
        }
    }

    @Test func aLockIsNotALackOfTheFeature() async throws {
        try await withWire { wire in
            let image = try Samples.image()
            try wire.held.seed(image, tags: ["1"], in: wire.repository)
            wire.server.script { $0.method == "DELETE" ? .error(405, "DENIED", "manifest is referenced by an index") : nil }
            let error = try await wire.failure { () async throws(RegistryError) in
                try await wire.client.deleteManifest(image.digest, in: wire.repository)
            }
            #expect(error.code == .rejected)
            #expect(error.help?.hasPrefix("something else in the repository needs it") == true)
            #expect(try await wire.client.capability(.deleteManifest, in: wire.repository) == .unknown)
        }
    }
}
