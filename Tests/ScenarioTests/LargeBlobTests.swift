import OCI
import RegistryTestSupport
import Testing

/// Blobs that do not fit into memory, over connections that break again and again.
@Suite(.serialized) struct LargeBlobTests {
    /// What is sent, and after how many bytes each connection breaks.
    struct Size: Sendable {
        var blob: Int64
        var cut: Int64

        static let short = Size(blob: 192 << 20, cut: 9_500_000)
        static let long = Size(blob: 2 << 30, cut: 100 << 20)
    }

    private static func spec(port: Int, from source: String, _ more: String = "") -> String {
        """
        registries:
          lab: {host: "127.0.0.1:\(port)", plainHTTP: true}
        \(more)
        images:
          - {to: lab/team/big, from: \(source), tags: ["1"]}
        """
    }

    private static func seconds(_ start: ContinuousClock.Instant) -> Int64 { (ContinuousClock.now - start).components.seconds }

    @Test func `a large blob arrives through cuts, with little sent twice and little memory`() async throws {
        let size = LongMode.isOn ? Size.long : .short
        if !LongMode.isOn { LongMode.note(leftOut: "2 GiB through a proxy that cuts every 100 MiB; it is 192 MiB, cut every 9 MiB") }
        try await withScenario { scenario in
            let image = try await LargeImage.make(size.blob, in: scenario.folder)
            try await image.writeLayout(tag: "1", to: "\(scenario.folder)/built")
            let registry = try InMemoryRegistry()
            try await withLoopbackRegistryServer(registry, .init(partialUploads: PartialUploads(dropsBytes: true))) { server in
                try await withCountingProxy(to: server.port, closingAfter: size.cut) { proxy in
                    try scenario.write(Self.spec(port: proxy.port, from: "{layout: ../built}"))
                    let (handle, memory, start) = (ToolHandle(), PeakMemory(), ContinuousClock.now)
                    proxy.setHandler { _ in
                        memory.look(at: handle)
                        return .forward
                    }
                    try await scenario.crplan("apply", "--auto-approve", timeLimit: .seconds(600), handle: handle)
                    let sent = Double(proxy.bytesToRegistry) / Double(size.blob)
                    print(
                        "\(size.blob >> 20) MiB uploaded in \(Self.seconds(start)) s through \(proxy.closedConnections) cuts:",
                        "\(proxy.bytesToRegistry) bytes sent (\(sent) of the blob), peak memory \(memory.mebibytes) MiB"
                    )
                    #expect(registry.resolvesCompletely(try RepositoryName("team/big"), try TagName("1")))
                    // Of two connections that share the parts, the last ones need not come to their end.
                    #expect(proxy.closedConnections >= Int(size.blob / size.cut) - 2)
                    #expect(sent <= 1.2)
                    #expect(memory.mebibytes > 0 && memory.mebibytes < 64)
                    proxy.setHandler(nil)
                    try await scenario.expectNoChanges()
                }
            }
        }
    }

    @Test func `where the registry keeps nothing of what broke, it ends with the cause, and nothing is tagged`() async throws {
        // The waits between the tries are real ones here.
        guard LongMode.isOn else { return LongMode.note(leftOut: "giving up docker-registry behind a proxy that cuts every 100 MiB") }
        let size = Size.long
        try await withScenario { scenario in
            let image = try await LargeImage.make(size.blob, in: scenario.folder)
            try await image.writeLayout(tag: "1", to: "\(scenario.folder)/built")
            try await withRealRegistry { registry in
                try await withCountingProxy(to: registry.port, closingAfter: size.cut) { proxy in
                    try scenario.write(Self.spec(port: proxy.port, from: "{layout: ../built}"))
                    let start = ContinuousClock.now
                    let result = try await scenario.crplan("apply", "--auto-approve", exits: 1, timeLimit: .seconds(600))
                    print(
                        "\(size.blob >> 20) MiB given up after \(Self.seconds(start)) s and \(proxy.closedConnections) cuts:",
                        "\(proxy.bytesToRegistry) bytes sent"
                    )
                    let said = result.stdout + result.stderr
                    #expect(said.contains("127.0.0.1:\(proxy.port)/team/big@\(image.layer.digest)"), "\(result.said)")
                    #expect(said.contains("connection") && said.contains("of \(size.blob) bytes"), "\(result.said)")
                    #expect(try await Skopeo.digest("team/big:1", of: registry) == nil)
                }
            }
        }
    }

    @Test func `a source that breaks is resumed, and the upload goes on meanwhile`() async throws {
        let size = Size(blob: 300 << 20, cut: 20 << 20)
        try await withScenario { scenario in
            let image = try await LargeImage.make(size.blob, in: scenario.folder)
            let target = try InMemoryRegistry()
            try await withRealRegistry { source in
                try await image.store(tag: "1", in: "team/app", of: source)
                try await withLoopbackRegistryServer(target, .init(partialUploads: PartialUploads(dropsBytes: true))) { server in
                    try await withCountingProxy(to: source.port, closingAfter: size.cut) { proxy in
                        let declaration = source.declaration("source", port: proxy.port)
                        try scenario.write(Self.spec(port: server.port, from: "source/team/app:1", declaration))
                        let (handle, memory, start) = (ToolHandle(), PeakMemory(), ContinuousClock.now)
                        server.script { _ in
                            memory.look(at: handle)
                            return nil
                        }
                        try await scenario.crplan("apply", "--auto-approve", timeLimit: .seconds(300), handle: handle)
                        let read = Double(proxy.bytesFromRegistry) / Double(size.blob)
                        print(
                            "\(size.blob >> 20) MiB copied in \(Self.seconds(start)) s through \(proxy.closedConnections) cuts of the source:",
                            "\(read) of the blob read, peak memory \(memory.mebibytes) MiB"
                        )
                        #expect(target.resolvesCompletely(try RepositoryName("team/big"), try TagName("1")))
                        #expect(proxy.closedConnections >= 14)
                        #expect(read <= 1.2)
                        #expect(memory.mebibytes > 0 && memory.mebibytes < 64)
                        // The config and the layer, each sent once and whole.
                        #expect(server.count("POST", "/uploads/") == 2)
                        #expect(server.log.count { $0.method == "PUT" && $0.path.contains("/uploads/") } == 2)
                        #expect(server.count("PATCH") == 0)
                    }
                }
            }
        }
    }
}
