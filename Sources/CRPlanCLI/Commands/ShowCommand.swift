internal import ArgumentParser
internal import Files
internal import Planning
internal import Reporting

struct ShowCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "show",
        abstract: "Show a saved plan.",
        discussion: "Example:\n  crplan show release.plan"
    )

    @Argument(help: ArgumentHelp("A plan that 'crplan plan --out' saved.", valueName: "plan"))
    var planFile: String

    @OptionGroup var format: FormatOptions
    @OptionGroup var talk: TalkOptions

    @Flag(help: "List every addition on a line of its own.")
    var full = false

    func run() async throws {
        let console = talk.console
        try await console.reportingFailures {
            let saved = try SavedPlan(path: planFile)
            switch format.format {
            case .json: console.result(String(decoding: try PlanFile.encode(saved.plan).bytes, as: UTF8.self))
            case .text, .markdown, .html:
                console.result(PlanText.render(saved.plan, options: .init(full: full, styling: console.styling)))
                console.result("\nDigest: \(saved.digest)\n")
            }
            return .done
        }
    }
}
