package import OCI

package enum RegistryKind: String, Hashable, Sendable, Codable {
    case oci, icr, layout
}

/// Where a registry's login comes from: names only, never the secret.
package enum CredentialsDeclaration: Hashable, Sendable {
    /// Docker's and podman's files and helpers.
    case automatic
    case anonymous
    case variables(username: String, password: String)
    /// `kind: icr`: the name of a variable, or a file.
    case apiKeyVariable(String)
    case apiKeyFile(String)
    case bearerTokenVariable(String)
    case trustedProfile(idOrName: String, tokenFile: String)
}

/// A registry as the spec describes it, and as the plan carries it: how to reach it, without a secret.
package struct RegistryDeclaration: Hashable, Sendable, Codable {
    package struct Limits: Hashable, Sendable, Codable {
        package var connections: Int?
        package var requestsPerSecond: Int?
        package var pulls: Int?

        package init(connections: Int? = nil, requestsPerSecond: Int? = nil, pulls: Int? = nil) {
            self.connections = connections
            self.requestsPerSecond = requestsPerSecond
            self.pulls = pulls
        }
    }

    package struct ClientCertificate: Hashable, Sendable, Codable {
        package var certFile: String
        package var keyFile: String

        package init(certFile: String, keyFile: String) {
            self.certFile = certFile
            self.keyFile = keyFile
        }
    }

    /// Base URLs to connect to instead of the host; `oci` uses `content` alone.
    package struct Endpoint: Hashable, Sendable, Codable {
        package var content: String
        package var management: String?
        package var iam: String?

        package init(content: String, management: String? = nil, iam: String? = nil) {
            self.content = content
            self.management = management
            self.iam = iam
        }
    }

    package enum Untag: String, Hashable, Sendable, Codable {
        /// Where the registry cannot delete one tag, an untag is an error.
        case refuse
        case placeholder
    }

    package var id: RegistryID
    /// `nil`: the spec names this host without declaring it.
    package var alias: String?
    package var kind: RegistryKind
    package var plainHTTP: Bool
    package var caFile: String?
    package var clientCertificate: ClientCertificate?
    package var insecureSkipVerify: Bool
    package var endpoint: Endpoint?
    package var credentials: CredentialsDeclaration
    package var untag: Untag
    package var limits: Limits
    package var account: String?
    package var isPrivate: Bool

    package init(
        id: RegistryID,
        alias: String? = nil,
        kind: RegistryKind = .oci,
        plainHTTP: Bool = false,
        caFile: String? = nil,
        clientCertificate: ClientCertificate? = nil,
        insecureSkipVerify: Bool = false,
        endpoint: Endpoint? = nil,
        credentials: CredentialsDeclaration = .automatic,
        untag: Untag = .refuse,
        limits: Limits = Limits(),
        account: String? = nil,
        isPrivate: Bool = false
    ) {
        self.id = id
        self.alias = alias
        self.kind = kind
        self.plainHTTP = plainHTTP
        self.caFile = caFile
        self.clientCertificate = clientCertificate
        self.insecureSkipVerify = insecureSkipVerify
        self.endpoint = endpoint
        self.credentials = credentials
        self.untag = untag
        self.limits = limits
        self.account = account
        self.isPrivate = isPrivate
    }
}

extension CredentialsDeclaration: Codable {
    private enum CodingKeys: String, CodingKey {
        case from, usernameEnv, passwordEnv, apiKeyEnv, apiKeyFile, bearerTokenEnv, idOrName, tokenFile
    }

    private enum Form: String, Codable {
        case automatic, anonymous, variables, apiKeyEnv, apiKeyFile, bearerTokenEnv, trustedProfile
    }

    package init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: CodingKeys.self)
        func text(_ key: CodingKeys) throws -> String { try container.decode(String.self, forKey: key) }
        switch try container.decode(Form.self, forKey: .from) {
        case .automatic: self = .automatic
        case .anonymous: self = .anonymous
        case .variables: self = .variables(username: try text(.usernameEnv), password: try text(.passwordEnv))
        case .apiKeyEnv: self = .apiKeyVariable(try text(.apiKeyEnv))
        case .apiKeyFile: self = .apiKeyFile(try text(.apiKeyFile))
        case .bearerTokenEnv: self = .bearerTokenVariable(try text(.bearerTokenEnv))
        case .trustedProfile: self = .trustedProfile(idOrName: try text(.idOrName), tokenFile: try text(.tokenFile))
        }
    }

    package func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: CodingKeys.self)
        switch self {
        case .automatic: try container.encode(Form.automatic, forKey: .from)
        case .anonymous: try container.encode(Form.anonymous, forKey: .from)
        case .variables(let username, let password):
            try container.encode(Form.variables, forKey: .from)
            try container.encode(username, forKey: .usernameEnv)
            try container.encode(password, forKey: .passwordEnv)
        case .apiKeyVariable(let name):
            try container.encode(Form.apiKeyEnv, forKey: .from)
            try container.encode(name, forKey: .apiKeyEnv)
        case .apiKeyFile(let path):
            try container.encode(Form.apiKeyFile, forKey: .from)
            try container.encode(path, forKey: .apiKeyFile)
        case .bearerTokenVariable(let name):
            try container.encode(Form.bearerTokenEnv, forKey: .from)
            try container.encode(name, forKey: .bearerTokenEnv)
        case .trustedProfile(let idOrName, let tokenFile):
            try container.encode(Form.trustedProfile, forKey: .from)
            try container.encode(idOrName, forKey: .idOrName)
            try container.encode(tokenFile, forKey: .tokenFile)
        }
    }
}
