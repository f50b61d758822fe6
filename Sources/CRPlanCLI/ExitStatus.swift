internal import ArgumentParser
internal import Files
internal import OCI

/// What the exit code says (design, section 6). When several hold, the highest of 5, 4, 3 and 1 wins.
enum ExitStatus: Int32, Comparable {
    case done = 0
    /// Nothing was written: spec, registry, I/O, answered no.
    case error = 1
    /// `plan --detailed-exitcode`: there are changes.
    case changes = 2
    /// Refused by policy; nothing was written.
    case refused = 3
    /// Some changes were not made, because the registries moved since the plan.
    case stale = 4
    /// Something was written, and something was not.
    case partial = 5
    /// A second Ctrl-C.
    case interrupted = 130

    static func < (left: ExitStatus, right: ExitStatus) -> Bool { left.rawValue < right.rawValue }

    var exitCode: ExitCode { ExitCode(rawValue) }

    /// Ends the command with this status; `done` lets it go on to its end.
    func exit() throws {
        if self != .done { throw exitCode }
    }
}

/// Ends a command with one clear sentence.
struct CommandFailure: Error {
    var status: ExitStatus
    var message: String

    init(_ message: String, status: ExitStatus = .error) {
        self.message = message
        self.status = status
    }

    static func noJournal(_ path: String, _ error: FileError) -> CommandFailure {
        CommandFailure("cannot begin the journal \(path.withVisibleControls), so nothing was written: \(error.description)")
    }
}
