internal import Glibc
internal import Synchronization
internal import SystemPackage

/// The result goes to stdout, the talk to stderr. Nothing else prints.
struct Console: Sendable {
    let isColorWanted: Bool
    let isErrorTerminal: Bool
    /// The line that progress rewrites on a terminal.
    private static let progressLine = Mutex("")
    /// When progress was last told where no terminal is; at first, when it began.
    private static let lastProgress = Mutex(ContinuousClock.now)
    static let interval = Duration.seconds(5)
    /// Why the result did not arrive in full; a closed pipe is no failure.
    private static let failure = Mutex<String?>(nil)

    var resultFailure: String? { Self.failure.withLock { $0 } }

    init(noColor: Bool) {
        isErrorTerminal = isatty(STDERR_FILENO) == 1
        let isColorRefused = noColor || (Self.variable("NO_COLOR").map { !$0.isEmpty } ?? false) || Self.variable("TERM") == "dumb"
        isColorWanted = !isColorRefused && isatty(STDOUT_FILENO) == 1
    }

    static func variable(_ name: String) -> String? { getenv(name).map { String(cString: $0) } }

    /// The text as it is, to stdout. Nobody reading it (`| head`) is no error, and an apply goes on.
    func result(_ text: String) {
        clearProgress()
        Self.write(text, to: .standardOutput)
    }

    /// A line of talk, to stderr.
    func talk(_ text: String) {
        guard !text.isEmpty else { return }
        clearProgress()
        Self.write(text.hasSuffix("\n") ? text : text + "\n", to: .standardError)
    }

    /// On a terminal, one line that is written anew; elsewhere a line every few seconds.
    func progress(_ text: String) {
        guard isErrorTerminal else {
            let isDue = Self.lastProgress.withLock { last in
                let isDue = ContinuousClock.now - last >= Self.interval
                if isDue { last = .now }
                return isDue
            }
            if isDue { talk(text) }
            return
        }
        Self.progressLine.withLock { last in
            guard text != last else { return }
            Self.write("\r\u{1b}[K" + text, to: .standardError)
            last = text
        }
    }

    func clearProgress() {
        guard isErrorTerminal else { return }
        Self.progressLine.withLock { last in
            if !last.isEmpty { Self.write("\r\u{1b}[K", to: .standardError) }
            last = ""
        }
    }

    /// Asks on the terminal. `nil`: there is nobody to ask.
    func ask(_ question: String) -> String? {
        guard isatty(STDIN_FILENO) == 1 else { return nil }
        clearProgress()
        Self.write(question, to: .standardError)
        return readLine() ?? ""
    }

    private static func write(_ text: String, to descriptor: FileDescriptor) {
        var rest = Array(text.utf8)[...]
        while !rest.isEmpty {
            do {
                let written = try rest.withUnsafeBytes { try descriptor.write($0) }
                rest = rest.dropFirst(written)
            } catch Errno.interrupted, Errno.wouldBlock {
                continue
            } catch Errno.brokenPipe {
                return
            } catch {
                if descriptor == .standardOutput { failure.withLock { $0 = "cannot write the result to stdout: \(error)" } }
                return
            }
        }
    }
}
