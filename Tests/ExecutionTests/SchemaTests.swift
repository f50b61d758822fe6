import Execution
import OCI
import Planning
import RegistryTestSupport
import Testing

/// The schemas in `schemas/` describe what is written.
@Suite struct SchemaTests {
    private static func schema(_ name: String) throws -> JSONValue {
        let root = #filePath.split(separator: "/", omittingEmptySubsequences: false).dropLast(3).joined(separator: "/")
        return try JSONValue(parsing: readFile("\(root)/schemas/\(name)"))
    }

    /// Members that the schema's form for this line does not know, and such that it requires and the line lacks.
    private func problems(_ line: String, _ schema: JSONValue) throws -> [String] {
        let members = try #require(try JSONValue(parsing: Array(line.utf8)).object)
        let type = try #require(members["type"]?.string)
        let form = try #require(schema["$defs"]?[type])
        #expect(schema["oneOf"]?.array?.contains { $0["$ref"]?.string == "#/$defs/\(type)" } == true)
        let known = Set(form["properties"]?.object?.keys.map { $0 } ?? [])
        let required = Set(form["required"]?.array?.compactMap(\.string) ?? [])
        var problems = members.keys.filter { !known.contains($0) }.map { "unknown \($0)" }
        problems += required.filter { members[$0] == nil }.map { "missing \($0)" }
        for (key, value) in members {
            guard let allowed = form["properties"]?[key]?["enum"]?.array, !allowed.contains(value) else { continue }
            problems.append("\(key) is \(value.canonicalText)")
        }
        return problems.sorted()
    }

    static let outcomes: [ExecutionOutcome] = [
        .done, .unchanged, .stale(expected: "absent", found: "x"), .skipped(because: ChangeID("a")), .deferred(reason: "quota"), .cancelled,
        .failed(RegistryError(.denied, action: "push", object: "x", reason: "no")),
    ]

    @Test(arguments: outcomes) func `every event is as its schema says`(outcome: ExecutionOutcome) throws {
        let schema = try Self.schema("events.schema.json")
        let id = ChangeID("put a:1")
        let digest = Digest.sha256(of: [])
        let report = ExecutionReport(rows: [.init(change: id, result: ChangeResult(outcome))], stopReason: "no space")
        let events: [ExecutionEvent] = [
            .started(planDigest: digest, changes: 1), .changeStarted(id), .progress(id, blob: digest, bytes: 1),
            .blobPresent(id, blob: digest, bytes: 1, mounted: true), .waiting(id, reason: "x"),
            .changeFinished(id, ChangeResult(outcome)), .interrupted, .finished(report),
        ]
        for event in events { #expect(try problems(event.line(time: 0), schema) == []) }
    }

    @Test func `every line of a journal is as its schema says`() async throws {
        let schema = try Self.schema("journal.schema.json")
        let digest = Digest.sha256(of: [])
        let untag = try Changes.untag("us.example/team/app", "1", at: digest)
        let write = JournalEntry.Write(untag, before: digest, after: digest, tags: [try TagName("a")], placeholder: digest)
        let text = try await withTemporaryDirectory { folder in
            let journal = try JournalFile("\(folder)/run.jsonl")
            try journal.record(.header(JournalEntry.Header(planDigest: digest, planPath: "plan.json")), time: 0)
            try journal.record(.intent(write), time: 0)
            for result in [JournalEntry.Result.done, .failed, .unknown] { try journal.record(.outcome(write, result), time: 0) }
            return String(decoding: try readFile("\(folder)/run.jsonl"), as: UTF8.self)
        }
        let lines = text.split(separator: "\n")
        #expect(lines.count == 5)
        for line in lines { #expect(try problems(String(line), schema) == []) }
    }
}
