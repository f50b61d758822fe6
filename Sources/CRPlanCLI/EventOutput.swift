internal import Execution
internal import Files
internal import FoundationEssentials
internal import OCI
internal import Reporting
internal import Synchronization

/// Where the events of an apply go: what has happened to stderr, what is happening to the terminal's last line or, without a terminal,
/// to a line every few seconds; and JSON lines to `--events`.
final class EventOutput: Sendable {
    private struct State {
        var text = EventText()
        var lastLine = ContinuousClock.now
    }

    private let console: Console
    private let file: AppendingFile?
    private let isStandardOutput: Bool
    private let state = Mutex(State())

    init(path: String?, console: Console) throws {
        self.console = console
        isStandardOutput = path == "-"
        guard let path, path != "-" else {
            file = nil
            return
        }
        do throws(FileError) {
            file = try AppendingFile(path, isSynced: false)
        } catch {
            throw CommandFailure("cannot write events to \(path.withVisibleControls), so nothing was written: \(error.description)")
        }
    }

    func handle(_ event: ExecutionEvent) {
        write(event)
        let (line, status, isDue) = state.withLock { state in
            let line = state.text.line(for: event)
            let isDue = ContinuousClock.now - state.lastLine >= Console.interval
            if line != nil || isDue { state.lastLine = .now }
            return (line, state.text.status, isDue)
        }
        if let line { console.talk(line) }
        if console.isErrorTerminal { console.progress(status) } else if line == nil, isDue { console.talk(status) }
    }

    private func write(_ event: ExecutionEvent) {
        guard isStandardOutput || file != nil else { return }
        let line = event.line(time: Int64(Date.now.timeIntervalSince1970 * 1000))
        if isStandardOutput {
            console.result(line + "\n")
        } else {
            do throws(FileError) {
                try file?.append(Array(line.utf8))
            } catch {
                // The run must not end because of those who watch it; they are told.
                console.talk("crplan: \(error.description)")
            }
        }
    }
}
