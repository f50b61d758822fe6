internal import OCI
package import RegistryTestSupport

/// What stands between a request for content and the content: tokens, private access, quotas (reference of ICR, sections C.4 to C.6,
/// E.4 and E.6).
extension ICRAccount {
    private static let words = (
        privateOnly: "Private-only access is enabled on this account, but this request was over the public network.",
        storage: "Your account has exceeded its image storage quota for the current month.",
        traffic: "Your account has exceeded its pull traffic quota for the current month.",
        denied: "requested access to the resource is denied"
    )

    /// Nil: the request may go on. `realm`: where tokens are to be had, as the client would reach it.
    package func contentRefusal(
        of request: LoopbackRequest,
        host: String,
        realm: String,
        isPrivateNetwork: Bool
    ) -> LoopbackReply? {
        guard let registry = registries[host] else { return .text(404, "404 page not found\n") }
        let route = Route(request.path)
        let needed = route?.scope(for: request.method == "DELETE" ? "PUT" : request.method)
        let repository = needed.flatMap { $0.resource.hasPrefix("repository:") ? String($0.resource.dropFirst(11)) : nil }
        let isPublic = repository.map { registry.isPublic(String($0.prefix { $0 != "/" })) } ?? false
        if let refusal = tokenRefusal(request, needed, isReadable: isPublic && needed?.action == "pull", realm, host) { return refusal }
        if request.method == "DELETE", case .manifest? = route {
            return Self.refusal(switches.contentDeleteStatus, "UNSUPPORTED", "The operation is unsupported.")
        }
        if isPublic { return nil }
        if registry.isPrivateOnly, !isPrivateNetwork, route != .base { return Self.refusal(403, "DENIED", Self.words.privateOnly) }
        switch (route, request.method) {
        case (.uploads, "POST"), (.manifest, "PUT"):
            // A push that began below the limit completes: only its start is held against it.
            return registry.isStorageUsedUp ? Self.refusal(403, "DENIED", Self.words.storage) : nil
        case (.blob, "GET"):
            return registry.isTrafficUsedUp && !isPrivateNetwork ? Self.refusal(403, "DENIED", Self.words.traffic) : nil
        default: return nil
        }
    }

    private func tokenRefusal(
        _ request: LoopbackRequest,
        _ needed: (resource: String, action: String)?,
        isReadable: Bool,
        _ realm: String,
        _ host: String
    ) -> LoopbackReply? {
        // Public images are readable with no token at all.
        if isReadable { return nil }
        let presented = request.headers["authorization"].flatMap { $0.hasPrefix("Bearer ") ? String($0.dropFirst(7)) : nil }
        let session = presented.flatMap { registryTokens[$0] }.flatMap { $0.host == host ? $0 : nil }
        var challenge = #"Bearer realm="\#(realm)", service="registry""#
        guard let needed else {
            if session?.identity != nil { return nil }
            return Self.refusal(401, "UNAUTHORIZED", Self.authorizationRequired, headers: ["WWW-Authenticate": challenge])
        }
        let name = String(needed.resource.drop { $0 != ":" }.dropFirst())
        if let session, session.access[name]?.contains(needed.action) == true { return nil }
        challenge += #", scope="\#(needed.resource):\#(needed.action == "push" ? "pull,push" : needed.action)""#
        guard session != nil else {
            return Self.refusal(401, "UNAUTHORIZED", Self.authorizationRequired, headers: ["WWW-Authenticate": challenge])
        }
        challenge += #", error="insufficient_scope""#
        let status = needed.resource == "registry:catalog" ? switches.catalogStatus : switches.insufficientScopeStatus
        return Self.refusal(status, "DENIED", Self.words.denied, headers: ["WWW-Authenticate": challenge])
    }

    /// Whether the request's token opens `repository` for reading: what a mount from there needs.
    package func mayPull(_ repository: String, _ request: LoopbackRequest) -> Bool {
        let presented = request.headers["authorization"].map { String($0.dropFirst("Bearer ".count)) }
        return presented.flatMap { registryTokens[$0] }?.access[repository]?.contains("pull") ?? false
    }
}
