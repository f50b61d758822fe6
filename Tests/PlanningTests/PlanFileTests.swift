import OCI
import Planning
import RegistryTestSupport
import Testing

@Suite struct PlanFileTests {
    /// A plan with a copy of some platforms, a chained tag, a push, an untag and a delete.
    private func plan() throws -> Plan {
        var world = World()
        let old = try Samples.image(seed: 7)
        try world.add(Samples.multiPlatform(seed: 1), to: "docker.io/library/nginx", tags: ["1"])
        try world.add(old, to: "us/app/api", tags: ["pr-7", "pr-8"])
        try world.add(Samples.image(seed: 8), to: "us/app/api", tags: ["1.0"])
        world.addLayout(try Samples.image(seed: 9), at: "dist/web")
        var spec = SpecBuilder()
        try spec.image(from: "docker.io/library/nginx:1", to: ["us/app/api"], tags: ["2.0"], platforms: ["linux/amd64"])
        try spec.image(from: "us/app/api:2.0", to: ["de/app/api"], tags: ["2.0"])
        try spec.image(local: .layout(path: "dist/web", reference: nil), to: ["disk/app/web"], tags: ["1"])
        try spec.absent("us/app/api:1.0")
        try spec.absent("us/app/api@\(old.digest)")
        let us = try Names.registry("us")
        spec.desired.registries[us] = RegistryDeclaration(
            id: us,
            alias: "us",
            credentials: .variables(username: "REGISTRY_USER", password: "REGISTRY_PASSWORD")
        )
        var plan = try world.plan(spec, answering: .allAtOnce).plan
        plan.specFiles = [.init(path: "specs/api.yaml", digest: old.digest)]
        plan.gitCommit = "0123456789abcdef"
        plan.removedSince = "0123456789abcdee"
        return plan
    }

    /// The file with one piece of text replaced everywhere and its planDigest made right again, as a forger would.
    private func forge(_ plan: Plan, _ edits: [(String, String)]) throws -> [UInt8] {
        var text = String(decoding: try PlanFile.encode(plan).bytes, as: UTF8.self)
        for (old, new) in edits {
            #expect(text.contains(old))
            text = text.split(separator: old, omittingEmptySubsequences: false).joined(separator: new)
        }
        guard case .object(var members) = try JSONValue(parsing: Array(text.utf8)) else { return [] }
        members["planDigest"] = nil
        let digest = Digest.sha256(of: Array(JSONValue.object(members).canonicalText.utf8))
        members["planDigest"] = .string(digest.description)
        return Array(JSONValue.object(members).prettyText.utf8)
    }

    @Test func `what is written is read again, and gives the same bytes`() throws {
        let plan = try plan()
        #expect(plan.changes.count == 5)
        let (bytes, digest) = try PlanFile.encode(plan)
        let decoded = try PlanFile.decode(bytes)
        #expect(decoded.plan == plan)
        #expect(decoded.planDigest == digest)
        #expect(try PlanFile.digest(of: plan) == digest)
        #expect(try PlanFile.encode(decoded.plan).bytes == bytes)
        #expect(try PlanFile.decode(forge(plan, [])).plan == plan)
    }

    @Test func `a pinned digest must be the file's`() throws {
        let (bytes, digest) = try PlanFile.encode(plan())
        #expect(throws: Never.self) { try PlanFile.decode(bytes, pinned: digest) }
        let error = #expect(throws: PlanFile.Invalid.self) { try PlanFile.decode(bytes, pinned: Digest.sha256(of: [1])) }
        #expect(error?.description.contains("--plan-digest") == true)
    }

    @Test func `every changed byte outside of white space is noticed`() throws {
        let bytes = try PlanFile.encode(plan()).bytes
        for position in stride(from: 0, to: bytes.count, by: 97) where !bytes[position].isWhiteSpace {
            var changed = bytes
            changed[position] = changed[position] == UInt8(ascii: "7") ? UInt8(ascii: "8") : UInt8(ascii: "7")
            #expect(throws: PlanFile.Invalid.self, "byte \(position)") { try PlanFile.decode(changed) }
        }
    }

    @Test(arguments: [
        ("\"us.icr.io\"", "\"US ICR\""), ("\"us.icr.io\"", "\"evil.example/x\""), ("\"app/api\"", "\"App/api\""),
        ("\"app/api\"", "\"app/../x\""), ("\"tag\": \"1.0\"", "\"tag\": \"1 0\""), ("\"kind\": \"untag\"", "\"kind\": \"delete\""),
        ("\"kind\": \"untag\"", "\"kind\": \"wipe\""), ("\"kind\": \"delete\"", "\"kind\": \"untag\""),
        ("\"method\": \"tag-delete\"", "\"method\": \"manifest-delete\""), ("\"method\": \"tag-delete\"", "\"method\": \"magic\""),
        ("\"method\": \"manifest-delete\"", "\"method\": \"tag-delete\""), ("\"method\": \"push\"", "\"method\": \"copy\""),
        ("\"method\": \"tag-delete\"", "\"method\": \"copy\""), ("\"REGISTRY_USER\"", "\"REGISTRY USER\""),
        ("\"REGISTRY_PASSWORD\"", "\"\""),
        ("\"REGISTRY_USER\"", "\"1USER\""), ("\"unneeded\"", "\"unneded\""), ("\"formatVersion\": 1", "\"formatVersion\": 2"),
        ("\"formatVersion\": 1", "\"formatVersion\": 1.5"), ("\"origin\"", "\"orogin\""),
        ("\"reason\": \"", "\"force\": true, \"reason\": \""),
        ("\"line\": 10", "\"line\": 10, \"column\": 3"), ("\"formatVersion\": 1", "\"formatVersion\": 1, \"hooks\": []"),
        ("\"alias\": \"us\"", "\"alias\": \"us\", \"token\": \"x\""), ("\"variables\"", "\"vault\""),
        ("\"kind\": \"layout\"", "\"kind\": \"ftp\""),
        ("\"gitCommit\": \"0123456789abcdef\"", "\"gitCommit\": null"), ("\"registry\": \"de.icr.io\"", "\"registry\": \"fr.icr.io\""),
        ("\"absent\": true", "\"absent\": false"), ("\"absent\": true", "\"absent\": true, \"unneeded\": \"x\""),
        ("put us.icr.io/app/api:2.0", "put us.icr.io/app/api:2.1"),
    ])
    func `a forgery is refused`(old: String, new: String) throws {
        let bytes = try forge(plan(), [(old, new)])
        #expect(throws: PlanFile.Invalid.self) { try PlanFile.decode(bytes) }
    }

    @Test func `parts that do not fit together are refused`() throws {
        let good = try plan()
        let put = try #require(good.changes.firstIndex { $0.id.description == "put us.icr.io/app/api:2.0" })
        let chained = try #require(good.changes.firstIndex { $0.id.description == "put de.icr.io/app/api:2.0" })
        let untag = try #require(good.changes.firstIndex { $0.kind == .untag })
        let delete = try #require(good.changes.firstIndex { $0.kind == .delete })
        let derived = try #require(good.contents.firstIndex { $0.manifest != nil })
        let other = Digest.sha256(of: [42])
        let edits: [(String, (inout Plan) -> Void)] = [
            ("twice", { $0.changes.append($0.changes[put]) }),
            ("not there", { $0.changes[put].after = [ChangeID("put nowhere:1")] }),
            ("wait for each other", { $0.changes[put].after = [$0.changes[chained].id] }),
            ("wait for each other", { $0.changes[put].after = [$0.changes[put].id] }),
            ("do not have that digest", { $0.contents[derived].manifest? += " " }),
            ("", { $0.contents[derived].manifest = nil }),
            ("", { $0.contents[derived].identity = .exact(other) }),
            ("content", { $0.changes[put].newDigest = other }),
            ("content", { $0.changes[put].content = nil }),
            ("content", { $0.changes[put].content = "somewhere" }),
            ("precondition", { $0.changes[put].preconditions = [] }),
            ("", { $0.changes[put].preconditions = [.at(other)] }),
            ("", { $0.changes[put].oldDigest = other }),
            ("", { $0.changes[untag].preconditions = [.at(other)] }),
            ("", { $0.changes[untag].preconditions = [.absent] }),
            ("", { $0.changes[untag].oldDigest = nil }),
            ("", { $0.changes[untag].newDigest = other }),
            ("", { $0.changes[untag].content = $0.changes[put].content }),
            ("", { $0.changes[delete].oldDigest = other }),
            ("", { $0.changes[delete].preconditions = [.unneeded(other)] }),
            ("", { $0.changes[delete].preconditions.removeLast() }),
            ("", { $0.changes[delete].preconditions.removeFirst() }),
            ("other tags", { $0.changes[delete].consequences.removedTags = [] }),
            ("cannot", { $0.changes[delete].undo = .remove }),
            ("list", { plan in plan.registries.removeAll { $0.id == RegistryID.dockerHub } }),
            ("twice", { $0.registries.append($0.registries[0]) }),
            ("twice", { $0.contents.append($0.contents[0]) }),
        ]
        for (number, (word, edit)) in edits.enumerated() {
            var plan = good
            edit(&plan)
            let bytes = try PlanFile.encode(plan).bytes
            let error = #expect(throws: PlanFile.Invalid.self, "edit \(number)") { try PlanFile.decode(bytes) }
            #expect(error?.description.contains(word) ?? word.isEmpty || word.isEmpty, "edit \(number): \(error?.description ?? "")")
        }
    }

    @Test(arguments: ["", "{}", "[]", "nonsense", "{\"formatVersion\": 1}", "{\"formatVersion\": \"1\"}", "\u{feff}{}"])
    func `what is no plan is refused in words`(text: String) {
        let error = #expect(throws: PlanFile.Invalid.self) { try PlanFile.decode(Array(text.utf8)) }
        #expect(error?.description.contains("Swift") == false)
    }
}

extension UInt8 {
    fileprivate var isWhiteSpace: Bool { self == 0x20 || self == 0x0a }
}
