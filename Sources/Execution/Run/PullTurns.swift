internal import OCI
internal import Registry

/// Deals the pulls that the spec allows at a source to the jobs that read it, in the order in which the jobs began: the same plan always
/// defers the same changes. The registry itself counts too; this decides what is begun at all.
final class PullTurns: Sendable {
    /// A job's place in the line of one source.
    struct Ticket: Hashable, Sendable {
        var registry: RegistryID
        var number: Int
    }

    /// The dealing alone.
    struct Line: Hashable, Sendable {
        let limit: Int
        private(set) var left: Int
        private var next = 0
        private var waiting: [Int] = []

        init(limit: Int, left: Int) {
            self.limit = limit
            self.left = left
        }

        mutating func join() -> Int {
            next += 1
            waiting.append(next)
            return next
        }

        func isFirst(_ number: Int) -> Bool { waiting.first == number }

        mutating func leave(_ number: Int) { waiting.removeAll { $0 == number } }

        /// `nil`: they are reserved. Else why the change has to wait for another run; nothing is reserved then. `before`: what it has already.
        mutating func reserve(_ count: Int, before: Int, of registry: RegistryID) -> String? {
            guard count > left else {
                left -= count
                return nil
            }
            let needed = count + before
            let pulls = "\(needed) pull\(needed == 1 ? "" : "s") from \(registry)"
            if needed > limit { return "it needs \(pulls), and 'limits.pulls' allows \(limit) in one run: raise that limit" }
            return "it needs \(pulls), and of the \(limit) that 'limits.pulls' allows in one run \(left + before) are left"
        }
    }

    private let lines = Watched<[RegistryID: Line]>([:])

    /// For a job that begins now and reads from `registry`; `nil` where pulls are not limited.
    func join(_ registry: RegistryID, _ allowance: PullAllowance?) -> Ticket? {
        guard let limit = allowance?.limit, let left = allowance?.left else { return nil }
        return lines.update { lines in
            Ticket(registry: registry, number: lines[registry, default: Line(limit: limit, left: left)].join())
        }
    }

    /// Waits until all jobs that began earlier have reserved what they need.
    func wait(for ticket: Ticket) async throws(RegistryError) {
        let isFirst: Bool? = await lines.wait { lines in lines[ticket.registry]?.isFirst(ticket.number) == true ? true : nil }
        guard isFirst != nil else { throw .cancelledRun }
    }

    /// Throws `.deferred` when so many are not left.
    func reserve(_ count: Int, before: Int = 0, _ ticket: Ticket) throws(RegistryError) {
        let reason = lines.update { $0[ticket.registry]?.reserve(count, before: before, of: ticket.registry) }
        guard let reason else { return }
        throw RegistryError(.deferred, action: "read", object: "the content", registry: ticket.registry, reason: reason)
    }

    /// Lets the next job go. Calling it again does nothing.
    func leave(_ ticket: Ticket) {
        lines.update { $0[ticket.registry]?.leave(ticket.number) }
    }
}
