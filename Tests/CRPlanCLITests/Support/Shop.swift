import OCI
import RegistryTestSupport

/// Two registries over HTTP, `eu` with images and `us` without, and a workspace that names both.
struct Shop: Sendable {
    let sandbox: Sandbox
    let eu: InMemoryRegistry
    let us: InMemoryRegistry
    let euServer: LoopbackRegistryServer
    let usServer: LoopbackRegistryServer

    static let app = "shop/app"

    /// The registries' part of a spec.
    var registries: String {
        """
        apiVersion: crplan/v1
        registries:
          eu: {host: eu.registry.example, endpoint: \(euServer.url), plainHTTP: true}
          us: {host: us.registry.example, endpoint: \(usServer.url), plainHTTP: true}

        """
    }

    /// Copies one image under two tags.
    static let twoTags = """
        images:
          - to: us/shop/app
            from: eu/shop/app:1.0
            tags: ["1.0", stable]

        """

    func writeSpec(_ entries: String = Shop.twoTags, to name: String = "crplan.yaml") throws {
        try sandbox.write(registries + entries, to: name)
    }

    func tags(_ repository: String = Shop.app, in registry: InMemoryRegistry? = nil) throws -> [String] {
        (registry ?? us).tagsAndDigests(in: try RepositoryName(repository)).keys.map(\.description).sorted()
    }
}

/// `eu` holds shop/app with the tags 1.0, 1.1 and 2.0, images of two platforms each.
func withShop<Result: Sendable>(
    _ options: LoopbackRegistryServer.Options = LoopbackRegistryServer.Options(),
    _ body: @escaping @Sendable (Shop) async throws -> Result
) async throws -> Result {
    let eu = try InMemoryRegistry(host: "eu.registry.example")
    let us = try InMemoryRegistry(host: "us.registry.example")
    for (place, tag) in ["1.0", "1.1", "2.0"].enumerated() {
        try eu.seed(Samples.multiPlatform(seed: UInt64(place + 1)), tags: [tag], in: RepositoryName(Shop.app))
    }
    return try await withSandbox { sandbox in
        try await withServers([eu, us], options) { servers in
            try await body(Shop(sandbox: sandbox, eu: eu, us: us, euServer: servers[0], usServer: servers[1]))
        }
    }
}

/// A server for each registry, in their order, while `body` runs.
func withServers<Result: Sendable>(
    _ registries: [InMemoryRegistry],
    _ options: LoopbackRegistryServer.Options = LoopbackRegistryServer.Options(),
    running: [LoopbackRegistryServer] = [],
    _ body: @escaping @Sendable ([LoopbackRegistryServer]) async throws -> Result
) async throws -> Result {
    guard let next = registries.first else { return try await body(running) }
    return try await withLoopbackRegistryServer(next, options) { server in
        try await withServers(Array(registries.dropFirst()), options, running: running + [server], body)
    }
}
