internal import FoundationEssentials

/// Milliseconds since 1970, and how files show them.
package enum WallTime {
    package static func now() -> Int64 { Int64((Date().timeIntervalSince1970 * 1000).rounded(.down)) }

    /// RFC 3339 in UTC with milliseconds.
    package static func text(_ milliseconds: Int64) -> String {
        let seconds = (Double(milliseconds) / 1000).rounded(.down)
        let fraction = String(milliseconds - Int64(seconds) * 1000)
        let text = Date(timeIntervalSince1970: seconds).formatted(.iso8601).dropLast()
        return "\(text).\(String(repeating: "0", count: 3 - fraction.count))\(fraction)Z"
    }
}
