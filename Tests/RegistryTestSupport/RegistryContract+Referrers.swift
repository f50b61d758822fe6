import OCI
import Registry

/// What the contract says about referrers, inventories, capabilities and writers at once.
extension RegistryContract.Subject {
    func referrersAreListed() async throws {
        let image = try Samples.image()
        try await push(image, ["1"])
        let signature = try Samples.referrer(to: image.root.descriptor, seed: 1, annotations: ["org.example.key": "k1"])
        let sbom = try Samples.referrer(to: image.root.descriptor, seed: 2, artifactType: "application/spdx+json")
        for referrer in [signature, sbom] { try await push(referrer) }
        let found = try await registry.referrers(of: image.digest, in: repository)
        try equal(found.source, contract.referrersSource, "where the referrers come from")
        let digests = Set(found.descriptors.map(\.digest))
        try equal(digests, [signature.digest, sbom.digest], "the referrers")
        for expected in [signature, sbom] {
            let descriptor = found.descriptors.first { $0.digest == expected.digest }
            try equal(descriptor?.artifactType, expected.descriptor.artifactType, "the artifact type")
            try equal(descriptor?.annotations ?? [:], expected.descriptor.annotations ?? [:], "the annotations")
            try equal(descriptor?.size, expected.descriptor.size, "the size")
        }
        try equal(try await registry.referrers(of: signature.digest, in: repository).descriptors, [], "the referrers of a referrer")
    }

    func referrersOfAMissingSubject() async throws {
        let image = try Samples.image()
        let signature = try Samples.referrer(to: image.root.descriptor)
        try await push(signature)
        let found = try await registry.referrers(of: image.digest, in: repository)
        try equal(found.descriptors.map(\.digest), [signature.digest], "the referrers of a subject that is not there yet")
    }

    func referrersTwiceAreOne() async throws {
        let image = try Samples.image()
        try await push(image, ["1"])
        let signature = try Samples.referrer(to: image.root.descriptor)
        for _ in 1...2 { try await push(signature) }
        let found = try await registry.referrers(of: image.digest, in: repository)
        try equal(found.descriptors.map(\.digest), [signature.digest], "the referrers")
    }

    func repositoriesAreListed() async throws {
        guard can(.listRepositories) else {
            try await fails("listing repositories", [.unsupported]) { () throws(RegistryError) in _ = try await registry.repositories() }
            return
        }
        try equal(try await registry.repositories(), [], "the repositories of an empty registry")
        let names = try ["team/app", "team/app/sub", "alone", "zoo/a"].map { try RepositoryName($0) }
        for name in names { try await push(try Samples.image(), ["1"], to: name) }
        try equal(try await registry.repositories(), names.sorted(), "the repositories")
    }

    func digestsAreListed() async throws {
        let (tagged, untagged) = (try Samples.multiPlatform(seed: 1), try Samples.image(seed: 2))
        try await push(tagged, ["1"])
        try await push(untagged)
        let found = try await registry.digests(in: repository)
        guard can(.listDigests) else { return try equal(found, nil, "the digests") }
        try equal(found?.sorted(), (tagged.manifests + untagged.manifests).map(\.digest).sorted(), "the digests")
        try equal(try await registry.digests(in: other) ?? [], [], "the digests of an absent repository")
    }

    func capabilitiesAreAsInTheTable() async throws {
        let image = try Samples.image()
        try await push(image, ["1"])
        _ = try await registry.referrers(of: image.digest, in: repository)
        for feature in RegistryFeature.allCases {
            let expected = contract.capabilities[feature] ?? .unknown
            try equal(try await registry.capability(feature, in: repository), expected, "the capability \(feature)")
        }
    }

    func probingChangesNothing() async throws {
        let sample = try Samples.image()
        try await push(sample, ["1", "2"])
        for feature in RegistryFeature.allCases {
            for repository in [repository, other] { _ = try await registry.capability(feature, in: repository) }
        }
        _ = try await registry.checkLogin()
        try equal(try await registry.tags(in: repository)?.map(\.description), ["1", "2"], "the tags")
        try equal(try await digest("1"), sample.digest, "the image")
        try equal(try await registry.tags(in: other), nil, "the repository that was only asked about")
    }

    func leasesOverlap() async throws {
        let first = try await registry.beginWriting(in: repository)
        let second = try await registry.beginWriting(in: repository)
        let elsewhere = try await registry.beginWriting(in: other)
        await first.end()
        try await push(try Samples.image(), ["1"])
        await second.end()
        await elsewhere.end()
        try await push(try Samples.image(), ["2"])
        try equal(try await registry.tags(in: repository)?.map(\.description), ["1", "2"], "the tags")
    }

    func writersAtOnceLoseNothing() async throws {
        let samples = try (1...8).map { try Samples.image(seed: UInt64($0), layers: [Samples.bytes(5000, seed: 1), [UInt8($0)]]) }
        try await withThrowingTaskGroup { group in
            for (place, sample) in samples.enumerated() {
                group.addTask { try await push(sample, ["t\(place)", "shared"]) }
            }
            try await group.waitForAll()
        }
        let expected = (0..<8).map { "t\($0)" }
        try equal(try await registry.tags(in: repository)?.map(\.description), ["shared"] + expected, "the tags")
        for (place, sample) in samples.enumerated() {
            try equal(try await digest("t\(place)"), sample.digest, "tag t\(place)")
            for (digest, bytes) in sample.blobs {
                try equal(try await registry.headBlob(digest, in: repository), Int64(bytes.count), "the blob \(digest)")
            }
        }
        let shared = try await digest("shared")
        try require(samples.contains { $0.digest == shared }, "the shared tag holds what nobody put")
    }
}
