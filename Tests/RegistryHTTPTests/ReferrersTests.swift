import OCI
import Registry
import RegistryTestSupport
import Testing

@testable import RegistryHTTP

@Suite(.timeLimit(.minutes(5))) struct ReferrersTests {
    private func withSubject(
        features: Set<RegistryFeature>,
        _ body: @escaping @Sendable (Wire, Sample, Sample) async throws -> Void
    ) async throws {
        try await withWire(features: features) { wire in
            let image = try Samples.image()
            let referrer = try Samples.referrer(to: image.root.descriptor)
            try wire.held.seed(image, tags: ["1"], in: wire.repository)
            for (digest, bytes) in referrer.blobs {
                let descriptor = Descriptor(mediaType: "x", digest: digest, size: Int64(bytes.count))
                try await wire.client.putBlob(Sample.body(bytes, as: descriptor), into: wire.repository)
            }
            wire.server.forgetLog()
            try await body(wire, image, referrer)
        }
    }

    @Test func theFallbackListHoldsTypeAndAnnotations() async throws {
        try await withSubject(features: []) { wire, image, referrer in
            try await wire.client.putManifest(referrer.root, at: .digest(referrer.digest), in: wire.repository)
            try await wire.client.putManifest(referrer.root, at: .digest(referrer.digest), in: wire.repository)
            let found = try await wire.client.referrers(of: image.digest, in: wire.repository)
            #expect(found.source == .fallbackTag)
            #expect(found.descriptors.map(\.digest) == [referrer.digest])
            #expect(found.descriptors.first?.artifactType == referrer.root.image?.artifactType)
            #expect(found.descriptors.first?.annotations ?? [:] == referrer.root.image?.annotations ?? [:])
            #expect(try await wire.client.capability(.referrersAPI, in: wire.repository) == .no)
        }
    }

    @Test func withTheAPINoTagIsWritten() async throws {
        try await withSubject(features: [.referrersAPI]) { wire, image, referrer in
            try await wire.client.putManifest(referrer.root, at: .digest(referrer.digest), in: wire.repository)
            #expect(wire.held.tagsAndDigests(in: wire.repository).count == 1)
            let found = try await wire.client.referrers(of: image.digest, in: wire.repository)
            #expect(found.source == .api && found.descriptors.map(\.digest) == [referrer.digest])
        }
    }

    @Test func oneRequestFindsOutThatThereIsNoAPI() async throws {
        try await withSubject(features: []) { wire, image, _ in
            try await withThrowingTaskGroup(of: Void.self) { group in
                for number in 0..<20 {
                    group.addTask { _ = try await wire.client.referrers(of: Digest.sha256(of: [UInt8(number)]), in: wire.repository) }
                }
                try await group.waitForAll()
            }
            #expect(wire.server.log.count { $0.path.contains("/referrers/") } == 1)
        }
    }

    @Test func aPromiseWithoutTheAPIIsNotBelieved() async throws {
        try await withSubject(features: []) { wire, image, referrer in
            wire.server.script { $0.method == "PUT" ? .changed { $0.headers["OCI-Subject"] = image.digest.description } : nil }
            try await wire.client.putManifest(referrer.root, at: .digest(referrer.digest), in: wire.repository)
            #expect(wire.held.tagsAndDigests(in: wire.repository)[TagName.companion(of: image.digest, .referrers)] != nil)
        }
    }

    @Test func manyAtOnceAreAllListed() async throws {
        try await withSubject(features: []) { wire, image, _ in
            let referrers = try (1...8).map { try Samples.referrer(to: image.root.descriptor, seed: UInt64($0)) }
            for referrer in referrers { try wire.held.seed(referrer, in: wire.repository) }
            try await withThrowingTaskGroup(of: Void.self) { group in
                for referrer in referrers {
                    group.addTask {
                        try await wire.client.putManifest(referrer.root, at: .digest(referrer.digest), in: wire.repository)
                    }
                }
                try await group.waitForAll()
            }
            let found = try await wire.client.referrers(of: image.digest, in: wire.repository)
            #expect(Set(found.descriptors.map(\.digest)) == Set(referrers.map(\.digest)))
        }
    }

    @Test func aTagThatHoldsSomethingElseIsNotOverwritten() async throws {
        try await withSubject(features: []) { wire, image, referrer in
            let tag = TagName.companion(of: image.digest, .referrers)
            try wire.held.seed(image, tags: [tag.description], in: wire.repository)
            let error = try await wire.failure { () async throws(RegistryError) in
                try await wire.client.putManifest(referrer.root, at: .digest(referrer.digest), in: wire.repository)
            }
            #expect(error.code == .corrupt)
            #expect(wire.held.tagsAndDigests(in: wire.repository)[tag] == image.digest)
        }
    }

    @Test(arguments: [401, 403, 429, 500])
    func only404LeadsToTheFallbackTag(_ status: Int) async throws {
        try await withSubject(features: [.referrersAPI]) { wire, image, _ in
            wire.server.script { $0.path.contains("/referrers/") ? .error(status, "X") : nil }
            _ = try await wire.failure { () async throws(RegistryError) in
                _ = try await wire.client.referrers(of: image.digest, in: wire.repository)
            }
            #expect(wire.server.log.allSatisfy { $0.path.contains("/referrers/") || $0.path == "/v2/" })
            wire.server.forgetScripts()
            #expect(try await wire.client.capability(.referrersAPI, in: wire.repository) == .yes)
        }
    }

    @Test func aMissingRepositoryProvesNothingAboutTheAPI() async throws {
        try await withSubject(features: [.referrersAPI]) { wire, image, _ in
            let other = try RepositoryName("team/nowhere")
            wire.server.script { $0.path.contains("/team/nowhere/") ? .error(404, "NAME_UNKNOWN") : nil }
            #expect(try await wire.client.referrers(of: image.digest, in: other).descriptors == [])
            #expect(try await wire.client.capability(.referrersAPI, in: other) == .unknown)
        }
    }
}
