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
            response.permit.release()
            learn(.mountBlob, .yes, repository)
            return true
        case 202:
            response.permit.release()
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
        var session = memory.withLock { $0.sessions.removeValue(forKey: key) }
        if try await hasBlob(descriptor, repository) {
            if let session { await cancelSession(session, repository, purpose) }
            return
        }
        var retry = RetryPolicy(startedAt: exchange.clock.uptime())
        while true {
            let current: WebAddress
            if let kept = session {
                current = kept
            } else {
                current = try await openSession(descriptor, repository, purpose)
            }
            session = nil
            let failure: RegistryError
            do throws(RegistryError) {
                guard let error = try await send(descriptor, body, to: current, repository, purpose) else { return }
                failure = error
            } catch {
                // The source failed, or the content is not what it should be: nothing of it may stay.
                if error.code != .cancelled { await cancelSession(current, repository, purpose) }
                throw error
            }
            let outcome = Self.outcome(of: failure)
            guard case .wait(let seconds, _) = retry.decide(outcome, now: exchange.clock.uptime(), jitter: exchange.clock.jitter()) else {
                throw failure
            }
            do {
                try await exchange.clock.sleep(seconds)
            } catch {
                throw purpose.cancelled
            }
            // The commit may have come through although its reply did not.
            if try await hasBlob(descriptor, repository) { return }
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
        response.permit.release()
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

    /// Sends the whole blob in one request. Returns the failure when another session may do better; throws what is final.
    private func send(
        _ descriptor: Descriptor,
        _ body: BlobBody,
        to session: WebAddress,
        _ repository: RepositoryName,
        _ purpose: Purpose
    ) async throws(RegistryError) -> RegistryError? {
        let upload = UploadBody(descriptor: descriptor, source: body, purpose: purpose)
        var request = RegistryRequest(
            method: .PUT,
            address: session.appending(query: "digest=\(descriptor.digest)"),
            purpose: purpose,
            headers: ["content-type": "application/octet-stream"],
            scopes: [.push(repository)],
            slot: .upload,
            patience: .commit,
            repetition: .never
        )
        if descriptor.size == 0 {
            // No part of an empty body is asked for, so its digest is checked here.
            var check = upload.makeAsyncIterator()
            _ = try await check.next()
            request.body = .bytes([])
        } else {
            request.body = .blob(size: descriptor.size, upload)
        }
        let response: RegistryResponse
        do throws(RegistryError) {
            response = try await exchange.send(request)
        } catch {
            // An error with our own purpose and no answer is the way to the registry; anything else is the source's.
            guard error.code == .unavailable, error.action == purpose.action, error.object == purpose.object else { throw error }
            return error
        }
        if response.isSuccess {
            response.permit.release()
            if let named = response.contentDigest, named.algorithm == descriptor.digest.algorithm, named != descriptor.digest {
                throw purpose.error(.corrupt, "the registry stored \(named) instead")
            }
            return nil
        }
        let error = await exchange.error(for: response, purpose)
        switch response.status {
        case 401, 404, 416: return error
        case 400 where response.error.contains("DIGEST_INVALID", "SIZE_INVALID", "BLOB_UPLOAD_INVALID", "BLOB_UPLOAD_UNKNOWN"): return error
        case let status where RetryPolicy.isTransient(status): return error
        default: throw error
        }
    }

    /// What a failed upload means for the next try. A lost session or a token that ran out is worth one more, like a 500.
    private static func outcome(of failure: RegistryError) -> RetryPolicy.Outcome {
        guard let status = failure.status else { return .broken }
        return .status(RetryPolicy.isTransient(status) ? status : 500, permanent: false, retryAfter: nil)
    }

    /// Best effort: registries drop forgotten sessions by themselves.
    private func cancelSession(_ session: WebAddress, _ repository: RepositoryName, _ purpose: Purpose) async {
        guard exchange.connections.isOwn(session) else { return }
        var request = RegistryRequest(method: .DELETE, address: session, purpose: purpose, scopes: [.push(repository)])
        request.repetition = .never
        guard let response = try? await exchange.send(request) else { return }
        response.permit.release()
    }
}
