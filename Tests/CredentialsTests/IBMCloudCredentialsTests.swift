import Logging
import OCI
import Registry
import Testing

@testable import Credentials

@Suite struct IBMCloudCredentialsTests {
    struct Row: Sendable, CustomTestStringConvertible {
        var testDescription: String
        var setting: IBMCloudCredentialSetting
        var variables: [String: String] = [:]
        var files: [String: String] = [:]
        var program: CredentialEnvironment.HelperOutcome?
        var found: IBMCloudCredential?
    }

    private static let token = #"{"iam_token":"Bearer tok","refresh_token":"r"}"#

    private static func said(_ text: String, exitCode: Int = 0) -> CredentialEnvironment.HelperOutcome {
        .init(exitCode: exitCode, output: Array(text.utf8))
    }

    static let rows: [Row] = [
        Row(
            testDescription: "the variable that the spec names",
            setting: .apiKeyVariable("KEY"),
            variables: ["KEY": "k1", "IBMCLOUD_API_KEY": "k2"],
            found: .init(.apiKey(Secret("k1")), source: "the variable KEY")
        ),
        Row(
            testDescription: "a file with the key alone",
            setting: .apiKeyFile("/home/me/key"),
            files: ["/home/me/key": "\n k1 \n"],
            found: .init(.apiKey(Secret("k1")), source: "~/key")
        ),
        Row(
            testDescription: "a file as IBM's tools write it",
            setting: .apiKeyFile("/srv/key.json"),
            files: ["/srv/key.json": #"{"name":"n","apikey":"k1"}"#],
            found: .init(.apiKey(Secret("k1")), source: "/srv/key.json")
        ),
        Row(
            testDescription: "a ready token, with and without its scheme",
            setting: .bearerTokenVariable("TOKEN"),
            variables: ["TOKEN": "Bearer  tok"],
            found: .init(.accessToken(Secret("tok")), source: "the variable TOKEN")
        ),
        Row(
            testDescription: "a trusted profile",
            setting: .trustedProfile(idOrName: "Profile-1", tokenFile: "/var/token"),
            files: ["/var/token": "cr\n"],
            found: .init(.trustedProfile(idOrName: "Profile-1", token: Secret("cr")), source: "the trusted profile Profile-1")
        ),
        Row(
            testDescription: "the usual variable before the command line tool",
            setting: .standard,
            variables: ["IBMCLOUD_API_KEY": "k2"],
            program: said(token),
            found: .init(.apiKey(Secret("k2")), source: "the variable IBMCLOUD_API_KEY")
        ),
        Row(
            testDescription: "the logged-in command line tool",
            setting: .standard,
            program: said(token),
            found: .init(.accessToken(Secret("tok")), source: "the logged-in ibmcloud")
        ),
        Row(testDescription: "a command line tool that is not logged in", setting: .standard, program: said("FAILED", exitCode: 1)),
        Row(testDescription: "nothing at all", setting: .standard),
        Row(testDescription: "content alone", setting: .none, variables: ["IBMCLOUD_API_KEY": "k2"], program: said(token)),
    ]

    private func credentials(_ row: Row) -> IBMCloudCredentials {
        let environment = CredentialEnvironment(
            variables: row.variables,
            home: "/home/me",
            userID: 0,
            readFile: { path throws(CredentialEnvironment.Failure) in row.files[path].map { Array($0.utf8) } },
            runHelper: { _, _ throws(CredentialEnvironment.Failure) in throw .init("not asked") },
            runProgram: { program, arguments throws(CredentialEnvironment.Failure) in
                guard program == "ibmcloud", arguments == ["iam", "oauth-tokens", "--output", "json"] else { throw .init("wrong call") }
                return row.program
            }
        )
        let registry = RegistryID.dockerHub
        return IBMCloudCredentials(registry: registry, setting: row.setting, environment: environment, logger: Logger(label: "test"))
    }

    @Test("the login is found in the documented order", arguments: rows)
    func order(_ row: Row) async throws {
        #expect(try await credentials(row).credential() == row.found)
    }

    static let failures: [Row] = [
        Row(testDescription: "is not set", setting: .apiKeyVariable("KEY"), variables: ["IBMCLOUD_API_KEY": "secret"]),
        Row(testDescription: "is not there", setting: .apiKeyFile("/home/me/key")),
        Row(testDescription: "is empty", setting: .apiKeyFile("/k"), files: ["/k": " \n"]),
        Row(testDescription: "without an 'apikey'", setting: .apiKeyFile("/k"), files: ["/k": #"{"key":"secret"}"#]),
        Row(testDescription: "gives no token", setting: .standard, program: said(#"{"token":"secret"}"#)),
    ]

    @Test("a login that is asked for and cannot be had is an error that shows no secret", arguments: failures)
    func missing(_ row: Row) async throws {
        let credentials = credentials(row)
        let error = await #expect(throws: RegistryError.self) { try await credentials.credential() }
        #expect(error?.code == .unauthorized)
        #expect(error?.description.contains(row.testDescription) == true, "\(String(describing: error))")
        #expect(error?.description.contains("secret") == false)
    }
}
