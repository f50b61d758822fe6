internal import ArgumentParser
internal import Specification

struct SchemaCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "schema",
        abstract: "Print the JSON Schema of specs, for editors.",
        discussion: """
            Example:
              crplan schema > spec.schema.json
            and in a spec: # yaml-language-server: $schema=spec.schema.json
            """
    )

    func run() {
        Console(noColor: true).result(SpecSchema.text)
    }
}
