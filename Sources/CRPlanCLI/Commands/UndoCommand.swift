internal import ArgumentParser
internal import Diagnostics
internal import Execution
internal import Files
internal import OCI
internal import Planning
internal import Reporting
internal import Specification

struct UndoCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "undo",
        abstract: "Take back what an apply did.",
        discussion: """
            Reads the journal of an apply, or the plan that was applied, and plans the way back: tags to the images they were on, images out of \
            their backup or a registry's trash. It shows that plan and asks, as 'crplan apply' does. What somebody else has changed since stays.

            A journal says what was really made, so policy.limits, protect and immutable do not stand in the way of taking that back. From a \
            plan alone they hold.

            Example:
              crplan undo ~/.local/state/crplan/20260131T120000Z-1f0c9ab2d3e4.jsonl
            """
    )

    @Argument(help: ArgumentHelp("The journal of an apply, or a saved plan.", valueName: "journal|plan"))
    var file: String

    @OptionGroup var workspace: WorkspaceOptions
    @OptionGroup var applying: ApplyOptions
    @OptionGroup var cache: CacheOptions
    @OptionGroup var talk: TalkOptions

    @Option(help: ArgumentHelp("Questions and changes under way at once.", valueName: "number"))
    var parallelism = 64

    func validate() throws {
        guard (1...1024).contains(parallelism) else { throw ValidationError("--parallelism takes a number from 1 to 1024") }
    }

    func run() async throws {
        let console = talk.console
        try await console.reportingFailures {
            let record = try MadeChanges(path: file)
            let specs = try SpecLoading(options: workspace).load()
            guard !specs.result.diagnostics.hasErrors else { return console.refuse(specs, format: .text) }
            try record.check(root: specs.root)
            let reconciliation = Reconciliation(specs, logger: talk.logger)
            return try await reconciliation.ending {
                let manifests = cache.open()
                let (undo, result) = try await reconciliation.planUndo(
                    of: record,
                    specs,
                    parallelism: parallelism,
                    cache: manifests,
                    console: console
                )
                show(undo.stays, console)
                let isEmpty = result.plan.changes.isEmpty && result.refusals.isEmpty && !result.diagnostics.hasErrors
                if isEmpty { return finishEmpty(undo, console) }
                try console.show(result, specs, pulls: [], format: .text, full: true, toStandardError: applying.events == "-")
                if !result.refusals.isEmpty { return .refused }
                guard !result.diagnostics.hasErrors else { return .error }
                if let refusal = applying.refuseIrreversible(result.plan, console) { return refusal }
                guard try applying.confirm(console, instead: "run it where you can answer") else { return .error }
                let digest = try PlanFile.digest(of: result.plan)
                // A tag that cannot be removed does not keep the others from their images.
                let run = ApplyOptions.Run(
                    plan: result.plan,
                    digest: digest,
                    parallelism: parallelism,
                    cache: manifests,
                    format: .text,
                    isUndo: true
                )
                let status = try await applying.apply(run, reconciliation, console)
                if status == .done || status == .partial { nameEntries(asking: undo, specs, console) }
                return status
            }
        }
    }

    /// What does not come back is said before anything else.
    private func show(_ stays: [UndoPlan.Stays], _ console: Console) {
        guard !stays.isEmpty else { return }
        let lines = stays.map { "  \($0.change.description.withVisibleControls)   \($0.reason)" }
        console.write((["Not taken back:"] + lines).joined(separator: "\n") + "\n\n", toStandardError: applying.events == "-")
    }

    /// The plan's sentence without changes speaks of declared tags, and none are here.
    private func finishEmpty(_ undo: UndoPlan, _ console: Console) -> ExitStatus {
        let text = undo.stays.isEmpty ? "Nothing is left to take back." : "Nothing can be taken back."
        console.write(text + "\n", toStandardError: applying.events == "-")
        return undo.stays.isEmpty ? .done : .error
    }

    /// The next apply would do it all again.
    private func nameEntries(asking undo: UndoPlan, _ specs: LoadedSpecs, _ console: Console) {
        let origins = Set(undo.undone.flatMap { specs.result.desired.entries(askingFor: $0) }).sorted()
        guard !origins.isEmpty else { return }
        let places = origins.map(\.description.withVisibleControls).joined(separator: ", ")
        console.write("These entries still ask for what was undone: \(places)\n", toStandardError: applying.events == "-")
    }
}

/// What an apply made, by its journal, or what it would have made, by its plan.
struct MadeChanges {
    let changes: [MadeChange]
    /// A journal says what was really made.
    let isJournal: Bool

    /// The folder that relative paths started at, where the journal says.
    private let root: String?

    private static let largestFile = 256 << 20

    init(path: String) throws {
        let bytes = try WholeFile.read(path, limit: Self.largestFile, allowsPipes: true)
        let notPlan: String
        do throws(PlanFile.Invalid) {
            let plan = try PlanFile.decode(bytes, pinned: nil).plan
            isJournal = false
            root = nil
            changes = ChangeOrder.sorted(plan.changes).enumerated().map { place, change in
                MadeChange(change, of: plan, origin: Origin(file: path, line: place + 1))
            }
            return
        } catch {
            notPlan = error.description
        }
        let journal: Journal
        do throws(Journal.Invalid) {
            journal = try Journal(parsing: bytes)
        } catch {
            throw CommandFailure(
                "cannot undo \(path.withVisibleControls): it is no plan that can be used (\(notPlan)), and no journal of crplan "
                    + "(\(error.description)); name the journal that 'crplan apply' printed last, or a saved plan"
            )
        }
        isJournal = true
        root = journal.header.root
        changes = journal.madeChanges(file: path)
    }

    /// A layout of the same name in another workspace is another one.
    func check(root here: String) throws {
        guard let root, root != Folder.canonicalPath(here) else { return }
        let layouts = Set(changes.map(\.target.registry).filter { $0.isLayout && !$0.description.hasPrefix("/") }).sorted()
        guard let layout = layouts.first else { return }
        throw CommandFailure(
            "cannot undo this here: the journal is of a run in \(root.withVisibleControls), where \(layout) is another folder than here; "
                + "run undo there, or with -C"
        )
    }
}
