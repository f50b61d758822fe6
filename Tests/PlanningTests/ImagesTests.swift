import Diagnostics
import OCI
import Planning
import RegistryTestSupport
import Testing

@Suite struct ImagesTests {
    /// The first `images` entry and the first `copies` entry of the README.
    private func firstEntries() throws -> (SpecBuilder, World) {
        var spec = SpecBuilder()
        try spec.image(
            from: "docker.io/library/nginx:1.27.4",
            to: ["us/payments/api", "de/payments/api", "jp/payments/api"],
            tags: ["1.4.2", "stable"],
            platforms: ["linux/amd64", "linux/arm64"]
        )
        try spec.copy(
            from: "us/payments/api",
            to: ["de/payments/api", "jp/payments/api", "disk/payments/api"],
            tags: .match(["1.*"], semver: ">=1.4 <2", except: ["*-rc*"], newest: 5)
        )
        var world = World()
        let platforms = ["linux/amd64", "linux/arm64", "linux/s390x"]
        try world.add(
            Samples.multiPlatform(seed: 1, platforms: platforms.map { try Platform($0) }, attestations: true),
            to: "docker.io/library/nginx",
            tags: ["1.27.4"]
        )
        return (spec, world)
    }

    @Test func `a copied image is promoted in the same plan, and the next plan is empty`() throws {
        let (spec, world) = try firstEntries()
        let (planned, after) = try world.converge(spec)
        #expect(
            planned.ids == [
                "put ./mirror/payments/api:1.4.2", "put de.icr.io/payments/api:1.4.2", "put de.icr.io/payments/api:stable",
                "put jp.icr.io/payments/api:1.4.2", "put jp.icr.io/payments/api:stable", "put us.icr.io/payments/api:1.4.2",
                "put us.icr.io/payments/api:stable",
            ]
        )
        let onDisk = try planned.change("put ./mirror/payments/api:1.4.2")
        #expect(onDisk.after.map(\.description) == ["put us.icr.io/payments/api:1.4.2"])
        #expect(try after.digest("disk/payments/api", "1.4.2") == after.digest("us/payments/api", "stable"))
        #expect(planned.plan.scope.declaredTags == 7)
        #expect(planned.plan.scope.registries == 4)
    }
}
