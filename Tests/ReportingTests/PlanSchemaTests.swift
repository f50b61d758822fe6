import Files
import FoundationEssentials
import OCI
import Planning
import RegistryTestSupport
import Reporting
import Testing

@Suite struct PlanSchemaTests {
    private static let root = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()

    /// On the path, or where the test command installs it.
    private static func checker() throws -> String {
        let path = ProcessInfo.processInfo.environment["PATH"] ?? ""
        let folders = path.split(separator: ":").map(String.init) + [root.appending(path: ".build/test-tools/bin").path]
        for folder in folders where FileManager.default.isExecutableFile(atPath: "\(folder)/check-jsonschema") {
            return "\(folder)/check-jsonschema"
        }
        throw TestDataError(reason: "check-jsonschema is neither in the PATH nor in .build/test-tools/bin; Tests/run installs it")
    }

    /// What is wrong with the texts, by the schema; one call for all, since the checker takes a second to start.
    private func findings(_ texts: [String: String]) async throws -> ToolResult {
        let folder = try TemporaryFolder()
        for (name, text) in texts { try folder.folder.writeAtomically(Array(text.utf8), to: name) }
        let schema = Self.root.appending(path: "schemas/plan.schema.json").path
        let files = texts.keys.sorted().map { "\(folder.path)/\($0)" }
        return try await run(Self.checker(), ["--schemafile", schema] + files)
    }

    /// Every kind, method, precondition, way back, identity, origin and login.
    private func everything() throws -> Plan {
        var builder = try PlanBuilder()
        for (place, method) in [ChangeMethod.copy, .push, .tag].enumerated() {
            try builder.put("us.icr.io/a/b:v\(place)", content: "\(place)", method: method, bytes: (10, 5))
        }
        let first = try builder.put("us.icr.io/a/b:moved", content: "new", old: "old", remaining: [], usedBy: ["in-use.txt"])
        try builder.put("us.icr.io/a/b@\(PlanBuilder.digest("by digest"))", content: "by digest", after: [first])
        for (place, method) in [ChangeMethod.management, .deleteTag, .layoutEdit, .placeholder, .deleteTagElsePlaceholder].enumerated() {
            try builder.untag("us.icr.io/a/b:u\(place)", old: "u", remaining: place == 0 ? nil : ["x"], method: method)
        }
        let ways: [UndoWay] = [.remove, .retag(PlanBuilder.digest("x")), .trash(days: 30), .backup("disk"), .setBack, .none]
        for (place, way) in ways.enumerated() {
            try builder.delete("us.icr.io/a/b", content: "d\(place)", tags: ["t\(place)"], referrers: 1, children: 2, undo: way)
        }
        let digest = PlanBuilder.digest("x")
        try builder.namespace("n", in: "us.icr.io", preconditions: [.fingerprint("f"), .absent, .inTrash(digest)])
        try builder.namespace("m", in: "us.icr.io", .create(resourceGroup: "8a1b"))
        try builder.namespace("o", in: "us.icr.io", .assign(resourceGroup: "8a1b"), undo: .none)
        let lost = [LostImage(try RepositoryName("p/a"), digest, tags: [try TagName("1")], isTrashed: true)]
        try builder.namespace("p", in: "us.icr.io", .remove, images: lost, undo: .none)
        let policy = RetentionPolicy(imagesPerRepository: 10, keepUntagged: true)
        try builder.namespace("q", in: "us.icr.io", .retention(before: .none, after: policy), images: [], undo: .setBack)
        builder.plan.contents += try contents()
        builder.plan.registries = try registries()
        builder.plan.specFiles = [.init(path: "a.yaml", digest: digest)]
        builder.plan.gitCommit = "0123456789abcdef"
        builder.plan.removedSince = "0123456789abcdee"
        builder.plan.asOf = "2026-01-02T03:04:05Z"
        builder.plan.targetFilters = ["a/**"]
        builder.plan.excludeFilters = ["b"]
        builder.plan.leftOut = [
            .init(what: "w", reason: "r", origin: Origin(file: "a", line: 1)), .init(what: "w", reason: "r", origin: nil),
        ]
        return builder.built()
    }

    private func contents() throws -> [PlannedContent] {
        let identities: [(Planning.Content, ContentOrigin)] = [
            (.image(config: PlanBuilder.digest("config")), .local(.archive(path: "a.tar", image: "x:1"))),
            (.built(fingerprint: "f"), .local(.layout(path: "./l", reference: "r"))),
            (.derived(recipe: "platforms", PlanBuilder.digest("{}")), .local(.archive(path: "b.tar", image: nil))),
            (.exact(Digest.of([1], with: .sha512)), .local(.layout(path: "./l", reference: nil))),
        ]
        return identities.map { identity, origin in
            PlannedContent(
                identity: identity,
                digest: PlanBuilder.digest("{}"),
                mediaType: MediaType.ociIndex,
                origin: origin,
                manifest: "{}",
                label: "x",
                platforms: [Platform(os: "linux", architecture: "arm", variant: "v7")]
            )
        }
    }

    private func registries() throws -> [RegistryDeclaration] {
        let logins: [CredentialsDeclaration] = [
            .automatic, .anonymous, .variables(username: "U", password: "P"), .apiKeyVariable("K"), .apiKeyFile("f"),
            .bearerTokenVariable("T"), .trustedProfile(idOrName: "p", tokenFile: "t"),
        ]
        var registries = try logins.enumerated().map { place, login in
            RegistryDeclaration(id: try RegistryID(host: "r\(place).example"), kind: .icr, credentials: login, untag: .placeholder)
        }
        registries.append(
            RegistryDeclaration(
                id: try RegistryID(host: "us.icr.io"),
                alias: "us",
                plainHTTP: true,
                caFile: "ca.pem",
                clientCertificate: .init(certFile: "c", keyFile: "k"),
                insecureSkipVerify: true,
                endpoint: .init(content: "http://a", management: "http://b", iam: "http://c"),
                limits: .init(connections: 1, requestsPerSecond: 2, pulls: 3),
                account: "0",
                isPrivate: true
            )
        )
        registries.append(RegistryDeclaration(id: try RegistryID(layout: "./mirror"), kind: .layout))
        registries.append(RegistryDeclaration(id: .dockerHub))
        return registries.sorted { $0.id < $1.id }
    }

    @Test func `plan files fit the schema`() async throws {
        var files = Plan(source: .files(["a.yaml"]))
        files.scope = Plan.Scope(declaredTags: 1, registries: 1)
        let texts = [
            "empty.json": try PlanJSON.render(Plan(source: .workspace)),
            "files.json": try PlanJSON.render(files),
            "everything.json": try PlanJSON.render(everything()),
        ]
        let result = try await findings(texts)
        #expect(result.status == 0, "\(result.stdout)\(result.stderr)")
    }

    @Test func `the sample uses every kind, method, precondition and way back`() throws {
        let plan = try everything()
        let kinds = Set(plan.changes.map(\.kind))
        // Nothing plans this one yet; the schema knows it.
        #expect(kinds == Set(ChangeKind.allCases).subtracting([.restore]))
        #expect(Set(plan.changes.map(\.method)) == Set(ChangeMethod.allCases))
    }

    /// Each edit makes one plan wrong; the schema must find every one.
    @Test func `what is wrong does not fit`() async throws {
        let edits: [(name: String, from: String, to: String)] = [
            ("member", #""reason": "#, #""surprise": 1, "reason": "#),
            ("kind", #""kind": "untag""#, #""kind": "remove""#),
            ("untag-is-no-delete", #""kind": "untag""#, #""kind": "delete""#),
            ("method", #""method": "copy""#, #""method": "teleport""#),
            ("untag-by-digest", #""method": "tag-delete""#, #""method": "manifest-delete""#),
            ("precondition", #""fingerprint":"#, #""fingerprnt":"#),
            ("undo", #""way": "trash""#, #""way": "magic""#),
            ("digest", #""oldDigest": "sha256:"#, #""oldDigest": "sha257:"#),
            ("version", #""formatVersion": 1"#, #""formatVersion": 2"#),
            ("no-old-digest", #""oldDigest":"#, #""olderDigest":"#),
        ]
        let good = try PlanJSON.render(everything())
        var texts = ["good.json": good]
        for edit in edits {
            let place = try good.firstRange(of: edit.from).orThrow("the sample has no \(edit.from)")
            texts["\(edit.name).json"] = good.replacingCharacters(in: place, with: edit.to)
        }
        let result = try await findings(texts)
        #expect(result.status != 0)
        #expect(!result.stdout.contains("/good.json"))
        for edit in edits { #expect(result.stdout.contains("/\(edit.name).json"), "\(edit.name) was taken:\n\(result.stdout)") }
    }
}

extension String {
    fileprivate func replacingCharacters(in range: Range<String.Index>, with text: String) -> String {
        self[..<range.lowerBound] + text + self[range.upperBound...]
    }
}
