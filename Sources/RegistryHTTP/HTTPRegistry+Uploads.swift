internal import NIOCore
internal import NIOHTTP1
package import OCI
package import Registry
internal import Synchronization

extension HTTPRegistry {
    package func mountBlob(
        _ descriptor: Descriptor,
        from source: RepositoryName,
        into repository: RepositoryName
    ) async throws(RegistryError) -> Bool {
        let purpose = purpose("mount", repository, "@\(descriptor.digest)")
        if try await hasBlob(descriptor, repository) { return true }
        let query = "mount=\(descriptor.digest)&from=\(source)"
        var request = RegistryRequest(
            method: .POST,
            address: address(repository, "blobs/uploads/").appending(query: query),
            purpose: purpose,
            scopes: [.push(repository), .pull(source)]
        )
        request.patience = .commit
        let response: RegistryResponse
        do throws(RegistryError) {
            response = try await exchange.send(request)
        } catch {
            // No right to the source, or a token server that says so: an upload still works.
            guard error.code == .unauthorized || error.code == .denied else { throw error }
            return false
        }
        switch response.status {
        case 201:
            response.finish()
            learn(.mountBlob, .yes, repository)
            return true
        case 202:
            response.finish()
            if let session = try? sessionAddress(response, purpose) {
                memory.withLock { $0.sessions[.init(repository: repository, digest: descriptor.digest)] = session }
            }
            return false
        case 400..<429, 430..<500: return false
        default: throw await exchange.error(for: response, purpose)
        }
    }

    package func putBlob(
        _ descriptor: Descriptor,
        from body: BlobBody,
        into repository: RepositoryName
    ) async throws(RegistryError) {
        let purpose = purpose("push", repository, "@\(descriptor.digest)")
        let key = RegistryMemory.BlobKey(repository: repository, digest: descriptor.digest)
        var kept = memory.withLock { $0.sessions.removeValue(forKey: key) }
        if try await hasBlob(descriptor, repository) {
            if let kept { await cancelSession(kept, repository, purpose) }
            return
        }
        let upload = UploadBody(descriptor: descriptor, source: body, purpose: purpose)
        var retry = RetryPolicy(startedAt: exchange.clock.uptime())
        while true {
            let session: WebAddress
            if let left = kept { session = left } else { session = try await openSession(descriptor, repository, purpose) }
            kept = nil
            switch await send(upload, to: session, repository) {
            case .stored: return
            case .failed(let error):
                // The source failed, or the content is not what it should be: nothing of it may stay.
                if error.code != .cancelled { await cancelSession(session, repository, purpose) }
                throw error
            case .mayBeRepeated(let error, let outcome):
                guard try await exchange.waitBeforeRepeating(&retry, outcome, purpose) else { throw error }
                // The commit may have come through although its reply did not.
                if try await hasBlob(descriptor, repository) { return }
            }
        }
    }

    /// Whether the blob is there in its full size. A registry that does not answer the question is sent the blob.
    private func hasBlob(_ descriptor: Descriptor, _ repository: RepositoryName) async throws(RegistryError) -> Bool {
        do throws(RegistryError) {
            return try await headBlob(descriptor.digest, in: repository, scope: .push(repository)) == descriptor.size
        } catch {
            switch error.code {
            case .denied, .unsupported, .badAnswer: return false
            default: throw error
            }
        }
    }

    private func openSession(
        _ descriptor: Descriptor,
        _ repository: RepositoryName,
        _ purpose: Purpose
    ) async throws(RegistryError) -> WebAddress {
        var address = address(repository, "blobs/uploads/")
        if descriptor.digest.algorithm != .sha256 {
            address = address.appending(query: "digest-algorithm=\(descriptor.digest.algorithm.rawValue)")
        }
        let response = try await exchange.send(
            RegistryRequest(method: .POST, address: address, purpose: purpose, scopes: [.push(repository)])
        )
        guard response.isSuccess else { throw await exchange.error(for: response, purpose) }
        response.finish()
        return try sessionAddress(response, purpose)
    }

    private func sessionAddress(_ response: RegistryResponse, _ purpose: Purpose) throws(RegistryError) -> WebAddress {
        guard let location = response.headers.first(name: "location") else {
            throw purpose.error(.badAnswer, status: response.status, "the registry does not say where to send it")
        }
        do throws(WebAddress.Invalid) {
            return try UploadLocation.resolve(location, at: response.address)
        } catch {
            throw purpose.error(.untrusted, "the registry's upload address is refused: \(error.description)")
        }
    }

    private enum UploadOutcome {
        case stored
        case failed(RegistryError)
        /// Another session may do better.
        case mayBeRepeated(RegistryError, RetryPolicy.Outcome)
    }

    /// Sends the whole blob in one request.
    private func send(_ upload: UploadBody, to session: WebAddress, _ repository: RepositoryName) async -> UploadOutcome {
        let digest = upload.descriptor.digest
        let request = RegistryRequest(
            method: .PUT,
            address: session.appending(query: "digest=\(digest)"),
            purpose: upload.purpose,
            headers: ["content-type": "application/octet-stream"],
            body: upload.descriptor.size == 0 ? .bytes([]) : .blob(size: upload.descriptor.size, upload),
            scopes: [.push(repository)],
            slot: .upload,
            patience: .commit
        )
        do throws(TransportFailure) {
            if upload.descriptor.size == 0 { try await upload.checkEmpty() }
            let response = try await exchange.attempt(request)
            guard response.isSuccess else { return await outcome(of: response, upload.purpose) }
            response.finish()
            guard let named = response.contentDigest, named.algorithm == digest.algorithm, named != digest else { return .stored }
            return .failed(upload.purpose.error(.corrupt, "the registry stored \(named) instead"))
        } catch {
            let words = exchange.error(for: error, request)
            return Exchange.outcome(of: error).map { .mayBeRepeated(words, $0) } ?? .failed(words)
        }
    }

    /// A lost session, a token that ran out and content that was spoilt on its way are worth one more try, like a 500.
    private func outcome(of response: RegistryResponse, _ purpose: Purpose) async -> UploadOutcome {
        let error = await exchange.error(for: response, purpose)
        if let transient = exchange.outcome(of: response) { return .mayBeRepeated(error, transient) }
        let isSpoilt = response.error.contains("DIGEST_INVALID", "SIZE_INVALID", "BLOB_UPLOAD_INVALID", "BLOB_UPLOAD_UNKNOWN")
        switch response.status {
        case 401, 404, 416: return .mayBeRepeated(error, .status(500, permanent: false, retryAfter: nil))
        case 400 where isSpoilt: return .mayBeRepeated(error, .status(500, permanent: false, retryAfter: nil))
        default: return .failed(error)
        }
    }

    /// Best effort: registries drop forgotten sessions by themselves.
    private func cancelSession(_ session: WebAddress, _ repository: RepositoryName, _ purpose: Purpose) async {
        guard exchange.connections.isOwn(session) else { return }
        let request = RegistryRequest(method: .DELETE, address: session, purpose: purpose, scopes: [.push(repository)])
        guard let response = try? await exchange.attempt(request) else { return }
        response.finish()
    }
}
