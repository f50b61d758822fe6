/// What a request of the distribution API is for. Faults wait for a kind, since the order of requests that run side by side differs from run
/// to run, while how many there are of each kind does not.
package enum RequestKind: String, CaseIterable, Hashable, Sendable, CustomStringConvertible {
    case headManifest, getManifest, putManifest, deleteManifest, headBlob, getBlob, beginUpload, putUpload, otherUpload
    case tags, referrers, token, other

    package init(method: String, target: String) {
        let path = String(target.prefix { $0 != "?" })
        switch (method, Route(path)) {
        case ("HEAD", .manifest): self = .headManifest
        case ("GET", .manifest): self = .getManifest
        case ("PUT", .manifest): self = .putManifest
        case ("DELETE", .manifest): self = .deleteManifest
        case ("HEAD", .blob): self = .headBlob
        case ("GET", .blob): self = .getBlob
        case ("POST", .uploads): self = .beginUpload
        case ("PUT", .upload): self = .putUpload
        case (_, .upload): self = .otherUpload
        case (_, .tags): self = .tags
        case (_, .referrers): self = .referrers
        default: self = path.hasSuffix("/token") ? .token : .other
        }
    }

    package var description: String { rawValue }
}

/// What a proxy does to some requests of one kind.
package struct Fault: Hashable, Sendable, CustomStringConvertible {
    package enum Action: Hashable, Sendable {
        /// Answered by the proxy; the registry never sees the request. 404 has the code that a registry gives for what is not there.
        case status(Int, retryAfter: Int? = nil)
        /// 404 as a web page, as proxies give it.
        case page
        /// The connection ends when this share of the request's bytes has passed.
        case dropRequest(Double)
        /// The registry does its work; the connection ends when this share of the reply's bytes has passed. 0: the reply is lost.
        case dropReply(Double)
        /// As `dropReply`, but the reply's head passes whole.
        case truncate(Double)
        /// One byte of the body, at this share of its length, becomes another.
        case flipRequest(Double)
        case flipReply(Double)
        case delay(milliseconds: Int)
        /// All tokens that were given end before the request passes.
        case expireTokens

        package var name: String {
            switch self {
            case .status(let status, _): "\(status)"
            case .page: "404 page"
            case .dropRequest: "drop in the request"
            case .dropReply(0): "lost reply"
            case .dropReply: "drop in the reply"
            case .truncate: "truncated reply"
            case .flipRequest: "flipped byte in a request"
            case .flipReply: "flipped byte in a reply"
            case .delay: "delay"
            case .expireTokens: "expired tokens"
            }
        }
    }

    package var kind: RequestKind
    /// The first request of the kind that is hit, counted from 1, and how many in a row are.
    package var first: Int
    package var count: Int
    package var action: Action

    package init(_ kind: RequestKind, first: Int = 1, count: Int = 1, _ action: Action) {
        self.kind = kind
        self.first = first
        self.count = count
        self.action = action
    }

    /// From its first request on, to the end.
    package static let always = Int.max
    package var isLasting: Bool { count == Self.always }

    package func hits(_ kind: RequestKind, _ ordinal: Int) -> Bool {
        kind == self.kind && ordinal >= first && ordinal - first < count
    }

    package var description: String {
        let many = isLasting ? "every \(kind) from #\(first)" : count == 1 ? "\(kind) #\(first)" : "\(kind) #\(first)-\(first + count - 1)"
        return "\(action.name) at \(many)"
    }
}

/// The faults of one side. A seed gives the same ones on every run, whatever happens meanwhile.
package struct FaultScript: Hashable, Sendable, CustomStringConvertible {
    package var faults: [Fault]

    package init(_ faults: [Fault] = []) {
        self.faults = faults
    }

    package func fault(at kind: RequestKind, _ ordinal: Int) -> Fault? { faults.first { $0.hits(kind, ordinal) } }

    package var description: String { faults.isEmpty ? "nothing" : faults.map(\.description).joined(separator: ", ") }
}

extension FaultScript {
    /// What may be drawn for a side: the kinds of requests that it surely gets, and at least how many of each.
    package struct Menu: Sendable {
        package var requests: [RequestKind: Int]
        /// The registry wants tokens, which can end.
        package var hasTokens: Bool

        package init(requests: [RequestKind: Int], hasTokens: Bool) {
            self.requests = requests
            self.hasTokens = hasTokens
        }

        var kinds: [RequestKind] { RequestKind.allCases.filter { requests[$0, default: 0] > 0 } }
    }

    /// Up to `most` faults, at most one for a kind of request, so that the tries of one request never have to make up for two.
    package init(from menu: Menu, most: Int, using generator: inout SeededGenerator) {
        var kinds = menu.kinds
        faults = []
        for _ in 0..<Int.random(in: 0...most, using: &generator) where !kinds.isEmpty {
            let kind = kinds.remove(at: Int.random(in: 0..<kinds.count, using: &generator))
            faults.append(Self.fault(kind, menu, &generator))
        }
        guard menu.hasTokens, Bool.random(using: &generator) else { return }
        // Late enough not to fall on a request that still waits for its first token.
        if let kind = kinds.first(where: { menu.requests[$0, default: 0] >= 6 }) {
            faults.append(Fault(kind, first: Int.random(in: 4...6, using: &generator), .expireTokens))
        }
    }

    private static func fault(_ kind: RequestKind, _ menu: Menu, _ generator: inout SeededGenerator) -> Fault {
        let first = Int.random(in: 1...min(menu.requests[kind, default: 1], 6), using: &generator)
        let isLasting = Int.random(in: 0..<8, using: &generator) == 0
        let actions = actions(for: kind, &generator)
        let action = actions[Int.random(in: 0..<actions.count, using: &generator)]
        let count: Int
        switch action {
        // Whether two of these hit one request or two is chance, and for one request two are too many.
        case .status(400..<429, _), .status(500, _), .page, .flipRequest, .flipReply, .expireTokens: count = 1
        case .dropReply, .truncate: count = Int.random(in: 1...3, using: &generator)
        default: count = Int.random(in: 1...4, using: &generator)
        }
        let canLast = if case .delay = action { false } else { true }
        return Fault(kind, first: first, count: isLasting && canLast ? Fault.always : count, action)
    }

    private static func actions(for kind: RequestKind, _ generator: inout SeededGenerator) -> [Fault.Action] {
        let share = Double.random(in: 0..<1, using: &generator)
        let retryAfter = Bool.random(using: &generator) ? Int.random(in: 1...20, using: &generator) : nil
        var actions: [Fault.Action] = [
            .status(401), .status(403), .status(404), .page, .status(429, retryAfter: retryAfter), .status(500), .status(502),
            .status(503, retryAfter: retryAfter), .dropRequest(share), .dropReply(share), .dropReply(0),
            .delay(milliseconds: Int.random(in: 1...40, using: &generator)),
        ]
        if [.getManifest, .getBlob, .tags, .referrers, .token].contains(kind) { actions.append(.truncate(share)) }
        if [.getManifest, .getBlob].contains(kind) { actions += [.flipReply(share), .flipReply(share)] }
        if [.putManifest, .putUpload].contains(kind) { actions += [.flipRequest(share), .flipRequest(share)] }
        return actions
    }
}
