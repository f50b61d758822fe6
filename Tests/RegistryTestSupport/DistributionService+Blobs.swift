internal import OCI

extension DistributionService {
    func blob(_ request: LoopbackRequest, _ name: RepositoryName, _ digest: Digest) async throws(RegistryError) -> LoopbackReply {
        let kind: Operation.Kind = request.method == "HEAD" ? .headBlob : .blob
        if partialUploads?.dropsBytes == true, request.method == "HEAD" {
            let size = try await registry.perform(Operation(kind, name, .digest(digest))) { contents, _ in
                contents.blobSize(digest, in: name)
            }
            guard let size else { return .error(404, "BLOB_UNKNOWN", "blob unknown to registry") }
            return LoopbackReply(200, headers: ["Content-Length": "\(size)", "Docker-Content-Digest": digest.description])
        }
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
}
