package import OCI

/// How one registry is reached. Two registries that differ here share no connection.
package struct HTTPRegistrySettings: Sendable {
    /// Files in PEM form that prove who we are to the registry (mutual TLS).
    package struct ClientCertificate: Sendable, Hashable {
        package var certificateFile: String
        package var keyFile: String

        package init(certificateFile: String, keyFile: String) {
            self.certificateFile = certificateFile
            self.keyFile = keyFile
        }
    }

    package var id: RegistryID
    /// `http://` or `https://`, a host, and perhaps a path in front of `/v2/`; instead of the host that `id` names.
    package var endpoint: String?
    package var plainHTTP: Bool
    /// A PEM file with certificates that are trusted beside the system's.
    package var caFile: String?
    package var clientCertificate: ClientCertificate?
    package var insecureSkipVerify: Bool
    /// How many requests may be in flight at once, reads included.
    package var connections: Int
    /// How many requests may begin in a second, of any kind; `nil`: no limit.
    package var requestsPerSecond: Int?
    /// How many manifests may be read in this run; `nil`: no limit.
    package var pulls: Int?
    package var userAgent: String

    package init(
        id: RegistryID,
        endpoint: String? = nil,
        plainHTTP: Bool = false,
        caFile: String? = nil,
        clientCertificate: ClientCertificate? = nil,
        insecureSkipVerify: Bool = false,
        connections: Int = 16,
        userAgent: String = "crplan"
    ) {
        self.id = id
        self.endpoint = endpoint
        self.plainHTTP = plainHTTP
        self.caFile = caFile
        self.clientCertificate = clientCertificate
        self.insecureSkipVerify = insecureSkipVerify
        self.connections = max(1, connections)
        self.userAgent = userAgent
    }

    /// Where requests go: the endpoint, else the host over https, or over http when the settings say so. Docker Hub answers on
    /// another name than it is known by.
    func base() throws(RegistryError) -> WebAddress {
        let text: String
        if let endpoint {
            text = endpoint
        } else {
            let host = id == .dockerHub ? "registry-1.docker.io" : id.host ?? ""
            text = (plainHTTP ? "http://" : "https://") + host
        }
        do throws(WebAddress.Invalid) {
            var address = try WebAddress(text)
            address.target = address.path.hasSuffix("/") ? String(address.path.dropLast()) : address.path
            return address
        } catch {
            throw RegistryError(
                .unsupported,
                action: "connect to",
                object: id.description,
                registry: id,
                reason: "'\(text.withVisibleControls)' is not an address: \(error.description)"
            )
        }
    }
}
