internal import OCI
internal import Synchronization

/// Uploads under way. Each answer gives a new state, and only the latest is taken, as in docker-registry; the state is written with
/// escapes that a client must not rewrite.
final class UploadSessions: Sendable {
    struct Session: Sendable {
        var repository: RepositoryName
        var bytes: [UInt8] = []
        var step = 0
        var algorithm: Digest.Algorithm = .sha256

        var state: String { "_state=s%2B\(step)%2F%3D~x" }
    }

    private struct State: Sendable {
        var next = 0
        var sessions: [String: Session] = [:]
    }

    private let state = Mutex(State())

    func begin(in repository: RepositoryName, _ algorithm: Digest.Algorithm) -> (id: String, session: Session) {
        state.withLock { state in
            state.next += 1
            let session = Session(repository: repository, algorithm: algorithm)
            state.sessions["upload-\(state.next)"] = session
            return ("upload-\(state.next)", session)
        }
    }

    func session(_ id: String) -> Session? { state.withLock { $0.sessions[id] } }

    func update(_ id: String, _ session: Session?) { state.withLock { $0.sessions[id] = session } }

    var openCount: Int { state.withLock { $0.sessions.count } }
}

extension DistributionService {
    func blob(_ request: LoopbackRequest, _ name: RepositoryName, _ digest: Digest) async throws(RegistryError) -> LoopbackReply {
        let kind: Operation.Kind = request.method == "HEAD" ? .headBlob : .blob
        let bytes = try await registry.perform(Operation(kind, name, .digest(digest))) { contents, _ in contents.blob(digest, in: name) }
        guard let bytes else { return .error(404, "BLOB_UNKNOWN", "blob unknown to registry") }
        let headers = [
            "Content-Type": "application/octet-stream", "Docker-Content-Digest": digest.description, "Accept-Ranges": "bytes",
        ]
        guard let range = request.headers["range"] else { return LoopbackReply(200, headers: headers, body: bytes) }
        guard let (first, last) = Self.range(range), first < bytes.count else {
            return LoopbackReply(416, headers: ["Content-Range": "bytes */\(bytes.count)"])
        }
        let end = min(last ?? bytes.count - 1, bytes.count - 1)
        guard first <= end else { return LoopbackReply(416, headers: ["Content-Range": "bytes */\(bytes.count)"]) }
        let partial = headers.merging(["Content-Range": "bytes \(first)-\(end)/\(bytes.count)"]) { $1 }
        return LoopbackReply(206, headers: partial, body: Array(bytes[first...end]))
    }

    /// `bytes=5-` or `bytes=5-9`.
    private static func range(_ text: String) -> (first: Int, last: Int?)? {
        guard text.hasPrefix("bytes=") else { return nil }
        let parts = text.dropFirst(6).split(separator: "-", omittingEmptySubsequences: false)
        guard parts.count == 2, let first = Int(parts[0]) else { return nil }
        return (first, Int(parts[1]))
    }

    func beginUpload(_ request: LoopbackRequest, _ name: RepositoryName) async throws(RegistryError) -> LoopbackReply {
        if let text = request.parameter("mount"), let digest = try? Digest(text),
            let source = request.parameter("from").flatMap({ try? RepositoryName($0) })
        {
            let isMounted = try await registry.perform(Operation(.mountBlob, name, .digest(digest))) { contents, features in
                features.contains(.mountBlob) && contents.mountBlob(digest, from: source, into: name)
            }
            if isMounted {
                let headers = ["Location": "/v2/\(name)/blobs/\(digest)", "Docker-Content-Digest": digest.description]
                return LoopbackReply(201, headers: headers)
            }
        }
        let algorithm = request.parameter("digest-algorithm").flatMap { Digest.Algorithm(rawValue: $0) } ?? .sha256
        let (id, session) = uploads.begin(in: name, algorithm)
        return LoopbackReply(202, headers: headers(of: session, id))
    }

    private func headers(of session: UploadSessions.Session, _ id: String) -> [String: String] {
        [
            "Location": "/v2/\(session.repository)/blobs/uploads/\(id)?\(session.state)",
            "Range": "0-\(max(session.bytes.count - 1, 0))",
            "Docker-Upload-UUID": id,
        ]
    }

    func upload(
        _ request: LoopbackRequest,
        _ name: RepositoryName,
        _ id: String,
        _ body: [UInt8]
    ) async throws(RegistryError) -> LoopbackReply {
        guard var session = uploads.session(id), session.repository == name else {
            return .error(404, "BLOB_UPLOAD_UNKNOWN", "blob upload unknown to registry")
        }
        let state = request.query.split(separator: "&").first { $0.hasPrefix("_state=") }
        guard state.map(String.init) == session.state else { return .error(404, "BLOB_UPLOAD_INVALID", "blob upload invalid") }
        switch request.method {
        case "GET": return LoopbackReply(204, headers: headers(of: session, id))
        case "DELETE":
            uploads.update(id, nil)
            return LoopbackReply(204)
        case "PATCH":
            if let range = request.headers["content-range"], !Self.continues(range, at: session.bytes.count, count: body.count) {
                return LoopbackReply(416, headers: headers(of: session, id))
            }
            session.bytes += body
            session.step += 1
            uploads.update(id, session)
            return LoopbackReply(202, headers: headers(of: session, id))
        case "PUT": return try await commit(request, id, session.repository, session.bytes + body)
        default: return .error(405, "UNSUPPORTED", "The operation is unsupported.")
        }
    }

    private static func continues(_ range: String, at offset: Int, count: Int) -> Bool { range == "\(offset)-\(offset + count - 1)" }

    /// The session ends, whether the digest is right or not.
    private func commit(
        _ request: LoopbackRequest,
        _ id: String,
        _ name: RepositoryName,
        _ bytes: [UInt8]
    ) async throws(RegistryError) -> LoopbackReply {
        guard let digest = request.parameter("digest").flatMap({ try? Digest($0) }) else {
            return .error(400, "DIGEST_INVALID", "digest missing")
        }
        uploads.update(id, nil)
        return try await registry.perform(Operation(.putBlob, name, .digest(digest))) { contents, _ in
            do throws(RegistryContents.Refusal) {
                try contents.putBlob(bytes, digest: digest, in: name)
            } catch {
                return .error(error.status, error.code, error.message)
            }
            let headers = ["Location": "/v2/\(name)/blobs/\(digest)", "Docker-Content-Digest": digest.description]
            return LoopbackReply(201, headers: headers)
        }
    }
}
