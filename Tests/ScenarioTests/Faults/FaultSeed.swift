import RegistryTestSupport

/// One seed's faults, and what they allow, said from the script alone.
struct FaultSeed: Hashable, Sendable, CustomStringConvertible {
    /// What each side is surely asked for by a copy of the image, and how often at least.
    static let sourceMenu = FaultScript.Menu(
        requests: [.headManifest: 3, .getManifest: 5, .getBlob: 8, .tags: 1, .referrers: 4, .token: 1],
        hasTokens: true
    )
    static let targetMenu = FaultScript.Menu(
        requests: [.headManifest: 6, .headBlob: 8, .beginUpload: 8, .putUpload: 8, .putManifest: 6, .token: 1],
        hasTokens: true
    )

    let seed: UInt64
    let source: FaultScript
    let target: FaultScript

    init(_ seed: UInt64) {
        var generator = SeededGenerator(seed: seed)
        self.seed = seed
        // Every third seed may have two faults a side.
        let most = seed.isMultiple(of: 3) ? 2 : 1
        source = FaultScript(from: Self.sourceMenu, most: most, using: &generator)
        target = FaultScript(from: Self.targetMenu, most: most, using: &generator)
    }

    var description: String { "seed \(seed): source: \(source); target: \(target)" }

    /// Every fault passes by itself, or by as many tries as the rules give.
    var mustSucceed: Bool { (source.faults + target.faults).allSatisfy(Self.isTransient) }

    /// By the table of what is tried again: 5 tries for a request, 2 after a 500; a spoilt body once more; a refused token once more.
    static func isTransient(_ fault: Fault) -> Bool {
        switch fault.action {
        case .delay, .expireTokens: return true
        // A login that is refused is not sent again, and what is said not to be there or not allowed is believed.
        case .status(401, _): return !fault.isLasting && fault.kind != .token
        case .status(403, _): return !fault.isLasting && fault.kind == .headBlob
        case .status(404, _), .page: return false
        case .status(500, _), .flipRequest, .flipReply: return fault.count == 1
        case .status(429, _), .status(502, _), .status(503, _), .dropRequest, .dropReply, .truncate: return fault.count <= 4
        case .status: return false
        }
    }
}
