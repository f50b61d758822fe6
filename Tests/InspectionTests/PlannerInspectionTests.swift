import Inspection
import Logging
import OCI
import Planning
import Registry
import RegistryTestSupport
import Synchronization
import Testing

/// The planner's own questions, answered by registries in memory.
@Suite struct PlannerInspectionTests {
    private func address(_ registry: InMemoryRegistry, _ name: String) throws -> RepositoryAddress {
        RepositoryAddress(registry.id, try RepositoryName(name))
    }

    /// A source with versions, referrers and companion tags; two targets, of which one holds some of it and something to remove.
    private func world() throws -> (registries: [InMemoryRegistry], desired: DesiredState) {
        let source = try InMemoryRegistry(host: "source.example")
        let targets = [try InMemoryRegistry(host: "one.example"), try InMemoryRegistry(host: "two.example", features: [.deleteTag])]
        let app = try RepositoryName("team/app")
        for version in 0..<6 {
            let sample = try Samples.multiPlatform(seed: UInt64(version), attestations: version % 2 == 0)
            try source.seed(sample, tags: ["1.\(version).0"], in: app)
            try source.seed(Samples.referrer(to: sample.root.descriptor, seed: UInt64(version)), in: app)
            let signature = try Samples.cosignSignature(of: sample.digest)
            source.update { $0.seed(signature.sample, tags: [signature.tag], in: app) }
            if version < 3 { try targets[0].seed(sample, tags: ["1.\(version).0", "pr-\(version)"], in: app) }
        }
        var desired = DesiredState()
        for registry in [source] + targets { desired.registries[registry.id] = RegistryDeclaration(id: registry.id) }
        desired.copies = [
            CopyEntry(
                origin: Origin(file: "a.yaml", line: 1),
                scope: .repository(from: try address(source, "team/app"), to: try targets.map { try address($0, "team/app") }.sorted()),
                selector: TagSelector(base: .all, semver: try VersionRange(">=1.1"), newest: .init(count: 4, ranking: .version))
            )
        ]
        desired.images = [
            ImageEntry(
                origin: Origin(file: "a.yaml", line: 5),
                source: .reference(try address(targets[0], "team/app"), .tag(try TagName("1.5.0"))),
                targets: try targets.map { try address($0, "team/stable") }.sorted(),
                tags: [try TagName("stable")]
            )
        ]
        desired.absences = [
            AbsenceEntry(
                origin: Origin(file: "a.yaml", line: 9),
                scopes: [RepositoryPattern(registry: targets[0].id, path: Glob("team/app"))],
                what: .tags(Glob("pr-*"))
            )
        ]
        return ([source] + targets, desired)
    }

    private func plan(_ world: (registries: [InMemoryRegistry], desired: DesiredState), parallelism: Int) async throws -> PlanResult {
        let inspector = Inspector(
            registries: InMemoryDirectory(world.registries),
            contents: NoContents(),
            cache: nil,
            parallelism: parallelism,
            logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
        )
        var planner = Planner(world.desired, policy: Policy())
        return try await inspector.answer { facts in
            switch planner.step(facts) {
            case .needs(let questions): .needs(questions)
            case .result(let result): .result(result)
            }
        }
    }

    @Test(arguments: [1, 64], 0..<2 as Range<UInt64>)
    func `the plan has the same bytes for any parallelism and any order of the answers`(parallelism: Int, seed: UInt64) async throws {
        let plain = try world()
        let expected = try await plan(plain, parallelism: 8)
        try #require(expected.refusals.isEmpty)
        try #require(expected.diagnostics.isEmpty, "\(expected.diagnostics)")
        #expect(expected.plan.changes.count > 15)
        let shuffled = try world()
        let generator = Mutex(SeededGenerator(seed: seed))
        for registry in shuffled.registries {
            registry.setHook { _, _ throws(RegistryError) in
                let turns = generator.withLock { Int.random(in: 0..<20, using: &$0) }
                for _ in 0..<turns { await Task.yield() }
            }
        }
        let result = try await plan(shuffled, parallelism: parallelism)
        #expect(try PlanFile.encode(result.plan).bytes == PlanFile.encode(expected.plan).bytes)
        for registry in shuffled.registries {
            #expect(registry.writeCount == 0)
            let requests = registry.operations.filter { $0.kind != .blobPiece && $0.kind != .capability }
            #expect(Set(requests).count == requests.count)
        }
    }
}
