/// The order that edges give. Pure; used to check plans, to schedule, and to print in a sensible order.
package enum ChangeOrder {
    /// Whether some changes wait for each other. Edges to unknown changes are ignored.
    package static func hasCycle(_ changes: [Change]) -> Bool {
        sorted(changes).count < changes.count
    }

    /// Every change after those it waits for, otherwise by id; changes in a cycle are left out.
    package static func sorted(_ changes: [Change]) -> [Change] {
        // An id is text that is made anew each time.
        let ids = changes.map(\.id)
        let byID = Dictionary(zip(ids, changes), uniquingKeysWith: { first, _ in first })
        var waiting: [ChangeID: Int] = [:]
        var followers: [ChangeID: [ChangeID]] = [:]
        for (id, change) in zip(ids, changes) {
            let before = change.after.filter { byID[$0] != nil }
            waiting[id] = before.count
            for other in before { followers[other, default: []].append(id) }
        }
        var ready = ids.filter { waiting[$0] == 0 }.sorted()
        var result: [Change] = []
        while !ready.isEmpty {
            var next: [ChangeID] = []
            for id in ready {
                if let change = byID[id] { result.append(change) }
                for follower in followers[id] ?? [] {
                    let left = (waiting[follower] ?? 0) - 1
                    waiting[follower] = left
                    if left == 0 { next.append(follower) }
                }
            }
            ready = next.sorted()
        }
        return result
    }
}
