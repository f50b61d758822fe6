import Diagnostics
import OCI
import Planning
import RegistryTestSupport
import Testing

@Suite struct QuotaTests {
    private func plan(
        storage: Quota.Amount = Quota.Amount(limit: nil, usage: 0),
        traffic: Quota.Amount = Quota.Amount(limit: nil, usage: 0),
        refuses: Bool = false,
        isPrivate: Bool = false,
        isReadable: Bool = true
    ) throws -> Planned {
        var spec = SpecBuilder()
        try spec.icr("us", "de", isPrivate: isPrivate)
        try spec.image(from: "us/birds/api:1", to: ["de/birds/api"], tags: ["1"])
        spec.policy.limits.refusesOverQuota = refuses
        var world = World()
        let (us, de) = (try Names.registry("us"), try Names.registry("de"))
        world.managed = [us, de]
        try world.add(Samples.image(seed: 1), to: "us/birds/api", tags: ["1"])
        try world.add(Samples.image(seed: 2), to: "de/birds/other", tags: ["1"])
        world.administration[us] = [.quota: .quota(Quota(storage: Quota.Amount(limit: nil, usage: 0), traffic: traffic))]
        world.administration[de] = [.quota: .quota(Quota(storage: storage, traffic: Quota.Amount(limit: nil, usage: 0)))]
        if !isReadable { for id in [us, de] { world.unreadable.insert(.administration(id, .quota)) } }
        return try world.plan(spec)
    }

    @Test func `what fits, or has no limit, is no word worth`() throws {
        #expect(try plan().diagnostics.isEmpty)
        #expect(try plan(storage: Quota.Amount(limit: 1 << 30, usage: 100)).diagnostics.isEmpty)
    }

    @Test func `what may be too much is warned of, or refused`() throws {
        let full = Quota.Amount(limit: 1000, usage: 990)
        let warned = try plan(storage: full)
        #expect(warned.diagnostics.map(\.code) == ["quota"] && warned.refusals.isEmpty)
        #expect(warned.diagnostics.first?.message.contains("at de.icr.io, and its storage quota has 10") == true)
        let refused = try plan(storage: full, refuses: true)
        #expect(refused.refusals.map(\.code) == ["quota"] && refused.diagnostics.isEmpty)
    }

    @Test func `pulls count at the source, unless they go over the private network`() throws {
        let full = Quota.Amount(limit: 1000, usage: 1000)
        let warned = try plan(traffic: full)
        #expect(warned.diagnostics.map(\.code) == ["quota"])
        #expect(warned.diagnostics.first?.message.contains("at us.icr.io, and its pull traffic quota has 0") == true)
        #expect(try plan(traffic: full, isPrivate: true).diagnostics.isEmpty)
    }

    @Test func `what may not be read is not known`() throws {
        let planned = try plan(storage: Quota.Amount(limit: 1, usage: 1), refuses: true, isReadable: false)
        #expect(planned.refusals.isEmpty && planned.errors.isEmpty)
        #expect(planned.notes.map(\.code) == ["quota-unknown", "quota-unknown"])
    }
}
