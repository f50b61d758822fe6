import OCI
import Planning
import RegistryTestSupport
import Testing

/// What a planner keeps from one step to the next. That it comes to the same plan, every other test of plans checks too.
@Suite struct PlannerStepsTests {
    private func wholeFacts(_ spec: SpecBuilder, _ world: World) -> Facts {
        var facts = Facts()
        while case .needs(let questions) = Planner.step(spec.desired, policy: spec.policy, facts: facts, options: spec.options) {
            for question in questions { facts.record(world.answer(question), to: question) }
        }
        return facts
    }

    private func plan(_ step: Planner.Step) -> Plan? { if case .result(let result) = step { result.plan } else { nil } }

    @Test func `a planner that is given other, fewer facts begins anew`() throws {
        var spec = SpecBuilder()
        try spec.image(from: "us/base/app:1", to: ["de/base/app"], tags: ["1"])
        try spec.image(from: "us/base/other:1", to: ["de/base/other"], tags: ["1"])
        var (former, present) = (World(), World())
        try former.add(Samples.image(seed: 1), to: "us/base/app", tags: ["1"])
        try former.add(Samples.image(seed: 2), to: "us/base/other", tags: ["1"])
        try present.add(Samples.image(seed: 3), to: "us/base/app", tags: ["1"])
        try present.add(Samples.image(seed: 4), to: "us/base/other", tags: ["1"])
        var planner = Planner(spec.desired, policy: spec.policy, options: spec.options)
        // All but the referrers, so that the tags' stages are kept.
        var known = Facts()
        while case .needs(let questions) = planner.step(known) {
            let heads = questions.filter { if case .head = $0 { true } else { false } }
            if heads.isEmpty { break }
            for question in heads { known.record(former.answer(question), to: question) }
        }
        guard case .needs = planner.step(Facts()) else {
            Issue.record("it needs nothing")
            return
        }
        let now = wholeFacts(spec, present)
        let fresh = plan(Planner.step(spec.desired, policy: spec.policy, facts: now, options: spec.options))
        #expect(fresh?.changes.isEmpty == false)
        #expect(plan(planner.step(now)) == fresh)
    }

    @Test func `a planner that has given a result can be asked again`() throws {
        var spec = SpecBuilder()
        try spec.image(from: "us/base/app:1", to: ["de/base/app"], tags: ["1"])
        var (former, present) = (World(), World())
        try former.add(Samples.image(seed: 1), to: "us/base/app", tags: ["1"])
        try present.add(Samples.image(seed: 2), to: "us/base/app", tags: ["1"])
        var planner = Planner(spec.desired, policy: spec.policy, options: spec.options)
        let first = plan(planner.step(wholeFacts(spec, former)))
        let second = plan(planner.step(wholeFacts(spec, present)))
        #expect(first != nil && second != nil && first != second)
        #expect(second?.changes.map(\.newDigest) == [try Samples.image(seed: 2).digest])
    }
}
