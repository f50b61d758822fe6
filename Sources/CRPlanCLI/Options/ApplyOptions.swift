internal import ArgumentParser
internal import Execution
internal import Inspection
internal import OCI
internal import Planning
internal import Reporting

/// What the commands that change registries share: how they ask, and how they make changes.
struct ApplyOptions: ParsableArguments {
    @Flag(name: .customLong("auto-approve"), help: "Do not ask.")
    var autoApprove = false

    @Flag(name: .customLong("allow-irreversible"), help: "Make changes that cannot be undone, too.")
    var allowIrreversible = false

    @Option(help: ArgumentHelp("Write the journal to this file.", valueName: "file"))
    var journal: String?

    @Option(help: ArgumentHelp("Write events as JSON lines to this file, or to stdout for '-'.", valueName: "file"))
    var events: String?

    func validate() throws {
        if let journal, journal == events { throw ValidationError("--journal and --events need two files") }
    }

    /// `instead`: what else can be done where nobody can be asked.
    func confirm(_ console: Console, instead: String) throws -> Bool {
        if autoApprove { return true }
        guard let answer = console.ask("\nMake these changes? Only 'yes' goes on: ") else {
            throw CommandFailure("there is no terminal to ask on; pass --auto-approve, or \(instead)")
        }
        if answer == "yes" { return true }
        console.talk("Nothing was changed.")
        return false
    }

    func refuseIrreversible(_ plan: Plan, _ console: Console) -> ExitStatus? {
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

    /// What is applied, and how it is reported.
    struct Run {
        var plan: Plan
        var digest: Digest
        /// As the user named the plan's file.
        var planPath: String?
        var parallelism: Int
        /// Manifests that were read before need not be read again.
        var cache: ManifestCache?
        var format: OutputFormat
        /// The way back, which no plan file holds.
        var isUndo = false
    }

    func apply(_ run: Run, _ reconciliation: Reconciliation, _ console: Console) async throws -> ExitStatus {
        let plan = run.plan
        guard !plan.changes.isEmpty else {
            console.talk("The plan has no changes\(plan.leftOut.isEmpty ? "." : ", but it left out what could not be read.")")
            return plan.leftOut.isEmpty ? .done : .error
        }
        let output = try EventOutput(path: events, console: console)
        let (report, journalPath) = try await InterruptHandling.run { interruption in
            try await reconciliation.apply(
                plan,
                digest: run.digest,
                planPath: run.planPath,
                journal: journal,
                parallelism: run.parallelism,
                needsEveryUntag: !run.isUndo,
                cache: run.cache,
                events: output,
                interruption: interruption
            )
        }
        console.clearProgress()
        if run.format == .json {
            console.result(ReportJSON.render(report, planDigest: run.digest, journal: journalPath))
        } else {
            let text = ReportText.render(report, of: plan, isUndo: run.isUndo, styling: console.styling)
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
}

extension Reconciliation {
    /// Runs `body`, and ends connections however that ends.
    func ending(_ body: () async throws -> ExitStatus) async throws -> ExitStatus {
        do {
            let status = try await body()
            await shutdown()
            return status
        } catch {
            await shutdown()
            throw error
        }
    }
}
