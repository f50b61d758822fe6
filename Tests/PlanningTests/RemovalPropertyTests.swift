import Diagnostics
import FoundationEssentials
import OCI
import Planning
import RegistryTestSupport
import Testing

/// Random repositories and random specs: what was to stay stays whole. The oracle below knows nothing of how the planner decides.
@Suite(.timeLimit(.minutes(10))) struct RemovalPropertyTests {
    private static let names = ["us/app/r0", "us/app/r1", "us/other/r2"]
    private static let today: Int64 = 20_000

    @Test func `whatever is removed, what was to stay resolves whole, and nothing outside the scope changes`() throws {
        var distribution = Distribution()
        let isLong = ProcessInfo.processInfo.environment["CRPLAN_LONG"] == "1"
        let count = isLong ? 10_000 : 500
        for seed in 1...UInt64(count) {
            var random = RandomCase(seed: seed)
            let world = try random.world()
            let spec = try random.spec()
            let planned = try world.plan(spec, answering: .allAtOnce)
            guard planned.errors.isEmpty, planned.refusals.isEmpty else {
                distribution.refused += 1
                continue
            }
            var after = world
            do {
                try after.apply(planned.plan)
            } catch {
                Issue.record("seed \(seed): \(error)")
                continue
            }
            let oracle = Oracle(before: world, after: after)
            for problem in try oracle.problems(random.mayGo) { Issue.record("seed \(seed): \(problem)") }
            let next = try after.plan(spec, answering: .allAtOnce)
            #expect(next.ids.isEmpty, "seed \(seed): \(next.ids)")
            distribution.count(planned, oracle)
            try expectUndone(planned.plan, world, after, seed: seed)
        }
        print("removals of \(count) graphs: \(distribution)")
        #expect(distribution.removing * 2 >= count - distribution.refused)
        #expect(distribution.sparing * 5 >= count - distribution.refused)
    }

    /// The way back restores every tag, where nothing went for good.
    private func expectUndone(_ plan: Plan, _ before: World, _ after: World, seed: UInt64) throws {
        guard plan.changes.allSatisfy(\.undo.isPossible) else { return }
        let made = ChangeOrder.sorted(plan.changes).enumerated().map { MadeChange($1, origin: Origin(file: "journal", line: $0 + 1)) }
        let registries = Dictionary(
            Set(made.map(\.target.registry)).map { ($0, RegistryDeclaration(id: $0)) },
            uniquingKeysWith: { first, _ in first }
        )
        var policy = Policy()
        policy.allowTakingBack()
        let (_, planned) = try after.planUndo(of: made, registries, policy)
        #expect(planned.errors.isEmpty && planned.refusals.isEmpty, "seed \(seed): \(planned.errors) \(planned.refusals)")
        var back = after
        try back.apply(planned.plan)
        for name in Self.names {
            let address = try Names.repository(name)
            #expect(back.repositories[address]?.tags ?? [:] == before.repositories[address]?.tags ?? [:], "seed \(seed): \(name)")
        }
    }

    private struct Distribution: CustomStringConvertible {
        var refused = 0
        var removing = 0
        /// Something was removed beside an image that an index or a subject needs.
        var sparing = 0
        var untags = 0
        var deletes = 0

        mutating func count(_ planned: Planned, _ oracle: Oracle) {
            let removals = planned.plan.changes.filter(\.isRemoval)
            if !removals.isEmpty { removing += 1 }
            if !removals.isEmpty, oracle.hasLinks { sparing += 1 }
            untags += removals.count { $0.kind == .untag }
            deletes += removals.count { $0.kind == .delete }
        }

        var description: String {
            "\(removing) remove something (\(untags) untags, \(deletes) deletes), \(sparing) of them beside shared children or referrers that stay; "
                + "\(refused) refused"
        }
    }

    /// One case, made from its seed alone.
    private struct RandomCase {
        private var generator: SeededGenerator
        /// What the spec may take, by its words alone.
        private(set) var mayGo = Allowance()

        init(seed: UInt64) {
            generator = SeededGenerator(seed: seed)
        }

        private mutating func chance(_ percent: Int) -> Bool { Int.random(in: 0..<100, using: &generator) < percent }
        private mutating func number(_ range: ClosedRange<Int>) -> Int { Int.random(in: range, using: &generator) }

        mutating func world() throws -> World {
            var world = World()
            if chance(50) { world.listsDigests = [try Names.registry("us")] }
            for (place, name) in RemovalPropertyTests.names.enumerated() {
                var images: [Sample] = []
                for image in 0..<number(2...5) {
                    let sample = try Samples.image(seed: UInt64(place * 100 + image))
                    images.append(sample)
                    let age = Int64(number(0...60))
                    let tags = chance(60) ? ["\(["pr", "v"][number(0...1)])-\(image)"] : []
                    try world.add(sample, to: name, tags: tags, created: (RemovalPropertyTests.today - age) * 86_400)
                }
                var indexes: [Sample] = []
                for index in 0..<number(0...3) {
                    var parts = images.filter { _ in chance(50) }
                    if let inner = indexes.last, chance(30) { parts.append(inner) }
                    guard !parts.isEmpty else { continue }
                    let sample = try Samples.index(of: parts, annotations: ["number": "\(place)-\(index)"])
                    indexes.append(sample)
                    // Of an untagged index only a registry that lists its images can tell.
                    let isTagged = world.listsDigests.isEmpty || chance(75)
                    try world.add(sample, to: name, tags: isTagged ? ["\(["pr", "v"][number(0...1)])-index\(index)"] : [])
                }
                for (place, subject) in (images + indexes).enumerated() where chance(30) {
                    let signature = try Samples.referrer(to: subject.descriptor, seed: UInt64(1000 + place))
                    try world.add(signature, to: name)
                    if chance(30) { try world.add(Samples.referrer(to: signature.descriptor, seed: UInt64(2000 + place)), to: name) }
                }
                if let signed = images.first, chance(20) {
                    let (tag, signature) = try Samples.cosignSignature(of: signed.digest)
                    try world.add(signature, to: name, tags: [tag.description])
                }
            }
            return world
        }

        mutating func spec() throws -> SpecBuilder {
            var spec = SpecBuilder()
            spec.policy.limits.deletions = nil
            spec.policy.limits.repositoryShare = nil
            spec.countAges(fromDay: RemovalPropertyTests.today)
            let us = try Names.registry("us")
            spec.desired.registries[us] = RegistryDeclaration(id: us)
            if chance(40) {
                let tag = "pr-\(number(0...4))"
                try spec.absent("us/app/r0:\(tag)")
                mayGo.add("us/app/r0", [Glob(tag)])
            }
            if chance(30) {
                try spec.absent("us/app/r1:pr-*")
                mayGo.add("us/app/r1", [Glob("pr-*")])
            }
            if chance(70) {
                let rule: PruneRule = chance(50) ? .delete : .untag
                let globs = chance(60) ? ["pr-*"] : ["*"]
                try spec.prune("us/app/*", rule, match: globs, keepNewest: chance(30) ? 1 : nil, olderThan: chance(40) ? 10 : nil)
                for name in RemovalPropertyTests.names.prefix(2) { mayGo.add(name, globs.map { Glob($0) }) }
            }
            if chance(30) {
                try spec.move(from: "us/app/r1", to: "us/app/moved")
                mayGo.add("us/app/r1", [Glob("*")])
                mayGo.moved = true
            }
            return spec
        }
    }

    /// Which tags the words of a spec let go.
    private struct Allowance {
        private var globs: [String: [Glob]] = [:]
        var moved = false

        mutating func add(_ name: String, _ new: [Glob]) { globs[name, default: []] += new }

        func covers(_ name: String, _ tag: TagName) -> Bool {
            if moved, name == "us/app/r1" { return true }
            return tag.companion == nil && (globs[name] ?? []).contains { $0.matches(tag.description) }
        }

        func mayTouch(_ name: String) -> Bool { globs[name] != nil }
    }

    /// Compares a world with the one before, by what registries serve alone.
    private struct Oracle {
        var before: World
        var after: World

        /// Whether something leads from one manifest to another.
        var hasLinks: Bool {
            after.repositories.values.contains { repository in
                repository.manifests.values.contains { $0.index != nil || $0.subject != nil }
            }
        }

        func problems(_ mayGo: Allowance) throws -> [String] {
            var problems: [String] = []
            for name in RemovalPropertyTests.names {
                let address = try Names.repository(name)
                let (old, new) = (before.repositories[address] ?? World.Repository(), after.repositories[address] ?? World.Repository())
                if !mayGo.mayTouch(name), old != new { problems.append("\(name) is outside every scope, and has changed") }
                for (tag, digest) in old.tags where new.tags[tag] != digest {
                    if !mayGo.covers(name, tag) { problems.append("\(name):\(tag) was to stay") }
                    if new.tags[tag] != nil { problems.append("\(name):\(tag) was moved") }
                }
                // Whatever a tag that is there leads to is there as it was.
                for (tag, digest) in new.tags {
                    for needed in Self.needed(by: digest, in: old) where new.manifests[needed] == nil {
                        problems.append("\(name):\(tag) lacks \(needed.short)")
                    }
                }
            }
            if mayGo.moved {
                let (old, new) = (try Names.repository("us/app/r1"), try Names.repository("us/app/moved"))
                let lost = Set(before.repositories[old]?.manifests.keys.map(\.self) ?? [])
                    .subtracting(after.repositories[new]?.manifests.keys.map(\.self) ?? [])
                    .subtracting(after.repositories[old]?.manifests.keys.map(\.self) ?? [])
                let needed = (after.repositories[new]?.tags ?? [:]).values.flatMap { digest in
                    Self.needed(by: digest, in: before.repositories[old] ?? World.Repository())
                }
                for digest in lost.intersection(needed) { problems.append("the new repository lacks \(digest.short)") }
            }
            return problems
        }

        /// Children however deep, and what refers to any of it, as far as it was there.
        private static func needed(by root: Digest, in repository: World.Repository) -> Set<Digest> {
            var found: Set<Digest> = []
            var open = [root]
            while let digest = open.popLast() {
                guard let manifest = repository.manifests[digest], found.insert(digest).inserted else { continue }
                open += (manifest.index?.manifests ?? []).map(\.digest)
                open += repository.manifests.values.filter { $0.subject?.digest == digest }.map(\.digest)
            }
            return found
        }
    }
}
