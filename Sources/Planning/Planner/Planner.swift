package import Diagnostics
package import OCI

/// Settings of one planning run that do not come from the specs.
package struct PlanningOptions: Sendable {
    /// Leave out what cannot be read, and every removal in its registry, instead of failing.
    package var keepGoing = false
    /// Only what matches one of these; empty: everything.
    package var targets: [ReferencePattern] = []
    /// Nothing that matches one of these.
    package var excludes: [ReferencePattern] = []
    /// From when ages are counted.
    package var asOf = AsOf(seconds: 0, text: "1970-01-01T00:00:00Z")
    /// What an earlier revision of the specs declared and these do not is removed.
    package var removedSince: RemovedSince?
    /// Find out what a registry can remove by deletions of what is not there; else nothing is sent but what reads.
    package var probes = false

    package init() {}

    package struct AsOf: Hashable, Sendable {
        /// Since 1970.
        package var seconds: Int64
        /// The same for people, and for the plan.
        package var text: String

        package init(seconds: Int64, text: String) {
            self.seconds = seconds
            self.text = text
        }
    }

    package struct RemovedSince: Sendable {
        /// As the user named it, for people.
        package var revision: String
        /// As git knows it, for the plan; `nil`: it is not asked for again.
        package var commit: String?
        package var desired: DesiredState
        /// Images that no other tag needs are deleted; else the tags alone go.
        package var deletes: Bool
        /// Registries that only the earlier specs use: as they are declared today, or by their host alone.
        package let registries: [RegistryID: RegistryDeclaration]

        /// `declared`: what the specs at hand declare, used or not.
        package init(
            revision: String,
            commit: String? = nil,
            desired: DesiredState,
            deletes: Bool,
            declared: some Sequence<RegistryDeclaration> = []
        ) {
            self.revision = revision
            self.commit = commit
            self.desired = desired
            self.deletes = deletes
            let today = Dictionary(declared.map { ($0.id, $0) }, uniquingKeysWith: { first, _ in first })
            var registries = desired.registries.filter { $0.value.alias == nil }
            for id in desired.registries.keys { if let declaration = today[id] { registries[id] = declaration } }
            self.registries = registries
        }
    }
}

/// What planning came to. Nothing may be applied or saved when there are refusals or errors.
package struct PlanResult: Sendable {
    package var plan: Plan
    package var refusals: [Refusal]
    /// In reading order.
    package var diagnostics: [Diagnostic]
    /// What an apply would read of each source. It stands beside the plan: it binds nothing, and depends on what has been read already.
    package var pulls: [PullEstimate] = []

    package init(plan: Plan, refusals: [Refusal] = [], diagnostics: [Diagnostic] = []) {
        self.plan = plan
        self.refusals = refusals
        self.diagnostics = diagnostics
    }
}

/// Decides what has to change. Pure: it says what it lacks instead of reading it, and the same answers give the same plan.
package struct Planner {
    package enum Step: Sendable {
        /// More must be known. Questions that were answered already are not asked again.
        case needs(QuestionSet)
        case result(PlanResult)
    }

    private let desired: DesiredState
    private let policy: Policy
    private let options: PlanningOptions
    /// The last run, as far as it lacked nothing: answers never change, so that these stages would come to the same again.
    private var kept: (stages: Int, run: PlanningRun)?
    private let keeps: Bool
    private var knownFacts = 0

    package init(_ desired: DesiredState, policy: Policy, options: PlanningOptions = PlanningOptions()) {
        self.init(desired, policy, options, keeps: true)
    }

    private init(_ desired: DesiredState, _ policy: Policy, _ options: PlanningOptions, keeps: Bool) {
        self.desired = desired
        self.policy = policy
        self.options = options
        self.keeps = keeps
    }

    /// One step with what is known so far. Call again with more answers, and all the earlier ones, until it gives a result.
    package mutating func step(_ facts: Facts) -> Step {
        // What this version cannot do is refused before any registry is contacted.
        guard desired.unavailable.isEmpty else {
            return .result(PlanResult(plan: Plan(source: .workspace), diagnostics: desired.unavailable.inReadingOrder()))
        }
        if facts.count < knownFacts { kept = nil }
        knownFacts = facts.count
        var run = kept?.run ?? PlanningRun(desired, policy, options)
        run.facts = facts
        for (number, stage) in Self.firstStages.enumerated().dropFirst(kept?.stages ?? 0) {
            stage(&run)
            guard keeps, run.needs.isEmpty else { continue }
            kept = (number + 1, run)
            // Who learns more changes the facts in place; nobody else may hold them.
            kept?.run.facts = Facts()
        }
        for stage in Self.lastStages { stage(&run) }
        guard run.needs.isEmpty else { return .needs(run.needs) }
        kept = nil
        return .result(run.assemble())
    }

    /// One step by itself.
    package static func step(_ desired: DesiredState, policy: Policy, facts: Facts, options: PlanningOptions = PlanningOptions()) -> Step {
        var planner = Planner(desired, policy, options, keeps: false)
        return planner.step(facts)
    }

    private typealias Stage = @Sendable (inout PlanningRun) -> Void

    /// What a plan goes through. A stage may ask; those behind it go on with what is known, and ask as well.
    private static let firstStages: [Stage] = [
        { $0.recallEarlierRevision() },  // with `--removed-since`: what was declared then
        { $0.declareEverything() },  // sources, as they will stand → which content every tag shall lead to
        { $0.compareTargets() },  // declared tags against live ones → puts
        { $0.moveUntagged() },  // `moved`: what no tag leads to → more puts
        { $0.bringBack() },  // an undo's images without a tag → more puts
        { $0.findReferrerJobs() },  // which images' referrers go along
        { $0.carryReferrers() },  // signatures, attestations and SBOMs → more puts
        { $0.planNamespaces() },  // where they are objects of their own → namespaces and retention
        { $0.planRemovals() },  // `absent`, `moved`, `prune` and the like → untags and deletes, decided on the repository's graph
    ]

    /// These look at little, or ask little; to keep one costs a copy of what the next one changes.
    private static let lastStages: [Stage] = [
        { $0.repairPlaceholders() },  // tags that an untag which was killed left on a placeholder → finished, or put back
        { $0.planBackups() },  // `policy.backup` → puts of what would lose its place
        { $0.restoreFromTrash() },  // puts of what a registry's trash holds → restores
        { $0.describeUndo() },  // the way back of what other changes stand in the way of
        { $0.estimate() },  // sizes and platforms, for people
        { $0.describeRemovals() },  // what else goes or stays, for people; an index that was hidden keeps its images
        { $0.checkQuotas() },  // what would be stored and pulled, against the accounts' quotas
        { if $0.needs.isEmpty { $0.checkInUse() } },  // what runs somewhere stays; asked only of what is sure to be removed
        { if $0.needs.isEmpty { $0.orderChanges() } },  // edges: sources first, removals last
        { if $0.needs.isEmpty { $0.applyPolicy() } },  // protect, immutable, limits (which may ask how many tags there are), owners
    ]
}
