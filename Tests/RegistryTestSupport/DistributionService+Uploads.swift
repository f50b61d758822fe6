internal import OCI
internal import Synchronization

/// A registry that keeps what it got of an upload although the connection broke, and says so (distribution-spec, "Pushing a blob in
/// chunks"). Bodies go into their session as they come.
package struct PartialUploads: Hashable, Sendable {
    /// Announced as `OCI-Chunk-Min-Length`: only the last part may be shorter.
    package var smallestPart: Int?
    /// Larger parts are refused by 416, as GitHub's registry does.
    package var largestPart: Int?
    /// Blobs are hashed, counted and dropped, so that very large ones need no memory.
    package var dropsBytes: Bool

    package init(smallestPart: Int? = nil, largestPart: Int? = nil, dropsBytes: Bool = false) {
        self.smallestPart = smallestPart
        self.largestPart = largestPart
        self.dropsBytes = dropsBytes
    }
}

/// Uploads under way. Each answer gives a new state, and only the latest is taken, as in docker-registry; the state is written with
/// escapes that a client must not rewrite.
final class UploadSessions: Sendable {
    struct Session: Sendable {
        var repository: RepositoryName
        var algorithm: Digest.Algorithm = .sha256
        var bytes: [UInt8] = []
        /// Instead of `bytes`, where they are dropped.
        var hasher: Digest.ContentHasher?
        var count = 0
        var step = 0
        /// The number of the request whose body is taken; what another one still sends is not.
        var writer: Int?
        var hadShortPart = false

        var state: String { "_state=s%2B\(step)%2F%3D~x" }

        mutating func append(_ piece: [UInt8]) {
            count += piece.count
            if hasher == nil { bytes += piece } else { hasher?.update(piece) }
        }
    }

    private struct State: Sendable {
        var next = 0
        var sessions: [String: Session] = [:]
    }

    private let state = Mutex(State())

    func begin(in repository: RepositoryName, _ algorithm: Digest.Algorithm, dropsBytes: Bool) -> (id: String, session: Session) {
        state.withLock { state in
            state.next += 1
            var session = Session(repository: repository, algorithm: algorithm)
            if dropsBytes { session.hasher = Digest.ContentHasher(algorithm) }
            state.sessions["upload-\(state.next)"] = session
            return ("upload-\(state.next)", session)
        }
    }

    func session(_ id: String) -> Session? { state.withLock { $0.sessions[id] } }

    func update(_ id: String, _ session: Session?) { state.withLock { $0.sessions[id] = session } }

    func change(_ id: String, _ change: (inout Session) -> Void) {
        state.withLock { state in
            guard var session = state.sessions.removeValue(forKey: id) else { return }
            change(&session)
            state.sessions[id] = session
        }
    }

    var openCount: Int { state.withLock { $0.sessions.count } }
}

extension DistributionService {
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
        let (id, session) = uploads.begin(in: name, algorithm, dropsBytes: partialUploads?.dropsBytes ?? false)
        var reply = LoopbackReply(202, headers: headers(of: session, id))
        if let least = partialUploads?.smallestPart { reply.headers["OCI-Chunk-Min-Length"] = "\(least)" }
        return reply
    }

    private func headers(of session: UploadSessions.Session, _ id: String) -> [String: String] {
        [
            "Location": "/v2/\(session.repository)/blobs/uploads/\(id)?\(session.state)",
            "Range": "0-\(max(session.count - 1, 0))",
            "Docker-Upload-UUID": id,
        ]
    }

    func upload(
        _ request: LoopbackRequest,
        _ name: RepositoryName,
        _ id: String,
        _ body: [UInt8]
    ) async throws(RegistryError) -> LoopbackReply {
        guard let session = uploads.session(id), session.repository == name else {
            return .error(404, "BLOB_UPLOAD_UNKNOWN", "blob upload unknown to registry")
        }
        guard Self.hasState(of: session, request) else { return .error(404, "BLOB_UPLOAD_INVALID", "blob upload invalid") }
        switch request.method {
        case "GET":
            // What it tells now stays true.
            uploads.change(id) { $0.writer = nil }
            return LoopbackReply(204, headers: headers(of: uploads.session(id) ?? session, id))
        case "DELETE":
            uploads.update(id, nil)
            return LoopbackReply(204)
        case "PATCH": return patch(request, id, session, body)
        case "PUT":
            var session = session
            session.append(body)
            return try await commit(request, id, session)
        default: return .error(405, "UNSUPPORTED", "The operation is unsupported.")
        }
    }

    private static func hasState(of session: UploadSessions.Session, _ request: LoopbackRequest) -> Bool {
        request.query.split(separator: "&").first { $0.hasPrefix("_state=") }.map(String.init) == session.state
    }

    /// Takes the body of a `PUT` or `PATCH` as it comes. Nil: partial uploads are not kept, or this one is refused.
    func receiver(for request: LoopbackRequest) -> (@Sendable ([UInt8]) -> Void)? {
        guard let rules = partialUploads, case .upload(let name, let id)? = Route(request.path),
            let length = request.headers["content-length"].flatMap({ Int($0) }), length > 0,
            let session = uploads.session(id), session.repository == name, Self.hasState(of: session, request)
        else { return nil }
        if request.method == "PATCH" {
            guard !session.hadShortPart, length <= rules.largestPart ?? length else { return nil }
            if let range = request.headers["content-range"], !Self.continues(range, at: session.count, count: length) { return nil }
        }
        let number = request.number
        uploads.change(id) { $0.writer = number }
        return { [uploads] piece in uploads.change(id) { if $0.writer == number { $0.append(piece) } } }
    }

    private func patch(_ request: LoopbackRequest, _ id: String, _ session: UploadSessions.Session, _ body: [UInt8]) -> LoopbackReply {
        var session = session
        if let rules = partialUploads {
            guard session.writer == request.number else { return LoopbackReply(416, headers: headers(of: session, id)) }
            let length = request.headers["content-length"].flatMap { Int($0) } ?? 0
            session.hadShortPart = length < rules.smallestPart ?? 0
        } else {
            if let range = request.headers["content-range"], !Self.continues(range, at: session.count, count: body.count) {
                return LoopbackReply(416, headers: headers(of: session, id))
            }
            session.append(body)
        }
        session.step += 1
        uploads.update(id, session)
        return LoopbackReply(202, headers: headers(of: session, id))
    }

    private static func continues(_ range: String, at offset: Int, count: Int) -> Bool { range == "\(offset)-\(offset + count - 1)" }

    /// The session ends, whether the digest is right or not.
    private func commit(
        _ request: LoopbackRequest,
        _ id: String,
        _ session: UploadSessions.Session
    ) async throws(RegistryError) -> LoopbackReply {
        guard let digest = request.parameter("digest").flatMap({ try? Digest($0) }) else {
            return .error(400, "DIGEST_INVALID", "digest missing")
        }
        uploads.update(id, nil)
        let name = session.repository
        return try await registry.perform(Operation(.putBlob, name, .digest(digest))) { contents, _ in
            do throws(RegistryContents.Refusal) {
                if let hasher = session.hasher {
                    try contents.noteBlob(Int64(session.count), hashed: hasher.finalize(), digest: digest, in: name)
                } else {
                    try contents.putBlob(session.bytes, digest: digest, in: name)
                }
            } catch {
                return .error(error.status, error.code, error.message)
            }
            let headers = ["Location": "/v2/\(name)/blobs/\(digest)", "Docker-Content-Digest": digest.description]
            return LoopbackReply(201, headers: headers)
        }
    }
}
