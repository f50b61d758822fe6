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

    @Flag(name: .customLong("auto-approve"), help: "Do not ask.")
    var autoApprove = false

    @Flag(name: .customLong("allow-irreversible"), help: "Make changes that cannot be undone, too.")
    var allowIrreversible = false

    @Option(name: .customLong("plan-digest"), help: ArgumentHelp("Apply the plan only if it has this digest.", valueName: "digest"))
    var planDigest: String?

    @Option(
        name: .customLong("allow-env"),
        parsing: .upToNextOption,
        help: ArgumentHelp("Variables that a plan applied without its specs may take a login from.", valueName: "name")
    )
    var allowedVariables: [String] = []

    @Option(help: ArgumentHelp("Write the journal to this file.", valueName: "file"))
    var journal: String?

    @Option(help: ArgumentHelp("Write events as JSON lines to this file, or to stdout for '-'.", valueName: "file"))
    var events: String?

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
        if let planDigest, (try? Digest(planDigest)) == nil {
            throw ValidationError("--plan-digest takes a digest such as sha256:…, not '\(planDigest.withVisibleControls)'")
        }
        if let journal, journal == events { throw ValidationError("--journal and --events need two files") }
        if events == "-", format.format == .json { throw ValidationError("--events - and --format json both want stdout") }
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
        return try await ending(reconciliation) {
            let result = try await reconciliation.plan(specs, planning, console: console)
            let findings = specs.result.diagnostics + result.diagnostics
            // With JSON on stdout, only the report goes there.
            try console.show(
                result,
                specs,
                pulls: reconciliation.pulls(of: result, isApplying: true),
                format: .text,
                full: planning.full,
                toStandardError: format.format == .json || events == "-"
            )
            if !result.refusals.isEmpty { return .refused }
            let status = console.status(of: findings, strict: planning.strict)
            guard status == .done else { return status }
            if result.plan.changes.isEmpty { return result.plan.leftOut.isEmpty ? .done : .error }
            if let refusal = refuseIrreversible(result.plan, console) { return refusal }
            guard try confirm(console) else { return .error }
            return try await apply(result.plan, try PlanFile.digest(of: result.plan), reconciliation, console)
        }
    }

    private func confirm(_ console: Console) throws -> Bool {
        if autoApprove { return true }
        guard let answer = console.ask("\nMake these changes? Only 'yes' goes on: ") else {
            throw CommandFailure(
                "there is no terminal to ask on; pass --auto-approve, or save the plan with 'crplan plan --out' and apply that"
            )
        }
        if answer == "yes" { return true }
        console.talk("Nothing was changed.")
        return false
    }

    private func refuseIrreversible(_ plan: Plan, _ console: Console) -> ExitStatus? {
        let changes = plan.changes.filter { !$0.undo.isPossible }
        guard !changes.isEmpty, !allowIrreversible else { return nil }
        console.show([
            Refusal(
                code: "irreversible",
                message: "\(changes.count) change\(changes.count == 1 ? "" : "s") cannot be undone",
                subjects: changes.map(\.target.description),
                help: "Pass --allow-irreversible if they are meant."
            )
        ])
        return .refused
    }

    // MARK: A saved plan

    private func applySaved(_ path: String, _ console: Console) async throws -> ExitStatus {
        let saved = try SavedPlan(path: path, pinned: planDigest)
        let (reconciliation, refusals) = try prepare(saved)
        return try await ending(reconciliation) {
            guard refusals.isEmpty else {
                console.show(refusals)
                return .refused
            }
            if let refusal = refuseIrreversible(saved.plan, console) { return refusal }
            return try await apply(saved.plan, saved.digest, reconciliation, console)
        }
    }

    /// A plan from a workspace is held against the workspace at hand; one from `-f` against the files given, or against nothing.
    private func prepare(_ saved: SavedPlan) throws -> (Reconciliation, [Refusal]) {
        let isAlone: Bool
        if case .files = saved.plan.source { isAlone = workspace.files.isEmpty } else { isAlone = false }
        guard !isAlone else {
            let allowed = Set(allowedVariables)
            let refusals = try saved.checkAlone(allowedVariables: allowed)
            let declarations = Dictionary(saved.plan.registries.map { ($0.id, $0) }, uniquingKeysWith: { first, _ in first })
            let root = SpecLoading.absolute(workspace.directory ?? ".")
            return (
                Reconciliation(root: root, declarations: declarations, isPlanAlone: true, logger: talk.logger), refusals
            )
        }
        if saved.plan.source == .workspace, !workspace.files.isEmpty {
            throw CommandFailure("the plan \(saved.path) was made from a workspace; apply it there, without -f")
        }
        let specs = try SpecLoading(options: workspace).load()
        guard !specs.result.diagnostics.hasErrors else {
            throw CommandFailure("the specs at hand have errors, so the plan cannot be held against them; run 'crplan validate'")
        }
        return (Reconciliation(specs, logger: talk.logger), try saved.check(against: specs))
    }

    // MARK: Doing it

    private func apply(_ plan: Plan, _ digest: Digest, _ reconciliation: Reconciliation, _ console: Console) async throws -> ExitStatus {
        guard !plan.changes.isEmpty else {
            console.talk("The plan has no changes\(plan.leftOut.isEmpty ? "." : ", but it left out what could not be read.")")
            return plan.leftOut.isEmpty ? .done : .error
        }
        let output = try EventOutput(path: events, console: console)
        let (report, journalPath) = try await InterruptHandling.run { interruption in
            try await reconciliation.apply(
                plan,
                digest: digest,
                planPath: planFile,
                journal: journal,
                parallelism: planning.parallelism,
                events: output,
                interruption: interruption
            )
        }
        console.clearProgress()
        if format.format == .json {
            console.result(ReportJSON.render(report, planDigest: digest, journal: journalPath))
        } else {
            let text = ReportText.render(report, of: plan, styling: console.styling)
            console.write("\(text)\nJournal: \(journalPath.withVisibleControls)\n", toStandardError: events == "-")
        }
        return Self.status(of: report, leftOut: !plan.leftOut.isEmpty)
    }

    static func status(of report: ExecutionReport, leftOut: Bool) -> ExitStatus {
        switch report.verdict {
        case .complete: leftOut ? .partial : .done
        case .failed: .error
        case .stale: leftOut ? .partial : .stale
        case .partial: .partial
        }
    }

    private func ending(_ reconciliation: Reconciliation, _ body: () async throws -> ExitStatus) async throws -> ExitStatus {
        do {
            let status = try await body()
            await reconciliation.shutdown()
            return status
        } catch {
            await reconciliation.shutdown()
            throw error
        }
    }
}
