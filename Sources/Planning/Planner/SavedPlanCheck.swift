extension Planner {
    package enum SavedPlanStep: Sendable {
        case needs(QuestionSet)
        case result([Refusal])
    }

    /// Holds a saved plan against what only the registries tell: what is in use now, with its parts and what it is a part of, and whether the
    /// backups that the policy asks for now are made. `policy` has the lists as they are now; call again with more answers until it gives a
    /// result.
    package static func checkSaved(_ plan: Plan, _ desired: DesiredState, policy: Policy, facts: Facts) -> SavedPlanStep {
        var run = PlanningRun(desired, policy, PlanningOptions())
        run.facts = facts
        run.changes = Dictionary(plan.changes.map { ($0.id, $0) }, uniquingKeysWith: { first, _ in first })
        run.refuseRemovalsInUse()
        run.refuseWithoutBackup()
        return run.needs.isEmpty ? .result(run.refusals) : .needs(run.needs)
    }
}
