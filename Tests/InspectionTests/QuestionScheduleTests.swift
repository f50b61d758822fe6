import OCI
import Planning
import Testing

@testable import Inspection

@Suite struct QuestionScheduleTests {
    private func questions(_ host: String, _ count: Int) throws -> Set<Question> {
        let registry = try RegistryID(host: host)
        return Set(try (0..<count).map { .tags(RepositoryAddress(registry, try RepositoryName("app\($0)"))) })
    }

    private func start(_ schedule: inout QuestionSchedule) -> [QuestionBatch] {
        var started: [QuestionBatch] = []
        while let batch = schedule.next() { started.append(batch) }
        return started
    }

    @Test func `one registry may take every place`() throws {
        var schedule = QuestionSchedule(parallelism: 8)
        schedule.add(QuestionSet(try questions("a.example", 20)))
        #expect(start(&schedule).count == 8)
    }

    @Test func `registries share the places`() throws {
        var schedule = QuestionSchedule(parallelism: 8)
        schedule.add(QuestionSet(try questions("a.example", 20).union(questions("b.example", 20))))
        let hosts = start(&schedule).flatMap(\.questions).map { $0.registry?.description }
        #expect(hosts.count { $0 == "a.example" } == 4)
        #expect(hosts.count { $0 == "b.example" } == 4)
    }

    @Test func `a busy registry leaves places for one that becomes busy later`() throws {
        var schedule = QuestionSchedule(parallelism: 8)
        let other = try questions("b.example", 1)
        schedule.add(QuestionSet(try questions("a.example", 20).union(other)))
        for batch in start(&schedule) where other.isSuperset(of: batch.questions) { schedule.finish(batch) }
        #expect(start(&schedule).count == 1)
        let later = try questions("b.example", 3)
        schedule.add(QuestionSet(later.subtracting(other)))
        #expect(Set(start(&schedule).flatMap(\.questions)) == later.subtracting(other))
    }

    @Test func `a question is started once`() throws {
        var schedule = QuestionSchedule(parallelism: 8)
        let asked = try questions("a.example", 3)
        schedule.add(QuestionSet(asked))
        let started = start(&schedule)
        schedule.add(QuestionSet(asked))
        #expect(schedule.outstanding == 3 && schedule.askedCount == 3)
        #expect(schedule.next() == nil)
        for batch in started { schedule.finish(batch) }
        #expect(schedule.outstanding == 0)
    }

    @Test func `each repository has its turn soon, and lists go first`() throws {
        let registry = try RegistryID(host: "a.example")
        let addresses = try (0..<3).map { RepositoryAddress(registry, try RepositoryName("app\($0)")) }
        let heads = try addresses.flatMap { address in
            try (0..<5).map { Question.head(address, .tag(try TagName("v\($0)"))) }
        }
        var schedule = QuestionSchedule(parallelism: 64)
        schedule.add(QuestionSet(heads + [.tags(addresses[0])]))
        let started = start(&schedule).flatMap(\.questions)
        #expect(started.first == .tags(addresses[0]))
        #expect(Set(started.dropFirst()) == Set(heads) && started.count == 16)
        #expect(Set(started[1...3].map(\.repository)) == Set(addresses))
    }

    @Test func `what is answered together is started together, each repository by itself`() throws {
        let registry = try RegistryID(layout: "./mirror")
        let addresses = try (0..<3).map { RepositoryAddress(registry, try RepositoryName("app\($0)")) }
        let heads = try addresses.flatMap { address in
            try (0..<5).map { Question.head(address, .tag(try TagName("v\($0)"))) }
        }
        let referrers = addresses.flatMap { address in (0..<3).map { Question.referrers(address, .sha256(of: [UInt8($0)])) } }
        var schedule = QuestionSchedule(parallelism: 64, largestBatch: { $0 == registry ? 4 : 1 })
        schedule.add(QuestionSet(heads + referrers + [.repositories(registry)]))
        let started = start(&schedule)
        let batches = started.map(\.questions)
        #expect(batches.count == 10 && batches.count { $0.count == 1 } == 4)
        #expect(batches.allSatisfy { $0.count <= 4 && Set($0.map(\.repository)).count == 1 })
        #expect(Set(batches.joined()) == Set(heads + referrers + [.repositories(registry)]) && schedule.outstanding == 25)
        for batch in started { schedule.finish(batch) }
        #expect(schedule.outstanding == 0)
    }

    @Test func `a batch takes one place`() throws {
        let registry = try RegistryID(layout: "./mirror")
        let addresses = try (0..<3).map { RepositoryAddress(registry, try RepositoryName("app\($0)")) }
        var schedule = QuestionSchedule(parallelism: 2, largestBatch: { _ in 10 })
        schedule.add(QuestionSet(try addresses.flatMap { address in try (0..<5).map { .head(address, .tag(try TagName("v\($0)"))) } }))
        #expect(start(&schedule).map(\.questions.count) == [5, 5])
        #expect(schedule.next() == nil)
    }

    @Test func `a round is over after a quarter of the questions`() throws {
        var schedule = QuestionSchedule(parallelism: 64)
        schedule.add(QuestionSet(try questions("a.example", 12).union(questions("b.example", 0))))
        let started = start(&schedule)
        schedule.finish(started[0])
        schedule.finish(started[1])
        #expect(!schedule.isRoundOver)
        schedule.finish(started[2])
        #expect(schedule.isRoundOver)
    }

    @Test func `a round is over when a quarter of the registries is done`() throws {
        var schedule = QuestionSchedule(parallelism: 64)
        let small = try questions("b.example", 1)
        schedule.add(QuestionSet(try questions("a.example", 40).union(small)))
        for batch in start(&schedule) where small.isSuperset(of: batch.questions) { schedule.finish(batch) }
        #expect(schedule.isRoundOver)
    }

    @Test func `no round is over while every registry that answered has questions waiting for a place`() throws {
        var schedule = QuestionSchedule(parallelism: 4)
        schedule.add(QuestionSet(try questions("a.example", 8)))
        var running = start(&schedule)
        for _ in 0..<4 {
            #expect(!schedule.isRoundOver)
            schedule.finish(running.removeFirst())
            running += start(&schedule)
        }
        #expect(schedule.isRoundOver)
    }

    @Test func `the planner runs less often than questions are answered`() throws {
        var schedule = QuestionSchedule(parallelism: 64)
        let count = 5000
        schedule.add(QuestionSet(try questions("a.example", count)))
        var runs = 1
        while schedule.outstanding > 0 {
            let next = schedule.next()
            schedule.finish(try #require(next))
            if schedule.isRoundOver {
                runs += 1
                schedule.add([])
            }
        }
        #expect(runs < 40)
    }
}
