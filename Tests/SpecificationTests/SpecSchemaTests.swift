import Diagnostics
import FoundationEssentials
import OCI
import RegistryTestSupport
import Testing

@testable import Specification

@Suite("The JSON Schema of a spec")
struct SpecSchemaTests {
    private static let root = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
        .path
    private static let formCodes: Set<String> = [
        "unknown-key", "wrong-type", "null-value", "invalid-value", "invalid-name", "empty-list", "missing-key", "conflicting-keys",
        "invalid-reference", "not-a-spec", "no-api-version",
    ]

    @Test("stands in schemas/spec.schema.json as it is printed")
    func goldenFile() throws {
        let path = "\(Self.root)/schemas/spec.schema.json"
        if ProcessInfo.processInfo.environment["CRPLAN_UPDATE_GOLDEN"] == "1" {
            try FileManager.default.createDirectory(atPath: "\(Self.root)/schemas", withIntermediateDirectories: true)
            try SpecSchema.text.write(toFile: path, atomically: true, encoding: .utf8)
        }
        #expect(try String(contentsOfFile: path, encoding: .utf8) == SpecSchema.text)
    }

    @Test("each definition of the schema has an id of its own")
    func ids() {
        var shapes: [String: Set<String>] = [:]
        Self.collect(.mapping(KeyTable.root), into: &shapes)
        #expect(shapes.count > 30)
        for (id, shapes) in shapes { #expect(shapes.count == 1, "\(id): \(shapes)") }
    }

    private static func collect(_ form: ValueForm, into shapes: inout [String: Set<String>]) {
        for case .text(let text) in form.scalars { shapes[text.id, default: []].insert("\(text.expectation) \(text.pattern ?? "")") }
        if case .items(let item, _)? = form.list { collect(item, into: &shapes) }
        switch form.mapping {
        case nil: break
        case .names(_, let value)?: collect(value, into: &shapes)
        case .keys(let keys)?:
            shapes[keys.id, default: []].insert("\(keys.title): \(keys.keys.map(\.name))")
            for key in keys.keys { collect(key.form, into: &shapes) }
        }
    }

    @Test("reading takes every right value of the key table and refuses every wrong one")
    func reading() {
        for example in SchemaCases.all() {
            let found = read(example.document.canonicalText).diagnostics.filter { Self.formCodes.contains($0.code) }
            if example.isValid {
                let unexpected = found.filter { !["missing-key", "conflicting-keys"].contains($0.code) }
                #expect(unexpected.isEmpty, "\(example.name): \(example.document.canonicalText)")
            } else {
                #expect(!found.isEmpty, "\(example.name): \(example.document.canonicalText)")
            }
        }
    }

    @Test("the schema takes every right value of the key table and refuses every wrong one")
    func schema() async throws {
        let cases = SchemaCases.all()
        try #require(cases.count > 500)
        let refused = try await Self.refused(cases.map { ("json", $0.document.canonicalText) })
        for (index, example) in cases.enumerated() {
            #expect(refused.contains(index) == !example.isValid, "\(example.name): \(example.document.canonicalText)")
        }
    }

    @Test("takes the whole example, and tags that YAML takes for numbers")
    func yaml() async throws {
        let texts = [
            DesignExample.text,
            spec("images: [{to: docker.io/a/b, from: nginx:1, tags: [1.10, 010, 0x10, 1e3, yes, 2024-01-01, true]}]"),
            spec("variables: {n: 3}\ncopies: [{from: nginx, to: docker.io/a/b, tags: {newest: '${n}', by: created}, referrers: false}]"),
        ]
        #expect(try await Self.refused(texts.map { ("yaml", $0) }) == [])
        for text in texts { #expect(read(text).lines == []) }
    }

    /// check-jsonschema, which `Tests/run` installs. Without it these tests fail: a schema that nobody checks is worth nothing.
    private static func checker() throws -> String {
        let folders = (ProcessInfo.processInfo.environment["PATH"] ?? "").split(separator: ":").map(String.init)
        let candidates = folders.map { "\($0)/check-jsonschema" } + ["\(root)/.build/test-tools/bin/check-jsonschema"]
        guard let found = candidates.first(where: { FileManager.default.isExecutableFile(atPath: $0) }) else {
            throw TestSupportError("check-jsonschema is not on PATH nor at .build/test-tools/bin/check-jsonschema; Tests/run installs it")
        }
        return found
    }

    /// The positions of the documents that the schema does not take.
    private static func refused(_ documents: [(suffix: String, text: String)]) async throws -> Set<Int> {
        try await withTemporaryDirectory { folder in
            let schema = "\(folder)/schema.json"
            try writeFile(SpecSchema.text, to: schema)
            let sound = try await run(try checker(), ["--check-metaschema", schema])
            try #require(sound.status == 0, "\(sound.stdout) \(sound.stderr)")
            let files = documents.enumerated().map { "\(folder)/\($0).\($1.suffix)" }
            for (file, document) in zip(files, documents) { try writeFile(document.text, to: file) }
            let result = try await run(try checker(), ["--schemafile", schema, "--output-format", "json"] + files)
            let report = try JSONValue(parsing: Array(result.stdout.utf8))
            try #require(report["parse_errors"]?.array ?? [] == [], "\(result.stdout) \(result.stderr)")
            let errors = Set((report["errors"]?.array ?? []).compactMap { $0["filename"]?.string })
            return Set(files.indices.filter { errors.contains(files[$0]) })
        }
    }
}
