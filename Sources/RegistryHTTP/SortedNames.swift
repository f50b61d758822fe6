/// The entries of a list whose pages come one by one: sorted, without duplicates, and held once.
struct SortedNames<Name: Comparable & Sendable>: Sendable {
    private(set) var names: [Name] = []

    /// How many of them no page before had. A page that follows on what is there is appended; only pages in disorder are merged.
    mutating func add(_ page: [Name]) -> Int {
        let before = names.count
        var sorted = page
        if !zip(sorted, sorted.dropFirst()).allSatisfy(<) { sorted.sort() }
        guard let first = sorted.first else { return 0 }
        if let last = names.last, first <= last {
            merge(sorted)
        } else {
            for name in sorted where names.last != name { names.append(name) }
        }
        return names.count - before
    }

    func contains(_ name: Name) -> Bool {
        let index = position(of: name)
        return index < names.count && names[index] == name
    }

    private mutating func merge(_ page: [Name]) {
        var merged: [Name] = []
        let start = position(of: page[0])
        merged.reserveCapacity(names.count - start + page.count)
        var held = names[start...]
        for name in page {
            while let next = held.first, next < name {
                merged.append(next)
                held = held.dropFirst()
            }
            if held.first != name, merged.last != name { merged.append(name) }
        }
        merged += held
        names.replaceSubrange(start..., with: merged)
    }

    /// Where it stands, or would.
    private func position(of name: Name) -> Int {
        var (low, high) = (0, names.count)
        while low < high {
            let middle = (low + high) / 2
            if names[middle] < name { low = middle + 1 } else { high = middle }
        }
        return low
    }
}
