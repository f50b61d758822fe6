import Diagnostics
import OCI
import Planning
import RegistryTestSupport
import Testing

/// What planning in a world came to, and what it asked.
struct Planned {
    var plan: Plan
    var refusals: [Refusal]
    var diagnostics: [Diagnostic]
    /// Every question the planner asked for, in the run that is told everything at once.
    var asked: Set<Question>
    var pulls: [PullEstimate] = []

    var errors: [Diagnostic] { diagnostics.filter { $0.severity == .error } }
    var notes: [Diagnostic] { diagnostics.filter { $0.severity == .note } }
    var ids: [String] { plan.changes.map(\.id.description) }

    func change(_ id: String) throws -> Change { try #require(plan.changes.first { $0.id.description == id }, "no \(id) in \(ids)") }

    func position(_ id: String) throws -> Int {
        try #require(ChangeOrder.sorted(plan.changes).firstIndex { $0.id.description == id }, "no \(id) in \(ids)")
    }
}

/// How the planner is told what it asks.
enum Answering {
    case allAtOnce
    /// One question of those that are open, chosen at random.
    case oneAtATime(seed: UInt64)
}

struct Stuck: Error, CustomStringConvertible {
    var description: String
}

extension World {
    /// Plans, and checks that the order of the answers makes no difference, nor what the planner keeps from one step to the next.
    func plan(_ spec: SpecBuilder, sourceLocation: SourceLocation = #_sourceLocation) throws -> Planned {
        let planned = try plan(spec, answering: .allAtOnce)
        let bytes = try PlanFile.encode(planned.plan).bytes
        for seed in UInt64(1)...3 {
            let other = try plan(spec, answering: .oneAtATime(seed: seed))
            #expect(try PlanFile.encode(other.plan).bytes == bytes, "seed \(seed)", sourceLocation: sourceLocation)
            #expect(other.refusals == planned.refusals, "seed \(seed)", sourceLocation: sourceLocation)
            #expect(other.diagnostics == planned.diagnostics, "seed \(seed)", sourceLocation: sourceLocation)
        }
        return planned
    }

    func plan(_ spec: SpecBuilder, answering: Answering) throws -> Planned {
        var facts = Facts()
        var asked: Set<Question> = []
        var generator = SeededGenerator(seed: 1)
        if case .oneAtATime(let seed) = answering { generator = SeededGenerator(seed: seed) }
        var planner = Planner(spec.desired, policy: spec.policy, options: spec.options)
        for _ in 0..<5000 {
            let step =
                switch answering {
                case .allAtOnce: Planner.step(spec.desired, policy: spec.policy, facts: facts, options: spec.options)
                case .oneAtATime: planner.step(facts)
                }
            switch step {
            case .result(let result):
                return Planned(
                    plan: result.plan,
                    refusals: result.refusals,
                    diagnostics: result.diagnostics,
                    asked: asked,
                    pulls: result.pulls
                )
            case .needs(let questions):
                guard questions.allSatisfy({ facts[$0] == nil }), !questions.isEmpty else {
                    throw Stuck(description: "asks for what it was told: \(questions)")
                }
                switch answering {
                case .allAtOnce: for question in questions { facts.record(answer(question), to: question) }
                case .oneAtATime:
                    let question = questions.map { ("\($0)", $0) }.sorted { $0.0 < $1.0 }.randomElement(using: &generator)
                    if let question = question?.1 { facts.record(answer(question), to: question) }
                }
                asked.formUnion(questions)
            }
        }
        throw Stuck(description: "no end after 5000 rounds")
    }

    /// Plans without errors and refusals, applies, and checks that the next plan is empty. The world after it.
    @discardableResult
    func converge(_ spec: SpecBuilder, sourceLocation: SourceLocation = #_sourceLocation) throws -> (planned: Planned, after: World) {
        let planned = try plan(spec, sourceLocation: sourceLocation)
        #expect(planned.errors.isEmpty, sourceLocation: sourceLocation)
        #expect(planned.refusals.isEmpty, sourceLocation: sourceLocation)
        let decoded = try PlanFile.decode(PlanFile.encode(planned.plan).bytes).plan
        #expect(decoded == planned.plan, sourceLocation: sourceLocation)
        var after = self
        try after.apply(decoded)
        let next = try after.plan(spec, sourceLocation: sourceLocation)
        #expect(next.ids.isEmpty, sourceLocation: sourceLocation)
        #expect(next.errors.isEmpty, sourceLocation: sourceLocation)
        #expect(next.refusals.isEmpty, sourceLocation: sourceLocation)
        return (planned, after)
    }

    /// Plans the way back.
    func planUndo(
        of made: [MadeChange],
        _ registries: [RegistryID: RegistryDeclaration],
        _ policy: Policy,
        backup: BackupRule? = nil,
        moves: [MoveEntry] = []
    ) throws -> (undo: UndoPlan, planned: Planned) {
        var facts = Facts()
        for _ in 0..<100 {
            var needs = QuestionSet()
            switch UndoPlanner.step(made, registries: registries, backup: backup, moves: moves, facts: facts) {
            case .needs(let questions): needs = questions
            case .result(let undo):
                switch Planner.step(undo.desired, policy: policy, facts: facts) {
                case .needs(let questions): needs = questions
                case .result(let result):
                    let planned = Planned(
                        plan: result.plan,
                        refusals: result.refusals,
                        diagnostics: result.diagnostics,
                        asked: []
                    )
                    return (undo, planned)
                }
            }
            for question in needs { facts.record(answer(question), to: question) }
        }
        throw Stuck(description: "no end after 100 rounds")
    }
}
