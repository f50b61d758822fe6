internal import OCI
internal import Planning
internal import Synchronization

/// What a run of the inspector knows and still has to ask, shared by the tasks that ask.
///
/// A task goes on from one batch of questions to the next by itself, also while the planner runs. It ends when there is nothing to start, and one
/// ends when the planner has become worth another run, since the others may take long.
final class InspectionWork: Sendable {
    private struct State: Sendable {
        var facts = Facts()
        var schedule: QuestionSchedule
        var isPlanning = false
        /// Answers that came while the planner held the facts: a change would copy them.
        var arrived: [(Question, Answer)] = []
        /// The planner's last run.
        var lastRun = ContinuousClock.now
        /// The planner does not run again before.
        var pauseEnd = ContinuousClock.now
        var roundEnd: ContinuousClock.Instant?
        /// A task has ended since the round is over.
        var hasCalled = false

        /// How long until the planner should run if no more answers come; `nil`: that depends on answers alone. What is still under way
        /// when a round is over gets a fifth of the round's time, since each run looks at everything that is known.
        mutating func delay() -> Duration? {
            if schedule.outstanding == 0 { return .zero }
            guard schedule.isRoundOver else { return nil }
            let now = ContinuousClock.now
            let end = roundEnd ?? now
            roundEnd = end
            return max(.zero, now.duration(to: max(pauseEnd, end + lastRun.duration(to: end) / 5)))
        }
    }

    private let state: Mutex<State>

    init(parallelism: Int, largestBatch: @escaping @Sendable (RegistryID?) -> Int) {
        state = Mutex(State(schedule: QuestionSchedule(parallelism: parallelism, largestBatch: largestBatch)))
    }

    /// Everything known, for one run of the planner. `endPlanning` must follow, when nobody else holds the facts any more.
    func beginPlanning() -> Facts {
        state.withLock { state in
            state.isPlanning = true
            return state.facts
        }
    }

    /// Takes in what the planner asks for. False: it asks for nothing but what it was told.
    func endPlanning(asking questions: QuestionSet, pause: Duration) -> Bool {
        state.withLock { state in
            let isOutdated = !state.arrived.isEmpty
            for (question, answer) in state.arrived { state.facts.record(answer, to: question) }
            state.arrived = []
            state.isPlanning = false
            state.schedule.add(state.facts.unanswered(questions))
            state.lastRun = .now
            state.pauseEnd = state.lastRun + pause
            state.roundEnd = nil
            state.hasCalled = false
            return state.schedule.outstanding > 0 || isOutdated
        }
    }

    /// Questions for another task; `nil`: no more may be started now.
    func start() -> QuestionBatch? { state.withLock { $0.schedule.next() } }

    /// How long until the planner should run if no more answers come; `nil`: that depends on answers alone.
    func delay() -> Duration? { state.withLock { $0.delay() } }

    var progress: InspectionProgress {
        state.withLock { InspectionProgress(asked: $0.schedule.askedCount, answered: $0.facts.count + $0.arrived.count) }
    }

    /// Records the answers, one to each question. The next questions of the task that brings them; `nil`: it ends.
    func finish(_ batch: QuestionBatch, _ answers: [Answer]) -> QuestionBatch? {
        state.withLock { state in
            for (question, answer) in zip(batch.questions, answers) {
                if state.isPlanning { state.arrived.append((question, answer)) } else { state.facts.record(answer, to: question) }
            }
            state.schedule.finish(batch)
            if !state.isPlanning, !state.hasCalled, state.delay() != nil {
                state.hasCalled = true
                return nil
            }
            return state.schedule.next()
        }
    }
}
