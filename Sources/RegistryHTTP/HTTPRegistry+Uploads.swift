internal import Logging
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
        let address = address(repository, "blobs/uploads/").appending(query: "mount=\(descriptor.digest)&from=\(source)")
        let scopes: [TokenScope] = [.push(repository), .pull(source)]
        var request = RegistryRequest(method: .POST, address: address, purpose: purpose, scopes: scopes)
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
            if let session = try? openedSession(response, purpose) {
                memory.withLock { $0.sessions[.init(repository: repository, digest: descriptor.digest)] = session }
            }
            return false
        case 400..<429, 430..<500: return false
        default: throw await exchange.error(for: response, purpose)
        }
    }

    package func putBlob(
        _ body: BlobBody,
        into repository: RepositoryName,
        isKnownMissing: Bool
    ) async throws(RegistryError) {
        let descriptor = body.descriptor
        let purpose = purpose("push", repository, "@\(descriptor.digest)")
        let key = RegistryMemory.BlobKey(repository: repository, digest: descriptor.digest)
        let session = memory.withLock { $0.sessions.removeValue(forKey: key) }
        let source = UploadSource(body)
        let target = UploadTarget(registry: self, repository: repository, descriptor: descriptor, purpose: purpose)
        var upload = BlobUpload(size: descriptor.size, purpose: purpose, session: session, isKnownMissing: isKnownMissing)
        var move = upload.begin()
        while true {
            if let pause = move.pause { try await exchange.pause(pause.seconds, wholeHost: pause.wholeHost, purpose) }
            if let session = move.leaving { await target.cancel(session) }
            let event: BlobUpload.Event
            switch move.action {
            case .succeed: return
            case .giveUp(let error): throw error
            case .findBlob: event = await target.find()
            case .openSession: event = await target.openSession()
            case .askStatus(let session): event = await target.askStatus(of: session)
            case .putWhole(let session): event = await target.put(source, 0..<descriptor.size, to: session)
            case .patch(let session, let part): event = await target.patch(source, part, to: session)
            case .commit(let session): event = await target.put(source, descriptor.size..<descriptor.size, to: session)
            }
            logger.debug("\(purpose.action) \(purpose.object): \(move.action.words) → \(event.words)")
            move = upload.next(after: event, at: BlobUpload.Moment(now: exchange.clock.uptime(), jitter: exchange.clock.jitter()))
        }
    }

    /// The session that an answer opens.
    func openedSession(_ response: RegistryResponse, _ purpose: Purpose) throws(RegistryError) -> BlobUpload.Session {
        guard let address = try sessionAddress(response, purpose) else {
            throw purpose.error(.badAnswer, status: response.status, "the registry does not say where to send it")
        }
        let least = response.headers.first(name: "oci-chunk-min-length").flatMap { Int64($0) }
        return BlobUpload.Session(address: address, smallestPart: least)
    }

    /// The session's newest `Location`; nil: the answer has none.
    func sessionAddress(_ response: RegistryResponse, _ purpose: Purpose) throws(RegistryError) -> WebAddress? {
        guard let location = response.headers.first(name: "location") else { return nil }
        do throws(WebAddress.Invalid) {
            return try UploadLocation.resolve(location, at: response.address)
        } catch {
            throw purpose.error(.untrusted, "the registry's upload address is refused: \(error.description)")
        }
    }
}
