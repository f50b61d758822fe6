/// When the next request to a host may go, so that no more than so many begin in a second: evenly spaced, since a burst is what trips
/// the limits of registries. A pure value; times are those of `RegistryClock.uptime`.
struct RequestPace: Hashable, Sendable {
    /// Seconds between two requests; 0: no limit.
    private let interval: Double
    private var next = -Double.infinity

    /// `nil`: no limit.
    init(requestsPerSecond: Int?) {
        interval = requestsPerSecond.map { 1 / Double(max(1, $0)) } ?? 0
    }

    /// Takes the first free moment from `earliest` on, and returns it.
    mutating func take(from earliest: Double) -> Double {
        let moment = max(earliest, next)
        next = moment + interval
        return moment
    }
}
