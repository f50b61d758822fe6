internal import Diagnostics
internal import OCI

extension PlanningRun {
    /// The plan as a value; everything in a fixed order, so that the same answers give the same bytes.
    func assemble() -> PlanResult {
        var plan = Plan(source: .workspace)
        plan.changes = changes.values.sorted { $0.id < $1.id }
        let used = Set(plan.changes.compactMap(\.content))
        plan.contents = contents.values.filter { used.contains($0.id) }.sorted { $0.id < $1.id }
        plan.registries = registriesInUse(plan)
        plan.estimates = estimates.filter { changes[$0.key] != nil }
        plan.leftOut = leftOut.sorted { ($0.what, $0.reason) < ($1.what, $1.reason) }
        plan.scope = scope()
        let inOrder = refusals.sorted { ($0.code, $0.subjects.first ?? "", $0.message) < ($1.code, $1.subjects.first ?? "", $1.message) }
        return PlanResult(plan: plan, refusals: inOrder, diagnostics: Array(diagnostics).inReadingOrder())
    }

    private func registriesInUse(_ plan: Plan) -> [RegistryDeclaration] {
        var ids = Set(plan.changes.map(\.target.registry))
        for content in plan.contents { if case .registry(let address) = content.origin { ids.insert(address.registry) } }
        return ids.sorted().map { desired.registries[$0] ?? RegistryDeclaration(id: $0, kind: kind(of: $0)) }
    }

    private func scope() -> Plan.Scope {
        let declared = declarations.all.filter { $0.0.tag.companion == nil }
        var undeclared = 0
        for address in declarations.byRepository.keys {
            guard case .found(.tags(let tags))? = facts[.tags(address)] else { continue }
            undeclared += tags.count { $0.companion == nil && declarations[address, $0] == nil }
        }
        return Plan.Scope(
            declaredTags: declared.count,
            registries: Set(declared.map(\.0.address.registry)).count,
            undeclaredTags: undeclared,
            alreadyAbsent: alreadyAbsent
        )
    }
}
