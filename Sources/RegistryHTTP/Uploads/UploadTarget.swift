internal import NIOCore
internal import NIOHTTP1
internal import OCI
internal import Registry

/// Does what a `BlobUpload` decides.
struct UploadTarget: Sendable {
    let registry: HTTPRegistry
    let repository: RepositoryName
    let descriptor: Descriptor
    let purpose: Purpose

    private var exchange: Exchange { registry.exchange }

    func find() async -> BlobUpload.Event {
        do throws(RegistryError) {
            return .found(try await registry.headBlob(descriptor.digest, in: repository, scope: .push(repository)))
        } catch {
            return [.denied, .unsupported, .badAnswer].contains(error.code) ? .cannotBeFound : .ended(error)
        }
    }

    func openSession() async -> BlobUpload.Event {
        var address = registry.address(repository, "blobs/uploads/")
        if descriptor.digest.algorithm != .sha256 {
            address = address.appending(query: "digest-algorithm=\(descriptor.digest.algorithm.rawValue)")
        }
        do throws(RegistryError) {
            let request = RegistryRequest(method: .POST, address: address, purpose: purpose, scopes: [.push(repository)])
            let response = try await exchange.send(request)
            guard response.isSuccess else { return .ended(await exchange.error(for: response, purpose)) }
            await response.finishEmpty()
            return .opened(try registry.openedSession(response, purpose))
        } catch {
            return .ended(error)
        }
    }

    func askStatus(of session: WebAddress) async -> BlobUpload.Event {
        do throws(RegistryError) {
            let request = RegistryRequest(method: .GET, address: session, purpose: purpose, scopes: [.push(repository)])
            let response = try await exchange.send(request)
            guard response.isSuccess else { return .gone }
            await response.finishEmpty()
            return .status(try status(response))
        } catch {
            return .ended(error)
        }
    }

    /// Best effort: registries drop forgotten sessions by themselves. Docker's wants the right to delete for it.
    func cancel(_ session: WebAddress) async {
        guard exchange.connections.isOwn(session) else { return }
        let scopes: [TokenScope] = [.push(repository), .delete(repository)]
        let request = RegistryRequest(method: .DELETE, address: session, purpose: purpose, scopes: scopes)
        guard let response = try? await exchange.attempt(request) else { return }
        await response.finishEmpty()
    }

    func patch(_ source: UploadSource, _ part: Range<Int64>, to session: WebAddress) async -> BlobUpload.Event {
        var request = request(.PATCH, session)
        request.headers.add(name: "content-range", value: "\(part.lowerBound)-\(part.upperBound - 1)")
        return await send(source, part, request) { response, sent throws(RegistryError) in
            let status = try status(response)
            guard status.lastByte != nil || sent >= part.upperBound else {
                let error = purpose.error(.badAnswer, status: response.status, "the registry accepted a part before all of it was sent")
                return .failed(BlobUpload.Failure(kind: .transient(.broken), error: error, sent: sent))
            }
            return .accepted(status)
        }
    }

    /// Sends the whole, or nothing after all parts.
    func put(_ source: UploadSource, _ part: Range<Int64>, to session: WebAddress) async -> BlobUpload.Event {
        let request = request(.PUT, session.appending(query: "digest=\(descriptor.digest)"))
        return await send(source, part, request) { response, _ throws(RegistryError) in
            if let named = response.contentDigest, named.algorithm == descriptor.digest.algorithm, named != descriptor.digest {
                throw purpose.error(.corrupt, "the registry stored \(named) instead")
            }
            return .stored(isProven: response.status == 201 || response.status == 204)
        }
    }

    private func request(_ method: HTTPMethod, _ address: WebAddress) -> RegistryRequest {
        RegistryRequest(
            method: method,
            address: address,
            purpose: purpose,
            headers: ["content-type": "application/octet-stream"],
            scopes: [.push(repository)],
            slot: .upload,
            patience: .commit
        )
    }

    private func send(
        _ source: UploadSource,
        _ part: Range<Int64>,
        _ request: RegistryRequest,
        _ read: (_ response: RegistryResponse, _ sent: Int64) throws(RegistryError) -> BlobUpload.Event
    ) async -> BlobUpload.Event {
        var request = request
        do throws(RegistryError) {
            // No piece of it is ever asked for.
            if descriptor.size == 0 { try await source.checkEmpty() }
        } catch {
            return .ended(error)
        }
        let body = await source.part(part, on: exchange.connections.uploadLoop)
        request.body = part.isEmpty ? .bytes([]) : .blob(size: Int64(part.count), body)
        let result: Result<RegistryResponse, TransportFailure>
        do throws(TransportFailure) {
            result = .success(try await exchange.attempt(request))
        } catch {
            result = .failure(error)
        }
        let wasAccepted = (try? result.get())?.isSuccess ?? false
        let sent = await source.endPart(wasAccepted: wasAccepted)
        do {
            let response = try result.get()
            guard response.isSuccess else { return await failure(response, sent) }
            await response.finishEmpty()
            return try read(response, sent)
        } catch let error as RegistryError {
            return .ended(error)
        } catch {
            let failure = TransportFailure(error)
            let words = exchange.error(for: failure, request)
            guard let outcome = Exchange.outcome(of: failure) else { return .ended(words) }
            return .failed(BlobUpload.Failure(kind: .transient(outcome), error: words, sent: sent))
        }
    }

    private func failure(_ response: RegistryResponse, _ sent: Int64) async -> BlobUpload.Event {
        let error = await exchange.error(for: response, purpose)
        let kind: BlobUpload.Failure.Kind
        if let outcome = exchange.outcome(of: response) {
            kind = .transient(outcome)
        } else if let found = BlobUpload.Failure.Kind(status: response.status, response.error) {
            kind = found
        } else {
            return .ended(error)
        }
        return .failed(BlobUpload.Failure(kind: kind, error: error, sent: sent))
    }

    private func status(_ response: RegistryResponse) throws(RegistryError) -> BlobUpload.Status {
        BlobUpload.Status(
            address: try registry.sessionAddress(response, purpose),
            lastByte: BlobUpload.Status.lastByte(of: response.headers.first(name: "range"))
        )
    }
}
