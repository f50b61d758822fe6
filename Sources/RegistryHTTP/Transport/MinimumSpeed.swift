/// Tells when an answer's body comes too slowly to go on with: less than 1 KiB/s over 2 minutes of waiting for it. There is no limit on
/// the whole, and time in which nobody waits does not count: a slow target is not the source's fault. A pure value.
struct MinimumSpeed: Hashable, Sendable {
    static let bytesPerSecond: Int64 = 1024
    static let period = 120.0

    private var waited = 0.0
    private var bytes: Int64 = 0

    /// Takes in a piece of `count` bytes that was waited for `seconds`. `false`: it is too slow.
    mutating func isKept(by count: Int, after seconds: Double) -> Bool {
        waited += max(0, seconds)
        bytes += Int64(count)
        guard waited >= Self.period else { return true }
        defer { (waited, bytes) = (0, 0) }
        return Double(bytes) >= Double(Self.bytesPerSecond) * waited
    }
}
