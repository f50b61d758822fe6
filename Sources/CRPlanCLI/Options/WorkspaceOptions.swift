internal import ArgumentParser
internal import FoundationEssentials
internal import Inspection
internal import Specification

/// Which specs, and with which variables.
struct WorkspaceOptions: ParsableArguments {
    @Option(name: [.customShort("C"), .customLong("directory")], help: ArgumentHelp("Work in this folder.", valueName: "dir"))
    var directory: String?

    @Option(
        name: [.customShort("f"), .customLong("file")],
        parsing: .upToNextOption,
        help: ArgumentHelp("Use just these spec files instead of the workspace.", valueName: "file")
    )
    var files: [String] = []

    @Option(
        name: .customLong("var"),
        help: ArgumentHelp("Set a variable of the specs; wins over every other value.", valueName: "name=value")
    )
    var variables: [String] = []

    @Option(name: .customLong("var-file"), help: ArgumentHelp("Read variables from a YAML map.", valueName: "file"))
    var variableFiles: [String] = []

    func validate() throws {
        // What is refused is not repeated: it may be a value that belongs to no log.
        for text in variables where !text.contains("=") || text.hasPrefix("=") {
            throw ValidationError("--var takes name=value; there is one without a name or without '='")
        }
    }
}

/// How a command talks.
struct TalkOptions: ParsableArguments {
    @Flag(name: .customLong("no-color"), help: "No colours. The variable NO_COLOR does the same.")
    var noColor = false

    @Option(name: .customLong("log-level"), help: ArgumentHelp("What is logged on stderr.", valueName: "level"))
    var logLevel: LogLevel = .warning

    var console: Console { Console(noColor: noColor) }
}

enum LogLevel: String, ExpressibleByArgument, CaseIterable {
    case error, warning, info, debug, trace
}

enum OutputFormat: String, ExpressibleByArgument, CaseIterable {
    case text, json, markdown, html
}

struct FormatOptions: ParsableArguments {
    @Option(help: "text or json; markdown and html come with a later version.")
    var format: OutputFormat = .text

    func validate() throws {
        if format == .markdown || format == .html {
            throw ValidationError("--format \(format.rawValue) is not available in this version; use text or json")
        }
    }
}

/// Whether manifests are kept between runs, and how many.
struct CacheOptions: ParsableArguments {
    @Flag(name: .customLong("no-cache"), help: "Read every manifest anew.")
    var noCache = false

    @Option(
        name: .customLong("cache-size"),
        help: ArgumentHelp(
            "Keep at most this much of manifests for later runs, such as 500MiB; what was used longest ago goes first.",
            valueName: "size"
        )
    )
    var size = CacheSize(bytes: 1 << 30)

    func open() -> ManifestCache? {
        noCache ? nil : Folders.cache().flatMap { ManifestCache(path: $0, limit: size.bytes) }
    }
}

/// A size as specs write it, such as `500MiB`.
struct CacheSize: ExpressibleByArgument, CustomStringConvertible {
    let bytes: Int64

    init(bytes: Int64) {
        self.bytes = bytes
    }

    init?(argument: String) {
        guard let bytes = Quantities.bytes(argument) else { return nil }
        self.bytes = bytes
    }

    var description: String { bytes == 1 << 30 ? "1GiB" : "\(bytes)B" }
}

/// What `plan` and `apply` share.
struct PlanningRunOptions: ParsableArguments {
    @Option(
        parsing: .upToNextOption,
        help: ArgumentHelp(
            "Plan only what matches, such as 'us/payments/**'. Quote it, so that the shell leaves it alone.",
            valueName: "glob"
        )
    )
    var target: [String] = []

    @Option(parsing: .upToNextOption, help: ArgumentHelp("Plan nothing that matches.", valueName: "glob"))
    var exclude: [String] = []

    @Flag(name: .customLong("keep-going"), help: "Leave out what cannot be read, with all removals of that registry, and list it.")
    var keepGoing = false

    @Option(help: ArgumentHelp("Questions and changes under way at once.", valueName: "number"))
    var parallelism = 64

    @Flag(help: "Warnings count as errors.")
    var strict = false

    @OptionGroup var cache: CacheOptions

    @Flag(help: "List every addition on a line of its own.")
    var full = false

    @Option(
        name: .customLong("as-of"),
        help: ArgumentHelp("Count ages from this time, such as 2026-01-31T12:00:00Z, and not from now.", valueName: "time")
    )
    var asOf: String?

    @Option(
        name: .customLong("removed-since"),
        help: ArgumentHelp(
            "Untag what the specs declared at this git revision and declare no more; with '=delete', delete images that are left without a tag.",
            valueName: "revision"
        )
    )
    var removedSince: String?

    func validate() throws {
        if let asOf, (try? Date(asOf, strategy: .iso8601)) == nil {
            throw ValidationError("--as-of takes a time such as 2026-01-31T12:00:00Z")
        }
        if let removedSince, removedSince.isEmpty || removedSince.hasPrefix("-") || removedSince.hasPrefix("=") {
            throw ValidationError("--removed-since takes a git revision such as HEAD~1 or v1.2, perhaps with '=delete' behind it")
        }
        guard (1...1024).contains(parallelism) else { throw ValidationError("--parallelism takes a number from 1 to 1024") }
    }
}
