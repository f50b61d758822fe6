import OCI
import Registry
import RegistryTestSupport
import Testing

/// The samples are what other software takes for images.
@Suite struct SamplesAgainstRealRegistryTests {
    @Test(arguments: [Samples.Family.oci, .docker])
    func dockerRegistryTakesThem(_ family: Samples.Family) async throws {
        let registry = try InMemoryRegistry()
        let repository = try RepositoryName("team/app")
        let sample = try Samples.multiPlatform(family: family)
        try registry.seed(sample, tags: ["1"], in: repository)
        try await withLoopbackRegistryServer(registry) { server in
            try await withRealRegistry { real in
                let flags = ["--src-tls-verify=false", "--dest-tls-verify=false", "--all", "--preserve-digests"]
                let copy = try await run(
                    "skopeo",
                    ["copy"] + flags + ["docker://\(server.host)/team/app:1", "docker://\(real.host)/team/app:1"]
                )
                #expect(copy.status == 0, "\(copy.stderr) \(real.logText)")
                let inspect = try await run("skopeo", ["inspect", "--tls-verify=false", "docker://\(real.host)/team/app:1"])
                #expect(inspect.stdout.contains(sample.digest.description), "\(inspect)")
                #expect(inspect.stdout.contains("2026-01-02T03:04:05Z"))
            }
        }
    }
}
