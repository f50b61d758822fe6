internal import ArgumentParser
internal import Diagnostics
internal import Files
internal import OCI
internal import Planning
internal import Reporting
internal import Specification

struct PlanCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "plan",
        abstract: "Show what would change in the registries.",
        discussion: """
            Reads the specs and the registries, writes nothing, and shows every change that apply would make. With --out the plan is saved, \
            and 'crplan apply FILE' does exactly that.

            Some registries cannot delete a tag, or only where that is enabled. Apply finds out before it writes anything; with --probe the \
            plan says so: it sends deletions of a random tag and a random digest that nobody has.

            Example:
              crplan plan --out release.plan --detailed-exitcode
            """
    )

    @OptionGroup var workspace: WorkspaceOptions
    @OptionGroup var planning: PlanningRunOptions
    @OptionGroup var format: FormatOptions
    @OptionGroup var talk: TalkOptions

    @Option(help: ArgumentHelp("Save the plan in this file.", valueName: "file"))
    var out: String?

    @Flag(name: .customLong("detailed-exitcode"), help: "Exit with 2 when there are changes.")
    var detailedExitCode = false

    @Flag(help: "Find out whether registries can untag, by deletions of what is not there.")
    var probe = false

    func run() async throws {
        let console = talk.console
        try await console.reportingFailures {
            let specs = try SpecLoading(options: workspace).load()
            guard !specs.result.diagnostics.hasErrors else {
                return console.refuse(specs, format: format.format)
            }
            let reconciliation = Reconciliation(specs, logger: talk.logger)
            let result: PlanResult
            do {
                result = try await reconciliation.plan(specs, planning, probes: probe, console: console)
            } catch {
                await reconciliation.shutdown()
                throw error
            }
            let pulls = reconciliation.pulls(of: result, isApplying: false)
            await reconciliation.shutdown()
            return try finish(result, pulls, specs, console)
        }
    }

    private func finish(
        _ result: PlanResult,
        _ pulls: [PullForecast],
        _ specs: LoadedSpecs,
        _ console: Console
    ) throws -> ExitStatus {
        let findings = specs.result.diagnostics + result.diagnostics
        let isUsable = !findings.hasErrors && result.refusals.isEmpty
        try console.show(result, specs, pulls: pulls, format: format.format, full: planning.full)
        if let out, isUsable {
            let (bytes, digest) = try PlanFile.encode(result.plan)
            do throws(FileError) {
                try WholeFile.write(bytes, to: out, mode: 0o600)
            } catch {
                throw CommandFailure("cannot save the plan in \(out.withVisibleControls): \(error.description)")
            }
            console.talk("The plan is saved in \(out) (\(digest)). Apply it with: \(applyCommand(out))")
        } else if out != nil {
            console.talk("The plan is not saved, since it cannot be applied as it is.")
        }
        if !result.refusals.isEmpty { return .refused }
        if findings.hasErrors { return .error }
        if result.plan.changes.isEmpty, !result.plan.leftOut.isEmpty { return .error }
        let status = console.status(of: findings, strict: planning.strict)
        if status != .done { return status }
        return detailedExitCode && !result.plan.changes.isEmpty ? .changes : .done
    }

    /// With the options that lead apply to the same specs.
    private func applyCommand(_ file: String) -> String {
        let options = (workspace.directory.map { ["-C", $0] } ?? []) + (workspace.files.isEmpty ? [] : ["-f"] + workspace.files)
        return (["crplan", "apply", file] + options).map { Self.quoted($0.withVisibleControls) }.joined(separator: " ")
    }

    /// As a shell takes it for one word.
    private static func quoted(_ word: String) -> String {
        let isPlain =
            !word.isEmpty
            && word.utf8.allSatisfy {
                UInt8(ascii: "+")...UInt8(ascii: ":") ~= $0 || ($0 >= 64 && $0 < 91) || $0 == 95 || ($0 >= 97 && $0 < 123)
            }
        return isPlain ? word : "'\(word.replacing("'", with: "'\\''"))'"
    }
}
