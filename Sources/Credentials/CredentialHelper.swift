internal import FoundationEssentials
internal import OCI
internal import Registry

/// The protocol of docker's credential helpers: the server's key goes in, JSON or a message comes out, both on standard output.
struct CredentialHelper: Sendable {
    let suffix: String
    /// Where the helper is named: `credHelpers in ~/.docker/config.json`.
    let origin: String
    let registry: RegistryID

    private static let notFound = "credentials not found in native keychain"

    /// `nil`: the helper has nothing for the server.
    func get(_ server: String, _ environment: CredentialEnvironment) async throws(RegistryError) -> Credential.Kind? {
        let isPlainName = suffix.utf8.allSatisfy { byte in
            switch byte {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"), UInt8(ascii: "0")...UInt8(ascii: "9"),
                UInt8(ascii: "."), UInt8(ascii: "_"), UInt8(ascii: "-"):
                true
            default: false
            }
        }
        guard isPlainName, !suffix.isEmpty else {
            throw failure("'\(suffix.prefix(40).withVisibleControls)' (\(origin)) is not the name of a credential helper")
        }
        let program = "docker-credential-\(suffix)"
        let outcome: CredentialEnvironment.HelperOutcome
        do throws(CredentialEnvironment.Failure) {
            outcome = try await environment.runHelper(program, server)
        } catch {
            throw failure("the credential helper \(program) (\(origin)) gave no login: \(error.reason)")
        }
        let text = String(decoding: outcome.output, as: UTF8.self)
        guard outcome.exitCode == 0 else {
            if text.split(whereSeparator: \.isNewline).first.map({ $0.trimmed }) == Self.notFound { return nil }
            throw failure("the credential helper \(program) (\(origin)) failed, exit \(outcome.exitCode)" + Self.quoted(text))
        }
        guard let answer = try? JSONDecoder().decode(Answer.self, from: Data(outcome.output)) else {
            throw failure("the credential helper \(program) (\(origin)) does not answer with the JSON of a login")
        }
        guard let secret = answer.Secret, !secret.isEmpty else { return nil }
        return AuthFile.kind(user: answer.Username ?? "", secret: secret)
    }

    /// The helper's words, unless they may hold a secret.
    private static func quoted(_ text: String) -> String {
        let words = text.split(whereSeparator: \.isWhitespace).joined(separator: " ")
        if words.isEmpty || words.lowercased().contains("secret") || words.contains("{") { return "" }
        return ": \"\(words.withMaskedSecrets.prefix(200).withVisibleControls)\""
    }

    private func failure(_ reason: String) -> RegistryError {
        RegistryError(.unauthorized, action: "find the login for", object: registry.description, registry: registry, reason: reason)
    }

    private struct Answer: Decodable {
        // swift-format-ignore: AlwaysUseLowerCamelCase
        var Username: String?
        // swift-format-ignore: AlwaysUseLowerCamelCase
        var Secret: String?
    }
}

extension Substring {
    fileprivate var trimmed: String { split(whereSeparator: \.isWhitespace).joined(separator: " ") }
}
