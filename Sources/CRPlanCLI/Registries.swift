internal import Credentials
internal import Logging
internal import OCI
internal import Planning
internal import Registry
internal import RegistryHTTP
internal import RegistryLayout
internal import Synchronization

/// From a registry's declaration to the registry itself: each is made once per run, when it is first needed.
final class Registries: RegistryDirectory {
    private let root: String
    private let declarations: [RegistryID: RegistryDeclaration]
    /// The declarations come from a plan file alone.
    private let isPlanAlone: Bool
    private let logger: Logger
    private let made = Mutex<[RegistryID: Made]>([:])

    private enum Made {
        case http(HTTPRegistry)
        case layout(LayoutRegistry)

        var writer: any RegistryWriter {
            switch self {
            case .http(let registry): registry
            case .layout(let registry): registry
            }
        }
    }

    init(root: String, declarations: [RegistryID: RegistryDeclaration], isPlanAlone: Bool, logger: Logger) {
        self.root = root
        self.isPlanAlone = isPlanAlone
        self.declarations = declarations
        self.logger = logger
    }

    func registry(_ id: RegistryID) throws(RegistryError) -> any RegistryWriter {
        let result = made.withLock { made -> Result<any RegistryWriter, RegistryError> in
            if let known = made[id] { return .success(known.writer) }
            do throws(RegistryError) {
                let new = try make(id)
                made[id] = new
                return .success(new.writer)
            } catch {
                return .failure(error)
            }
        }
        return try result.get()
    }

    func shutdown() async {
        let all = made.withLock { Array($0.values) }
        for case .http(let registry) in all { await registry.shutdown() }
    }

    private func make(_ id: RegistryID) throws(RegistryError) -> Made {
        let declaration = declarations[id] ?? RegistryDeclaration(id: id, kind: id.isLayout ? .layout : .oci)
        if let path = id.layoutPath { return .layout(LayoutRegistry(id: id, root: resolve(path))) }
        guard declaration.kind == .oci else {
            throw RegistryError(
                .unsupported,
                action: "use",
                object: id.description,
                registry: id,
                reason: "registries of kind icr are not available in this version"
            )
        }
        var settings = HTTPRegistrySettings(id: id, endpoint: declaration.endpoint?.content, plainHTTP: declaration.plainHTTP)
        settings.caFile = declaration.caFile.map(resolve)
        settings.clientCertificate = declaration.clientCertificate.map {
            .init(certificateFile: resolve($0.certFile), keyFile: resolve($0.keyFile))
        }
        settings.insecureSkipVerify = declaration.insecureSkipVerify
        if let connections = declaration.limits.connections { settings.connections = connections }
        settings.requestsPerSecond = declaration.limits.requestsPerSecond
        settings.pulls = declaration.limits.pulls
        let provider = StandardCredentials(settings: [id: try setting(of: declaration)], logger: logger)
        let isCautious = isPlanAlone && declaration.credentials == .automatic
        let credentials: any CredentialProvider = isCautious ? CautiousCredentials(provider, for: declaration) : provider
        return .http(try HTTPRegistry(settings: settings, credentials: credentials, logger: logger))
    }

    /// Relative paths start at the root of the specs.
    private func resolve(_ path: String) -> String {
        path.hasPrefix("/") ? path : "\(root)/\(path.hasPrefix("./") ? path.dropFirst(2) : path[...])"
    }

    private func setting(of declaration: RegistryDeclaration) throws(RegistryError) -> CredentialSetting {
        switch declaration.credentials {
        case .automatic: return .standard
        case .anonymous: return .anonymous
        case .variables(let username, let password): return .variables(user: username, password: password)
        case .apiKeyVariable, .apiKeyFile, .bearerTokenVariable, .trustedProfile:
            throw RegistryError(
                .unsupported,
                action: "log in to",
                object: declaration.id.description,
                registry: declaration.id,
                reason: "IBM Cloud credentials are not available in this version"
            )
        }
    }
}
