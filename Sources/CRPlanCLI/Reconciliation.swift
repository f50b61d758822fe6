internal import Diagnostics
internal import Execution
internal import Files
internal import FoundationEssentials
internal import ImageSources
internal import Inspection
internal import Logging
internal import OCI
internal import Planning
internal import Registry
internal import Reporting
internal import Specification

/// The main flow, and the first file to read:
///
///     [UInt8] → YAMLNode → Spec → DesiredState + Policy      Specification.read   (mistakes are collected, with places)
///     DesiredState + Policy + facts → questions | result     Planner.step, again and again   (pure)
///     questions → answers                                    Inspector            (reads registries, decides nothing)
///     Plan ⇄ plan file                                       PlanFile
///     Plan → events, journal, report                         Executor             (the plan alone drives it)
struct Reconciliation {
    let root: String
    let registries: Registries
    let contents: LocalContentSource
    let logger: Logger

    /// For the specs at hand: every registry that they declare or name.
    init(_ specs: LoadedSpecs, logger: Logger) {
        var declarations = specs.result.desired.registries
        for declaration in specs.result.aliases.values { declarations[declaration.id] = declaration }
        self.init(root: specs.root, declarations: declarations, logger: logger)
    }

    /// For a saved plan that is applied on its own.
    init(root: String, declarations: [RegistryID: RegistryDeclaration], isPlanAlone: Bool = false, logger: Logger) {
        self.root = root
        self.logger = logger
        registries = Registries(root: root, declarations: declarations, isPlanAlone: isPlanAlone, logger: logger)
        contents = LocalContentSource(root: root)
    }

    /// Asks, reads and asks again until the planner has a result; then adds what only the outside knows.
    func plan(
        _ specs: LoadedSpecs,
        _ options: PlanningRunOptions,
        probes: Bool = false,
        console: Console
    ) async throws -> PlanResult {
        var planning = PlanningOptions()
        planning.probes = probes
        planning.keepGoing = options.keepGoing
        planning.targets = try options.target.map { try specs.pattern($0, option: "--target") }
        planning.excludes = try options.exclude.map { try specs.pattern($0, option: "--exclude") }
        planning.asOf = try Self.asOf(options.asOf)
        if let revision = options.removedSince { planning.removedSince = try await earlierRevision(revision, specs) }
        let (desired, policy) = (specs.result.desired, policyWithLists(specs))
        let filterFindings = FilterCheck(desired: desired).findings(targets: planning.targets, excludes: planning.excludes)
        guard !filterFindings.hasErrors else {
            return PlanResult(plan: Plan(source: specs.source), refusals: [], diagnostics: filterFindings)
        }
        let inspector = inspector(parallelism: options.parallelism, cache: options.cache.open()) { progress in
            console.progress("Reading registries: \(progress.answered) of \(progress.asked) answers")
        }
        var planner = Planner(desired, policy: policy, options: planning)
        var result: PlanResult = try await answered(by: inspector) { facts in
            switch planner.step(facts) {
            case .needs(let questions): .needs(questions)
            case .result(let result): .result(result)
            }
        }
        console.clearProgress()
        result.diagnostics += filterFindings
        result.plan.source = specs.source
        result.plan.specFiles = specs.specFiles
        result.plan.removedSince = planning.removedSince?.commit
        if let checkout = await GitCheckout(folder: root) {
            result.plan.gitCommit = checkout.commit
            if options.removedSince == nil { result.diagnostics += await forgottenTags(specs, checkout) }
        }
        result.plan.targetFilters = options.target
        result.plan.excludeFilters = options.exclude
        return result
    }

    /// The way back from what an apply made, planned like any other entries.
    func planUndo(
        of made: MadeChanges,
        _ specs: LoadedSpecs,
        parallelism: Int,
        cache: ManifestCache?,
        console: Console
    ) async throws -> (UndoPlan, PlanResult) {
        var policy = policyWithLists(specs)
        if made.isJournal { policy.allowTakingBack() }
        // No entry asks for the way back.
        policy.owners = []
        let inspector = inspector(parallelism: parallelism, cache: cache) { progress in
            console.progress("Reading registries: \(progress.answered) of \(progress.asked) answers")
        }
        let desired = specs.result.desired
        let registries = desired.registries.merging(specs.result.aliases.values.map { ($0.id, $0) }) { first, _ in first }
        let backup = policy.backup
        let (undo, planned) = try await answered(by: inspector) { facts -> InspectionStep<(UndoPlan, PlanResult)> in
            switch UndoPlanner.step(made.changes, registries: registries, backup: backup, moves: desired.moves, facts: facts) {
            case .needs(let questions): .needs(questions)
            case .result(let undo):
                switch Planner.step(undo.desired, policy: policy, facts: facts) {
                case .needs(let questions): .needs(questions)
                case .result(let result): .result((undo, result))
                }
            }
        }
        console.clearProgress()
        var result = planned
        result.plan.source = specs.source
        result.plan.specFiles = specs.specFiles
        return (undo, result)
    }

    /// What a saved plan would remove of what is in use now, or without its backup: the lists are read again, and the registries asked.
    func refusals(ofSaved plan: Plan, _ specs: LoadedSpecs, _ options: PlanningRunOptions) async throws -> [Refusal] {
        let (desired, policy) = (specs.result.desired, policyWithLists(specs))
        return try await answered(by: inspector(parallelism: options.parallelism, cache: options.cache.open())) { facts in
            switch Planner.checkSaved(plan, desired, policy: policy, facts: facts) {
            case .needs(let questions): .needs(questions)
            case .result(let refusals): .result(refusals)
            }
        }
    }

    /// The policy, with what the lists of what is in use say now.
    private func policyWithLists(_ specs: LoadedSpecs) -> Policy {
        var policy = specs.result.policy
        policy.inUse = InUseFiles(root: root, now: Date.now).read(policy.inUse)
        return policy
    }

    private func answered<Outcome: Sendable>(
        by inspector: Inspector,
        _ step: (Facts) -> InspectionStep<Outcome>
    ) async throws -> Outcome {
        do throws(InspectionFailure) {
            return try await inspector.answer(step: step)
        } catch .cancelled {
            throw CommandFailure("interrupted while reading the registries; nothing was written")
        } catch .stuck {
            throw CommandFailure("planning does not come to an end; this is a defect of crplan, please report it with the specs")
        }
    }

    func inspector(
        parallelism: Int = 64,
        cache: ManifestCache?,
        onProgress: (@Sendable (InspectionProgress) -> Void)? = nil
    ) -> Inspector {
        Inspector(
            registries: registries,
            contents: contents,
            cache: cache,
            parallelism: parallelism,
            logger: logger,
            onProgress: onProgress
        )
    }

    /// What the plan's sources let be read. An apply that has planned itself has what planning left; a later one begins anew.
    func pulls(of result: PlanResult, isApplying: Bool) -> [PullForecast] {
        result.pulls.map { estimate in
            guard let allowance = (try? registries.registry(estimate.registry))?.pulls else { return PullForecast(estimate) }
            return PullForecast(
                estimate,
                allowed: isApplying ? allowance.left : allowance.limit,
                remaining: allowance.remaining,
                spent: allowance.spent
            )
        }
    }

    private static func asOf(_ text: String?) throws -> PlanningOptions.AsOf {
        let date = try text.map { try Date($0, strategy: .iso8601) } ?? Date.now
        return PlanningOptions.AsOf(seconds: Int64(date.timeIntervalSince1970.rounded(.down)), text: date.formatted(.iso8601))
    }

    /// `REVISION` or `REVISION=delete`.
    private func earlierRevision(_ text: String, _ specs: LoadedSpecs) async throws -> PlanningOptions.RemovedSince {
        let deletes = text.hasSuffix("=delete")
        let revision = deletes ? String(text.dropLast("=delete".count)) : text
        guard specs.source == .workspace else {
            throw CommandFailure("--removed-since compares a workspace with an earlier one; leave out -f")
        }
        let earlier = try await EarlierSpecs(await GitCheckout(folder: root), revision: revision, variables: specs.variables)
        return earlier.removed(from: specs, deletes: deletes)
    }

    /// Taking an entry out of a spec removes nothing: the tags that the last commit took out are named, so that nobody thinks so.
    private func forgottenTags(_ specs: LoadedSpecs, _ checkout: GitCheckout) async -> [Diagnostic] {
        // It is a note: without an earlier revision that can be read there is none.
        guard specs.source == .workspace,
            let earlier = try? await EarlierSpecs(checkout, revision: "HEAD~", variables: specs.variables)
        else { return [] }
        let tags = specs.result.desired.tagsForgotten(since: earlier.desired)
        guard !tags.isEmpty else { return [] }
        let names = tags.prefix(10).joined(separator: ", ") + (tags.count > 10 ? " and \(tags.count - 10) more" : "")
        return [
            .note(
                "declared-no-more",
                "declared at HEAD~ and no more: \(names); they stay",
                help: "name them under 'absent' if they shall go"
            )
        ]
    }

    /// Applies exactly this plan. `interruption` ends it early and in order.
    func apply(
        _ plan: Plan,
        digest: Digest,
        planPath: String?,
        journal: String?,
        parallelism: Int,
        needsEveryUntag: Bool = true,
        cache: ManifestCache?,
        events: EventOutput,
        interruption: Interruption
    ) async throws -> (report: ExecutionReport, journal: String) {
        let writer =
            if let journal {
                try Self.journal(journal)
            } else {
                try Folders.journal(planDigest: digest)
            }
        let executor = Executor(
            plan: plan,
            planDigest: digest,
            registries: registries,
            contents: contents,
            journal: writer,
            options: ExecutionOptions(
                parallelism: parallelism,
                planPath: planPath,
                root: Folder.canonicalPath(root),
                needsEveryUntag: needsEveryUntag,
                knownManifest: { cache?.manifest($0) }
            )
        )
        let report = await executor.run(events: { event in events.handle(event) }, interruption: interruption)
        return (report, writer.path)
    }

    private static func journal(_ path: String) throws -> JournalFile {
        do throws(FileError) {
            return try JournalFile(path, mustBeNew: false)
        } catch {
            throw CommandFailure.noJournal(path, error)
        }
    }

    /// Ends connections and removes temporary files; call it once at the end.
    func shutdown() async {
        await registries.shutdown()
        contents.removeTemporaryFiles()
    }
}

/// The user's folders, by the XDG base directory rules.
enum Folders {
    static func cache() -> String? {
        base("XDG_CACHE_HOME", below: ".cache").map { "\($0)/crplan" }
    }

    /// A new file in the folder for journals, which is made when it is not there.
    static func journal(planDigest: Digest) throws -> JournalFile {
        guard let base = base("XDG_STATE_HOME", below: ".local/state") else {
            throw CommandFailure("there is no home folder for the journal; name a file with --journal")
        }
        let folder = "\(base)/crplan"
        _ = try Folder.create(folder, mode: 0o700)
        let time = Date.now.formatted(.iso8601.timeSeparator(.omitted).dateSeparator(.omitted))
        let name = "\(time)-\(planDigest.short)"
        do throws(FileError) {
            return try JournalFile(newIn: folder, name: name)
        } catch {
            throw CommandFailure.noJournal("\(folder)/\(name).jsonl", error)
        }
    }

    private static func base(_ variable: String, below home: String) -> String? {
        // The rules say that a relative path is to be ignored.
        if let path = Console.variable(variable), path.hasPrefix("/") { return path }
        return Console.variable("HOME").flatMap { $0.isEmpty ? nil : "\($0)/\(home)" }
    }
}
