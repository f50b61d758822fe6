/// Whether and when a failed request is sent again: 5 tries within 5 minutes, per request. The caller knows whether a repetition is safe.
struct RetryPolicy: Sendable {
    static let tries = 5
    static let budget = 300.0
    static let longestWait = 300.0

    enum Outcome: Hashable, Sendable {
        /// `permanent`: the answer's text says that no repetition helps. `retryAfter`: seconds, already read.
        case status(Int, permanent: Bool, retryAfter: Double?)
        /// No connection, or no such host.
        case unreachable
        /// The connection broke or went silent after the request began.
        case broken

        /// Whether nobody can tell if the request was carried out. A service that says it is busy has not begun.
        var isDoubtful: Bool {
            switch self {
            case .unreachable, .status(429, _, _), .status(503, _, _): false
            case .broken, .status: true
            }
        }

        /// Whether the request may have been carried out although its success was not told.
        var mayBeDone: Bool {
            switch self {
            case .unreachable, .status(429, _, _): false
            case .broken, .status: true
            }
        }
    }

    enum Decision: Hashable, Sendable {
        case giveUp
        /// `wholeHost`: nothing may be sent to the host meanwhile.
        case wait(Double, wholeHost: Bool)
    }

    private(set) var failures = 0
    let startedAt: Double

    init(startedAt: Double) {
        self.startedAt = startedAt
    }

    mutating func decide(_ outcome: Outcome, now: Double, jitter: Double) -> Decision {
        failures += 1
        guard failures < Self.tries(for: outcome) else { return .giveUp }
        let wait: Double
        var wholeHost = false
        if case .status(let status, _, let retryAfter) = outcome, status == 429 || retryAfter != nil {
            wholeHost = true
            wait = retryAfter.map { $0 + jitter * min(1, max(0.05, $0 / 10)) } ?? backOff(jitter)
        } else {
            wait = backOff(jitter)
        }
        guard now - startedAt + wait <= Self.budget else { return .giveUp }
        return .wait(wait, wholeHost: wholeHost)
    }

    /// 1, 2, 4 … 60 seconds, with full jitter.
    private func backOff(_ jitter: Double) -> Double {
        min(60, Double(1 << min(failures - 1, 6))) * jitter
    }

    private static func tries(for outcome: Outcome) -> Int {
        switch outcome {
        case .broken: tries
        case .unreachable: 3
        case .status(_, permanent: true, _): 1
        case .status(500, _, _): 2
        case .status(let status, _, _): isTransient(status) ? tries : 1
        }
    }

    static func isTransient(_ status: Int) -> Bool {
        switch status {
        case 408, 429, 499, 500, 502, 503, 504, 520...524: true
        default: false
        }
    }

    /// `Retry-After` as seconds from now, from 0 to 300; `nil` when it is missing or unreadable. A date counts from the answer's
    /// own `Date`, so that a wrong clock here does no harm.
    static func retryAfter(_ text: String?, date: String?, now: Double) -> Double? {
        guard let text = text?.split(whereSeparator: \.isWhitespace).joined(separator: " "), !text.isEmpty else { return nil }
        let seconds: Double
        if let number = Double(text), number.isFinite {
            seconds = number
        } else if let moment = Timestamp.http(text) {
            seconds = moment - (date.flatMap { Timestamp.http($0) } ?? now)
        } else {
            return nil
        }
        return min(max(0, seconds), longestWait)
    }
}
