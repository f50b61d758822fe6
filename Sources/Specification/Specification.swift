package import Diagnostics
package import OCI
package import Planning

/// One file given to be read.
package struct SpecFile: Sendable {
    /// As it is shown: relative to the root that relative paths of the plan start at, or absolute.
    package var path: String
    package var bytes: [UInt8]

    package init(path: String, bytes: [UInt8]) {
        self.path = path
        self.bytes = bytes
    }
}

/// Everything that reading specs depends on.
package struct SpecificationInput: Sendable {
    package enum Mode: Hashable, Sendable {
        /// The files of a workspace; this one owns `registries`, `groups` and `policy`.
        case workspace(crplanFile: String)
        /// Just these files, with every key allowed in each.
        case files
    }

    package var files: [SpecFile]
    package var mode: Mode
    /// What the command line and the environment say, which wins over every `variables`.
    package var variables: [String: String]

    package init(files: [SpecFile], mode: Mode, variables: [String: String] = [:]) {
        self.files = files
        self.mode = mode
        self.variables = variables
    }
}

/// What the specs say, and every mistake in them. With errors among the diagnostics the rest is incomplete and only to be shown.
package struct SpecificationResult: Sendable {
    package var desired = DesiredState()
    package var policy = Policy()
    /// In reading order.
    package var diagnostics: [Diagnostic] = []
    /// Every file that holds a spec, by path, with the digest of its bytes.
    package var fileDigests: [String: Digest] = [:]
    /// YAML files that are no specs.
    package var passedOverFiles = 0
    /// Every declared registry by alias, used or not.
    package var aliases: [String: RegistryDeclaration] = [:]
    package var groups: [String: [RepositoryPrefix]] = [:]
    /// Files with `prune`, or with `copies` that prune: they may not be used without their workspace.
    package var pruningFiles: [String] = []
    /// What first components mean, for names on the command line.
    var names = RegistryNames()

    package init() {}
}

package enum Specification {
    /// Reads all files as one spec. Nothing is read or looked up beyond the input; all mistakes of all files are found in one run.
    package static func read(_ input: SpecificationInput) -> SpecificationResult {
        var intake = SpecIntake(input)
        intake.readAll()
        var decoder = SpecDecoder(documents: intake.documents, mode: input.mode)
        decoder.diagnostics = intake.diagnostics
        decoder.decodeAll()
        var result = SpecificationResult()
        result.desired = decoder.desired
        result.desired.unavailable = (decoder.desired.unavailable + decoder.relevant(intake.unavailable)).inReadingOrder()
        result.policy = decoder.policy
        result.diagnostics = decoder.diagnostics.inReadingOrder().map(LoginHiding.hide)
        result.fileDigests = intake.fileDigests
        result.passedOverFiles = intake.passedOverFiles
        result.aliases = decoder.rules.names.aliases.mapValues(\.declaration)
        result.groups = decoder.rules.names.groups.mapValues(\.members)
        result.pruningFiles = decoder.pruningFiles.sorted()
        result.names = decoder.rules.names
        return result
    }
}
