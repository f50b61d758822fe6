import Diagnostics
import OCI
import Planning
import Reporting
import Testing

@Suite struct PlanTextTests {
    private static let mebibyte: Int64 = 1 << 20

    /// The plan of the design.
    private func mixed() throws -> Plan {
        var builder = try PlanBuilder()
        for host in ["us.icr.io", "de.icr.io", "jp.icr.io"] {
            try builder.put(
                "\(host)/payments/api:1.4.2",
                content: "new",
                label: "docker.io/library/nginx:1.27.4",
                bytes: (204 * Self.mebibyte / 10, host == "us.icr.io" ? 204 * Self.mebibyte / 10 : 0)
            )
            try builder.put(
                "\(host)/payments/api:stable",
                content: "new",
                label: "docker.io/library/nginx:1.27.4",
                old: "old",
                remaining: ["1.4.1"],
                line: 12
            )
        }
        try builder.untag("us.icr.io/payments/api:1.0.0", old: "first", remaining: ["1.0"])
        try builder.delete("us.icr.io/payments/api", content: "gone", tags: ["pr-7", "pr-8"])
        try builder.namespace("payments", in: "us.icr.io")
        return builder.built()
    }

    private func many() throws -> Plan {
        var builder = try PlanBuilder(registries: [("lab", "registry.lab.example:5000"), ("disk", "./mirror")])
        for patch in 0..<25 {
            for place in ["registry.lab.example:5000", "./mirror"] {
                try builder.put(
                    "\(place)/dockerhub/library/nginx:1.27.\(patch)",
                    content: "nginx \(patch)",
                    label: "docker.io/library/nginx:1.27.\(patch)",
                    line: 40,
                    bytes: (3 * Self.mebibyte, Self.mebibyte)
                )
            }
        }
        for patch in 0..<20 { try builder.put("./mirror/small:v\(patch)", content: "small \(patch)", line: 50, platforms: []) }
        for pull in 0..<22 { try builder.untag("./mirror/web:pr-\(pull)", old: "pull \(pull)", remaining: [], method: .layoutEdit) }
        for tag in 0..<22 {
            try builder.put("./mirror/web:t\(tag)", content: "new", method: .tag, old: "old", remaining: ["a", "b"], line: 9)
        }
        return builder.built()
    }

    private func odd() throws -> Plan {
        var builder = try PlanBuilder()
        let signature = PlanBuilder.digest("signature")
        try builder.put(
            "us.icr.io/a/web:2.0",
            content: "local",
            label: "./dist/web",
            method: .push,
            old: "web",
            remaining: [],
            platforms: []
        )
        try builder.put("us.icr.io/a/web@\(signature)", content: "signature", platforms: [], reason: "refers to 9f86d081884c")
        let companion = TagName.companion(of: PlanBuilder.digest("new"), .signature)
        try builder.put("us.icr.io/a/web:\(companion)", content: "cosign", platforms: [], reason: "a companion of 9f86d081884c")
        try builder.untag("us.icr.io/a/web:x", old: "x", remaining: nil, method: .placeholder, undo: UndoWay.none)
        try builder.untag("us.icr.io/a/web:y", old: "y", remaining: (1...9).map { "t\($0)" }, method: .deleteTagElsePlaceholder)
        try builder.delete("us.icr.io/a/web", content: "index", tags: [], referrers: 1, children: 3, undo: .none)
        try builder.delete("us.icr.io/a/web", content: "kept", tags: ["a"], referrers: 2, undo: .backup("disk"))
        let old = try (1...7).map { LostImage(try RepositoryName("old/x"), PlanBuilder.digest("o\($0)"), tags: [try TagName("\($0).0")]) }
        let trashed = LostImage(try RepositoryName("old/y"), PlanBuilder.digest("oy"), tags: [], isTrashed: true)
        try builder.namespace("old", in: "de.icr.io", .remove, images: old + [trashed], undo: .none)
        let policy = RetentionPolicy(imagesPerRepository: 10, keepUntagged: true)
        let untagged = LostImage(try RepositoryName("birds/x"), PlanBuilder.digest("bx"), tags: [])
        try builder.namespace("birds", in: "de.icr.io", .retention(before: .none, after: policy), images: [untagged], undo: .setBack)
        try builder.namespace("bees", in: "de.icr.io", .retention(before: .none, after: policy), images: [], undo: .setBack)
        try builder.namespace("bees", in: "de.icr.io", .assign(resourceGroup: "8a1b"), undo: .none)
        builder.plan.targetFilters = ["us/a/**"]
        builder.plan.excludeFilters = ["us/a/b"]
        builder.plan.asOf = "2026-01-02T03:04:05Z"
        builder.plan.leftOut = [
            Plan.LeftOut(
                what: "jp.icr.io/a/web",
                reason: "cannot read the tag list of jp.icr.io/a/web: 403 DENIED\u{1b}[2J",
                origin: Origin(file: "a.yaml", line: 7)
            ),
            Plan.LeftOut(what: "removals in jp.icr.io", reason: "something in jp.icr.io could not be read", origin: nil),
        ]
        return builder.built()
    }

    @Test func `a plan with every section`() throws { try Golden.check(PlanText.render(mixed()), "plan-mixed.txt") }

    @Test func `a plan in full`() throws { try Golden.check(PlanText.render(mixed(), options: .init(full: true)), "plan-mixed-full.txt") }

    @Test func `a plan in colour`() throws {
        try Golden.check(PlanText.render(mixed(), options: .init(styling: .coloured)), "plan-mixed-coloured.txt")
    }

    @Test func `a move of what is in use says so, and by which lists`() throws {
        var builder = try PlanBuilder()
        try builder.put("us.icr.io/a/api:stable", content: "new", old: "old", remaining: ["1.4"], usedBy: ["in-use.txt"])
        try builder.put("us.icr.io/a/web:1", content: "new", old: "old", remaining: [], usedBy: ["a\u{1b}b.txt", "workloads.json"])
        try Golden.check(PlanText.render(builder.built()), "plan-in-use.txt")
    }

    @Test func `a removal says what is around it`() throws {
        var builder = try PlanBuilder()
        let both = ["linux/amd64", "linux/arm64"]
        let size: Int64 = 64_172_852
        try builder.delete("us.icr.io/a/api", content: "index", tags: ["1"], children: 2, platforms: both, bytes: (1_300, 1_300))
        try builder.delete(
            "us.icr.io/a/api",
            content: "amd64",
            tags: [],
            platforms: ["linux/amd64"],
            parents: ["index"],
            bytes: (size, size / 3)
        )
        try builder.delete("us.icr.io/a/api", content: "arm64", tags: [], parents: ["index", "other"], bytes: (size, 0))
        try builder.delete("us.icr.io/a/web", content: "web", tags: ["old"], referrers: 2, undo: .none, bytes: (size, nil))
        try builder.untag("us.icr.io/a/api:stable", old: "x", remaining: ["1.4"], referrers: 1, platforms: both)
        try builder.untag("us.icr.io/a/api:last", old: "y", remaining: [], referrers: 2, parents: ["a", "b", "c"], bytes: size)
        let plan = builder.built()
        try Golden.check(PlanText.render(plan), "plan-removals.txt")
        try Golden.check(PlanText.render(plan, options: .init(full: true)), "plan-removals-full.txt")
    }

    @Test func `many additions of one entry are one line, removals and moves never`() throws {
        let text = PlanText.render(try many())
        try Golden.check(text, "plan-many.txt")
        #expect(text.split(separator: "\n").count { $0.hasPrefix("  - ") } == 22)
        #expect(text.split(separator: "\n").count { $0.hasPrefix("  ~ ") } == 22)
    }

    @Test func `the full text lists every addition`() throws {
        let text = PlanText.render(try many(), options: .init(full: true))
        #expect(text.split(separator: "\n").count { $0.hasPrefix("  + ") } == 45)
    }

    @Test func `what is unusual is said`() throws {
        let remarks = [
            Diagnostic.warning("unused-rule", "policy.protect names a registry that no entry names", help: "check the spelling of 'uss'"),
            Diagnostic.note(
                "still-there",
                "declared at HEAD~ and no more: us/a/web:1; it stays",
                at: SourceRange(file: "a.yaml", start: SourcePosition(line: 3, column: 1), end: SourcePosition(line: 3, column: 2))
            ),
        ]
        try Golden.check(PlanText.render(odd(), remarks: remarks), "plan-odd.txt")
    }

    @Test func `the order of the changes does not matter`() throws {
        for plan in [try mixed(), try many(), try odd()] {
            var shuffled = plan
            var generator = SystemRandomNumberGenerator()
            shuffled.changes.shuffle(using: &generator)
            #expect(PlanText.render(shuffled) == PlanText.render(plan))
        }
    }

    @Test(arguments: [
        (
            Plan.Scope(declaredTags: 1204, registries: 3, undeclaredTags: 318), 12, false,
            "No changes. All 1,204 declared tags in 3 registries are as declared (12 files); 318 undeclared tags were not looked at.\n"
        ),
        (Plan.Scope(declaredTags: 1, registries: 1), 1, false, "No changes. The one declared tag in 1 registry is as declared (1 file).\n"),
        (
            Plan.Scope(declaredTags: 2, registries: 1, undeclaredTags: 1, alreadyAbsent: 2), 1, false,
            """
            No changes. All 2 declared tags in 1 registry are as declared (1 file); 1 undeclared tag was not looked at; \
            2 entries of 'absent' are met already.\n
            """
        ),
        (Plan.Scope(), 2, false, "No changes. No tags are declared (2 files).\n"),
        (
            Plan.Scope(declaredTags: 2, registries: 1), 1, true,
            """
            No changes. In what could be read, all 2 declared tags in 1 registry are as declared (1 file).

            Left out (--keep-going):
              x   y\n
            """
        ),
    ])
    func `nothing to do has a sentence of its own`(scope: Plan.Scope, files: Int, hasLeftOut: Bool, text: String) {
        var plan = Plan(source: .workspace)
        plan.scope = scope
        plan.specFiles = (0..<files).map { Plan.SpecFile(path: "\($0).yaml", digest: PlanBuilder.digest("\($0)")) }
        if hasLeftOut { plan.leftOut = [Plan.LeftOut(what: "x", reason: "y", origin: nil)] }
        #expect(PlanText.render(plan) == text)
    }

    @Test func `a refusal lists every tag`() throws {
        let refusals = [
            Refusal(
                code: "limit-deletions",
                message: "the plan removes 21 tags and images, and policy.limits.deletions allows 20",
                subjects: (1...21).map { "us.icr.io/payments/api:pr-\($0)" },
                help: "raise the limit in crplan.yaml, or remove fewer"
            ),
            Refusal(
                code: "protected",
                message: "us.icr.io/payments/api:prod-1 is protected, and this entry moves it",
                subjects: ["us.icr.io/payments/api:prod-1"],
                origin: Origin(file: "payments.yaml", line: 12)
            ),
        ]
        try Golden.check(RefusalText.render(refusals), "refusals.txt")
        #expect(RefusalText.render(refusals.reversed()) == RefusalText.render(refusals))
        #expect(RefusalText.render([]).isEmpty)
    }
}
