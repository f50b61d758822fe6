package import Logging
package import Planning
package import Registry

/// What a run of the planner says: the result, or what it must know first.
package enum InspectionStep<Outcome: Sendable>: Sendable {
    case needs(QuestionSet)
    case result(Outcome)
}

/// How far the questions are.
package struct InspectionProgress: Hashable, Sendable {
    package var asked: Int
    package var answered: Int
}

/// Why there is no result. What could not be read is not among it: that is an answer.
package enum InspectionFailure: Error, Hashable, Sendable {
    case cancelled
    /// The planner asks for nothing but what it was told already: a defect.
    case stuck
}

/// Answers the planner's questions: each once per run, many at a time. Decides nothing; the result depends on the answers alone.
package struct Inspector: Sendable {
    private let reader: QuestionReader
    private let parallelism: Int
    private let logger: Logger
    private let onProgress: (@Sendable (InspectionProgress) -> Void)?

    /// `parallelism` bounds the tasks that ask at once; how many requests one host takes is its registry's business. `onProgress` is called
    /// from time to time.
    package init(
        registries: any RegistryDirectory,
        contents: any ContentSource,
        cache: ManifestCache?,
        parallelism: Int = 64,
        logger: Logger,
        onProgress: (@Sendable (InspectionProgress) -> Void)? = nil
    ) {
        reader = QuestionReader(registries: registries, contents: contents, cache: cache)
        self.parallelism = parallelism
        self.logger = logger
        self.onProgress = onProgress
    }

    /// In runs of the planner, which looks at all that is known each time: it takes at most a quarter of the time.
    private static let leastPause = 3
    private static let progressPause = Duration.milliseconds(100)

    /// Calls `step` with what is known, until it has a result. Questions still open then are dropped.
    package func answer<Outcome: Sendable>(step: (Facts) -> InspectionStep<Outcome>) async throws(InspectionFailure) -> Outcome {
        let result = await withTaskGroup(of: Void.self) { group -> Result<Outcome, InspectionFailure> in
            defer { group.cancelAll() }
            let work = InspectionWork(parallelism: parallelism) { [reader] in reader.largestBatch($0) }
            reportProgress(of: work, in: &group)
            while !Task.isCancelled {
                let begin = ContinuousClock.now
                let questions: QuestionSet
                switch step(work.beginPlanning()) {
                case .result(let outcome): return .success(outcome)
                case .needs(let asked): questions = asked
                }
                let pause = begin.duration(to: .now) * Self.leastPause
                guard work.endPlanning(asking: questions, pause: pause) else { return .failure(.stuck) }
                var alarm: ContinuousClock.Instant?
                while case let delay = work.delay(), delay != .zero, !Task.isCancelled {
                    while let batch = work.start() { ask(batch, work, in: &group) }
                    // A slow answer must not hold up the next run.
                    if let delay, alarm.map({ $0 <= .now }) ?? true {
                        alarm = .now + delay
                        group.addTask { try? await Task.sleep(for: delay) }
                    }
                    await group.next()
                }
            }
            return .failure(.cancelled)
        }
        reader.cache?.trim()
        return try result.get()
    }

    /// One question by itself, for what no planner asks.
    package func answer(_ question: Question) async -> Answer { await reader.answer(question) }

    /// In a task of its own: who shows it may have to wait for a terminal.
    private func reportProgress(of work: InspectionWork, in group: inout TaskGroup<Void>) {
        guard let onProgress else { return }
        group.addTask {
            var last: InspectionProgress?
            while (try? await Task.sleep(for: Self.progressPause)) != nil {
                let progress = work.progress
                if progress != last { onProgress(progress) }
                last = progress
            }
        }
    }

    /// Asks one after the other in a task of its own, or one repository's together.
    private func ask(_ first: QuestionBatch, _ work: InspectionWork, in group: inout TaskGroup<Void>) {
        let executor = reader.requestExecutor(of: first.questions[0].registry)
        // What has no place of its own must not take that of small requests.
        let elsewhere = executor == nil ? nil : globalConcurrentExecutor
        group.addTask(executorPreference: executor) { [reader, logger] in
            var batch = first
            while !Task.isCancelled {
                let questions = batch.questions
                let answers: [Answer]
                if let place = reader.executor(for: questions) ?? elsewhere {
                    answers = await withTaskExecutorPreference(place) { await reader.answers(to: questions) }
                } else {
                    answers = await reader.answers(to: questions)
                }
                for case .unreadable(let error) in answers { logger.debug("could not read", metadata: ["error": "\(error)"]) }
                guard let next = work.finish(batch, answers) else { return }
                batch = next
            }
        }
    }
}
