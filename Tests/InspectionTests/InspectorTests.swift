import Glibc
import Inspection
import Logging
import OCI
import Planning
import Registry
import RegistryTestSupport
import Synchronization
import Testing

@Suite struct InspectorTests {
    private func inspector(
        _ registries: [InMemoryRegistry],
        contents: any ContentSource = NoContents(),
        cache: ManifestCache? = nil,
        parallelism: Int = 64
    ) -> Inspector {
        Inspector(
            registries: InMemoryDirectory(registries),
            contents: contents,
            cache: cache,
            parallelism: parallelism,
            logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
        )
    }

    /// Two registries with three repositories of four tags each; one repository cannot be listed, one is absent.
    private func world() throws -> (registries: [InMemoryRegistry], crawl: Crawl) {
        var addresses: [RepositoryAddress] = []
        let registries = try ["one.example", "two.example"].map { host in
            let registry = try InMemoryRegistry(host: host)
            for name in 0..<3 {
                let repository = try RepositoryName("team/app\(name)")
                for tag in 0..<4 {
                    try registry.seed(Samples.image(seed: UInt64(tag % 3 + name)), tags: ["v\(tag)"], in: repository)
                }
                addresses.append(RepositoryAddress(registry.id, repository))
            }
            return registry
        }
        addresses.append(RepositoryAddress(registries[0].id, try RepositoryName("team/gone")))
        let locked = try RepositoryName("team/locked")
        addresses.append(RepositoryAddress(registries[1].id, locked))
        let denied = RegistryError(.denied, action: "list", object: "\(locked)", status: 403, reason: "no")
        registries[1].failNext(.max, where: { $0.repository == locked }, with: denied)
        return (registries, Crawl(repositories: addresses))
    }

    @Test(arguments: [1, 2, 64], 0..<3 as Range<UInt64>)
    func `the result is the same for any parallelism and any order of the answers`(parallelism: Int, seed: UInt64) async throws {
        let (plain, crawl) = try world()
        let expected = try await inspector(plain).answer(step: crawl.step)
        let (shuffled, _) = try world()
        let generator = Mutex(SeededGenerator(seed: seed))
        for registry in shuffled {
            registry.setHook { _, _ throws(RegistryError) in
                let turns = generator.withLock { Int.random(in: 0..<20, using: &$0) }
                for _ in 0..<turns { await Task.yield() }
            }
        }
        let result = try await inspector(shuffled, parallelism: parallelism).answer(step: crawl.step)
        #expect(result == expected)
        #expect(result.count == 2 * 3 * 4 + 2)
        #expect(result.contains { $0.hasSuffix("absent") })
        #expect(result.contains { $0.hasSuffix("denied") })
    }

    @Test func `no question is asked twice`() async throws {
        let (registries, crawl) = try world()
        _ = try await inspector(registries).answer(step: crawl.step)
        for registry in registries {
            let requests = registry.operations.filter { $0.kind != .blobPiece }
            #expect(Set(requests).count == requests.count)
        }
    }

    @Test func `no more questions than the parallelism are under way`() async throws {
        let (registries, crawl) = try world()
        let running = Mutex((now: 0, most: 0))
        for registry in registries {
            registry.setHook { operation, _ throws(RegistryError) in
                guard operation.kind != .blobPiece else { return }
                running.withLock {
                    $0.now += 1
                    $0.most = max($0.most, $0.now)
                }
                for _ in 0..<10 { await Task.yield() }
                running.withLock { $0.now -= 1 }
            }
        }
        _ = try await inspector(registries, parallelism: 3).answer(step: crawl.step)
        #expect(running.withLock { $0.most } == 3)
    }

    @Test func `questions go on while the planner runs`() async throws {
        let (one, many) = (try InMemoryRegistry(host: "one.example"), try InMemoryRegistry(host: "many.example"))
        func questions(_ registry: InMemoryRegistry, _ count: Int) throws -> [Question] {
            try (0..<count).map { .tags(RepositoryAddress(registry.id, try RepositoryName("team/app\($0)"))) }
        }
        let asked = try QuestionSet(questions(one, 1) + questions(many, 40))
        let isHeld = Mutex(true)
        // What waits is answered only during the second run.
        many.setHook { _, _ throws(RegistryError) in
            while isHeld.withLock({ $0 }) { await Task.yield() }
        }
        var runs = 0
        let answered: Int = try await inspector([one, many], parallelism: 4).answer { facts in
            runs += 1
            if runs == 2 {
                isHeld.withLock { $0 = false }
                let end = ContinuousClock.now + .seconds(20)
                while many.requestCount < 40, ContinuousClock.now < end { sched_yield() }
            }
            return runs < 2 || facts.count < asked.count ? .needs(asked) : .result(many.requestCount)
        }
        #expect(answered == 40)
        #expect(runs == 3)
    }

    @Test func `a registry that hangs does not hold up another`() async throws {
        let slow = try InMemoryRegistry(host: "slow.example")
        let fast = try InMemoryRegistry(host: "fast.example")
        let repository = try RepositoryName("team/app")
        try fast.seed(Samples.image(), tags: ["v1"], in: repository)
        let (release, gate) = AsyncStream<Void>.makeStream()
        let gateIsOpen = Mutex(false)
        slow.setHook { _, _ throws(RegistryError) in
            while !gateIsOpen.withLock({ $0 }) { await Task.yield() }
        }
        fast.setHook { operation, _ throws(RegistryError) in if operation.kind == .blob { gate.finish() } }
        let names = try (0..<20).map { RepositoryAddress(slow.id, try RepositoryName("team/slow\($0)")) }
        let crawl = Crawl(repositories: names + [RepositoryAddress(fast.id, repository)])
        // The slow registry answers only once the fast one has been asked its last question.
        async let opened: Void = {
            for await _ in release {}
            gateIsOpen.withLock { $0 = true }
        }()
        let result = try await inspector([slow, fast], parallelism: 4).answer(step: crawl.step)
        await opened
        #expect(result.count == 21)
    }

    @Test func `only an answer of absence is absence`() async throws {
        let registry = try InMemoryRegistry()
        let repository = try RepositoryName("team/app")
        let address = RepositoryAddress(registry.id, repository)
        let unknown = RepositoryAddress(try RegistryID(host: "unknown.example"), repository)
        let absentHead = Question.head(address, .tag(try TagName("gone")))
        let unreadable = Question.tags(address)
        let unavailable = RegistryError(.unavailable, action: "list", object: "x", status: 503, reason: "")
        registry.failNext(.max, where: { $0.kind == .tags }, with: unavailable)
        let missing = Question.content(.archive(path: "gone.tar", image: nil))
        let questions = [absentHead, unreadable, .tags(unknown), missing]
        let answers = try await inspector([registry]).answer { facts -> InspectionStep<[Answer]> in
            facts.count < questions.count ? .needs(QuestionSet(questions)) : .result(questions.compactMap { facts[$0] })
        }
        #expect(answers[0] == .absent)
        #expect(answers[1] == .unreadable(unavailable))
        guard case .unreadable(let error) = answers[2] else {
            Issue.record("an unknown registry was read")
            return
        }
        #expect(error.code == .unsupported)
        #expect(answers[3] == .absent)
    }

    @Test func `a result drops the questions that are still open`() async throws {
        let registry = try InMemoryRegistry()
        registry.setHook { operation, _ throws(RegistryError) in
            if operation.repository?.description == "slow" {
                while !Task.isCancelled { await Task.yield() }
            }
        }
        let quick = Question.tags(RepositoryAddress(registry.id, try RepositoryName("quick")))
        let slow = Question.tags(RepositoryAddress(registry.id, try RepositoryName("slow")))
        let answer = try await inspector([registry]).answer { facts -> InspectionStep<Answer> in
            facts[quick].map { .result($0) } ?? .needs([quick, slow])
        }
        #expect(answer == .absent)
    }

    @Test func `cancelling ends the run`() async throws {
        let registry = try InMemoryRegistry()
        let (started, start) = AsyncStream<Void>.makeStream()
        registry.setHook { _, _ throws(RegistryError) in
            start.finish()
            while !Task.isCancelled { await Task.yield() }
        }
        let inspector = inspector([registry])
        let crawl = Crawl(repositories: [RepositoryAddress(registry.id, try RepositoryName("team/app"))])
        await withTaskGroup(of: Result<[String], InspectionFailure>.self) { group in
            group.addTask {
                do throws(InspectionFailure) { return .success(try await inspector.answer(step: crawl.step)) } catch {
                    return .failure(error)
                }
            }
            for await _ in started {}
            group.cancelAll()
            #expect(await group.next() == .failure(.cancelled))
        }
    }

    @Test func `a planner that asks only what it knows is stopped`() async throws {
        let registry = try InMemoryRegistry()
        let question = Question.tags(RepositoryAddress(registry.id, try RepositoryName("team/app")))
        await #expect(throws: InspectionFailure.stuck) {
            try await inspector([registry]).answer { _ -> InspectionStep<Int> in .needs([question]) }
        }
    }

    @Test func `what was cached is not read again`() async throws {
        try await withCache { cache, _ in
            let (cold, crawl) = try world()
            let first = try await inspector(cold, cache: cache).answer(step: crawl.step)
            let (warm, _) = try world()
            let second = try await inspector(warm, cache: cache).answer(step: crawl.step)
            #expect(first == second)
            #expect(cold.reduce(0) { $0 + $1.count(.manifest) } > 0)
            #expect(warm.allSatisfy { $0.count(.manifest) == 0 && $0.count(.blob) == 0 })
        }
    }

    @Test(arguments: [Fault.digest, .short, .long, .huge])
    func `a config that is not what its manifest says is unreadable`(fault: Fault) async throws {
        let registry = try InMemoryRegistry()
        let repository = try RepositoryName("team/app")
        let sample = try Samples.image()
        try registry.seed(sample, tags: ["v1"], in: repository)
        var descriptor = try #require(sample.root.image?.config)
        switch fault {
        case .digest:
            registry.update { $0.repositories[repository]?.blobs[descriptor.digest]?[0] ^= 1 }
        case .short: descriptor.size += 1
        case .long: descriptor.size -= 1
        case .huge: descriptor.size = 9 << 20
        }
        let question = Question.config(RepositoryAddress(registry.id, repository), descriptor)
        let answer = try await inspector([registry]).answer { facts -> InspectionStep<Answer> in
            facts[question].map { .result($0) } ?? .needs([question])
        }
        guard case .unreadable(let error) = answer else {
            Issue.record("it was taken: \(answer)")
            return
        }
        #expect(error.code == (fault == .huge ? .unsupported : .corrupt))
    }

    enum Fault: CaseIterable, Sendable { case digest, short, long, huge }
}
