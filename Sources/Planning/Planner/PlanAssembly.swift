internal import Diagnostics
internal import OCI

extension PlanningRun {
    /// The plan as a value; everything in a fixed order, so that the same answers give the same bytes.
    mutating func assemble() -> PlanResult {
        var plan = Plan(source: .workspace)
        plan.changes = sortedChanges()
        let used = Set(plan.changes.compactMap(\.content))
        plan.contents = contents.values.filter { used.contains($0.id) }.sorted { $0.id < $1.id }
        plan.registries = registriesInUse(plan)
        plan.targetFilters = options.targets.map(\.text)
        plan.excludeFilters = options.excludes.map(\.text)
        plan.estimates = estimates.filter { changes[$0.key] != nil }
        plan.leftOut = leftOut.sorted { left, right in
            let (first, second) = (left.origin ?? Origin(file: "", line: 0), right.origin ?? Origin(file: "", line: 0))
            return first == second ? (left.what, left.reason) < (right.what, right.reason) : first < second
        }
        plan.scope = scope()
        plan.asOf = usesAges ? options.asOf.text : nil
        let inOrder = refusals.sorted { ($0.code, $0.subjects.first ?? "", $0.message) < ($1.code, $1.subjects.first ?? "", $1.message) }
        var result = PlanResult(plan: plan, refusals: inOrder, diagnostics: Array(diagnostics).inReadingOrder())
        result.pulls = pullEstimates(of: plan.contents)
        return result
    }

    private func registriesInUse(_ plan: Plan) -> [RegistryDeclaration] {
        var ids = Set(plan.changes.map(\.target.registry))
        for content in plan.contents { if case .registry(let address) = content.origin { ids.insert(address.registry) } }
        return ids.sorted().map { desired.registries[$0] ?? RegistryDeclaration(id: $0, kind: kind(of: $0)) }
    }

    private mutating func scope() -> Plan.Scope {
        var declared = 0
        var undeclared = 0
        var registries: Set<RegistryID> = []
        for (address, tags) in declarations.byRepository {
            let own = tags.count { $0.key.companion == nil && $0.value.state != .failed }
            declared += own
            if own > 0 { registries.insert(address.registry) }
            guard usedTagLists.contains(address), case .found(.tags(let live))? = answer(.tags(address)) else { continue }
            undeclared += live.count { $0.companion == nil && tags[$0] == nil }
        }
        return Plan.Scope(
            declaredTags: declared,
            registries: registries.count,
            undeclaredTags: undeclared,
            alreadyAbsent: alreadyAbsent
        )
    }
}
