import OCI
import Planning
import Testing

/// What a plan file says of itself is not enough where a policy depends on it.
@Suite struct SavedPlanPolicyTests {
    private static func change(file: String, repository: String = "payments/api") throws -> Change {
        let digest = Digest.sha256(of: Array("content".utf8))
        let address = RepositoryAddress(try RegistryID(host: "us.example"), try RepositoryName(repository))
        return Change(
            kind: .put,
            target: .manifest(address, .tag(try TagName("1.0"))),
            newDigest: digest,
            content: "c",
            method: .copy,
            reason: "declared and not there",
            origin: Origin(file: file, line: 3),
            undo: .remove,
            preconditions: [.absent]
        )
    }

    private static func untag(_ file: String, _ tag: String) throws -> Change {
        let put = try change(file: file)
        let digest = try #require(put.newDigest)
        return Change(
            kind: .untag,
            target: .manifest(try #require(put.target.address), .tag(try TagName(tag))),
            oldDigest: digest,
            method: .deleteTag,
            reason: "",
            origin: put.origin,
            undo: .retag(digest),
            preconditions: [.at(digest)]
        )
    }

    private static func plan(_ changes: [Change]) -> Plan {
        var plan = Plan(source: .workspace)
        plan.changes = changes
        return plan
    }

    private static func desired() throws -> DesiredState {
        var desired = DesiredState()
        let address = try change(file: "").target.address
        let source = RepositoryAddress(.dockerHub, try RepositoryName("library/nginx"))
        desired.images = [
            ImageEntry(
                origin: Origin(file: "crplan.yaml", line: 9),
                source: .reference(source, .tag(try TagName("1"))),
                targets: [try #require(address)],
                tags: [try TagName("1.0")]
            )
        ]
        return desired
    }

    private static func policy() -> Policy {
        var policy = Policy()
        policy.workspaceFile = "crplan.yaml"
        policy.owners = [OwnerRule(files: Glob("specs/**"), may: [], origin: Origin(file: "crplan.yaml", line: 1))]
        return policy
    }

    @Test func `where owners stand, a change that no entry of its file asks for is refused`() throws {
        let check = PolicyCheck(policy: Self.policy())
        let asked = Self.plan([try Self.change(file: "crplan.yaml")])
        #expect(check.refusals(ofSaved: asked, desired: try Self.desired()).isEmpty)
        let unasked = Self.plan([try Self.change(file: "crplan.yaml", repository: "search/indexer")])
        #expect(check.refusals(ofSaved: unasked, desired: try Self.desired()).map(\.code) == ["not-asked"])
    }

    @Test func `where owners stand, what an earlier revision declared was asked for`() throws {
        let check = PolicyCheck(policy: Self.policy())
        let codes = { (change: Change, earlier: DesiredState?) in
            check.refusals(ofSaved: Self.plan([change]), desired: DesiredState(), earlier: earlier).map(\.code)
        }
        #expect(codes(try Self.untag("crplan.yaml", "1.0"), try Self.desired()) == [])
        #expect(codes(try Self.untag("crplan.yaml", "1.0"), nil) == ["not-asked"])
        #expect(codes(try Self.untag("crplan.yaml", "2.0"), try Self.desired()) == ["not-asked"])
        #expect(codes(try Self.untag("specs/a.yaml", "1.0"), try Self.desired()) == ["not-owner", "not-asked"])
        #expect(codes(try Self.change(file: "crplan.yaml"), try Self.desired()) == ["not-asked"])
    }

    @Test func `what the specs declare now is not removed`() throws {
        let untag = try Self.untag("crplan.yaml", "1.0")
        let refusals = PolicyCheck(policy: Policy()).refusals(ofSaved: Self.plan([untag]), desired: try Self.desired())
        #expect(refusals.map(\.code) == ["declared"])
        #expect(PolicyCheck(policy: Policy()).refusals(ofSaved: Self.plan([untag]), desired: DesiredState()).isEmpty)
    }

    @Test func `a limit of bytes refuses a plan that does not say how many it sends`() throws {
        var policy = Policy()
        policy.limits.upload = 1 << 30
        var plan = Self.plan([try Self.change(file: "crplan.yaml")])
        #expect(PolicyCheck(policy: policy).refusals(ofSaved: plan).map(\.code) == ["limit-upload"])
        plan.estimates[plan.changes[0].id] = Plan.Estimate(totalBytes: 10, bytesToSend: 10)
        #expect(PolicyCheck(policy: policy).refusals(ofSaved: plan).isEmpty)
    }

    @Test func `tags that go with a deleted image count as deletions`() throws {
        let image = try Self.change(file: "crplan.yaml")
        let digest = try #require(image.newDigest)
        let delete = Change(
            kind: .delete,
            target: .manifest(try #require(image.target.address), .digest(digest)),
            oldDigest: digest,
            method: .deleteManifest,
            reason: "named under absent",
            origin: image.origin,
            consequences: Consequences(removedTags: try ["a", "b"].map { try TagName($0) }),
            undo: .none,
            preconditions: [.tagsOnDigest(try ["a", "b"].map { try TagName($0) }), .unneeded(digest)]
        )
        var policy = Policy()
        policy.limits.deletions = 3
        #expect(PolicyCheck(policy: policy).refusals(ofSaved: Self.plan([delete])).isEmpty)
        policy.limits.deletions = 2
        let refusal = try #require(PolicyCheck(policy: policy).refusals(ofSaved: Self.plan([delete])).first)
        #expect(refusal.subjects == ["us.example/payments/api@\(digest)", "us.example/payments/api:a", "us.example/payments/api:b"])
    }
}
