internal import ArgumentParser
internal import Diagnostics
internal import OCI
internal import Planning
internal import Reporting
internal import Specification

struct ListCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "list",
        abstract: "Show namespaces, repositories, and tags with digest, size, date and platforms.",
        discussion: """
            A registry shows its repositories; a repository shows its tags. Without names, every registry of the specs is shown.
            IBM Cloud Container Registry also has a trash, and public images that everybody may pull.

            Example:
              crplan list us/payments/api
              crplan list --trash us/payments
              crplan list --ibm-public icr.io/appcafe
            """
    )

    @Argument(help: ArgumentHelp("An alias, group or host, with a path or without.", valueName: "name"))
    var names: [String] = []

    @OptionGroup var workspace: WorkspaceOptions
    @OptionGroup var format: FormatOptions
    @OptionGroup var cache: CacheOptions
    @OptionGroup var talk: TalkOptions

    @Flag(help: "Whole digests and every platform.")
    var full = false

    @Flag(help: "What was deleted and can still be restored.")
    var trash = false

    @Flag(help: "The public images of IBM, which the global registry icr.io lists.")
    var ibmPublic = false

    func validate() throws {
        if trash, ibmPublic { throw ValidationError("--trash and --ibm-public are two lists; ask for one of them") }
    }

    func run() async throws {
        let console = talk.console
        try await console.reportingFailures {
            let specs = try loadIfThere()
            guard !specs.result.diagnostics.hasErrors else { return console.refuse(specs, format: format.format) }
            let places = try self.places(specs)
            let reconciliation = Reconciliation(specs, logger: talk.logger)
            let inspector = reconciliation.inspector(cache: cache.open())
            let inventory = Inventory(registries: reconciliation.registries, inspector: inspector, specs: specs.result)
            let result =
                trash
                ? await inventory.readTrash(places)
                : ibmPublic ? await inventory.readPublicImages(places) : await inventory.read(places)
            await reconciliation.shutdown()
            let listing = result.listing
            if format.format == .json {
                console.result(ListJSON.render(listing))
            } else if !listing.isEmpty || result.problems.isEmpty {
                let known = specs.result.aliases.values.sorted { $0.id < $1.id }
                console.result(ListText.render(listing, registries: known, full: full))
            }
            for problem in result.problems { console.talk("crplan: \(problem)") }
            return result.problems.isEmpty ? .done : .error
        }
    }

    /// Full hosts can be listed anywhere; aliases need the specs.
    private func loadIfThere() throws -> LoadedSpecs {
        if workspace.files.isEmpty, try SpecLoading.workspaceRoot(from: workspace.directory ?? ".") == nil {
            return LoadedSpecs(root: currentFolder(), source: .files([]), result: SpecificationResult(), bytes: [:])
        }
        return try SpecLoading(options: workspace).load()
    }

    private func places(_ specs: LoadedSpecs) throws -> [RepositoryPrefix] {
        guard names.isEmpty else {
            return try names.flatMap { name in
                do throws(NameProblem) {
                    return try specs.result.places(name)
                } catch {
                    throw CommandFailure("cannot list '\(name.withVisibleControls)': \(error.description)")
                }
            }
        }
        if ibmPublic, let global = try? RegistryID(host: "icr.io") { return [RepositoryPrefix(global, nil)] }
        let managed = specs.result.aliases.values.filter { !trash || $0.kind == .icr }
        let all = managed.map(\.id).sorted().map { RepositoryPrefix($0, nil) }
        guard !all.isEmpty else {
            throw CommandFailure("name what to list, such as 'crplan list ghcr.io/acme/app': no spec declares a registry here")
        }
        return all
    }
}
