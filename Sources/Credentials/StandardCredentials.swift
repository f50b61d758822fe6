internal import FoundationEssentials
package import Logging
package import OCI
package import Registry
internal import Synchronization

/// How one registry's credentials are found.
package enum CredentialSetting: Hashable, Sendable {
    /// Docker's and podman's files and helpers.
    case standard
    case anonymous
    /// The names of the variables that hold the user and the password.
    case variables(user: String, password: String)
}

/// Finds credentials: in the variables that the settings name, else in docker's and podman's files and with their helpers. The first
/// place that has an entry for the registry wins:
/// `DOCKER_AUTH_CONFIG`, `$REGISTRY_AUTH_FILE`, `$DOCKER_CONFIG/config.json`, `$XDG_RUNTIME_DIR/containers/auth.json`,
/// `$XDG_CONFIG_HOME/containers/auth.json`, `~/.docker/config.json` (unless `DOCKER_CONFIG` is set) and `~/.dockercfg`.
/// A file that is not there is passed over; one that cannot be read is an error.
package final class StandardCredentials: CredentialProvider {
    private struct Question: Hashable, Sendable {
        var registry: RegistryID
        var repository: RepositoryName?
    }

    private struct HelperCall: Hashable, Sendable {
        var suffix: String
        var server: String
    }

    private struct State: Sendable {
        var asked: Set<Question> = []
        /// `nil` inside: the helper has nothing for the server.
        var answers: [HelperCall: Credential.Kind?] = [:]
    }

    private let settings: [RegistryID: CredentialSetting]
    private let environment: CredentialEnvironment
    private let logger: Logger
    private let calls = SingleFlight<HelperCall, Credential.Kind?>()
    private let state = Mutex(State())

    /// Registries that `settings` does not name take `.standard`.
    package init(
        settings: [RegistryID: CredentialSetting] = [:],
        environment: CredentialEnvironment = .process(),
        logger: Logger
    ) {
        self.settings = settings
        self.environment = environment
        self.logger = logger
    }

    package func credential(
        for registry: RegistryID,
        repository: RepositoryName?
    ) async throws(RegistryError) -> Credential? {
        switch settings[registry] ?? .standard {
        case .anonymous:
            logger.debug("\(registry): no login, as its credentials say")
            return nil
        case .variables(let user, let password):
            let source = "the variables \(user) and \(password)"
            logger.debug("\(registry): login from \(source.withVisibleControls)")
            return Credential(.password(user: try variable(user, registry), Secret(try variable(password, registry))), source: source)
        case .standard: return try await stored(registry, repository)
        }
    }

    private func stored(_ registry: RegistryID, _ repository: RepositoryName?) async throws(RegistryError) -> Credential? {
        // Asked a second time, the first answer was rejected: a helper may have a newer one by now.
        let question = Question(registry: registry, repository: repository)
        let isRepeated = state.withLock { !$0.asked.insert(question).inserted }
        let places = try places(registry)
        for place in places {
            if let found = try await look(in: place, registry, repository, isRepeated) {
                logger.debug("\(registry): login from \(found.source.withVisibleControls)")
                return found
            }
        }
        let names = places.map(\.name.withVisibleControls).joined(separator: ", ")
        logger.debug("\(registry): no login \(places.isEmpty ? "found, since there is no login file" : "in \(names)")")
        return nil
    }

    private struct Place: Sendable {
        var name: String
        var file: AuthFile
    }

    private func variable(_ name: String, _ registry: RegistryID) throws(RegistryError) -> String {
        if let value = environment.variable(name) { return value }
        throw failure(registry, "the variable \(name.withVisibleControls) is not set", help: "set it, or change the registry's credentials")
    }

    /// What there is, in order of precedence.
    private func places(_ registry: RegistryID) throws(RegistryError) -> [Place] {
        var places: [Place] = []
        if let text = environment.variable("DOCKER_AUTH_CONFIG") {
            places.append(Place(name: "DOCKER_AUTH_CONFIG", file: try parse(Array(text.utf8), "DOCKER_AUTH_CONFIG", registry)))
        }
        for (path, isBareMap) in paths() {
            let shown = environment.shown(path)
            let bytes: [UInt8]?
            do throws(CredentialEnvironment.Failure) {
                bytes = try environment.readFile(path)
            } catch {
                throw failure(registry, "the login file \(shown) cannot be read: \(error.reason)")
            }
            guard let bytes, !bytes.allSatisfy({ $0 <= 0x20 }) else { continue }
            places.append(Place(name: shown, file: try parse(bytes, "the login file \(shown)", registry, isBareMap: isBareMap)))
        }
        return places
    }

    private func paths() -> [(path: String, isBareMap: Bool)] {
        let home = environment.home
        var paths: [String] = []
        if let file = environment.variable("REGISTRY_AUTH_FILE") { paths.append(file) }
        let dockerFolder = environment.variable("DOCKER_CONFIG")
        if let dockerFolder { paths.append("\(dockerFolder)/config.json") }
        let runtime = environment.variable("XDG_RUNTIME_DIR").map { "\($0)/containers" } ?? "/run/containers/\(environment.userID)"
        paths.append("\(runtime)/auth.json")
        paths.append("\(environment.variable("XDG_CONFIG_HOME") ?? "\(home)/.config")/containers/auth.json")
        if dockerFolder == nil { paths.append("\(home)/.docker/config.json") }
        return paths.map { ($0, false) } + [("\(home)/.dockercfg", true)]
    }

    private func parse(
        _ bytes: [UInt8],
        _ name: String,
        _ registry: RegistryID,
        isBareMap: Bool = false
    ) throws(RegistryError) -> AuthFile {
        do throws(AuthFile.Invalid) {
            return try AuthFile(bytes, isBareMap: isBareMap)
        } catch {
            throw failure(registry, "\(name): \(error.reason)")
        }
    }

    private func look(
        in place: Place,
        _ registry: RegistryID,
        _ repository: RepositoryName?,
        _ isRepeated: Bool
    ) async throws(RegistryError) -> Credential? {
        if let (suffix, field) = place.file.helper(for: registry) {
            let origin = "\(field) in \(place.name)"
            let call = HelperCall(suffix: suffix, server: ServerKey.helperServer(registry))
            if let kind = try await ask(call, registry, origin, anew: isRepeated) {
                return Credential(kind, source: "docker-credential-\(suffix) (\(origin))")
            }
        }
        do throws(AuthFile.Invalid) {
            return try place.file.login(for: registry, repository: repository).map { Credential($0, source: place.name) }
        } catch {
            throw failure(registry, "\(place.name): \(error.reason)")
        }
    }

    /// Asks a helper, once per server and run. `nil`: it has nothing for the server.
    private func ask(
        _ call: HelperCall,
        _ registry: RegistryID,
        _ origin: String,
        anew: Bool
    ) async throws(RegistryError) -> Credential.Kind? {
        if !anew, let known = state.withLock({ $0.answers[call] }) { return known }
        let environment = environment
        return try await calls.run(call) { () async throws(RegistryError) in
            // Another flight may have ended between the look above and this one's turn.
            if !anew, let known = state.withLock({ $0.answers[call] }) { return known }
            let kind = try await CredentialHelper(suffix: call.suffix, origin: origin, registry: registry).get(call.server, environment)
            state.withLock { $0.answers[call] = .some(kind) }
            return kind
        }
    }

    private func failure(_ registry: RegistryID, _ reason: String, help: String? = nil) -> RegistryError {
        RegistryError(
            .unauthorized,
            action: "find the login for",
            object: registry.description,
            registry: registry,
            reason: reason.withVisibleControls,
            help: help
        )
    }
}
