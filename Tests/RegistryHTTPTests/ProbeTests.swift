import OCI
import Registry
import RegistryTestSupport
import Testing

@testable import RegistryHTTP

@Suite(.timeLimit(.minutes(5))) struct ProbeTests {
    struct Reply: Sendable, CustomTestStringConvertible {
        var testDescription: String
        var answer: ScriptedAnswer
        /// What it tells; an error's code where it tells nothing.
        var told: Capability = .unknown
        var code: RegistryError.Code?
    }

    private static let page = ScriptedAnswer.reply(404, headers: ["Content-Type": "text/html"], body: Array("<html></html>".utf8))
    private static let plain = ScriptedAnswer.reply(404, headers: ["Content-Type": "text/plain"], body: Array("404 page not found".utf8))

    static let replies: [Reply] = [
        Reply(testDescription: "202", answer: .reply(202), told: .yes),
        Reply(testDescription: "404 MANIFEST_UNKNOWN", answer: .error(404, "MANIFEST_UNKNOWN"), told: .yes),
        Reply(testDescription: "404 NAME_UNKNOWN", answer: .error(404, "NAME_UNKNOWN"), told: .yes),
        Reply(testDescription: "404 without a word", answer: .reply(404), told: .yes),
        Reply(testDescription: "404 of an unknown path", answer: plain, told: .no),
        Reply(testDescription: "404 of a web page", answer: page, told: .no),
        Reply(testDescription: "400 DIGEST_INVALID", answer: .error(400, "DIGEST_INVALID"), told: .no),
        Reply(testDescription: "400 UNSUPPORTED", answer: .error(400, "UNSUPPORTED"), told: .no),
        Reply(testDescription: "405 UNSUPPORTED", answer: .error(405, "UNSUPPORTED"), told: .no),
        Reply(testDescription: "405 of a lock", answer: .error(405, "DENIED"), code: .rejected),
        Reply(testDescription: "400 of another kind", answer: .error(400, "NAME_INVALID"), code: .rejected),
        Reply(testDescription: "401", answer: .error(401, "UNAUTHORIZED"), code: .unauthorized),
        Reply(testDescription: "403", answer: .error(403, "DENIED"), code: .denied),
        Reply(testDescription: "429", answer: .error(429, "TOOMANYREQUESTS"), code: .rateLimited),
        Reply(testDescription: "500", answer: .error(500, "UNKNOWN"), code: .unavailable),
        Reply(testDescription: "503", answer: .error(503, "UNAVAILABLE"), code: .unavailable),
        Reply(testDescription: "no answer", answer: .loseReply, code: .unavailable),
    ]

    @Test(arguments: replies, [RegistryFeature.deleteTag, .deleteManifest])
    func `a probe believes only an answer about deletion, and deletes nothing`(reply: Reply, feature: RegistryFeature) async throws {
        try await withWire { wire in
            try wire.held.seed(try Samples.image(), tags: ["1", "2"], in: wire.repository)
            let before = wire.held.snapshot()
            wire.server.script { $0.method == "DELETE" ? reply.answer : nil }
            if let code = reply.code {
                let error = try await wire.failure { () async throws(RegistryError) in
                    _ = try await wire.client.probe(feature, in: wire.repository)
                }
                #expect(error.code == code)
                let what = feature == .deleteTag ? "tag" : "manifest"
                #expect(error.description.hasPrefix("cannot delete a \(what) in \(wire.client.id)/team/app"))
            } else {
                #expect(try await wire.client.probe(feature, in: wire.repository) == reply.told)
            }
            #expect(try await wire.client.capability(feature, in: wire.repository) == reply.told)
            #expect(wire.held.snapshot() == before)
            #expect(wire.server.log.allSatisfy { ["DELETE", "GET"].contains($0.method) })
        }
    }

    @Test func `a probe is sent once for a repository, with a name and a digest that nobody has`() async throws {
        try await withWire(features: [.deleteManifest]) { wire in
            try wire.held.seed(try Samples.image(), tags: ["1"], in: wire.repository)
            for _ in 1...2 {
                #expect(try await wire.client.probe(.deleteTag, in: wire.repository) == .no)
                #expect(try await wire.client.probe(.deleteManifest, in: wire.repository) == .yes)
            }
            let names = wire.server.log.filter { $0.method == "DELETE" }.compactMap { $0.request.path.split(separator: "/").last }
            #expect(names.count == 2)
            #expect(names[0].hasPrefix("crplan-probe-") && names[0].count > 60)
            #expect((try? Digest(names[1])) != nil)
        }
    }

    @Test func `a registry that never gives a code is believed`() async throws {
        try await withWire { wire in
            wire.server.script { _ in Self.plain }
            let told = try await wire.client.probe(.deleteTag, in: wire.repository)
            #expect(told == .yes)
        }
    }

    @Test(arguments: [ScriptedAnswer.error(404, "TAG_UNKNOWN"), .error(405, "UNSUPPORTED")])
    func `a vendor's own way counts too`(own: ScriptedAnswer) async throws {
        try await withWire { wire in
            wire.server.script { request in
                guard request.method == "DELETE" else { return nil }
                if request.path.contains("/tags/reference/crplan-probe-") { return own }
                return .error(405, "UNSUPPORTED", headers: ["GitLab-Container-Registry-Version": "3.0"])
            }
            let isKnown = own.reply?.status == 404
            let told = try await wire.client.probe(.deleteTag, in: wire.repository)
            #expect(told == (isKnown ? .yes : .no))
            #expect(wire.server.log.map(\.method) == ["DELETE", "DELETE"])
        }
    }

    @Test func `a probe waits out a limit`() async throws {
        try await withWire { wire in
            wire.server.answerNext(where: { $0.method == "DELETE" }, with: .error(429, "X", headers: ["Retry-After": "4"]))
            let told = try await wire.client.probe(.deleteTag, in: wire.repository)
            #expect(told == .yes)
            #expect((wire.clock.sleeps.first ?? 0) >= 4)
        }
    }
}
