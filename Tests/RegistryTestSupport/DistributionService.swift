internal import FoundationEssentials
package import OCI
internal import Synchronization

/// Where a `DistributionService` keeps its content.
package protocol DistributionStore: Sendable {
    /// Does the work of one request, in one go.
    func perform<Result: Sendable>(
        _ operation: Operation,
        _ work: (inout RegistryContents, Set<RegistryFeature>) throws(RegistryError) -> Result
    ) async throws(RegistryError) -> Result
}

/// The distribution API (distribution-spec 1.1) over content in memory: one request in, one reply out. It behaves as Debian's
/// docker-registry does where the specification leaves a choice, and stricter where that shows a client's mistakes.
package struct DistributionService: Sendable {
    let registry: any DistributionStore
    /// The most entries of one page, whatever the client asks.
    let pageSize: Int
    /// Nil: a part of an upload counts once it has come as a whole, as in docker-registry.
    let partialUploads: PartialUploads?
    let uploads = UploadSessions()

    package init(registry: any DistributionStore, pageSize: Int, partialUploads: PartialUploads? = nil) {
        self.registry = registry
        self.pageSize = pageSize
        self.partialUploads = partialUploads
    }

    package func reply(to request: LoopbackRequest, body: [UInt8]) async -> LoopbackReply {
        do throws(RegistryError) {
            guard let route = Route(request.path) else { return .text(404, "404 page not found\n") }
            return try await reply(to: request, on: route, body: body)
        } catch {
            let status = error.status ?? Self.status(for: error.code)
            return .error(status, error.registryCode ?? "UNKNOWN", error.reason)
        }
    }

    private func reply(to request: LoopbackRequest, on route: Route, body: [UInt8]) async throws(RegistryError) -> LoopbackReply {
        switch (route, request.method) {
        case (.base, "GET"): return LoopbackReply(200, json: "{}")
        case (.catalog, "GET"): return try await catalog(request)
        case (.tags(let name), "GET"): return try await tags(request, name)
        case (.referrers(let name, let digest), "GET"): return try await referrers(request, name, digest)
        case (.manifest(let name, let text), let method):
            guard let reference = Self.reference(text) else { return .text(404, "404 page not found\n") }
            switch method {
            case "GET", "HEAD": return try await manifest(request, name, reference)
            case "PUT": return try await putManifest(request, name, reference, body)
            case "DELETE": return try await delete(name, reference)
            default: return Self.methodNotAllowed
            }
        case (.blob(let name, let digest), "GET"), (.blob(let name, let digest), "HEAD"): return try await blob(request, name, digest)
        case (.uploads(let name), "POST"): return try await beginUpload(request, name)
        case (.upload(let name, let id), _): return try await upload(request, name, id, body)
        default: return Self.methodNotAllowed
        }
    }

    private static let methodNotAllowed = LoopbackReply.error(405, "UNSUPPORTED", "The operation is unsupported.")

    private static func reference(_ text: String) -> ManifestReference? {
        if let digest = try? Digest(text) { return .digest(digest) }
        return (try? TagName(text)).map { .tag($0) }
    }

    private static func status(for code: RegistryError.Code) -> Int {
        switch code {
        case .notFound: 404
        case .unauthorized: 401
        case .denied: 403
        case .unsupported: 405
        case .rateLimited: 429
        case .rejected, .corrupt: 400
        case .unavailable, .badAnswer, .incomplete, .untrusted, .localFile, .cancelled, .deferred: 503
        }
    }

    // MARK: Lists

    private func catalog(_ request: LoopbackRequest) async throws(RegistryError) -> LoopbackReply {
        let names = try await registry.perform(Operation(.repositories)) { contents, features in
            features.contains(.listRepositories) ? contents.repositoryNames.map(\.description) : nil
        }
        guard let names else { return .text(404, "404 page not found\n") }
        return page(of: names, request) { #"{"repositories":\#($0)}"# }
    }

    private func tags(_ request: LoopbackRequest, _ name: RepositoryName) async throws(RegistryError) -> LoopbackReply {
        let tags = try await registry.perform(Operation(.tags, name)) { contents, _ in contents.tags(in: name)?.map(\.description) }
        guard let tags else { return .error(404, "NAME_UNKNOWN", "repository name not known to registry") }
        return page(of: tags, request) { #"{"name":\#(quoted(name.description)),"tags":\#($0)}"# }
    }

    /// One page after `last`, with a `Link` to the next (distribution-spec, "Listing Tags").
    private func page(of all: [String], _ request: LoopbackRequest, _ json: (String) -> String) -> LoopbackReply {
        let last = request.parameter("last")
        let rest = all.sorted().filter { entry in last.map { entry > $0 } ?? true }
        let count = min(request.parameter("n").flatMap { Int($0) } ?? pageSize, pageSize)
        let page = rest.prefix(max(count, 0))
        var reply = LoopbackReply(200, json: json("[" + page.map(quoted).joined(separator: ",") + "]"))
        if page.count < rest.count, let end = page.last {
            reply.headers["Link"] = #"<\#(request.path)?last=\#(end)&n=\#(count)>; rel="next""#
        }
        return reply
    }

    private func referrers(_ request: LoopbackRequest, _ name: RepositoryName, _ digest: Digest) async throws(RegistryError)
        -> LoopbackReply
    {
        let found = try await registry.perform(Operation(.referrers, name, .digest(digest))) { contents, features in
            features.contains(.referrersAPI) ? contents.referrers(of: digest, in: name) : nil
        }
        guard var found else { return .text(404, "404 page not found\n") }
        var headers = ["Content-Type": MediaType.ociIndex]
        if let type = request.parameter("artifactType") {
            found.removeAll { $0.artifactType != type }
            headers["OCI-Filters-Applied"] = "artifactType"
        }
        let index = try? Samples.referrersIndex(found)
        return LoopbackReply(200, headers: headers, body: index?.bytes ?? [])
    }

    // MARK: Manifests

    private func manifest(
        _ request: LoopbackRequest,
        _ name: RepositoryName,
        _ reference: ManifestReference
    ) async throws(RegistryError) -> LoopbackReply {
        let kind: Operation.Kind = request.method == "HEAD" ? .head : .manifest
        let document = try await registry.perform(Operation(kind, name, reference)) { contents, _ in contents.manifest(reference, in: name)
        }
        guard let document else { return .error(404, "MANIFEST_UNKNOWN", "manifest unknown") }
        let accept = request.headers["accept"] ?? ""
        if document.mediaType.hasPrefix("application/vnd.oci."), !accept.contains(document.mediaType), !accept.contains("*/*") {
            return .error(404, "MANIFEST_UNKNOWN", "OCI manifest found, but accept header does not support OCI manifests")
        }
        let headers = ["Content-Type": document.mediaType, "Docker-Content-Digest": document.digest.description]
        return LoopbackReply(200, headers: headers, body: document.bytes)
    }

    private func putManifest(
        _ request: LoopbackRequest,
        _ name: RepositoryName,
        _ reference: ManifestReference,
        _ body: [UInt8]
    ) async throws(RegistryError) -> LoopbackReply {
        guard let type = request.headers["content-type"] else { return .error(400, "MANIFEST_INVALID", "no media type") }
        let document: ManifestDocument
        do throws(ManifestDocument.Invalid) {
            document = try ManifestDocument(bytes: body, mediaType: type, algorithm: reference.digest?.algorithm ?? .sha256)
        } catch {
            return .error(400, "MANIFEST_INVALID", error.description)
        }
        return try await registry.perform(Operation(.putManifest, name, reference)) { contents, features in
            do throws(RegistryContents.Refusal) {
                try contents.putManifest(document, at: reference, in: name)
            } catch {
                return .error(error.status, error.code, error.message)
            }
            var headers = ["Docker-Content-Digest": document.digest.description, "Location": "/v2/\(name)/manifests/\(document.digest)"]
            if features.contains(.referrersAPI), let subject = document.subject { headers["OCI-Subject"] = subject.digest.description }
            return LoopbackReply(201, headers: headers)
        }
    }

    private func delete(_ name: RepositoryName, _ reference: ManifestReference) async throws(RegistryError) -> LoopbackReply {
        let isProbe = reference.tag?.description.hasPrefix("crplan-probe-") == true
        let kind: Operation.Kind = isProbe ? .probeTagDeletion : reference.tag == nil ? .deleteManifest : .deleteTag
        return try await registry.perform(Operation(kind, name, reference)) { contents, features in
            let hasDeletes = features.contains(.deleteManifest) || features.contains(.deleteTag)
            guard hasDeletes else { return Self.methodNotAllowed }
            let isGone: Bool
            switch reference {
            case .tag(let tag):
                guard features.contains(.deleteTag) else { return .error(400, "DIGEST_INVALID", "provided digest did not match") }
                isGone = contents.deleteTag(tag, in: name)
            case .digest(let digest):
                guard features.contains(.deleteManifest) else { return Self.methodNotAllowed }
                isGone = contents.deleteManifest(digest, in: name)
            }
            return isGone ? LoopbackReply(202) : .error(404, "MANIFEST_UNKNOWN", "manifest unknown")
        }
    }
}

/// What a path of the API names.
package enum Route: Hashable, Sendable {
    case base, catalog
    case tags(RepositoryName)
    case manifest(RepositoryName, String)
    case blob(RepositoryName, Digest)
    case uploads(RepositoryName)
    case upload(RepositoryName, String)
    case referrers(RepositoryName, Digest)

    package init?(_ path: String) {
        guard path.hasPrefix("/v2/") else { return nil }
        let rest = path.dropFirst(4)
        if rest.isEmpty {
            self = .base
            return
        }
        if rest == "_catalog" {
            self = .catalog
            return
        }
        let parts = rest.split(separator: "/", omittingEmptySubsequences: false).map(String.init)
        func name(droppingLast count: Int) -> RepositoryName? {
            parts.count > count ? try? RepositoryName(parts.dropLast(count).joined(separator: "/")) : nil
        }
        guard parts.count >= 3, let last = parts.last else { return nil }
        let kind = parts[parts.count - 2]
        if parts.count >= 4, parts[parts.count - 3] == "blobs", kind == "uploads", let name = name(droppingLast: 3) {
            self = last.isEmpty ? .uploads(name) : .upload(name, last)
            return
        }
        guard let name = name(droppingLast: 2) else { return nil }
        switch (kind, last, try? Digest(last.replacing("%3A", with: ":"))) {
        case ("tags", "list", _): self = .tags(name)
        case ("manifests", _, let digest): self = .manifest(name, digest?.description ?? last)
        case ("blobs", _, let digest?): self = .blob(name, digest)
        case ("referrers", _, let digest?): self = .referrers(name, digest)
        default: return nil
        }
    }

    /// What a token must allow for this route, such as `repository:a/b:push`.
    package func scope(for method: String) -> (resource: String, action: String)? {
        let action = method == "GET" || method == "HEAD" ? "pull" : method == "DELETE" ? "delete" : "push"
        switch self {
        case .base: return nil
        case .catalog: return ("registry:catalog", "*")
        case .uploads(let name), .upload(let name, _): return ("repository:\(name)", "push")
        case .tags(let name), .manifest(let name, _), .blob(let name, _), .referrers(let name, _): return ("repository:\(name)", action)
        }
    }
}
