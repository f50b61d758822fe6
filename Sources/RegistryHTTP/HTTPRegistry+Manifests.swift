internal import Logging
internal import NIOCore
internal import NIOHTTP1
package import OCI
internal import Registry
internal import Synchronization

extension HTTPRegistry {
    package func head(
        _ reference: ManifestReference,
        in repository: RepositoryName
    ) async throws(RegistryError) -> ManifestHead? {
        let purpose = purpose("resolve", repository, reference.suffix)
        let response = try await exchange.send(manifestRequest(.HEAD, reference, repository, purpose))
        if try response.isAbsence(purpose) {
            if mayHide(reference, repository) {
                response.finish()
                return try await headByGetting(reference, repository)
            }
            remember(nil, reference, repository)
            return nil
        }
        switch response.status {
        case 400, 405, 501: return try await headByGetting(reference, repository)
        case 200..<300: memory.withLock { $0.headFinds = true }
        default: throw await exchange.error(for: response, purpose)
        }
        response.finish()
        guard let type = response.contentType, let size = response.contentLength, size >= 0, let named = response.contentDigest else {
            return try await headByGetting(reference, repository)
        }
        var digest = named
        if let wanted = reference.digest {
            guard wanted.algorithm != named.algorithm || wanted == named else {
                throw purpose.error(.corrupt, "the registry answers with \(named) instead")
            }
            digest = wanted
        }
        remember(digest, reference, repository)
        return ManifestHead(digest: digest, mediaType: MediaType.essence(of: type), size: size)
    }

    package func manifest(
        _ reference: ManifestReference,
        in repository: RepositoryName
    ) async throws(RegistryError) -> ManifestDocument? {
        let purpose = purpose("read", repository, reference.suffix)
        var request = manifestRequest(.GET, reference, repository, purpose)
        request.bodyLimit = ManifestDocument.largestSize
        var response = try await exchange.send(request)
        if Self.mismatch(response, reference) != nil {
            // It may have been spoilt on its way: the whole is read once more, and then judged.
            logger.notice("\(purpose.object): the bytes have another digest than they should; reading them once more")
            response = try await exchange.send(request)
        }
        if try response.isAbsence(purpose) {
            remember(nil, reference, repository)
            return nil
        }
        guard response.isSuccess else { throw await exchange.error(for: response, purpose) }
        let document = try Self.document(response, reference, purpose)
        remember(document.digest, reference, repository)
        return document
    }

    package func putManifest(
        _ document: ManifestDocument,
        at reference: ManifestReference,
        in repository: RepositoryName
    ) async throws(RegistryError) {
        let response = try await store(document, at: reference, in: repository)
        if let subject = document.subject {
            // A reply that was lost cannot say; the API can.
            let keepsReferrers = response.headers.contains(name: "oci-subject") || response.wasSettled
            try await listReferrer(document, of: subject.digest, in: repository, registryKeepsIt: keepsReferrers)
        }
    }

    /// Puts the manifest, and leaves its subject's list of referrers as it is.
    @discardableResult
    func store(
        _ document: ManifestDocument,
        at reference: ManifestReference,
        in repository: RepositoryName
    ) async throws(RegistryError) -> RegistryResponse {
        let purpose = purpose("push", repository, reference.suffix)
        if let wanted = reference.digest, wanted != document.digest {
            throw purpose.error(.corrupt, "the manifest to push is \(document.digest)")
        }
        let before = seen(reference, repository)
        var request = manifestRequest(.PUT, reference, repository, purpose)
        request.headers = ["content-type": document.mediaType]
        request.body = .bytes(document.bytes)
        request.scopes = [.push(repository)]
        request.patience = .commit
        request.repetition = .unlessDone { () async throws(RegistryError) in
            try await self.isStored(document, at: reference, in: repository, before: before, purpose)
        }
        var response = try await exchange.send(request)
        for pause in Self.pausesBeforeSendingAgain {
            guard try await wasSpoilt(document, at: reference, in: repository, by: response) else { break }
            logger.notice("\(purpose.object): the registry got other bytes than were sent; sending them once more")
            try await exchange.pause(pause, wholeHost: false, purpose)
            response = try await exchange.send(request)
        }
        guard response.isSuccess else { throw await exchange.error(for: response, purpose) }
        response.finish()
        if let named = Self.otherDigest(than: document, response) {
            throw purpose.error(.corrupt, "the registry stored \(named) instead of \(document.digest)")
        }
        remember(document.digest, reference, repository)
        return response
    }

    func manifestRequest(
        _ method: HTTPMethod,
        _ reference: ManifestReference,
        _ repository: RepositoryName,
        _ purpose: Purpose
    ) -> RegistryRequest {
        RegistryRequest(
            method: method,
            address: address(repository, "manifests/\(reference)"),
            purpose: purpose,
            // One field: some registries read only the first, and without these types they answer 404 or with another digest.
            headers: ["accept": MediaType.acceptedManifests.joined(separator: ", ")],
            scopes: [.pull(repository)],
            isPull: method == .GET
        )
    }

    func learn(_ feature: RegistryFeature, _ capability: Capability, _ repository: RepositoryName?) {
        memory.withLock { $0.learn(feature, capability, in: repository) }
    }

    /// Whether a 404 to `HEAD` may be wrong, as it is on some versions of Nexus: the list of tags has just named the tag, or it is a Nexus
    /// whose `HEAD` has not found anything yet.
    private func mayHide(_ reference: ManifestReference, _ repository: RepositoryName) -> Bool {
        let isNexus = exchange.watch.signs.isNexus
        return memory.withLock { memory in
            guard let tag = reference.tag else { return isNexus && !memory.headFinds }
            // Seen absent since: removed by this run, or by `GET`.
            if let seen = memory.tags[.init(repository: repository, tag: tag)], seen == nil { return false }
            return isNexus && !memory.headFinds || memory.listed[repository]?.contains(tag) ?? false
        }
    }

    private func headByGetting(_ reference: ManifestReference, _ repository: RepositoryName) async throws(RegistryError) -> ManifestHead? {
        // A whole manifest is no small answer: it must not hold up an event loop that asks for the head.
        let found = await withTaskExecutorPreference(globalConcurrentExecutor) {
            do throws(RegistryError) {
                return Result<ManifestDocument?, RegistryError>.success(try await manifest(reference, in: repository))
            } catch {
                return .failure(error)
            }
        }
        guard let document = try found.get() else { return nil }
        return ManifestHead(digest: document.digest, mediaType: document.mediaType, size: Int64(document.bytes.count))
    }

    /// In seconds. Docker's registry says `DIGEST_INVALID` also of an index with a child that someone else is putting at this moment: its
    /// files are empty before they are full, and on a busy disk that can last.
    private static let pausesBeforeSendingAgain = [0, 0.2, 1]

    /// Whether the registry got other bytes than were sent, and may be sent them again: it refused them as such, or it stored them and its tag
    /// holds them still.
    private func wasSpoilt(
        _ document: ManifestDocument,
        at reference: ManifestReference,
        in repository: RepositoryName,
        by response: RegistryResponse
    ) async throws(RegistryError) -> Bool {
        if response.status == 400 { return response.error.contains("DIGEST_INVALID", "MANIFEST_INVALID") }
        guard response.isSuccess, let named = Self.otherDigest(than: document, response) else { return false }
        response.finish()
        return try await head(reference, in: repository)?.digest == named
    }

    private static func otherDigest(than document: ManifestDocument, _ response: RegistryResponse) -> Digest? {
        guard let named = response.contentDigest, named.algorithm == document.digest.algorithm, named != document.digest else { return nil }
        return named
    }

    /// The digest asked for, or by tag the one that the registry names.
    private static func expectedDigest(_ response: RegistryResponse, _ reference: ManifestReference) -> Digest? {
        reference.digest ?? response.contentDigest.flatMap { $0.algorithm == .sha256 ? $0 : nil }
    }

    /// What the bytes have instead of the expected digest.
    private static func mismatch(_ response: RegistryResponse, _ reference: ManifestReference) -> (computed: Digest, expected: Digest)? {
        guard response.isSuccess, let expected = expectedDigest(response, reference) else { return nil }
        let computed = Digest.of(response.bytes, with: expected.algorithm)
        return computed == expected ? nil : (computed, expected)
    }

    private static func document(
        _ response: RegistryResponse,
        _ reference: ManifestReference,
        _ purpose: Purpose
    ) throws(RegistryError) -> ManifestDocument {
        if let (computed, expected) = mismatch(response, reference) {
            throw purpose.error(.corrupt, "the registry sent bytes with the digest \(computed) instead of \(expected)")
        }
        let algorithm = expectedDigest(response, reference)?.algorithm ?? .sha256
        do throws(ManifestDocument.Invalid) {
            return try ManifestDocument(bytes: response.bytes, mediaType: response.contentType, algorithm: algorithm)
        } catch {
            throw purpose.error(.corrupt, "the manifest is not valid: \(error.description.withVisibleControls)")
        }
    }

    /// After a lost reply: whether the registry has the manifest. A tag that meanwhile holds something else than before is left alone, since
    /// putting it again could undo someone's newer push.
    private func isStored(
        _ document: ManifestDocument,
        at reference: ManifestReference,
        in repository: RepositoryName,
        before: Digest??,
        _ purpose: Purpose
    ) async throws(RegistryError) -> Bool {
        let now = try await head(reference, in: repository)
        if now?.digest == document.digest { return true }
        guard reference.tag != nil, let found = now?.digest else { return false }
        if let before, before == found { return false }
        throw purpose.error(
            .unavailable,
            "the registry's reply was lost, and the tag now holds \(found)",
            help: "run plan again"
        )
    }

    private func remember(_ digest: Digest?, _ reference: ManifestReference, _ repository: RepositoryName) {
        guard let tag = reference.tag else { return }
        memory.withLock { $0.tags[.init(repository: repository, tag: tag)] = .some(digest) }
    }

    func seen(_ reference: ManifestReference, _ repository: RepositoryName) -> Digest?? {
        guard let tag = reference.tag else { return nil }
        return memory.withLock { $0.tags[.init(repository: repository, tag: tag)] }
    }
}
