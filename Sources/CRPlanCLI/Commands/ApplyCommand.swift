internal import ArgumentParser
internal import Diagnostics
internal import Execution
internal import OCI
internal import Planning
internal import Reporting
internal import Specification

struct ApplyCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "apply",
        abstract: "Make the changes of a plan.",
        discussion: """
            Without a plan file, plans, shows and asks; only 'yes' goes on. With one, does exactly what it says and asks nothing.

            Examples:
              crplan apply
              crplan apply release.plan --plan-digest sha256:…
            """
    )

    @Argument(help: ArgumentHelp("A plan that 'crplan plan --out' saved.", valueName: "plan"))
    var planFile: String?

    @OptionGroup var workspace: WorkspaceOptions
    @OptionGroup var planning: PlanningRunOptions
    @OptionGroup var format: FormatOptions
    @OptionGroup var talk: TalkOptions

    @OptionGroup var applying: ApplyOptions

    @Option(name: .customLong("plan-digest"), help: ArgumentHelp("Apply the plan only if it has this digest.", valueName: "digest"))
    var planDigest: String?

    @Option(
        name: .customLong("allow-env"),
        parsing: .upToNextOption,
        help: ArgumentHelp("Variables that a plan applied without its specs may take a login from.", valueName: "name")
    )
    var allowedVariables: [String] = []

    func validate() throws {
        if planFile == nil {
            if planDigest != nil { throw ValidationError("--plan-digest needs a plan file") }
            // 'apply --allow-env NAME release.plan' takes the plan for a name; it must not plan and apply something else then.
            if !allowedVariables.isEmpty {
                throw ValidationError("--allow-env needs a plan file; name the plan before it: crplan apply PLAN --allow-env NAME")
            }
        } else if !planning.target.isEmpty || !planning.exclude.isEmpty {
            throw ValidationError("a saved plan is applied whole; --target and --exclude belong to 'crplan plan'")
        }
        if planFile != nil, planning.asOf != nil || planning.removedSince != nil {
            throw ValidationError("a saved plan is applied as it is; --as-of and --removed-since belong to 'crplan plan'")
        }
        if let planDigest, (try? Digest(planDigest)) == nil {
            throw ValidationError("--plan-digest takes a digest such as sha256:…, not '\(planDigest.withVisibleControls)'")
        }
        if applying.events == "-", format.format == .json { throw ValidationError("--events - and --format json both want stdout") }
    }

    func run() async throws {
        let console = talk.console
        try await console.reportingFailures {
            if let planFile { return try await applySaved(planFile, console) }
            return try await planAndApply(console)
        }
    }

    // MARK: Plan, ask, apply

    private func planAndApply(_ console: Console) async throws -> ExitStatus {
        let specs = try SpecLoading(options: workspace).load()
        guard !specs.result.diagnostics.hasErrors else { return console.refuse(specs, format: format.format) }
        let reconciliation = Reconciliation(specs, logger: talk.logger)
        return try await reconciliation.ending {
            let result = try await reconciliation.plan(specs, planning, console: console)
            let findings = specs.result.diagnostics + result.diagnostics
            // With JSON on stdout, only the report goes there.
            try console.show(
                result,
                specs,
                pulls: reconciliation.pulls(of: result, isApplying: true),
                format: .text,
                full: planning.full,
                toStandardError: format.format == .json || applying.events == "-"
            )
            if !result.refusals.isEmpty { return .refused }
            let status = console.status(of: findings, strict: planning.strict)
            guard status == .done else { return status }
            if result.plan.changes.isEmpty { return result.plan.leftOut.isEmpty ? .done : .error }
            if let refusal = applying.refuseIrreversible(result.plan, console) { return refusal }
            guard try applying.confirm(console, instead: "save the plan with 'crplan plan --out' and apply that") else { return .error }
            return try await apply(result.plan, try PlanFile.digest(of: result.plan), reconciliation, console)
        }
    }

    // MARK: A saved plan

    private func applySaved(_ path: String, _ console: Console) async throws -> ExitStatus {
        let saved = try SavedPlan(path: path, pinned: planDigest)
        let (reconciliation, specs, policyRefusals) = try await prepare(saved)
        return try await reconciliation.ending {
            var refusals = policyRefusals
            if let specs, refusals.isEmpty { refusals = try await reconciliation.refusals(ofSaved: saved.plan, specs, planning) }
            guard refusals.isEmpty else {
                console.show(refusals)
                return .refused
            }
            if let refusal = applying.refuseIrreversible(saved.plan, console) { return refusal }
            return try await apply(saved.plan, saved.digest, reconciliation, console)
        }
    }

    /// A plan from a workspace is held against the workspace at hand; one from `-f` against the files given, or against nothing.
    private func prepare(_ saved: SavedPlan) async throws -> (Reconciliation, LoadedSpecs?, [Refusal]) {
        let isAlone: Bool
        if case .files = saved.plan.source { isAlone = workspace.files.isEmpty } else { isAlone = false }
        guard !isAlone else {
            let allowed = Set(allowedVariables)
            let refusals = try saved.checkAlone(allowedVariables: allowed)
            let declarations = Dictionary(saved.plan.registries.map { ($0.id, $0) }, uniquingKeysWith: { first, _ in first })
            let root = SpecLoading.absolute(workspace.directory ?? ".")
            return (
                Reconciliation(root: root, declarations: declarations, isPlanAlone: true, logger: talk.logger), nil, refusals
            )
        }
        if saved.plan.source == .workspace, !workspace.files.isEmpty {
            throw CommandFailure("the plan \(saved.path) was made from a workspace; apply it there, without -f")
        }
        let specs = try SpecLoading(options: workspace).load()
        guard !specs.result.diagnostics.hasErrors else {
            throw CommandFailure("the specs at hand have errors, so the plan cannot be held against them; run 'crplan validate'")
        }
        return (Reconciliation(specs, logger: talk.logger), specs, try await saved.check(against: specs))
    }

    private func apply(_ plan: Plan, _ digest: Digest, _ reconciliation: Reconciliation, _ console: Console) async throws -> ExitStatus {
        let run = ApplyOptions.Run(
            plan: plan,
            digest: digest,
            planPath: planFile,
            parallelism: planning.parallelism,
            cache: planning.cache.open(),
            format: format.format
        )
        return try await applying.apply(run, reconciliation, console)
    }
}
