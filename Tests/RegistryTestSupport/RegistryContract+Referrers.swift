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

    /// Where the API lists them; who deletes a referrer elsewhere brings the fallback tag up to date.
    func aDeletedReferrerIsNotListed() async throws {
        guard contract.referrersSource == .api, can(.deleteManifest) else { return }
        let image = try Samples.image()
        try await push(image, ["1"])
        let (first, second) = (
            try Samples.referrer(to: image.root.descriptor, seed: 1), try Samples.referrer(to: image.root.descriptor, seed: 2)
        )
        for referrer in [first, second] { try await push(referrer) }
        try await registry.deleteManifest(first.digest, in: repository)
        let found = try await registry.referrers(of: image.digest, in: repository)
        try equal(found.descriptors.map(\.digest), [second.digest], "the referrers")
    }

    func aViewAnswersTheSame() async throws {
        try equal(try registry.view(of: repository) != nil, registry.hasViews, "whether there is a view of an absent repository")
        let (image, index) = (try Samples.image(), try Samples.multiPlatform(seed: 3))
        try await push(image, ["1", "2"])
        try await push(index, ["3"])
        try await push(try Samples.referrer(to: image.root.descriptor))
        for name in [repository, other] {
            guard let view = try registry.view(of: name) else { continue }
            for tag in try ["1", "2", "3", "4"].map({ try TagName($0) }) {
                try equal(try view.head(tag), try await registry.head(.tag(tag), in: name), "the head of \(name):\(tag)")
            }
            for digest in [image.digest, index.digest] {
                try equal(try view.referrers(of: digest), try await registry.referrers(of: digest, in: name), "the referrers in \(name)")
            }
        }
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

    func capabilitiesAreToldAsInTheTable() async throws {
        let image = try Samples.image()
        try await push(image, ["1"])
        _ = try await registry.referrers(of: image.digest, in: repository)
        for feature in RegistryFeature.allCases {
            let expected = contract.told[feature] ?? .unknown
            try equal(try await registry.capability(feature, in: repository), expected, "the capability \(feature)")
        }
    }

    /// Once something has been tried, the truth is known.
    func capabilitiesAreLearnt() async throws {
        let (first, second) = (try Samples.image(seed: 1), try Samples.image(seed: 2))
        try await push(first, ["1"])
        try await push(second, ["2"])
        let blob = Samples.descriptor(of: [1, 2, 3])
        try await registry.putBlob(Sample.body([1, 2, 3], as: blob), into: other)
        _ = try await registry.mountBlob(blob, from: other, into: repository)
        let tag = try TagName("1")
        try await attempt { () throws(RegistryError) in try await registry.deleteTag(tag, in: repository) }
        try await attempt { () throws(RegistryError) in try await registry.deleteManifest(second.digest, in: repository) }
        try await attempt { () throws(RegistryError) in _ = try await registry.repositories() }
        _ = try await registry.referrers(of: first.digest, in: repository)
        for feature in RegistryFeature.allCases {
            let expected = contract.capabilities[feature] ?? .unknown
            let found = try await registry.capability(feature, in: repository)
            // A refused mount may only mean that this blob cannot be had.
            if feature == .mountBlob, expected == .no, found == .unknown { continue }
            try equal(found, expected, "the capability \(feature) after use")
        }
    }

    private func attempt(_ work: () async throws(RegistryError) -> Void) async throws {
        do throws(RegistryError) {
            try await work()
        } catch {
            try require(error.code == .unsupported, "an attempt fails otherwise: \(error)")
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

    /// In the first repository there is something to lose, the second is not there.
    func probesTell() async throws {
        let sample = try Samples.image()
        try await push(sample, ["1", "2"])
        for feature in [RegistryFeature.deleteTag, .deleteManifest] {
            let probed = try await registry.probe(feature, in: repository)
            try equal(probed, contract.capabilities[feature], "what a probe of \(feature.rawValue) tells")
            try equal(try await registry.probe(feature, in: repository), probed, "what the second probe of \(feature.rawValue) tells")
            _ = try await registry.probe(feature, in: other)
        }
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

    /// In a cancelled task an answer is right, or the call says that it was cancelled; absence is never made up.
    func cancelledCallsNeverLie() async throws {
        let sample = try Samples.image()
        try await push(sample, ["1"])
        let tag = try TagName("1")
        let other = Samples.bytes(100, seed: 3)
        let calls: [@Sendable () async throws -> String?] = [
            { try await registry.head(.tag(tag), in: repository)?.digest == sample.digest ? nil : "head" },
            { try await registry.manifest(.tag(tag), in: repository) == sample.root ? nil : "manifest" },
            { try await registry.tags(in: repository) == [tag] ? nil : "tags" },
            { try await registry.headBlob(sample.blobs.keys.min() ?? sample.digest, in: repository) == nil ? "headBlob" : nil },
            {
                try await registry.putBlob(Sample.body(other), into: repository)
                return nil
            },
        ]
        for call in calls {
            let finding = try await withThrowingTaskGroup(of: String?.self) { group in
                group.addTask {
                    while !Task.isCancelled { await Task.yield() }
                    do {
                        return try await call()
                    } catch let error as RegistryError where error.code == .cancelled {
                        return nil
                    }
                }
                group.cancelAll()
                return try await group.next() ?? nil
            }
            try equal(finding, nil, "what a cancelled call got wrong")
        }
    }
}
