import Logging
import Synchronization

/// Keeps what is logged, at every level.
final class LogCapture: Sendable {
    private let kept = Mutex<[(level: Logger.Level, text: String)]>([])

    var lines: [String] { kept.withLock { $0.map(\.text) } }
    func lines(at level: Logger.Level) -> [String] { kept.withLock { kept in kept.filter { $0.level == level }.map(\.text) } }

    var logger: Logger {
        var logger = Logger(label: "test") { _ in Handler(capture: self) }
        logger.logLevel = .trace
        return logger
    }

    private struct Handler: LogHandler {
        let capture: LogCapture
        var metadata: Logger.Metadata = [:]
        var logLevel = Logger.Level.trace

        subscript(metadataKey key: String) -> Logger.Metadata.Value? {
            get { metadata[key] }
            set { metadata[key] = newValue }
        }

        func log(event: LogEvent) {
            capture.kept.withLock { $0.append((event.level, "\(event.message) \(event.metadata ?? [:])")) }
        }
    }
}
