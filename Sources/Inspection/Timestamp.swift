/// RFC 3339, as Go writes it: `2026-01-02T03:04:05.123456789Z` or with an offset.
enum Timestamp {
    /// Whole seconds since 1970, rounded down. `nil` when it is not a date, and for year 1, by which Go says "no date".
    static func seconds(since1970In text: String) -> Int64? {
        var rest = Substring(text)
        guard let year = number(4, &rest), skip("-", &rest), let month = number(2, &rest), skip("-", &rest), let day = number(2, &rest),
            skip("Tt ", &rest),
            let hour = number(2, &rest), skip(":", &rest), let minute = number(2, &rest), skip(":", &rest), let second = number(2, &rest),
            year > 1, (1...12).contains(month), (1...daysOf(month, year)).contains(day), hour < 24, minute < 60, second < 61
        else { return nil }
        if skip(".", &rest) {
            let digits = rest.prefix { ("0"..."9").contains($0) }
            guard !digits.isEmpty else { return nil }
            rest = rest.dropFirst(digits.count)
        }
        guard let offset = offset(rest) else { return nil }
        return daysSince1970(year, month, day) * 86_400 + hour * 3600 + minute * 60 + second - offset
    }

    /// Seconds east of Greenwich.
    private static func offset(_ text: Substring) -> Int64? {
        var rest = text
        if skip("Zz", &rest) { return rest.isEmpty ? 0 : nil }
        let sign: Int64 = rest.first == "-" ? -1 : 1
        guard skip("+-", &rest), let hours = number(2, &rest), skip(":", &rest), let minutes = number(2, &rest), rest.isEmpty,
            hours < 24, minutes < 60
        else { return nil }
        return sign * (hours * 3600 + minutes * 60)
    }

    private static func number(_ length: Int, _ rest: inout Substring) -> Int64? {
        let digits = rest.prefix(length)
        guard digits.utf8.count == length, digits.utf8.allSatisfy({ (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) }) else {
            return nil
        }
        rest = rest.dropFirst(length)
        return Int64(digits)
    }

    private static func skip(_ allowed: String, _ rest: inout Substring) -> Bool {
        guard let first = rest.first, allowed.contains(first) else { return false }
        rest.removeFirst()
        return true
    }

    private static func isLeap(_ year: Int64) -> Bool { year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) }

    private static func daysOf(_ month: Int64, _ year: Int64) -> Int64 {
        switch month {
        case 2: isLeap(year) ? 29 : 28
        case 4, 6, 9, 11: 30
        default: 31
        }
    }

    private static func daysSince1970(_ year: Int64, _ month: Int64, _ day: Int64) -> Int64 {
        let past = year - 1
        let beforeYear = past * 365 + past / 4 - past / 100 + past / 400
        let beforeMonth = (1..<month).reduce(0) { $0 + daysOf($1, year) }
        return beforeYear + beforeMonth + day - 1 - 719_162
    }
}
