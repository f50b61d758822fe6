internal import ArgumentParser
internal import Diagnostics
internal import Files
internal import OCI
internal import Planning
internal import Registry
internal import Specification

struct InitCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "init",
        abstract: "Check the login at a registry, or begin a workspace.",
        discussion: """
            With a host or alias: says as whom crplan logs in there, from which file, and what it may do. Without: writes a first crplan.yaml.

            Example:
              crplan init ghcr.io
            """
    )

    @Argument(help: ArgumentHelp("A host such as ghcr.io, or an alias of the specs.", valueName: "host"))
    var host: String?

    @OptionGroup var workspace: WorkspaceOptions
    @OptionGroup var talk: TalkOptions

    @Flag(name: .customLong("plain-http"), help: "Talk plain HTTP to a host that no spec declares.")
    var plainHTTP = false

    @Option(
        name: .customLong("ca-file"),
        help: ArgumentHelp("Trust this certificate authority, for a host that no spec declares.", valueName: "file")
    )
    var caFile: String?

    func run() async throws {
        let console = talk.console
        try await console.reportingFailures {
            guard let host else {
                try begin(console)
                return .done
            }
            return try await check(host, console)
        }
    }

    private func begin(_ console: Console) throws {
        let path = "\(workspace.directory ?? ".")/\(WorkspaceFiles.fileName)"
        guard try FileStatus.of(path) == nil else { throw CommandFailure("\(path) is there already; nothing was written") }
        try WholeFile.write(Array(Self.firstSpec.utf8), to: path)
        console.talk("Wrote \(path). Change it, then run 'crplan plan'.")
    }

    private static let firstSpec = """
        apiVersion: crplan/v1

        # A directory of OCI image layouts is a registry, too; add your own with 'host: registry.example.com'.
        registries:
          disk: {kind: layout, path: ./mirror}

        # This content, under these tags.
        images:
          - to: disk/library/alpine
            from: docker.io/library/alpine:3.20
            tags: ["3.20"]

        policy:
          protect: ["**:prod-*"]

        """

    private func check(_ host: String, _ console: Console) async throws -> ExitStatus {
        let hasSpecs = try !workspace.files.isEmpty || SpecLoading.workspaceRoot(from: workspace.directory ?? ".") != nil
        let specs = hasSpecs ? try SpecLoading(options: workspace).load() : nil
        if let specs, specs.result.diagnostics.hasErrors { return console.refuse(specs, format: .text) }
        let aliases = specs?.result.aliases ?? [:]
        let id = try aliases[host]?.id ?? Self.registry(host)
        let declared = aliases.values.first { $0.id == id }
        let declaration = declared ?? RegistryDeclaration(id: id, plainHTTP: plainHTTP, caFile: caFile.map(SpecLoading.absolute))
        let reconciliation = Reconciliation(
            root: specs?.root ?? currentFolder(),
            declarations: [declaration.id: declaration],
            logger: talk.logger
        )
        do throws(RegistryError) {
            let registry = try reconciliation.registries.registry(declaration.id)
            var report = try await registry.checkLogin()
            if !id.isLayout {
                let named = specs.map { Inventory.namedRepositories(of: id, in: $0.result.desired) } ?? []
                report.facts += await LoginRights(registry: registry).describe(named)
            }
            await reconciliation.shutdown()
            console.result(describe(report, declaration.id))
            return .done
        } catch {
            await reconciliation.shutdown()
            // Where no spec has a word, the options of this command have.
            if declared == nil, error.help?.contains("plainHTTP") == true {
                throw CommandFailure("\(error.description), or pass --plain-http to this command")
            }
            throw error
        }
    }

    private static func registry(_ host: String) throws -> RegistryID {
        do throws(InvalidName) {
            return try RegistryID(host: host)
        } catch {
            throw CommandFailure("'\(host.withVisibleControls)' is neither an alias of the specs nor a host: \(error.description)")
        }
    }

    private func describe(_ report: LoginReport, _ id: RegistryID) -> String {
        var lines: [String] = []
        if id.isLayout {
            lines.append("\(id) is a directory of layouts; no login is needed.")
        } else if let user = report.user {
            lines.append(
                "Logged in to \(id) as \(user.withVisibleControls)" + (report.credentialSource.map { " (from \($0))" } ?? "") + "."
            )
        } else if let source = report.credentialSource {
            lines.append("Logged in to \(id) with a token (from \(source)).")
        } else {
            lines.append("No login for \(id): requests go there as nobody in particular.")
        }
        return (lines + report.facts.map { "  " + $0.withVisibleControls }).joined(separator: "\n") + "\n"
    }
}
