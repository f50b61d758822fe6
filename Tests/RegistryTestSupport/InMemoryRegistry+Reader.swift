package import OCI
package import Registry

extension InMemoryRegistry: RegistryReader {
    package func head(_ reference: ManifestReference, in repository: RepositoryName) async throws(RegistryError) -> ManifestHead? {
        try await perform(Operation(.head, repository, reference)) { contents, _ in
            contents.manifest(reference, in: repository).map {
                ManifestHead(digest: $0.digest, mediaType: $0.mediaType, size: Int64($0.bytes.count))
            }
        }
    }

    package func manifest(_ reference: ManifestReference, in repository: RepositoryName) async throws(RegistryError) -> ManifestDocument? {
        try await perform(Operation(.manifest, repository, reference)) { contents, _ in contents.manifest(reference, in: repository) }
    }

    package func tags(in repository: RepositoryName) async throws(RegistryError) -> [TagName]? {
        try await perform(Operation(.tags, repository)) { contents, _ in contents.tags(in: repository) }
    }

    package func repositories() async throws(RegistryError) -> [RepositoryName] {
        let operation = Operation(.repositories)
        return try await perform(operation) { (contents, features) throws(RegistryError) in
            guard features.contains(.listRepositories) else {
                throw failure(.unsupported, operation, status: 404, reason: "the registry does not list its repositories")
            }
            return contents.repositoryNames
        }
    }

    package func digests(in repository: RepositoryName) async throws(RegistryError) -> [Digest]? {
        try await perform(Operation(.digests, repository)) { contents, features in
            features.contains(.listDigests) ? contents.digests(in: repository) : nil
        }
    }

    package func referrers(of digest: Digest, in repository: RepositoryName) async throws(RegistryError) -> Referrers {
        try await perform(Operation(.referrers, repository, .digest(digest))) { contents, features in
            if features.contains(.referrersAPI) { return Referrers(contents.referrers(of: digest, in: repository), source: .api) }
            let fallback = contents.manifest(.tag(.companion(of: digest, .referrers)), in: repository)
            return Referrers(fallback?.index?.manifests ?? [], source: .fallbackTag)
        }
    }

    package func headBlob(_ digest: Digest, in repository: RepositoryName) async throws(RegistryError) -> Int64? {
        try await perform(Operation(.headBlob, repository, .digest(digest))) { contents, _ in
            contents.blob(digest, in: repository).map { Int64($0.count) }
        }
    }

    package func blob(_ descriptor: Descriptor, from offset: Int64, in repository: RepositoryName) async throws(RegistryError) -> BlobStream
    {
        let operation = Operation(.blob, repository, .digest(descriptor.digest), offset: offset)
        let bytes = try await perform(operation) { (contents, _) throws(RegistryError) in
            guard let bytes = contents.blob(descriptor.digest, in: repository) else {
                throw failure(.notFound, operation, status: 404, registryCode: "BLOB_UNKNOWN", reason: "the registry does not have it")
            }
            return bytes
        }
        // More than the descriptor says is never given out.
        let whole = Array(bytes.prefix(Int(descriptor.size)))
        return BlobStream(whole, from: offset, pieceSize: pieceSize) { pieceOffset throws(RegistryError) in
            var piece = operation
            piece.kind = .blobPiece
            piece.offset = pieceOffset
            try await self.perform(piece) { _, _ in }
        }
    }

    package func capability(_ feature: RegistryFeature, in repository: RepositoryName) async throws(RegistryError) -> Capability {
        try await perform(Operation(.capability, repository)) { _, _ in }
        return reportedCapability(feature)
    }

    package var pulls: PullAllowance? { pullLimit.map { PullAllowance(limit: $0, spent: count(.manifest)) } }

    package func checkLogin() async throws(RegistryError) -> LoginReport {
        try await perform(Operation(.checkLogin)) { _, _ in LoginReport(user: nil, credentialSource: nil, facts: ["in memory"]) }
    }
}
