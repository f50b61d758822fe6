package import Files
internal import OCI

/// Keeps the journal of a run.
package protocol JournalWriting: Sendable {
    /// Returns once the entry is safe. `time` is in milliseconds since 1970. What this throws stops the run before the write.
    func record(_ entry: JournalEntry, time: Int64) throws(FileError)
}

/// A journal as JSON lines in a file of mode 0600; each line is on the device when `record` returns.
package struct JournalFile: JournalWriting {
    private let file: AppendingFile

    /// The folder must exist. A run may go on in the journal of an earlier one; throws `.exists` when it must be new and is there.
    package init(_ path: String, mustBeNew: Bool = true) throws(FileError) {
        file = try AppendingFile(path, mustBeNew: mustBeNew)
    }

    /// A new file `NAME.jsonl`, or with a number behind the name where that is taken. The folder must exist.
    package init(newIn folder: String, name: String) throws(FileError) {
        var path = "\(folder)/\(name).jsonl"
        var number = 1
        while true {
            // Runs may begin in the same moment; only making the file tells which of them has the name.
            do throws(FileError) {
                try self.init(path)
                return
            } catch {
                guard error.code == .exists else { throw error }
                number += 1
                path = "\(folder)/\(name)-\(number).jsonl"
            }
        }
    }

    package var path: String { file.path }

    package func record(_ entry: JournalEntry, time: Int64) throws(FileError) {
        let line: JSONValue
        do throws(JSONValue.Invalid) {
            line = try JSONValue(encoding: JournalLine(entry, time: time))
        } catch {
            throw FileError(.io, action: "write", path: file.path, reason: error.description)
        }
        try file.append(Array(line.canonicalText.utf8))
    }
}

/// What jobs write their journal with: once a line could not be written, none is any more, and so no visible write either.
final class RunJournal: Sendable {
    private let journal: any JournalWriting
    private let now: @Sendable () -> Int64
    private let failure = Watched<FileError?>(nil)

    init(_ journal: any JournalWriting, now: @escaping @Sendable () -> Int64) {
        self.journal = journal
        self.now = now
    }

    /// Why the run must stop.
    var brokenBy: FileError? { failure.read { $0 } }

    func record(_ entry: JournalEntry) throws(RegistryError) {
        if let error = brokenBy { throw Self.wrapped(error) }
        do throws(FileError) {
            try journal.record(entry, time: now())
        } catch {
            failure.update { $0 = error }
            throw Self.wrapped(error)
        }
    }

    private static func wrapped(_ error: FileError) -> RegistryError {
        RegistryError(
            .localFile,
            action: "\(error.action) the journal",
            object: error.path,
            reason: error.reason,
            help: "nothing is written without a journal; name another file with --journal"
        )
    }
}
