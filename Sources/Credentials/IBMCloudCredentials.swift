internal import FoundationEssentials
package import Logging
package import OCI
package import Registry

/// How IBM Cloud's login is found.
package enum IBMCloudCredentialSetting: Hashable, Sendable {
    /// `IBMCLOUD_API_KEY`, else a logged-in `ibmcloud`.
    case standard
    /// `IBMCLOUD_API_KEY` where it is set.
    case keyVariableAlone
    case apiKeyVariable(String)
    /// A path; the file holds the key alone, or IBM's JSON with an `apikey` member.
    case apiKeyFile(String)
    case bearerTokenVariable(String)
    case trustedProfile(idOrName: String, tokenFile: String)
    /// Content alone.
    case none
}

/// Finds the login for IBM Cloud's management: what the setting names, else `IBMCLOUD_API_KEY`, else a logged-in `ibmcloud`.
package struct IBMCloudCredentials: IBMCloudCredentialProvider {
    private let registry: RegistryID
    private let setting: IBMCloudCredentialSetting
    private let environment: CredentialEnvironment
    private let logger: Logger

    package static let keyVariable = "IBMCLOUD_API_KEY"

    package init(
        registry: RegistryID,
        setting: IBMCloudCredentialSetting,
        environment: CredentialEnvironment = .process(),
        logger: Logger
    ) {
        self.registry = registry
        self.setting = setting
        self.environment = environment
        self.logger = logger
    }

    package func credential() async throws(RegistryError) -> IBMCloudCredential? {
        let found = try await find()
        logger.debug("\(registry): IBM Cloud login \(found.map { "from \($0.source)" } ?? "not found")")
        return found
    }

    private func find() async throws(RegistryError) -> IBMCloudCredential? {
        switch setting {
        case .none: return nil
        case .apiKeyVariable(let name):
            return IBMCloudCredential(.apiKey(Secret(try variable(name))), source: "the variable \(name)")
        case .bearerTokenVariable(let name):
            return IBMCloudCredential(.accessToken(Secret(withoutScheme(try variable(name)))), source: "the variable \(name)")
        case .apiKeyFile(let path):
            return IBMCloudCredential(.apiKey(Secret(try key(in: path))), source: environment.shown(path))
        case .trustedProfile(let profile, let path):
            let token = Secret(try text(of: path, "the token file"))
            return IBMCloudCredential(
                .trustedProfile(idOrName: profile, token: token),
                source: "the trusted profile \(profile.withVisibleControls)"
            )
        case .standard, .keyVariableAlone:
            if let key = environment.variable(Self.keyVariable) {
                return IBMCloudCredential(.apiKey(Secret(key)), source: "the variable \(Self.keyVariable)")
            }
            return setting == .standard ? try await commandLineLogin() : nil
        }
    }

    /// A logged-in `ibmcloud` gives its access token. One that is not there or not logged in is no login.
    private func commandLineLogin() async throws(RegistryError) -> IBMCloudCredential? {
        let outcome: CredentialEnvironment.HelperOutcome?
        do throws(CredentialEnvironment.Failure) {
            outcome = try await environment.runProgram("ibmcloud", ["iam", "oauth-tokens", "--output", "json"])
        } catch {
            throw failure("'ibmcloud iam oauth-tokens' failed: \(error.reason)", help: "set \(Self.keyVariable), or run 'ibmcloud login'")
        }
        guard let outcome, outcome.exitCode == 0 else { return nil }
        struct Answer: Decodable {
            // swift-format-ignore: AlwaysUseLowerCamelCase
            var iam_token: String?
        }
        guard let answer = try? JSONDecoder().decode(Answer.self, from: Data(outcome.output)), let token = answer.iam_token,
            !token.isEmpty
        else {
            throw failure("'ibmcloud iam oauth-tokens' gives no token", help: "set \(Self.keyVariable), or run 'ibmcloud login'")
        }
        return IBMCloudCredential(.accessToken(Secret(withoutScheme(token))), source: "the logged-in ibmcloud")
    }

    private func withoutScheme(_ token: String) -> String {
        token.lowercased().hasPrefix("bearer ") ? String(token.dropFirst(7).drop { $0 == " " }) : token
    }

    private func variable(_ name: String) throws(RegistryError) -> String {
        if let value = environment.variable(name) { return value }
        throw failure("the variable \(name.withVisibleControls) is not set", help: "set it, or change the registry's credentials")
    }

    /// IBM's tools write `{"apikey": "…", …}`; people write the key alone.
    private func key(in path: String) throws(RegistryError) -> String {
        struct KeyFile: Decodable {
            var apikey: String?
        }
        let text = try text(of: path, "the API key file")
        guard text.hasPrefix("{") else { return text }
        guard let file = try? JSONDecoder().decode(KeyFile.self, from: Data(text.utf8)), let key = file.apikey, !key.isEmpty else {
            throw failure("the API key file \(environment.shown(path)) is JSON without an 'apikey'")
        }
        return key
    }

    private func text(of path: String, _ what: String) throws(RegistryError) -> String {
        let shown = environment.shown(path)
        let bytes: [UInt8]?
        do throws(CredentialEnvironment.Failure) {
            bytes = try environment.readFile(path)
        } catch {
            throw failure("\(what) \(shown) cannot be read: \(error.reason)")
        }
        guard let bytes else { throw failure("\(what) \(shown) is not there") }
        let text = String(decoding: bytes, as: UTF8.self)
        let trimmed = String(text.drop(while: \.isWhitespace).reversed().drop(while: \.isWhitespace).reversed())
        guard !trimmed.isEmpty else { throw failure("\(what) \(shown) is empty") }
        return trimmed
    }

    private func failure(_ reason: String, help: String? = nil) -> RegistryError {
        RegistryError(
            .unauthorized,
            action: "find the IBM Cloud login for",
            object: registry.description,
            registry: registry,
            reason: reason.withVisibleControls,
            help: help
        )
    }
}
