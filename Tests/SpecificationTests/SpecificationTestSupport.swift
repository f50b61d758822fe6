import Diagnostics
import OCI
import Specification
import Testing

/// Reads one text as a file given with `-f`.
func read(_ text: String, variables: [String: String] = [:]) -> SpecificationResult {
    Specification.read(SpecificationInput(files: [SpecFile("spec.yaml", text)], mode: .files, variables: variables))
}

/// Reads a workspace: `crplan.yaml` and what else is given.
func readWorkspace(_ crplan: String, _ files: [(String, String)] = [], variables: [String: String] = [:]) -> SpecificationResult {
    let all = [SpecFile("crplan.yaml", crplan)] + files.map { SpecFile($0.0, $0.1) }
    return Specification.read(SpecificationInput(files: all, mode: .workspace(crplanFile: "crplan.yaml"), variables: variables))
}

/// With the first line of every spec.
func spec(_ body: String) -> String { "apiVersion: crplan/v1\n" + body }

extension SpecFile {
    init(_ path: String, _ text: String) { self.init(path: path, bytes: Array(text.utf8)) }
}

extension SpecificationResult {
    /// One line a finding: `12:3 code: message`, with the file in front of all but `spec.yaml`.
    var lines: [String] { diagnostics.map(\.line) }

    var linesWithHelp: [String] { diagnostics.map { diagnostic in diagnostic.line + (diagnostic.help.map { " | \($0)" } ?? "") } }
}

extension Diagnostic {
    var line: String {
        guard let range else { return "\(code): \(message)" }
        let file = range.file == "spec.yaml" ? "" : range.file + ":"
        return "\(file)\(range.start.line):\(range.start.column) \(code): \(message)"
    }
}

extension RepositoryAddress {
    /// For expectations: `host/path`.
    static func at(_ text: String) throws -> RepositoryAddress {
        let slash = try #require(text.firstIndex(of: "/"))
        return RepositoryAddress(try RegistryID(host: text[..<slash]), try RepositoryName(text[text.index(after: slash)...]))
    }
}

/// A spec with mistakes, and what is said of it: `line:column code: message | help`.
struct Mistake: Sendable, CustomTestStringConvertible {
    var testDescription: String
    /// Without its first line.
    var text: String
    var expected: [String]

    init(_ name: String, in text: String, _ expected: [String]) {
        testDescription = name
        self.text = text
        self.expected = expected
    }
}

/// Aliases and groups for specs whose subject they are not; two lines.
let names = """
    registries: {us: {host: us.example.com}, de: {host: de.example.com}, lab: {host: lab.example:5000}, disk: {kind: layout, path: ./m}}
    groups: {regions: [us, de], mirrors: [us/mirror, lab/dockerhub]}

    """
