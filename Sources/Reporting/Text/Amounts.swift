/// Numbers and lists as people read them.
package enum Amounts {
    /// `1,204`
    static func count(_ number: Int) -> String {
        let digits = String(number.magnitude)
        var result = ""
        for (position, digit) in digits.enumerated() {
            if position > 0, (digits.count - position).isMultiple(of: 3) { result += "," }
            result.append(digit)
        }
        return number < 0 ? "-" + result : result
    }

    /// `1 tag`, `1,204 tags`. `plural` where an `s` does not make it.
    static func count(_ number: Int, _ noun: String, plural: String? = nil) -> String {
        "\(count(number)) \(number == 1 ? noun : plural ?? noun + "s")"
    }

    /// `512 B`, `20.4 MiB`.
    package static func bytes(_ bytes: Int64) -> String {
        let (number, unit) = split(bytes)
        return "\(number) \(unit)"
    }

    /// `61.2 MiB (20.4 to send)`; the unit stands twice only where it differs.
    static func bytes(_ total: Int64, toSend: Int64) -> String {
        let whole = split(total)
        if toSend == total { return "\(whole.number) \(whole.unit)" }
        let part = split(toSend)
        let shown = toSend == 0 ? "none" : part.unit == whole.unit ? part.number : "\(part.number) \(part.unit)"
        return "\(whole.number) \(whole.unit) (\(shown) to send)"
    }

    /// `frees 61.2 MiB`, `frees 20.4 of 61.2 MiB`, `frees none of 61.2 MiB`; `nil`: nobody knows how much of it others share.
    static func bytes(_ total: Int64, freed: Int64?) -> String {
        guard let freed else { return "frees up to \(bytes(total))" }
        if freed == total { return "frees \(bytes(total))" }
        let (whole, part) = (split(total), split(freed))
        let shown = freed == 0 ? "none" : part.unit == whole.unit ? part.number : "\(part.number) \(part.unit)"
        return "frees \(shown) of \(whole.number) \(whole.unit)"
    }

    private static func split(_ bytes: Int64) -> (number: String, unit: String) {
        guard bytes >= 1024 else { return (String(bytes), "B") }
        let units = ["KiB", "MiB", "GiB", "TiB"]
        var place = 0
        var divisor: Int64 = 1024
        // Below 1024 also after rounding, so that no "1024.0 KiB" appears.
        while place < units.count - 1, tenths(bytes, divisor) >= 10_240 {
            divisor *= 1024
            place += 1
        }
        let tenths = tenths(bytes, divisor)
        return ("\(count(Int(tenths / 10))).\(tenths % 10)", units[place])
    }

    private static func tenths(_ bytes: Int64, _ divisor: Int64) -> Int64 {
        let whole = bytes / divisor
        return whole * 10 + (bytes % divisor * 10 + divisor / 2) / divisor
    }

    /// `tag a`, `tags a, b`, `tags a, b, c, d, e and 12 more` when there are more than `limit`.
    static func list(_ items: [String], _ noun: String, plural: String? = nil, limit: Int? = nil) -> String {
        let shown = limit.map { items.count > $0 ? Array(items.prefix($0)) : items } ?? items
        let rest = items.count - shown.count
        let name = items.count == 1 ? noun : plural ?? noun + "s"
        return "\(name) \(shown.joined(separator: ", "))" + (rest > 0 ? " and \(count(rest)) more" : "")
    }
}
