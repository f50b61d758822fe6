package import OCI
package import Registry

/// What every registry behind the seam must do. Each check starts from an empty registry and throws what it finds wrong.
package struct RegistryContract: Sendable, CustomStringConvertible {
    /// For the name of the test.
    package var name: String
    /// What it can and cannot do: `yes` or `no`, for every feature.
    package var capabilities: [RegistryFeature: Capability]
    /// What `capability` tells before anything but a push was tried; an ability that only a write can show is `unknown`.
    package var told: [RegistryFeature: Capability]
    /// Where `referrers` come from.
    package var referrersSource: Referrers.Source
    /// Runs `body` on an empty registry.
    package var withRegistry: @Sendable (_ body: @escaping @Sendable (any RegistryWriter) async throws -> Void) async throws -> Void

    package init(
        _ name: String,
        capabilities: [RegistryFeature: Capability],
        told: [RegistryFeature: Capability]? = nil,
        referrersSource: Referrers.Source,
        withRegistry: @escaping @Sendable (_ body: @escaping @Sendable (any RegistryWriter) async throws -> Void) async throws -> Void
    ) {
        self.name = name
        self.capabilities = capabilities
        self.told = told ?? capabilities
        self.referrersSource = referrersSource
        self.withRegistry = withRegistry
    }

    package var description: String { name }

    package struct Violation: Error, CustomStringConvertible {
        package let description: String
    }

    package func run(_ check: Check) async throws {
        try await withRegistry { registry in
            try await check.run(Subject(registry: registry, contract: self))
        }
    }

    /// One thing that is checked.
    package enum Check: String, Sendable, CaseIterable {
        case whatIsNotThereIsNil, anAbsentBlobCannotBeRead
        case aBlobComesBackAsItWent, aBlobIsReadFromAnOffset, aBlobTwiceIsDone, aBlobLargerThanOnePiece, anEmptyBlob
        case otherBytesAreCorrupt, tooFewBytesAreCorrupt, tooManyBytesAreCorrupt, errorsOfTheBodyPassThrough
        case blobsBelongToTheirRepository, whatIsKnownToBeMissingIsSent, aStreamNeverExceedsItsDescriptor
        case mountingTakesABlobOver, mountingWhatIsNotThereIsFalse
        case aManifestComesBackAsItWent, aManifestByDigestHasNoTag, aManifestTwiceIsDone, aDockerImageKeepsItsType
        case anIndexComesBackWhole, aManifestWithoutItsBlobsIsRefused, anIndexWithoutItsChildrenIsRefused
        case oddBytesAreKept, aManifestThatDoesNotNameItsType, indexesMayNest
        case aManifestAtAnotherDigestIsRefused, aTagMoves, tagsAreSortedAndComplete, manyTagsAreAllListed
        case untaggingKeepsTheRest, untaggingTheLastTagKeepsTheManifest, deletingTakesItsTagsAndNothingElse
        case referrersAreListed, referrersOfAMissingSubject, referrersTwiceAreOne, aDeletedReferrerIsNotListed
        case repositoriesAreListed, digestsAreListed, capabilitiesAreToldAsInTheTable, capabilitiesAreLearnt, probingChangesNothing
        case probesTell, aViewAnswersTheSame
        case leasesOverlap, writersAtOnceLoseNothing, cancelledCallsNeverLie
    }

    /// A registry under examination, with what the checks need often.
    struct Subject: Sendable {
        let registry: any RegistryWriter
        let contract: RegistryContract
        let repository: RepositoryName
        let other: RepositoryName

        init(registry: any RegistryWriter, contract: RegistryContract) throws {
            self.registry = registry
            self.contract = contract
            repository = try RepositoryName("team/app")
            other = try RepositoryName("team/other")
        }

        func can(_ feature: RegistryFeature) -> Bool { contract.capabilities[feature] == .yes }

        func require(_ condition: Bool, _ message: @autoclosure () -> String) throws {
            guard condition else { throw Violation(description: message()) }
        }

        func equal<Value: Equatable>(_ found: Value, _ expected: Value, _ what: String) throws {
            guard found == expected else { throw Violation(description: "\(what): found \(found), expected \(expected)") }
        }

        /// The error of `work` must have one of `codes`.
        func fails(_ what: String, _ codes: Set<RegistryError.Code>, _ work: () async throws(RegistryError) -> Void) async throws {
            do throws(RegistryError) {
                try await work()
            } catch {
                guard codes.contains(error.code) else {
                    throw Violation(description: "\(what): fails with \(error.code) (\(error)), expected \(codes)")
                }
                return
            }
            throw Violation(description: "\(what): does not fail, expected \(codes)")
        }

        /// Sends blobs, then manifests by digest, then the tags.
        func push(_ sample: Sample, _ tags: [String] = [], to repository: RepositoryName? = nil) async throws {
            let repository = repository ?? self.repository
            let lease = try await registry.beginWriting(in: repository)
            do {
                for (digest, bytes) in sample.blobs {
                    let descriptor = Descriptor(mediaType: "application/octet-stream", digest: digest, size: Int64(bytes.count))
                    try await registry.putBlob(Sample.body(bytes, as: descriptor), into: repository)
                }
                for document in sample.manifests {
                    try await registry.putManifest(document, at: .digest(document.digest), in: repository)
                }
                for tag in tags { try await registry.putManifest(sample.root, at: .tag(try TagName(tag)), in: repository) }
            } catch {
                await lease.end()
                throw error
            }
            await lease.end()
        }

        func read(_ descriptor: Descriptor, from offset: Int64 = 0, in repository: RepositoryName? = nil) async throws -> [UInt8] {
            try await registry.blob(descriptor, from: offset, in: repository ?? self.repository).collected()
        }

        func digest(_ tag: String) async throws -> Digest? { try await registry.head(.tag(try TagName(tag)), in: repository)?.digest }

        func isHere(_ digest: Digest) async throws -> Bool { try await registry.head(.digest(digest), in: repository) != nil }
    }
}

extension RegistryContract.Check {
    func run(_ subject: RegistryContract.Subject) async throws {
        switch self {
        case .whatIsNotThereIsNil: try await subject.whatIsNotThereIsNil()
        case .anAbsentBlobCannotBeRead: try await subject.anAbsentBlobCannotBeRead()
        case .aBlobComesBackAsItWent: try await subject.blobRoundTrip(70_000)
        case .aBlobIsReadFromAnOffset: try await subject.aBlobIsReadFromAnOffset()
        case .aBlobTwiceIsDone: try await subject.aBlobTwiceIsDone()
        case .aBlobLargerThanOnePiece: try await subject.blobRoundTrip(3 << 20 + 7)
        case .anEmptyBlob: try await subject.blobRoundTrip(0)
        case .otherBytesAreCorrupt: try await subject.corruptBody(Samples.bytes(100, seed: 2))
        case .tooFewBytesAreCorrupt: try await subject.corruptBody(Samples.bytes(99, seed: 1))
        case .tooManyBytesAreCorrupt: try await subject.corruptBody(Samples.bytes(101, seed: 1))
        case .errorsOfTheBodyPassThrough: try await subject.errorsOfTheBodyPassThrough()
        case .blobsBelongToTheirRepository: try await subject.blobsBelongToTheirRepository()
        case .whatIsKnownToBeMissingIsSent: try await subject.whatIsKnownToBeMissingIsSent()
        case .aStreamNeverExceedsItsDescriptor: try await subject.aStreamNeverExceedsItsDescriptor()
        case .mountingTakesABlobOver: try await subject.mountingTakesABlobOver()
        case .mountingWhatIsNotThereIsFalse: try await subject.mountingWhatIsNotThereIsFalse()
        case .aManifestComesBackAsItWent: try await subject.manifestRoundTrip(try Samples.image())
        case .aDockerImageKeepsItsType: try await subject.manifestRoundTrip(try Samples.image(family: .docker))
        case .anIndexComesBackWhole: try await subject.manifestRoundTrip(try Samples.multiPlatform(attestations: true))
        case .oddBytesAreKept: try await subject.manifestRoundTrip(try Samples.odd(#""mediaType":"\#(MediaType.ociManifest)","#))
        case .aManifestThatDoesNotNameItsType: try await subject.manifestRoundTrip(try Samples.odd(""))
        case .indexesMayNest: try await subject.manifestRoundTrip(try Samples.index(of: [Samples.multiPlatform(), Samples.image(seed: 5)]))
        case .aManifestByDigestHasNoTag: try await subject.aManifestByDigestHasNoTag()
        case .aManifestTwiceIsDone: try await subject.aManifestTwiceIsDone()
        case .aManifestWithoutItsBlobsIsRefused: try await subject.incompleteIsRefused(try Samples.image())
        case .anIndexWithoutItsChildrenIsRefused: try await subject.incompleteIsRefused(try Samples.multiPlatform())
        case .aManifestAtAnotherDigestIsRefused: try await subject.aManifestAtAnotherDigestIsRefused()
        case .aTagMoves: try await subject.aTagMoves()
        case .tagsAreSortedAndComplete: try await subject.tagsAreSortedAndComplete()
        case .manyTagsAreAllListed: try await subject.manyTagsAreAllListed()
        case .untaggingKeepsTheRest: try await subject.untaggingKeepsTheRest()
        case .untaggingTheLastTagKeepsTheManifest: try await subject.untaggingTheLastTagKeepsTheManifest()
        case .deletingTakesItsTagsAndNothingElse: try await subject.deletingTakesItsTagsAndNothingElse()
        case .referrersAreListed: try await subject.referrersAreListed()
        case .referrersOfAMissingSubject: try await subject.referrersOfAMissingSubject()
        case .referrersTwiceAreOne: try await subject.referrersTwiceAreOne()
        case .aDeletedReferrerIsNotListed: try await subject.aDeletedReferrerIsNotListed()
        case .repositoriesAreListed: try await subject.repositoriesAreListed()
        case .digestsAreListed: try await subject.digestsAreListed()
        case .capabilitiesAreToldAsInTheTable: try await subject.capabilitiesAreToldAsInTheTable()
        case .capabilitiesAreLearnt: try await subject.capabilitiesAreLearnt()
        case .probingChangesNothing: try await subject.probingChangesNothing()
        case .probesTell: try await subject.probesTell()
        case .aViewAnswersTheSame: try await subject.aViewAnswersTheSame()
        case .leasesOverlap: try await subject.leasesOverlap()
        case .writersAtOnceLoseNothing: try await subject.writersAtOnceLoseNothing()
        case .cancelledCallsNeverLie: try await subject.cancelledCallsNeverLie()
        }
    }
}
