internal import FoundationEssentials
internal import OCI
package import Planning

/// A journal as it was read back.
package struct Journal: Hashable, Sendable {
    /// A visible write, and how it ended; nil: nobody knows, since the run was killed.
    package struct Write: Hashable, Sendable {
        package var write: JournalEntry.Write
        package var result: JournalEntry.Result?
        /// Where it is announced, from 1.
        package var line: Int
    }

    package var header: JournalEntry.Header
    /// In the order in which they began.
    package var writes: [Write]
    /// A line is not whole, as after a kill or a power cut.
    package var isCut: Bool

    /// Why bytes are not a journal that can be read. The description is a sentence without a full stop.
    package struct Invalid: Error, Hashable, Sendable, CustomStringConvertible {
        package let description: String
    }

    package init(parsing bytes: [UInt8]) throws(Invalid) {
        let lines = bytes.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false)
        var isCut = lines.last?.isEmpty == false
        var entries: [(entry: JournalEntry, line: Int)] = []
        for (place, line) in lines.dropLast().enumerated() {
            do throws(Invalid) {
                entries.append((try Self.entry(line, number: place + 1), place + 1))
            } catch {
                // A run that was killed left half a line, and another one went on in the same journal.
                guard place + 1 < lines.count - 1, case .header = try Self.entry(lines[place + 1], number: place + 2) else { throw error }
                isCut = true
            }
        }
        try self.init(numbered: entries)
        self.isCut = isCut
    }

    /// `entries` in their order, as runs of one plan wrote them, each on a line of its own.
    package init(_ entries: [JournalEntry]) throws(Invalid) {
        try self.init(numbered: entries.enumerated().map { ($1, $0 + 1) })
    }

    private init(numbered entries: [(entry: JournalEntry, line: Int)]) throws(Invalid) {
        isCut = false
        var header: JournalEntry.Header?
        writes = []
        var open: [ChangeID: Int] = [:]
        for (entry, line) in entries {
            switch entry {
            case .header(let found):
                guard header?.planDigest ?? found.planDigest == found.planDigest else {
                    throw Invalid(description: "line \(line) begins a run of another plan")
                }
                header = header ?? found
                open = [:]
            case .intent(let write):
                open[write.change] = writes.count
                writes.append(Write(write: write, result: nil, line: line))
            case .outcome(let write, let result):
                guard let place = open.removeValue(forKey: write.change) else {
                    throw Invalid(description: "line \(line) tells the outcome of a write that no line announces")
                }
                writes[place].result = result
            }
        }
        guard let header else { throw Invalid(description: "it does not begin as a journal of crplan does") }
        self.header = header
    }

    /// What the run made. What may have been written counts: taking back looks at what is there. `file` names the journal.
    package func madeChanges(file: String) -> [MadeChange] {
        writes.filter { $0.result != .failed }.map { write in
            MadeChange(
                id: write.write.change,
                kind: write.write.kind,
                target: write.write.target,
                before: write.write.before,
                after: write.write.after,
                tags: write.write.tags,
                placeholder: write.write.placeholder,
                source: write.write.source,
                origin: Origin(file: file, line: write.line)
            )
        }
    }

    private static func entry(_ bytes: ArraySlice<UInt8>, number: Int) throws(Invalid) -> JournalEntry {
        let line: JournalLine
        do {
            line = try JSONDecoder().decode(JournalLine.self, from: Data(bytes))
        } catch {
            throw Invalid(description: "line \(number) is not one of a journal")
        }
        if let version = line.formatVersion, version != JournalEntry.formatVersion {
            throw Invalid(
                description: "its format is version \(version), and this crplan reads version \(JournalEntry.formatVersion)"
            )
        }
        guard let entry = line.entry else { throw Invalid(description: "line \(number) lacks a member") }
        return entry
    }
}
