import Execution
import Files
import OCI
import Planning
import RegistryTestSupport
import Testing

@Suite struct JournalTests {
    private let us = "us.example/team/app"
    private let header = JournalEntry.header(JournalEntry.Header(planDigest: Digest.sha256(of: [7]), planPath: "plan.json"))

    private func entries() throws -> [JournalEntry] {
        let sample = try Samples.image()
        let content = try Changes.content(sample, from: "source.example/team/app")
        let put = JournalEntry.Write(try Changes.put(content, to: us, tag: "1"), before: nil, after: sample.digest)
        let delete = JournalEntry.Write(
            try Changes.delete(us, sample.digest),
            before: sample.digest,
            after: nil,
            tags: [try TagName("a"), try TagName("b")]
        )
        return [header, .intent(put), .outcome(put, .done), .intent(delete), .outcome(delete, .unknown)]
    }

    private func text(_ entries: [JournalEntry]) async throws -> [UInt8] {
        try await withTemporaryDirectory { folder in
            let path = "\(folder)/run.jsonl"
            let journal = try JournalFile(path)
            for entry in entries { try journal.record(entry, time: 1_700_000_000_123) }
            return try readFile(path)
        }
    }

    @Test func `what is written is read back`() async throws {
        let journal = try Journal(parsing: await text(entries()))
        #expect(!journal.isCut)
        #expect(.header(journal.header) == header)
        #expect(journal.writes.map(\.result) == [.done, .unknown])
        #expect(journal.writes.map { JournalEntry.intent($0.write) } == [try entries()[1], try entries()[3]])
    }

    @Test func `the lines are as the schema says`() async throws {
        let lines = String(decoding: try await text(entries()), as: UTF8.self).split(separator: "\n")
        let digest = try Samples.image().digest
        #expect(
            lines[0]
                == #"{"formatVersion":1,"plan":"plan.json","planDigest":"\#(Digest.sha256(of: [7]))","time":"2023-11-14T22:13:20.123Z","type":"header"}"#
        )
        #expect(
            lines[1]
                == #"{"after":"\#(digest)","change":"put \#(us):1","kind":"put","registry":"us.example","repository":"team/app","tag":"1","time":"2023-11-14T22:13:20.123Z","type":"intent"}"#
        )
    }

    @Test func `a journal that is cut anywhere in its last line is read up to there`() async throws {
        let bytes = try await text(entries())
        let lastLine = bytes.dropLast().lastIndex(of: UInt8(ascii: "\n")).map { $0 + 1 } ?? 0
        for end in lastLine..<bytes.count {
            let journal = try Journal(parsing: Array(bytes[..<end]))
            #expect(journal.isCut == (end > lastLine))
            #expect(journal.writes.map(\.result) == [.done, nil])
        }
    }

    @Test(arguments: ["", "x\n", "{}\n", #"{"type":"header","time":"x"}"# + "\n", #"{"a":1}"#])
    func `what is no journal is refused`(text: String) {
        #expect(throws: Journal.Invalid.self) { try Journal(parsing: Array(text.utf8)) }
    }

    @Test func `a damaged line in the middle is refused`() async throws {
        var bytes = try await text(entries())
        let second = try #require(bytes.firstIndex(of: UInt8(ascii: "\n")))
        bytes[second + 1] = UInt8(ascii: "x")
        #expect(throws: Journal.Invalid.self) { try Journal(parsing: bytes) }
    }

    @Test func `a second run of the same plan goes on in the journal, also after half a line`() async throws {
        let first = try await text(entries())
        let whole = try Journal(parsing: first + first)
        #expect(whole.writes.count == 2 * (try Journal(parsing: first)).writes.count)
        #expect(!whole.isCut)
        let cut = try Journal(parsing: first.dropLast(20) + Array("\n".utf8) + first)
        #expect(cut.isCut && cut.writes.count == whole.writes.count)
    }

    @Test func `a journal of another version is refused`() async throws {
        let text = String(decoding: try await text([header]), as: UTF8.self)
        let newer = text.replacing(#""formatVersion":1"#, with: #""formatVersion":2"#)
        #expect(throws: Journal.Invalid.self) { try Journal(parsing: Array(newer.utf8)) }
    }

    @Test func `a file that exists is not written to`() async throws {
        try await withTemporaryDirectory { folder in
            try writeFile("mine", to: "\(folder)/run.jsonl")
            #expect(throws: FileError.self) { try JournalFile("\(folder)/run.jsonl") }
        }
    }

    @Test func `runs that begin in the same moment have a journal each`() async throws {
        try await withTemporaryDirectory { folder in
            let paths = try await withThrowingTaskGroup(of: String.self) { group in
                for _ in 0..<100 { group.addTask { try JournalFile(newIn: folder, name: "run").path } }
                return try await group.reduce(into: Set()) { $0.insert($1) }
            }
            #expect(paths == Set(["\(folder)/run.jsonl"] + (2...100).map { "\(folder)/run-\($0).jsonl" }))
            #expect(throws: FileError.self) { try JournalFile(newIn: "\(folder)/none", name: "run") }
        }
    }

    @Test(arguments: [0, 1, 3]) func `a journal that cannot be written stops the run before the write`(lines: Int) async throws {
        let world = try World()
        world.journal.fail(after: lines)
        let sample = try Samples.image()
        try world.us.seed(sample, tags: ["a", "b", "c"], in: world.repository())
        let first = try Changes.untag(us, "a", at: sample.digest)
        let second = try Changes.untag(us, "b", at: sample.digest, after: [first])
        let third = try Changes.untag(us, "c", at: sample.digest, after: [second])
        let report = await world.run([first, second, third], parallelism: 1)
        #expect(world.us.count(.deleteTag) == lines / 2)
        #expect(report.stopReason?.contains("no space left") == true)
        #expect(report.verdict == (lines < 2 ? .failed : .partial))
        #expect(report.outcome(third)?.isSuccess == false)
        #expect(report.counts["done", default: 0] == lines / 2)
    }

    @Test func `the intent stands in the journal before the write, and the outcome after it`() async throws {
        let world = try World()
        let sample = try Samples.image()
        try world.us.seed(sample, tags: ["a"], in: world.repository())
        let untag = try Changes.untag(us, "a", at: sample.digest)
        let journal = world.journal
        world.us.setHook { operation, _ in
            if operation.kind == .deleteTag { #expect(journal.lines == ["intent \(untag.id)"]) }
        }
        _ = await world.run([untag])
        #expect(journal.lines == ["intent \(untag.id)", "done \(untag.id)"])
    }
}
