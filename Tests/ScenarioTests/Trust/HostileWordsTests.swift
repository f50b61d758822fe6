import FoundationEssentials
import OCI
import RegistryTestSupport
import Testing

/// Whatever a registry, a file, a helper or a name says: nothing of it moves the cursor, hides text or begins a line of its own on the
/// user's terminal (section 11, item 10).
@Suite struct HostileWordsTests {
    /// Clears the screen, rings, sets the title, turns the direction, hides, and begins a line that looks like ours.
    private static let words = "\u{1b}[2J\u{7}\u{1b}]0;owned\u{9b}31m\u{7f}\u{202e}\u{2066}\u{200b}\u{e0041}\u{85}\u{2028}\r\nNo changes."
    /// The same without what no file name and no JSON of a registry may hold.
    private static let json = words.unicodeScalars.map { scalar in
        scalar.value < 0x20 ? "\\u00\(scalar.value < 16 ? "0" : "")\(String(scalar.value, radix: 16))" : String(scalar)
    }.joined()

    private static func expectHarmless(_ result: ToolResult, says part: String? = nil, sourceLocation: SourceLocation = #_sourceLocation) {
        for text in [result.stdout, result.stderr] {
            let bad = text.unicodeScalars.filter { scalar in
                guard scalar != "\n" else { return false }
                return [.control, .format, .lineSeparator, .paragraphSeparator].contains(scalar.properties.generalCategory)
            }
            #expect(
                bad.isEmpty,
                "\(bad.map { String($0.value, radix: 16) }) in \(text.withVisibleControls)",
                sourceLocation: sourceLocation
            )
            let forged = text.split(separator: "\n").filter { $0.hasPrefix("No changes.") }
            #expect(forged.isEmpty, "\(text)", sourceLocation: sourceLocation)
        }
        if let part {
            #expect(result.said.contains(part), "it says nothing of it: \(result.said.withVisibleControls)", sourceLocation: sourceLocation)
        }
    }

    private static let levels = ["warning", "trace"]

    private static func withLab(
        _ spec: String = "images: [{to: disk/team/app, from: lab/team/app:1, tags: [\"1\"]}]",
        _ body: @escaping @Sendable (LoopbackRegistryServer, Scenario) async throws -> Void
    ) async throws {
        try await withLoopbackRegistryServer(try InMemoryRegistry()) { server in
            try server.registry.seed(try Samples.image(), tags: ["1"], in: try RepositoryName("team/app"))
            try await withScenario(
                """
                registries:
                  lab: {host: "\(server.host)", plainHTTP: true}
                  disk: {kind: layout, path: ./mirror}
                \(spec)
                """
            ) { try await body(server, $0) }
        }
    }

    /// What a registry says, and in which of its answers.
    static let answers: [(name: String, answer: @Sendable (LoopbackRequest) -> ScriptedAnswer?)] = [
        ("an error's code and message", { _ in .error(403, words, words) }),
        ("a plain error", { _ in .reply(404, headers: ["Content-Type": "text/html"], body: Array("<title>\(words)</title>".utf8)) }),
        ("a challenge's scheme", { _ in .reply(401, headers: ["WWW-Authenticate": "\u{202e}x"]) }),
        ("a realm", { _ in .reply(401, headers: ["WWW-Authenticate": "Bearer realm=\"http://\u{202e}x/\""]) }),
        ("a redirect", { _ in .reply(307, headers: ["Location": "http://x/\u{202e}"]) }),
        (
            "a manifest's type",
            { _ in
                .reply(
                    200,
                    headers: ["Content-Type": MediaType.ociManifest],
                    body: Array(#"{"schemaVersion":2,"mediaType":"\#(json)"}"#.utf8)
                )
            }
        ),
        ("a manifest's member", { _ in .reply(200, headers: ["Content-Type": "x/y"], body: Array(#"{"\#(json)":1,"\#(json)":2}"#.utf8)) }),
    ]

    @Test(arguments: answers.indices)
    func `what a registry says stays text`(number: Int) async throws {
        try await Self.withLab { server, scenario in
            server.script(Self.answers[number].answer)
            for level in Self.levels {
                let result = try await scenario.crplan("plan", "--log-level", level, exits: 1)
                Self.expectHarmless(result)
            }
        }
    }

    @Test func `tags that are no tags are passed over, and what they say stays text`() async throws {
        try await Self.withLab("copies: [{from: lab/team/app, to: disk/team/app, tags: all}]") { server, scenario in
            server.script { $0.path.hasSuffix("/tags/list") ? .reply(200, body: Array(#"{"tags":["1","\#(Self.json)"]}"#.utf8)) : nil }
            for level in Self.levels {
                Self.expectHarmless(try await scenario.crplan("plan", "--log-level", level))
                Self.expectHarmless(try await scenario.crplan("list", "lab/team/app", "--log-level", level))
            }
        }
    }

    @Test func `a helper's words stay text`() async throws {
        try await Self.withLab { server, scenario in
            let bin = "\(scenario.folder)/bin"
            try makeFolder(bin)
            try writeFile(
                "#!/bin/sh\nprintf '%s' '\(Self.words)'\nprintf '%s' '\(Self.words)' >&2\nexit 1\n",
                to: "\(bin)/docker-credential-evil"
            )
            try await runSuccessfully("chmod", ["+x", "\(bin)/docker-credential-evil"])
            try writeFile(#"{"credsStore":"evil"}"#, to: "\(scenario.home)/docker/config.json")
            server.script { _ in .reply(401, headers: ["WWW-Authenticate": "Basic"]) }
            let path = "\(bin):\(scenario.environment["PATH"] ?? "")"
            let result = try await scenario.crplan("plan", "--log-level", "trace", exits: 1, environment: ["PATH": path])
            Self.expectHarmless(result, says: "docker-credential-evil (credsStore in ~/docker/config.json) failed, exit 1")
        }
    }

    @Test func `names in layouts and archives stay text`() async throws {
        for source in ["{layout: ../built}", "{archive: ../image.tar}"] {
            try await withScenario(
                """
                registries:
                  disk: {kind: layout, path: ./mirror}
                images: [{to: disk/team/app, from: \(source), tags: ["1"]}]
                """
            ) { scenario in
                let samples = [try Samples.image(seed: 1), try Samples.image(seed: 2)]
                try Content.writeLayout([(Self.json + "1", samples[0]), (Self.json + "2", samples[1])], to: "\(scenario.folder)/built")
                try await runSuccessfully("tar", ["-cf", "\(scenario.folder)/image.tar", "-C", "\(scenario.folder)/built", "."])
                Self.expectHarmless(try await scenario.crplan("plan", exits: 1), says: "owned")
            }
        }
    }

    @Test func `the names of files and what stands in them stay text`() async throws {
        try await withScenario { scenario in
            let name = "specs/\(Self.words.replacing("/", with: "")).yaml"
            try scenario.write("registries: {}\nimages: [{to: x/y, from: \"a\\e[2Jb\", tags: [\"\\u202e\"]}]\n\"\\e[2J\": 1", to: name)
            Self.expectHarmless(try await scenario.crplan("validate", exits: nil), says: "owned")
        }
    }
}
