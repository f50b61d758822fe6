/// The order that edges give. Pure; used to check plans, to schedule, and to print in a sensible order.
package enum ChangeOrder {
    /// Whether some changes wait for each other. Edges to unknown changes are ignored.
    package static func hasCycle(_ changes: [Change]) -> Bool {
        sorted(changes).count < changes.count
    }

    /// Every change after those it waits for, otherwise by id; changes in a cycle are left out.
    package static func sorted(_ changes: [Change]) -> [Change] {
        let byID = Dictionary(changes.map { ($0.id, $0) }) { first, _ in first }
        var waiting: [ChangeID: Int] = [:]
        var followers: [ChangeID: [ChangeID]] = [:]
        for change in changes {
            let before = change.after.filter { byID[$0] != nil }
            waiting[change.id] = before.count
            for other in before { followers[other, default: []].append(change.id) }
        }
        var ready = changes.map(\.id).filter { waiting[$0] == 0 }.sorted()
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
