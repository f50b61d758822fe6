internal import NIOHTTP1

/// What a registry says of the requests that it takes in a window of time, as Docker Hub does: `ratelimit-remaining: 187;w=21600`.
struct RegistryQuota: Hashable, Sendable {
    var remaining: Int
    /// Seconds.
    var window: Int?

    /// `nil`: the answer says nothing of it, or nothing readable.
    init?(_ headers: HTTPHeaders) {
        guard let text = headers.first(name: "ratelimit-remaining") else { return nil }
        let parts = text.split(separator: ";").map { $0.filter { $0 != " " && $0 != "\t" } }
        guard let remaining = parts.first.flatMap({ Int($0) }), remaining >= 0 else { return nil }
        self.remaining = remaining
        let window = parts.dropFirst().first { $0.lowercased().hasPrefix("w=") }.flatMap { Int($0.dropFirst(2)) }
        self.window = window.flatMap { $0 >= 0 ? $0 : nil }
    }

    /// What a refusal (429) without `Retry-After` asks for when nothing remains: seconds to wait, or `nil` where the window is so long
    /// that no wait within one run helps. Only meaningful when `remaining` is 0.
    var wait: Double? {
        guard let window, Double(window) <= RetryPolicy.longestWait else { return nil }
        return Double(window)
    }

    /// `it says that none of the requests it allows in 6 hours are left`; `nil` while some remain.
    var exhaustion: String? {
        guard remaining == 0 else { return nil }
        guard let window, window > 0 else { return "it says that none of its allowed requests are left" }
        let (number, unit) = window % 3600 == 0 ? (window / 3600, "hour") : window % 60 == 0 ? (window / 60, "minute") : (window, "second")
        return "it says that none of the requests it allows in \(number) \(unit)\(number == 1 ? "" : "s") are left"
    }
}
