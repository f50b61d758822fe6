import Files
import Logging
import OCI
import Registry
import Synchronization
import Testing

@testable import Credentials

/// Files and helpers in memory; counts the helpers' calls.
private final class World: Sendable {
    typealias Outcome = Result<CredentialEnvironment.HelperOutcome, CredentialEnvironment.Failure>

    private let state = Mutex((calls: [String](), answers: [String: [Outcome]]()))
    let files: [String: String]
    let unreadable: Set<String>
    let variables: [String: String]

    init(_ files: [String: String] = [:], unreadable: Set<String> = [], variables: [String: String] = [:]) {
        self.files = files
        self.unreadable = unreadable
        self.variables = variables
    }

    var calls: [String] { state.withLock { $0.calls } }

    /// What `program` answers, one after the other; the last one stays.
    func answer(_ program: String, _ outcomes: Outcome...) { state.withLock { $0.answers[program] = outcomes } }

    func credentials(_ settings: [RegistryID: CredentialSetting] = [:]) -> StandardCredentials {
        let environment = CredentialEnvironment(
            variables: variables,
            home: "/home/me",
            userID: 1000,
            readFile: { path throws(CredentialEnvironment.Failure) in
                if self.unreadable.contains(path) { throw CredentialEnvironment.Failure("permission denied") }
                return self.files[path].map { Array($0.utf8) }
            },
            runHelper: { program, input async throws(CredentialEnvironment.Failure) in
                let outcome: Outcome? = self.state.withLock { state in
                    state.calls.append("\(program) \(input)")
                    guard var left = state.answers[program], let first = left.first else { return nil }
                    if left.count > 1 { left.removeFirst() }
                    state.answers[program] = left
                    return first
                }
                guard let outcome else { throw CredentialEnvironment.Failure("it is not on PATH") }
                return try outcome.get()
            }
        )
        return StandardCredentials(settings: settings, environment: environment, logger: Logger(label: "test"))
    }
}

extension Credential {
    /// What a test compares: `user:password`, `identity:…`, `bearer:…`.
    fileprivate var plain: String {
        switch kind {
        case .password(let user, let secret): "\(user):\(secret.reveal())"
        case .identityToken(let secret): "identity:\(secret.reveal())"
        case .bearerToken(let secret): "bearer:\(secret.reveal())"
        }
    }
}

private func exit(_ code: Int, _ output: String) -> World.Outcome { .success(.init(exitCode: code, output: Array(output.utf8))) }
private func auths(_ entries: String) -> String { #"{"auths":{\#(entries)}}"# }

@Suite struct StandardCredentialsTests {
    private static let docker = "/home/me/.docker/config.json"

    private func find(_ world: World, _ host: String = "r.example", _ repository: String? = nil) async throws -> String? {
        let name = try repository.map { try RepositoryName($0) }
        return try await world.credentials().credential(for: try RegistryID(host: host), repository: name)?.plain
    }

    struct Entry: Sendable, CustomTestStringConvertible {
        var text: String
        var host = "r.example"
        var repository: String?
        var found: String?

        var testDescription: String { "\(text) \(host)/\(repository ?? "")" }
    }

    static let entries: [Entry] = [
        // "bot:pa:ss"
        Entry(text: #""r.example":{"auth":"Ym90OnBhOnNz"}"#, found: "bot:pa:ss"),
        // "bot:pw\0\0"
        Entry(text: #""r.example":{"auth":"Ym90OnB3AAA="}"#, found: "bot:pw"),
        Entry(text: #""r.example":{"username":"robot$a+b","password":"p%20w"}"#, found: "robot$a+b:p%20w"),
        Entry(text: #""r.example":{"auth":"Ym90OnB3","identitytoken":"it"}"#, found: "identity:it"),
        Entry(text: #""r.example":{"registrytoken":"rt"}"#, found: "bearer:rt"),
        // "<token>:it"
        Entry(text: #""r.example":{"auth":"PHRva2VuPjppdA=="}"#, found: "identity:it"),
        Entry(text: #""r.example":{}"#, found: nil), Entry(text: #""r.example":{"auth":""}"#, found: nil),
        Entry(text: #""https://r.example/v1/":{"username":"a","password":"b"}"#, found: "a:b"),
        Entry(text: #""http://r.example/v2/":{"username":"a","password":"b"}"#, found: "a:b"),
        Entry(text: #""r.example/v1/":{"username":"a","password":"b"}"#, found: "a:b"),
        Entry(text: #""R.Example:443":{"username":"a","password":"b"}"#, found: "a:b"),
        Entry(text: #""r.example:5000":{"username":"a","password":"b"}"#, found: nil),
        Entry(text: #""r.example:5000":{"username":"a","password":"b"}"#, host: "r.example:5000", found: "a:b"),
        Entry(text: #""https://index.docker.io/v1/":{"username":"a","password":"b"}"#, host: "docker.io", found: "a:b"),
        Entry(text: #""docker.io":{"username":"a","password":"b"}"#, host: "registry-1.docker.io", found: "a:b"),
        Entry(text: #""other.example":{"auth":"!!"},"r.example":{"username":"a","password":"b"}"#, found: "a:b"),
        Entry(text: #""other.example":[],"r.example":{"username":"a","password":"b"}"#, found: "a:b"),
        Entry(text: #""r.example/x/y":{"username":"a","password":"b"}"#, repository: "x/y/z", found: "a:b"),
        Entry(text: #""r.example/x/y":{"username":"a","password":"b"}"#, repository: "x/yy", found: nil),
        Entry(text: #""r.example/x/y":{"username":"a","password":"b"}"#, repository: nil, found: nil),
        Entry(
            text: #""r.example":{"username":"h","password":"1"},"r.example/x":{"username":"n","password":"2"}"#,
            repository: "x/z",
            found: "n:2"
        ),
        Entry(
            text: #""r.example":{"username":"h","password":"1"},"r.example/x":{"username":"n","password":"2"}"#,
            repository: "y",
            found: "h:1"
        ),
    ]

    @Test(arguments: entries)
    func entriesAreReadAsDockerAndPodmanWriteThem(_ entry: Entry) async throws {
        let world = World([Self.docker: auths(entry.text)])
        #expect(try await find(world, entry.host, entry.repository) == entry.found)
    }

    @Test(arguments: [#""r.example":{"auth":"!!"}"#, #""r.example":{"auth":"Ym90"}"#, #""r.example":[1]"#])
    func aBrokenEntryOfItsOwnIsAnError(_ entry: String) async throws {
        let error = await failure(World([Self.docker: auths(entry)]))
        #expect(error?.code == .unauthorized)
        #expect(error?.reason.contains("~/.docker/config.json") == true)
    }

    private func failure(_ world: World, _ settings: [RegistryID: CredentialSetting] = [:]) async -> RegistryError? {
        do throws(RegistryError) {
            guard let id = try? RegistryID(host: "r.example") else { return nil }
            _ = try await world.credentials(settings).credential(for: id, repository: nil)
            return nil
        } catch {
            return error
        }
    }

    @Test func thePlacesAreAskedInOrder() async throws {
        let variables = [
            "DOCKER_AUTH_CONFIG": auths(#""r.example":{"username":"1","password":"x"}"#), "REGISTRY_AUTH_FILE": "/2.json",
            "DOCKER_CONFIG": "/3", "XDG_RUNTIME_DIR": "/4", "XDG_CONFIG_HOME": "/5",
        ]
        let paths = ["/2.json", "/3/config.json", "/4/containers/auth.json", "/5/containers/auth.json"]
        var files: [String: String] = [Self.docker: auths(#""r.example":{"username":"not","password":"x"}"#)]
        for (index, path) in paths.enumerated() { files[path] = auths(#""r.example":{"username":"\#(index + 2)","password":"x"}"#) }
        files["/home/me/.dockercfg"] = #"{"r.example":{"username":"6","password":"x"}}"#
        #expect(try await find(World(files, variables: variables)) == "1:x")
        var rest = variables
        rest["DOCKER_AUTH_CONFIG"] = ""
        for (index, path) in paths.enumerated() {
            #expect(try await find(World(files, variables: rest)) == "\(index + 2):x")
            files[path] = nil
        }
        #expect(try await find(World(files, variables: rest)) == "6:x", "DOCKER_CONFIG stands for ~/.docker")
    }

    @Test func withoutVariablesTheUsualPlacesAreAsked() async throws {
        for path in ["/run/containers/1000/auth.json", "/home/me/.config/containers/auth.json", Self.docker] {
            #expect(try await find(World([path: auths(#""r.example":{"username":"a","password":"b"}"#)])) == "a:b")
        }
        #expect(try await find(World()) == nil)
        #expect(try await find(World([Self.docker: ""])) == nil)
    }

    @Test func aFileThatCannotBeReadIsNotAbsent() async throws {
        let error = await failure(World(unreadable: [Self.docker]))
        #expect(
            error?.description
                == "cannot find the login for r.example: the login file ~/.docker/config.json cannot be read: permission denied"
        )
        let broken = await failure(World([Self.docker: "{nonsense"]))
        #expect(broken?.reason == "the login file ~/.docker/config.json: it is not the JSON of a login file")
    }

    @Test func theSourceIsNamedAndNoSecretIsShown() async throws {
        let world = World([Self.docker: auths(#""r.example":{"username":"a","password":"hush"}"#)])
        let found = try await world.credentials().credential(for: try RegistryID(host: "r.example"), repository: nil)
        #expect(found?.source == "~/.docker/config.json")
        #expect("\(String(describing: found)) \(String(reflecting: found))".contains("hush") == false)
    }

    @Test func namedVariablesMustBothBeSet() async throws {
        let id = try RegistryID(host: "r.example")
        let settings = [id: CredentialSetting.variables(user: "LAB_USER", password: "LAB_PASSWORD")]
        let file = [Self.docker: auths(#""r.example":{"username":"a","password":"b"}"#)]
        let both = World(file, variables: ["LAB_USER": "u", "LAB_PASSWORD": "p"])
        let found = try await both.credentials(settings).credential(for: id, repository: nil)
        #expect(found?.plain == "u:p" && found?.source == "the variables LAB_USER and LAB_PASSWORD")
        for missing in ["LAB_USER", "LAB_PASSWORD"] {
            var variables = ["LAB_USER": "u", "LAB_PASSWORD": "p"]
            variables[missing] = ""
            let error = await failure(World(file, variables: variables), settings)
            #expect(error?.code == .unauthorized)
            #expect(error?.reason == "the variable \(missing) is not set")
        }
        let anonymous = try await both.credentials([id: .anonymous]).credential(for: id, repository: nil)
        #expect(anonymous == nil)
    }
}

@Suite struct CredentialHelperTests {
    private static let docker = "/home/me/.docker/config.json"
    private static let missing = exit(1, "credentials not found in native keychain\n")

    private func find(_ world: World, _ host: String = "r.example") async throws(RegistryError) -> Credential? {
        guard let id = try? RegistryID(host: host) else { return nil }
        return try await world.credentials().credential(for: id, repository: nil)
    }

    private func failure(_ world: World) async -> RegistryError? {
        do throws(RegistryError) {
            _ = try await find(world)
            return nil
        } catch {
            return error
        }
    }

    @Test func theHostsOwnHelperComesFirst() async throws {
        let world = World([Self.docker: #"{"credHelpers":{"r.example":"own"},"credsStore":"all"}"#])
        world.answer("docker-credential-own", exit(0, #"{"ServerURL":"r.example","Username":"u","Secret":"s"}"#))
        world.answer("docker-credential-all", exit(0, #"{"Username":"<token>","Secret":"it"}"#))
        let own = try await find(world)
        #expect(own?.plain == "u:s")
        #expect(own?.source == "docker-credential-own (credHelpers in ~/.docker/config.json)")
        let other = try await find(world, "other.example:5000")
        #expect(other?.plain == "identity:it")
        let hub = try await find(world, "docker.io")
        #expect(hub?.plain == "identity:it")
        #expect(
            world.calls == [
                "docker-credential-own r.example", "docker-credential-all other.example:5000",
                "docker-credential-all https://index.docker.io/v1/",
            ]
        )
    }

    @Test func anEmptyHelperStandsForTheFile() async throws {
        let text = #"{"credHelpers":{"r.example":""},"credsStore":"all","auths":{"r.example":{"username":"a","password":"b"}}}"#
        let world = World([Self.docker: text])
        let found = try await find(world)
        #expect(found?.plain == "a:b")
        #expect(world.calls == [])
    }

    @Test func aHelperWithoutAnEntryPassesOn() async throws {
        let world = World([
            Self.docker: #"{"credsStore":"all","auths":{"r.example":{}}}"#,
            "/home/me/.dockercfg": #"{"r.example":{"username":"a","password":"b"}}"#,
        ])
        world.answer("docker-credential-all", Self.missing)
        let found = try await find(world)
        #expect(found?.plain == "a:b")
    }

    struct Failing: Sendable, CustomTestStringConvertible {
        var outcome: Result<CredentialEnvironment.HelperOutcome, CredentialEnvironment.Failure>
        var words: String
        var testDescription: String { words }
    }

    static let failing: [Failing] = [
        Failing(outcome: exit(1, "no \u{1b}[31msession\n"), words: #"failed, exit 1: "no \u{1b}[31msession""#),
        Failing(outcome: exit(2, #"{"Username":"u","Secret":"hush"}"#), words: "failed, exit 2"),
        Failing(outcome: exit(1, "credentials not found in native keychain, and more"), words: "failed, exit 1"),
        Failing(outcome: exit(0, "junk"), words: "does not answer with the JSON of a login"),
        Failing(outcome: .failure(.init("it is not on PATH")), words: "gave no login: it is not on PATH"),
    ]

    @Test(arguments: failing)
    func aHelperThatFailsIsNamed(_ failing: Failing) async throws {
        let world = World([Self.docker: #"{"credsStore":"x"}"#, "/home/me/.dockercfg": #"{"r.example":{"username":"a","password":"b"}}"#])
        world.answer("docker-credential-x", failing.outcome)
        let error = await failure(world)
        #expect(error?.code == .unauthorized)
        #expect(error?.reason.hasPrefix("the credential helper docker-credential-x (credsStore in ~/.docker/config.json) ") == true)
        #expect(error?.reason.contains(failing.words) == true)
        #expect(error?.description.contains("hush") == false)
    }

    @Test(arguments: ["../evil", "a/b", "a b", "a;b", "ü"])
    func namesThatAreNoSuffixAreNeverRun(_ suffix: String) async throws {
        let world = World([Self.docker: #"{"credsStore":"\#(suffix)"}"#])
        world.answer("docker-credential-\(suffix)", exit(0, #"{"Username":"u","Secret":"s"}"#))
        let error = await failure(world)
        #expect(error?.reason.contains("is not the name of a credential helper") == true)
        #expect(world.calls == [])
    }

    @Test func aHelperIsAskedOncePerHostAndAgainAfterARejection() async throws {
        let world = World([Self.docker: #"{"credsStore":"x"}"#])
        world.answer(
            "docker-credential-x",
            exit(0, #"{"Username":"u","Secret":"old"}"#),
            exit(0, #"{"Username":"u","Secret":"new"}"#)
        )
        let credentials = world.credentials()
        let id = try RegistryID(host: "r.example")
        await withTaskGroup(of: Void.self) { group in
            for number in 0..<10 {
                group.addTask { _ = try? await credentials.credential(for: id, repository: try? RepositoryName("a\(number)")) }
            }
        }
        #expect(world.calls.count == 1)
        let again = try await credentials.credential(for: id, repository: try RepositoryName("a1"))
        #expect(again?.plain == "u:new")
        #expect(world.calls.count == 2)
    }
}
