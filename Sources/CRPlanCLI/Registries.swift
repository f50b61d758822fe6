internal import Credentials
internal import Logging
internal import OCI
internal import Planning
internal import Registry
internal import RegistryHTTP
internal import RegistryICR
internal import RegistryLayout
internal import Specification
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
        case icr(ICRRegistry)
        case layout(LayoutRegistry)

        var writer: any RegistryWriter {
            switch self {
            case .http(let registry): registry
            case .icr(let registry): registry
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
        for registry in all {
            switch registry {
            case .http(let registry): await registry.shutdown()
            case .icr(let registry): await registry.shutdown()
            case .layout: continue
            }
        }
    }

    private func make(_ id: RegistryID) throws(RegistryError) -> Made {
        let declaration = declarations[id] ?? RegistryDeclaration(undeclared: id)
        if let path = id.layoutPath { return .layout(LayoutRegistry(id: id, root: resolve(path))) }
        if declaration.kind == .icr { return .icr(try icr(declaration)) }
        let settings = settings(of: declaration, at: declaration.endpoint?.content)
        return .http(try HTTPRegistry(settings: settings, credentials: storedCredentials(for: declaration), logger: logger))
    }

    /// One of IBM's registries: content at its host or its private address, its management API always at the public one, and IBM Cloud IAM.
    private func icr(_ declaration: RegistryDeclaration) throws(RegistryError) -> ICRRegistry {
        let id = declaration.id
        let endpoint = declaration.endpoint
        var iam = HTTPRegistrySettings(id: id, endpoint: endpoint?.iam ?? IAMLogin.standardAddress)
        if endpoint?.iam != nil { trust(declaration, in: &iam) }
        let login = IAMLogin(
            registry: id,
            provider: IBMCloudCredentials(registry: id, setting: cloudSetting(of: declaration), logger: logger),
            iam: try HTTPService(settings: iam, logger: logger)
        )
        let privateName = declaration.isPrivate ? id.host.flatMap { try? RegistryID(host: "private.\($0)") } : nil
        let privateHost = privateName?.host.map { "https://\($0)" }
        let contentLogin: any CredentialProvider =
            switch declaration.credentials {
            case .anonymous, .variables: storedCredentials(for: declaration)
            case .automatic:
                ICRContentCredentials(stored: storedCredentials(for: declaration), login: login, privateName: privateName)
            default: ICRContentCredentials(stored: nil, login: login)
            }
        let content = try HTTPRegistry(
            settings: settings(of: declaration, at: endpoint?.content ?? privateHost),
            credentials: contentLogin,
            logger: logger
        )
        let isApart = (endpoint?.content ?? privateHost) != endpoint?.management
        let management =
            isApart
            ? try HTTPService(settings: settings(of: declaration, at: endpoint?.management), logger: logger)
            : HTTPService(besides: content)
        return ICRRegistry(content: content, management: management, login: login, account: declaration.account, logger: logger)
    }

    private func settings(of declaration: RegistryDeclaration, at endpoint: String?) -> HTTPRegistrySettings {
        var settings = HTTPRegistrySettings(id: declaration.id, endpoint: endpoint, plainHTTP: declaration.plainHTTP)
        trust(declaration, in: &settings)
        if let connections = declaration.limits.connections { settings.connections = connections }
        settings.requestsPerSecond = declaration.limits.requestsPerSecond
        settings.pulls = declaration.limits.pulls
        return settings
    }

    private func trust(_ declaration: RegistryDeclaration, in settings: inout HTTPRegistrySettings) {
        settings.caFile = declaration.caFile.map(resolve)
        settings.clientCertificate = declaration.clientCertificate.map {
            .init(certificateFile: resolve($0.certFile), keyFile: resolve($0.keyFile))
        }
        settings.insecureSkipVerify = declaration.insecureSkipVerify
    }

    private func storedCredentials(for declaration: RegistryDeclaration) -> any CredentialProvider {
        let setting: CredentialSetting =
            switch declaration.credentials {
            case .anonymous: .anonymous
            case .variables(let username, let password): .variables(user: username, password: password)
            default: .standard
            }
        let provider = StandardCredentials(settings: [declaration.id: setting], logger: logger)
        let isCautious = isPlanAlone && declaration.credentials == .automatic
        return isCautious ? CautiousCredentials(provider, for: declaration) : provider
    }

    private func cloudSetting(of declaration: RegistryDeclaration) -> IBMCloudCredentialSetting {
        switch declaration.credentials {
        case .apiKeyVariable(let name): .apiKeyVariable(name)
        case .apiKeyFile(let path): .apiKeyFile(resolve(path))
        case .bearerTokenVariable(let name): .bearerTokenVariable(name)
        case .trustedProfile(let profile, let file): .trustedProfile(idOrName: profile, tokenFile: resolve(file))
        case .anonymous, .variables: .none
        // A plan from elsewhere may use the variable that IBM's own tools read, and nobody's session.
        case .automatic: isPlanAlone ? .keyVariableAlone : .standard
        }
    }

    /// Relative paths start at the root of the specs.
    private func resolve(_ path: String) -> String {
        path.hasPrefix("/") ? path : "\(root)/\(path.hasPrefix("./") ? path.dropFirst(2) : path[...])"
    }

}
