internal import OCI
internal import Planning

/// Questions of one repository that a view of it answers, or one of any kind.
struct QuestionBatch: Sendable {
    let questions: [Question]
    /// The place of their registry's lane.
    fileprivate let lane: Int
}

/// Which question is asked next, and when the planner is worth another run. Pure: knows questions, no answers.
///
/// At most `parallelism` batches run at once. Among registries the one with the fewest running goes first, and one that has its fair
/// share already leaves a quarter of the places free, so that a slow host cannot take them all.
struct QuestionSchedule {
    private struct Lane {
        /// So many questions of one repository are started together at most.
        let largestBatch: Int
        /// Tags that wait, by repository; none is empty.
        var tags: [(address: RepositoryAddress, tags: [TagName])] = []
        /// Whose turn it is: repositories do not wait for each other.
        var turn = 0
        /// How many tags were taken in this turn, of how many. Each repository has a first turn soon, since it may need a token; later ones
        /// are longer, since what is kept of one repository stands close together in memory.
        var taken = 0
        var mostTaken = 1
        /// Other questions that wait. Most lead to further ones, so that they go first. What a view answers stands by repository.
        var others: [Question] = []
        var running = 0

        init(largestBatch: Int) {
            self.largestBatch = largestBatch
        }

        mutating func start() -> [Question] {
            running += 1
            if let question = others.popLast() {
                var batch = [question]
                guard largestBatch > 1, question.isForViews else { return batch }
                while batch.count < largestBatch, let next = others.last, next.isForViews, next.repository == question.repository {
                    batch.append(others.removeLast())
                }
                return batch
            }
            if turn >= tags.count { (turn, mostTaken) = (0, 16) }
            let address = tags[turn].address
            let batch = tags[turn].tags.suffix(largestBatch).map { Question.head(address, .tag($0)) }
            tags[turn].tags.removeLast(batch.count)
            taken += batch.count
            if tags[turn].tags.isEmpty {
                tags.swapAt(turn, tags.count - 1)
                tags.removeLast()
                taken = 0
            } else if taken >= mostTaken {
                turn += 1
                taken = 0
            }
            return batch
        }

        mutating func add(_ new: [Question]) {
            guard largestBatch > 1 else { return others += new }
            // What leads to further questions goes first, so it stands last.
            let byRepository = Dictionary(grouping: new.filter(\.isForViews), by: \.repository).values
            let most = byRepository.map(\.count).max() ?? 0
            // In turns: two tasks that look at one repository may wait for each other.
            for start in stride(from: 0, to: most, by: largestBatch) {
                for questions in byRepository { others += questions.dropFirst(start).prefix(largestBatch) }
            }
            others += new.filter { !$0.isForViews }
        }

        mutating func add(_ new: Set<TagName>, of address: RepositoryAddress) {
            tags.append((address, Array(new)))
            mostTaken = 1
        }

        var hasWaiting: Bool { !others.isEmpty || !tags.isEmpty }
        var isOpen: Bool { running > 0 || hasWaiting }
        /// An answer came since the planner's last run.
        var isNewer = false
    }

    private let parallelism: Int
    private let largestBatch: @Sendable (RegistryID?) -> Int
    /// What waits or runs.
    private var open = QuestionSet()
    private var lanes: [Lane] = []
    /// The place of each registry's lane; once given, it stays.
    private var places: [RegistryID?: Int] = [:]
    private var running = 0
    private var round = Round()

    /// What has changed since the planner's last run.
    private struct Round {
        var openQuestions = 0
        var openLanes = 0
        var answered = 0
        var closedLanes = 0
    }

    /// `largestBatch`: how many questions of one repository a registry answers together; 1 where each takes a request.
    init(parallelism: Int, largestBatch: @escaping @Sendable (RegistryID?) -> Int = { _ in 1 }) {
        self.parallelism = max(1, parallelism)
        self.largestBatch = largestBatch
    }

    /// Questions that were asked and are not answered yet.
    var outstanding: Int { open.count }

    private(set) var askedCount = 0

    /// Takes in what the planner asks for after its run, and has no answer to. What is asked already is not asked again.
    mutating func add(_ questions: QuestionSet) {
        let before = open.count
        var new: [Int: [Question]] = [:]
        for question in questions.others where open.insert(question) { new[lane(of: question.registry), default: []].append(question) }
        for (place, questions) in new { lanes[place].add(questions) }
        for (address, asked) in questions.tags {
            let new = open.tags[address].map { asked.subtracting($0) } ?? asked
            guard !new.isEmpty else { continue }
            open.insert(new, in: address)
            lanes[lane(of: address.registry)].add(new, of: address)
        }
        askedCount += open.count - before
        for place in lanes.indices { lanes[place].isNewer = false }
        round = Round(openQuestions: outstanding, openLanes: lanes.count { $0.isOpen })
    }

    private mutating func lane(of registry: RegistryID?) -> Int {
        if let place = places[registry] { return place }
        places[registry] = lanes.count
        lanes.append(Lane(largestBatch: largestBatch(registry)))
        return lanes.count - 1
    }

    /// The next questions to start; `nil` when none may start now.
    mutating func next() -> QuestionBatch? {
        let free = parallelism - running
        guard free > 0 else { return nil }
        let share = (parallelism + lanes.count - 1) / lanes.count
        let reserve = lanes.count > 1 ? max(1, parallelism / 4) : 0
        var choice: (place: Int, running: Int)?
        for place in lanes.indices {
            let running = lanes[place].running
            guard lanes[place].hasWaiting, running < share || free > reserve, running < choice?.running ?? .max else { continue }
            choice = (place, running)
        }
        guard let choice else { return nil }
        running += 1
        return QuestionBatch(questions: lanes[choice.place].start(), lane: choice.place)
    }

    /// What `next` gave is answered.
    mutating func finish(_ batch: QuestionBatch) {
        lanes[batch.lane].running -= 1
        lanes[batch.lane].isNewer = true
        running -= 1
        for question in batch.questions { open.remove(question) }
        round.answered += batch.questions.count
        if !lanes[batch.lane].isOpen { round.closedLanes += 1 }
    }

    /// Whether a quarter of the questions, or of the registries, that were open at the planner's last run are done, so that questions of
    /// one registry do not wait for another's. The more is known, the more must be new, since the planner looks at all of it; and while
    /// questions wait for a place at each registry that answered, more of them would only wait too.
    var isRoundOver: Bool {
        if outstanding == 0 { return true }
        let isMuch = round.answered * 4 >= round.openQuestions || (round.closedLanes > 0 && round.closedLanes * 4 >= round.openLanes)
        guard isMuch, round.answered * 20 >= askedCount - outstanding else { return false }
        return lanes.indices.contains { lanes[$0].isNewer && !lanes[$0].hasWaiting }
    }
}

extension Question {
    /// Whether a view of its repository answers it.
    var isForViews: Bool {
        switch self {
        case .head(_, .tag), .referrers: true
        default: false
        }
    }
}
