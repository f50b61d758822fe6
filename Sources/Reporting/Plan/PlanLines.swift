internal import OCI
internal import Planning

/// Changes put together into the lines of the plan: alike but for the registry are one; many additions of one entry are one.
struct PlanLines {
    /// Changes that differ in nothing but the registry.
    struct Line {
        var changes: [Change]
        /// The change that speaks for all.
        var first: Change
        /// `payments/api:1.0`, or `payments/api:1.0 … 1.9`.
        var path: String
        var parts: [String]
        /// `+ us.icr.io/payments/api:1.0`
        var place = ""

        var registries: [RegistryID] { Array(Set(changes.map(\.target.registry))).sorted() }
    }

    /// So many additions of one entry are still listed one by one.
    static let mostAdditions = 20

    private struct Likeness: Hashable {
        var symbol: String
        var path: String
        var parts: [String]
        var origin: Origin
    }

    private struct Bundle: Hashable {
        var kind: ChangeKind
        var method: ChangeMethod
        var registries: [RegistryID]
        var origin: Origin
        var isReferrer: Bool
    }

    private let wording: ChangeWording
    private let names: RegistryNames
    private let full: Bool

    init(_ plan: Plan, full: Bool) {
        wording = ChangeWording(plan, full: full)
        names = RegistryNames(plan.registries)
        self.full = full
    }

    func lines(of section: PlanSection, in changes: [Change]) -> [Line] {
        var groups: [Likeness: Line] = [:]
        for change in changes where change.section == section {
            let parts = wording.parts(of: change)
            let likeness = Likeness(symbol: change.symbol, path: change.path, parts: parts, origin: change.origin)
            groups[likeness, default: Line(changes: [], first: change, path: change.path, parts: parts)].changes.append(change)
        }
        let lines = Array(groups.values)
        return Self.sorted(section == .adds && !full ? folded(lines) : lines).map { line in
            var placed = line
            placed.place = "\(line.first.symbol) \(names.place(line.path, in: line.registries))"
            return placed
        }
    }

    /// `+ us.icr.io/payments/api:1.0`, for one change.
    func place(of change: Change) -> String { "\(change.symbol) \(names.place(change.path, in: [change.target.registry]))" }

    /// What the order of lines depends on. It is sorted instead of the lines, which are large.
    private struct Place {
        var rank: Int
        var path: String
        var registries: [RegistryID]
        var origin: Origin
        var index: Int

        static func precedes(_ left: Place, _ right: Place) -> Bool {
            if left.rank != right.rank { return left.rank < right.rank }
            if left.path != right.path { return NaturalOrder.precedes(left.path, right.path) }
            if left.registries != right.registries { return left.registries.lexicographicallyPrecedes(right.registries) }
            return left.origin < right.origin
        }
    }

    private static func sorted(_ lines: [Line]) -> [Line] {
        let places = lines.enumerated().map { index, line in
            Place(rank: line.first.rank, path: line.path, registries: line.registries, origin: line.first.origin, index: index)
        }
        return places.sorted(by: Place.precedes).map { lines[$0.index] }
    }

    private func folded(_ lines: [Line]) -> [Line] {
        let bundles = Dictionary(grouping: lines) {
            Bundle(
                kind: $0.first.kind,
                method: $0.first.method,
                registries: $0.registries,
                origin: $0.first.origin,
                isReferrer: $0.first.isReferrerPut
            )
        }
        return bundles.values.flatMap { $0.count > Self.mostAdditions ? [fold($0)] : $0 }
    }

    private func fold(_ lines: [Line]) -> Line {
        let sorted = Self.sorted(lines)
        guard let first = sorted.first, let last = sorted.last else { return lines[0] }
        var result = first
        result.changes = sorted.flatMap(\.changes)
        result.path = Self.span(first, last)
        let isTags = sorted.allSatisfy { !$0.first.isReferrerPut }
        var parts = [Amounts.count(sorted.count, isTags ? "tag" : "referrer")]
        if let source = commonSource(sorted) { parts[0] += " \(first.first.method.rawValue) from \(source)" }
        result.parts = parts
        return result
    }

    /// The second path is shortened where it is in the same repository.
    private static func span(_ first: Line, _ last: Line) -> String {
        guard first.first.target.address?.repository == last.first.target.address?.repository,
            let reference = last.first.target.reference
        else { return "\(first.path) … \(last.path)" }
        return "\(first.path) … \(reference.digest?.brief ?? reference.tag?.brief ?? "")"
    }

    /// Where all of it comes from: the repository, else the registry.
    private func commonSource(_ lines: [Line]) -> String? {
        let origins = Set(lines.flatMap(\.changes).compactMap { wording.content(of: $0)?.origin })
        if origins.count == 1, let only = origins.first {
            if case .registry(let address) = only { return names.place(address) }
            return only.description.withVisibleControls
        }
        var registries: Set<RegistryID> = []
        for origin in origins {
            guard case .registry(let address) = origin else { return nil }
            registries.insert(address.registry)
        }
        return registries.count == 1 ? registries.first.map(names.alone) : nil
    }
}
