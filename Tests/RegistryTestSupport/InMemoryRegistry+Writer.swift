package import OCI
package import Registry

extension InMemoryRegistry: RegistryWriter {
    package func beginWriting(in repository: RepositoryName) async throws(RegistryError) -> any WriteLease {
        try await perform(Operation(.beginWriting, repository)) { _, _ in }
        changeOpenLeases(by: 1)
        return Lease(registry: self)
    }

    private struct Lease: WriteLease {
        let registry: InMemoryRegistry

        func end() async { registry.changeOpenLeases(by: -1) }
    }

    package func mountBlob(
        _ descriptor: Descriptor,
        from source: RepositoryName,
        into repository: RepositoryName
    ) async throws(RegistryError) -> Bool {
        try await perform(Operation(.mountBlob, repository, .digest(descriptor.digest))) { contents, features in
            features.contains(.mountBlob) && contents.mountBlob(descriptor.digest, from: source, into: repository)
        }
    }

    package func putBlob(
        _ body: BlobBody,
        into repository: RepositoryName,
        isKnownMissing: Bool
    ) async throws(RegistryError) {
        let descriptor = body.descriptor
        let operation = Operation(.putBlob, repository, .digest(descriptor.digest))
        try await begin(operation)
        var bytes: [UInt8] = []
        var pieces = try await body.open().makeAsyncIterator()
        while let piece = try await pieces.next() {
            try await begin(Operation(.bodyPiece, repository, operation.reference, offset: Int64(bytes.count)))
            bytes += piece.bytes.array
        }
        try finish(operation) { (contents, _) throws(RegistryError) in
            try refusing(operation) { () throws(RegistryContents.Refusal) in
                try contents.putBlob(bytes, digest: descriptor.digest, in: repository)
            }
        }
    }

    package func putManifest(
        _ document: ManifestDocument,
        at reference: ManifestReference,
        in repository: RepositoryName
    ) async throws(RegistryError) {
        let operation = Operation(.putManifest, repository, reference)
        try await perform(operation) { (contents, features) throws(RegistryError) in
            try refusing(operation) { () throws(RegistryContents.Refusal) in
                try contents.putManifest(document, at: reference, in: repository)
            }
            if !features.contains(.referrersAPI), let subject = document.subject {
                try addToFallback(document, subject: subject.digest, in: repository, &contents, operation)
            }
        }
    }

    package func deleteTag(_ tag: TagName, in repository: RepositoryName) async throws(RegistryError) {
        let operation = Operation(.deleteTag, repository, .tag(tag))
        try await perform(operation) { (contents, features) throws(RegistryError) in
            guard features.contains(.deleteTag) else {
                throw failure(.unsupported, operation, status: 400, registryCode: "UNSUPPORTED", reason: "the registry cannot delete a tag")
            }
            _ = contents.deleteTag(tag, in: repository)
        }
    }

    package func deleteManifest(_ digest: Digest, in repository: RepositoryName) async throws(RegistryError) {
        let operation = Operation(.deleteManifest, repository, .digest(digest))
        try await perform(operation) { (contents, features) throws(RegistryError) in
            guard features.contains(.deleteManifest) else {
                throw failure(.unsupported, operation, status: 405, registryCode: "UNSUPPORTED", reason: "deletes are switched off")
            }
            _ = contents.deleteManifest(digest, in: repository)
        }
    }

    package func probe(_ feature: RegistryFeature, in repository: RepositoryName) async throws(RegistryError) -> Capability {
        let kind: Operation.Kind
        switch feature {
        case .deleteTag: kind = .probeTagDeletion
        case .deleteManifest: kind = .probeManifestDeletion
        case .referrersAPI, .listRepositories, .listDigests, .mountBlob: return try await capability(feature, in: repository)
        }
        return try await perform(Operation(kind, repository)) { _, features in features.contains(feature) ? .yes : .no }
    }

    /// Keeps the fallback index of `subject` (distribution-spec, "Pushing Manifests with Subject").
    private func addToFallback(
        _ document: ManifestDocument,
        subject: Digest,
        in repository: RepositoryName,
        _ contents: inout RegistryContents,
        _ operation: Operation
    ) throws(RegistryError) {
        let tag = TagName.companion(of: subject, .referrers)
        var descriptors = contents.manifest(.tag(tag), in: repository)?.index?.manifests ?? []
        guard !descriptors.contains(where: { $0.digest == document.digest }) else { return }
        descriptors.append(RegistryContents.referrerDescriptor(document))
        do {
            let index = try Samples.referrersIndex(descriptors)
            try contents.putManifest(index, at: .tag(tag), in: repository)
        } catch {
            throw failure(.rejected, operation, status: 400, reason: "the fallback index cannot be stored: \(error)")
        }
    }

    private func refusing(_ operation: Operation, _ work: () throws(RegistryContents.Refusal) -> Void) throws(RegistryError) {
        do throws(RegistryContents.Refusal) {
            try work()
        } catch {
            throw failure(.rejected, operation, status: error.status, registryCode: error.code, reason: error.message)
        }
    }
}
