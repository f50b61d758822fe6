import OCI
import Planning
import RegistryTestSupport
import Testing

@Suite struct PullsTests {
    private func setting(pulls: Int?) throws -> (SpecBuilder, World) {
        var spec = SpecBuilder()
        try spec.image(from: "docker.io/library/nginx:1", to: ["us/app/api", "de/app/api"], tags: ["1"])
        try spec.image(from: "docker.io/library/nginx:2", to: ["us/app/api"], tags: ["2"])
        spec.desired.registries[.dockerHub] = RegistryDeclaration(id: .dockerHub, limits: .init(pulls: pulls))
        var world = World()
        try world.add(Samples.multiPlatform(seed: 1), to: "docker.io/library/nginx", tags: ["1"])
        try world.add(Samples.image(seed: 9), to: "docker.io/library/nginx", tags: ["2"])
        return (spec, world)
    }

    private func manifestsAsked(_ planned: Planned) -> Int {
        planned.asked.count { if case .manifest = $0 { true } else { false } }
    }

    @Test func `manifests that were read are counted once for each content`() throws {
        let (spec, world) = try setting(pulls: nil)
        let planned = try world.plan(spec)
        #expect(planned.pulls == [PullEstimate(registry: .dockerHub, count: 4)])
        #expect(manifestsAsked(planned) == 4)
        #expect(planned.plan.estimates.count == 3)
    }

    @Test func `where pulls are limited none is spent on estimates`() throws {
        var (spec, world) = try setting(pulls: 150)
        world.lacksReferrersAPI = [.dockerHub]
        let planned = try world.plan(spec)
        #expect(planned.errors.isEmpty)
        #expect(planned.plan.changes.count == 3)
        #expect(manifestsAsked(planned) == 0)
        #expect(planned.plan.estimates.isEmpty)
        #expect(planned.pulls == [PullEstimate(registry: .dockerHub, count: 2, isLeast: true)])
        // A limit of the policy that is counted by sizes needs them.
        spec.policy.limits.upload = 1 << 40
        #expect(try manifestsAsked(world.plan(spec)) == 4)
    }
}
