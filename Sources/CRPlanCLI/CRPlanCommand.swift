package import ArgumentParser

/// The command line. Commands parse and print; what they do stands in `Reconciliation`.
package struct CRPlanCommand: AsyncParsableCommand {
    package static let version = "0.1.0"

    package static let configuration = CommandConfiguration(
        commandName: "crplan",
        abstract: "Plan and apply the contents of container registries.",
        discussion: """
            YAML specs say which images and tags registries shall hold. 'crplan plan' compares them with the live registries and shows \
            exactly what would be pushed, copied, tagged, untagged and deleted; 'crplan apply' does exactly that after a yes.

            Example:
              crplan plan && crplan apply
            """,
        version: version,
        subcommands: [
            InitCommand.self, ValidateCommand.self, ListCommand.self, PlanCommand.self, ApplyCommand.self, ShowCommand.self,
            UndoCommand.self, CacheCommand.self, SchemaCommand.self, VersionCommand.self,
        ]
    )

    package init() {}
}
