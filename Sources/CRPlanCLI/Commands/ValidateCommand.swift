internal import ArgumentParser
internal import Diagnostics
internal import Planning
internal import Reporting
internal import Specification

struct ValidateCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "validate",
        abstract: "Check the specs without contacting any registry.",
        discussion: """
            Every mistake of every file is shown with its place. No login is needed.

            Example:
              crplan validate -f specs/payments.yaml
            """
    )

    @OptionGroup var workspace: WorkspaceOptions
    @OptionGroup var format: FormatOptions
    @OptionGroup var talk: TalkOptions
    @Flag(help: "Warnings count as errors.")
    var strict = false

    func run() async throws {
        let console = talk.console
        try await console.reportingFailures {
            let specs = try SpecLoading(options: workspace).load()
            let diagnostics = specs.result.diagnostics
            if format.format == .json {
                console.result(DiagnosticJSON.render(diagnostics))
            } else {
                console.show(diagnostics, of: specs)
                if !diagnostics.hasErrors { console.result(summary(specs)) }
            }
            return console.status(of: diagnostics, strict: strict)
        }
    }

    private func summary(_ specs: LoadedSpecs) -> String {
        let count = specs.result.fileDigests.count
        var text = "The specs are valid (\(count) file\(count == 1 ? "" : "s"))."
        let others = specs.result.passedOverFiles
        if others > 0 { text += others == 1 ? " One other YAML file was passed over." : " \(others) other YAML files were passed over." }
        let later = specs.result.desired.unavailable.count
        if later > 0 { text += " \(later) entr\(later == 1 ? "y needs" : "ies need") a later version of crplan; 'crplan plan' names them." }
        return text + "\n"
    }
}
