internal import Logging

extension TalkOptions {
    /// Logs to stderr; secrets are never given to it.
    var logger: Logger {
        var logger = Logger(label: "crplan") { StreamLogHandler.standardError(label: $0) }
        logger.logLevel =
            switch logLevel {
            case .error: .error
            case .warning: .warning
            case .info: .info
            case .debug: .debug
            case .trace: .trace
            }
        return logger
    }
}
