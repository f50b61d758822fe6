internal import ArgumentParser

struct VersionCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "version",
        abstract: "Print the version.",
        discussion: "Example:\n  crplan version"
    )

    func run() {
        Console(noColor: true).result("crplan \(CRPlanCommand.version)\n")
    }
}
