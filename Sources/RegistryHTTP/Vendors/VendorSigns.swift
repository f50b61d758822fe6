internal import NIOHTTP1

/// Registries that do not remove a tag as the distribution API says, or did not always. zot, GAR and crane's do, and need no entry here.
enum RegistryVendor: Hashable, Sendable {
    case harbor, quay, gitLab, azure

    /// As people call it.
    var name: String {
        switch self {
        case .harbor: "Harbor"
        case .quay: "Quay"
        case .gitLab: "GitLab"
        case .azure: "Azure Container Registry"
        }
    }
}

/// What a registry has shown of itself in this run: never its host's name, which says nothing about a registry of one's own, and only in
/// answers that came from the registry itself.
struct VendorSigns: Hashable, Sendable {
    /// Who the registry says it is; `nil`: nobody in particular.
    private(set) var vendor: RegistryVendor?
    /// Nexus answers `HEAD` with 404 for manifests that it has.
    private(set) var isNexus = false

    /// `authority`: the registry's own host and port. A sign once seen stays: later answers may come without it.
    mutating func observe(_ headers: HTTPHeaders, authority: String) {
        let server = headers.first(name: "server")?.lowercased() ?? ""
        if server.hasPrefix("nexus/") { isNexus = true }
        guard vendor == nil else { return }
        if headers.contains(name: "gitlab-container-registry-version") {
            vendor = .gitLab
        } else if headers.contains(name: "x-harbor-csrf-token") {
            vendor = .harbor
        } else if server == "azurecontainerregistry" {
            vendor = .azure
        } else {
            let hasAzureNumber = headers.contains(name: "x-ms-correlation-request-id")
            let challenges = Challenge.parse(headers["www-authenticate"])
            vendor = challenges.lazy.compactMap { Self.vendor(of: $0, authority, hasAzureNumber) }.first
        }
    }

    /// Path of the realm and name of the service together: either alone is too common.
    private static func vendor(of challenge: Challenge, _ authority: String, _ hasAzureNumber: Bool) -> RegistryVendor? {
        guard challenge.scheme == "bearer", let realm = challenge.realm, let service = challenge.parameters["service"],
            let address = try? WebAddress(realm)
        else { return nil }
        switch (address.path, service) {
        case ("/service/token", "harbor-registry"): return .harbor
        case ("/jwt/auth", "container_registry"): return .gitLab
        // The service is the registry's own name, and the realm lies there too.
        case ("/v2/auth", authority) where address.authority == authority: return .quay
        case ("/oauth2/token", authority) where address.authority == authority && hasAzureNumber: return .azure
        default: return nil
        }
    }
}
