internal import FoundationEssentials

/// Reads the dates of HTTP (RFC 9110, section 5.6.7) and of token answers (RFC 3339) as seconds since 1970.
enum Timestamp {
    static func now() -> Double { Date().timeIntervalSince1970 }

    /// `Wed, 21 Oct 2026 07:28:00 GMT`, `Wednesday, 21-Oct-26 07:28:00 GMT` or `Wed Oct 21 07:28:00 2026`.
    static func http(_ text: some StringProtocol) -> Double? {
        let words = text.split { " ,-".contains($0) }
        guard let clockIndex = words.firstIndex(where: { $0.contains(":") }), let clock = time(words[clockIndex]) else { return nil }
        let others = words.enumerated().filter { $0.offset != clockIndex && $0.offset > 0 }.map(\.element)
        guard others.count >= 3 else { return nil }
        let isAsctime = Int(others[0]) == nil
        guard let month = months.firstIndex(of: String((isAsctime ? others[0] : others[1]).lowercased())),
            let day = Int(isAsctime ? others[1] : others[0]), (1...31).contains(day), var year = Int(others[2])
        else { return nil }
        if others[2].count == 2 { year += year < 70 ? 2000 : 1900 }
        return seconds(year: year, month: month + 1, day: day) + clock
    }

    /// `2026-11-24T01:02:03.456Z` or with an offset such as `+01:00`.
    static func rfc3339(_ text: some StringProtocol) -> Double? {
        let halves = text.split(whereSeparator: { "Tt ".contains($0) })
        guard halves.count == 2 else { return nil }
        let date = halves[0].split(separator: "-").compactMap { Int($0) }
        guard date.count == 3, (1...12).contains(date[1]), (1...31).contains(date[2]) else { return nil }
        let clockText = halves[1].prefix { !"Zz+-".contains($0) }
        guard let clock = time(clockText) else { return nil }
        var offset = 0.0
        let zone = halves[1].dropFirst(clockText.count)
        if let sign = zone.first, sign != "Z", sign != "z" {
            guard let magnitude = time(zone.dropFirst()) else { return nil }
            offset = sign == "-" ? -magnitude : magnitude
        }
        return seconds(year: date[0], month: date[1], day: date[2]) + clock - offset
    }

    private static let months = ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"]

    private static func time(_ text: some StringProtocol) -> Double? {
        let parts = text.split(separator: ":").map { Double($0) }
        guard parts.count == 2 || parts.count == 3, let hours = parts[0], let minutes = parts[1] else { return nil }
        guard let seconds = parts.count == 3 ? parts[2] : 0 else { return nil }
        guard (0...24).contains(hours), (0..<60).contains(minutes), (0..<61).contains(seconds) else { return nil }
        return hours * 3600 + minutes * 60 + seconds
    }

    /// Days from 1970-01-01 in the proleptic Gregorian calendar, as seconds.
    private static func seconds(year: Int, month: Int, day: Int) -> Double {
        let shifted = month <= 2 ? year - 1 : year
        let era = (shifted >= 0 ? shifted : shifted - 399) / 400
        let yearOfEra = shifted - era * 400
        let dayOfYear = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1
        let dayOfEra = yearOfEra * 365 + yearOfEra / 4 - yearOfEra / 100 + dayOfYear
        return Double(era * 146_097 + dayOfEra - 719_468) * 86_400
    }
}
