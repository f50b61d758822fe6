internal import FoundationEssentials

/// Points in time, in UTC.
enum CalendarDate {
    /// `2026-01-02T03:04:05Z`, from seconds since 1970.
    static func text(_ seconds: Int64) -> String {
        Date(timeIntervalSince1970: Double(seconds)).formatted(.iso8601)
    }

    /// `2026-01-02`
    static func day(_ seconds: Int64) -> String { String(text(seconds).prefix { $0 != "T" }) }
}
