import Diagnostics
import OCI
import Planning
import RegistryTestSupport
import Testing

/// What ICR's management API tells, as a value to be filled.
struct Account {
    var namespaces: [NamespaceDetails] = []
    var images: [String: [RepositoryName: [InventoryImage]]] = [:]
    var policies: [String: RetentionPolicy] = [:]
    var victims: [RetentionVictim] = []
    var trash: [TrashedImage] = []

    mutating func add(_ name: String, group: String? = nil) {
        namespaces.append(NamespaceDetails(name: name, resourceGroup: group))
        images[name] = [:]
        policies[name] = RetentionPolicy.none
    }

    /// The answers to everything that may be asked about these namespaces; `policy`: the one whose analysis names the victims.
    func answers(analysing policy: RetentionPolicy? = nil) -> [AdministrationQuestion: AdministrationFact] {
        var answers: [AdministrationQuestion: AdministrationFact] = [.namespaces: .namespaces(namespaces)]
        for namespace in namespaces {
            let name = namespace.name
            answers[.inventory(of: name)] = .inventory(NamespaceInventory(images[name] ?? [:]))
            answers[.retention(of: name)] = .retention(policies[name] ?? .none)
            answers[.trash(of: name)] = .trash(trash.filter { $0.repository.namespace == name })
            if let policy { answers[.retentionVictims(policy, of: name)] = .retentionVictims(victims) }
        }
        return answers
    }
}

@Suite struct NamespaceTests {
    private func world(_ account: Account) throws -> World {
        var world = World()
        world.administration[try Names.registry("us")] = account.answers()
        return world
    }

    private func account(_ names: String...) -> Account {
        var account = Account()
        for name in names { account.add(name) }
        return account
    }

    @Test func `a namespace that is not there is created, and what goes into it waits for it`() throws {
        var spec = SpecBuilder()
        try spec.namespace("payments", resourceGroup: "8a1b")
        try spec.image(from: "docker.io/x/y:1", to: ["us/payments/api"], tags: ["1"])
        var world = try world(account("birds"))
        try world.add(Samples.image(seed: 1), to: "docker.io/x/y", tags: ["1"])
        let planned = try world.plan(spec)
        #expect(planned.errors.isEmpty)
        let change = try planned.change("namespace us.icr.io/payments")
        #expect(change.setting == .create(resourceGroup: "8a1b"))
        #expect(change.preconditions == [.absent])
        #expect(change.undo == .remove)
        #expect(try planned.change("put us.icr.io/payments/api:1").after == [change.id])
        #expect(try PlanFile.decode(PlanFile.encode(planned.plan).bytes).plan == planned.plan)
    }

    @Test func `a namespace that is there needs nothing, and elsewhere it comes with its path`() throws {
        var spec = SpecBuilder()
        try spec.namespace("payments", on: ["us", "docker.io"])
        #expect(try world(account("payments")).plan(spec).ids == [])
    }

    @Test func `a namespace without a resource group gets one, for good`() throws {
        var spec = SpecBuilder()
        try spec.namespace("payments", resourceGroup: "8a1b")
        let change = try world(account("payments")).plan(spec).change("namespace us.icr.io/payments")
        #expect(change.setting == .assign(resourceGroup: "8a1b"))
        #expect(change.preconditions == [.unassigned])
        #expect(change.undo == .none)
    }

    @Test func `no namespace changes its resource group`() throws {
        var spec = SpecBuilder()
        try spec.namespace("payments", resourceGroup: "8a1b")
        var account = Account()
        account.add("payments", group: "77")
        #expect(try world(account).plan(spec).errors.map(\.code) == ["resource-group"])
        account.namespaces[0].resourceGroup = "8a1b"
        #expect(try world(account).plan(spec).ids == [])
    }

    @Test func `an account has room for 100 namespaces in a region`() throws {
        var account = Account()
        for number in 0..<99 { account.add("space-\(number)") }
        var spec = SpecBuilder()
        try spec.namespace("payments")
        #expect(try world(account).plan(spec).errors == [])
        try spec.namespace("birds")
        #expect(try world(account).plan(spec).errors.map(\.code) == ["too-many-namespaces"])
    }

    @Test func `a target's namespace must be there, or be declared`() throws {
        var spec = SpecBuilder()
        try spec.namespace("birds")
        try spec.image(from: "docker.io/x/y:1", to: ["us/payments/api"], tags: ["1"])
        var world = try world(account("birds"))
        try world.add(Samples.image(seed: 1), to: "docker.io/x/y", tags: ["1"])
        #expect(try world.plan(spec).errors.map(\.code) == ["no-namespace"])
        // Without a login for the management API nobody knows, and content alone is read and written.
        world.unreadable.insert(.administration(try Names.registry("us"), .namespaces))
        spec.desired.namespaces = []
        #expect(try world.plan(spec).errors == [])
    }

    @Test func `a registry that only declared namespaces use is of no kind that could have a resource group`() throws {
        var spec = SpecBuilder()
        try spec.namespace("payments", on: ["docker.io"], resourceGroup: "8a1b")
        #expect(try World().plan(spec).errors.map(\.code) == ["not-icr"])
    }

    // MARK: Removed

    private func removal() throws -> (spec: SpecBuilder, account: Account) {
        var spec = SpecBuilder()
        try spec.absent(namespace: "old")
        spec.policy.limits.namespaceDeletions = 1
        var account = account("old", "payments")
        let digests = try (1...3).map { try Samples.image(seed: UInt64($0)).digest }
        account.images["old"] = [
            try RepositoryName("old/api"): [
                InventoryImage(
                    digest: digests[0],
                    tags: try [TagName("1"), TagName("2")],
                    mediaType: MediaType.ociManifest,
                    created: 1,
                    size: 10
                ),
                InventoryImage(digest: digests[1], tags: [], mediaType: MediaType.ociManifest, created: 1, size: 10),
            ]
        ]
        account.trash = [TrashedImage(repository: try RepositoryName("old/web"), digest: digests[2], tags: [try TagName("9")], daysLeft: 3)]
        return (spec, account)
    }

    @Test func `a namespace goes with every image and what its trash holds, and nothing brings it back`() throws {
        let (spec, account) = try removal()
        let planned = try world(account).plan(spec)
        let change = try planned.change("namespace us.icr.io/old")
        let images = try #require(change.consequences.images)
        #expect(change.setting == .remove)
        #expect(change.undo == .none)
        #expect(images.map(\.isTrashed).filter { $0 }.count == 1)
        #expect(images.count == 3)
        #expect(change.preconditions == [.contents(images.map(\.description))])
        #expect(planned.refusals == [])
        #expect(try PlanFile.decode(PlanFile.encode(planned.plan).bytes).plan == planned.plan)
    }

    @Test func `no namespace goes unless the limit lets it, and its images and tags count too`() throws {
        var (spec, account) = try removal()
        spec.policy.limits.namespaceDeletions = 0
        spec.policy.limits.deletions = 3
        let planned = try world(account).plan(spec)
        #expect(planned.refusals.map(\.code) == ["limit-deletions", "limit-namespaces"])
        // Two images and two tags; what is in the trash was counted when it went there.
        #expect(planned.refusals[0].subjects.count == 4)
    }

    @Test func `a protected image keeps its namespace`() throws {
        var (spec, account) = try removal()
        try spec.protect("**:2")
        let planned = try world(account).plan(spec)
        #expect(planned.refusals.map(\.code) == ["protected"])
        #expect(planned.refusals.first?.subjects == ["us.icr.io/old/api:2"])
    }

    @Test func `what is declared in a namespace, or itself, contradicts its removal`() throws {
        var (spec, account) = try removal()
        try spec.namespace("old")
        #expect(try world(account).plan(spec).errors.map(\.code) == ["declared-and-absent"])
        spec.desired.namespaces = []
        try spec.image(from: "docker.io/x/y:1", to: ["us/old/api"], tags: ["1"])
        var world = try world(account)
        try world.add(Samples.image(seed: 1), to: "docker.io/x/y", tags: ["1"])
        #expect(try world.plan(spec).errors.map(\.code) == ["declared-and-absent"])
    }

    @Test func `a namespace that is gone stays silent, and is counted`() throws {
        let (spec, _) = try removal()
        let planned = try world(account("payments")).plan(spec)
        #expect(planned.ids == [])
        #expect(planned.plan.scope.alreadyAbsent == 1)
    }

    @Test func `a saved removal that shows less than it takes is refused`() throws {
        let (spec, account) = try removal()
        var plan = try world(account).plan(spec).plan
        plan.changes[0].consequences.images?.removeFirst()
        #expect(throws: PlanFile.Invalid.self) { try PlanFile.decode(PlanFile.encode(plan).bytes) }
    }

    @Test func `owners may touch the namespaces that are theirs whole`() throws {
        var (spec, account) = try removal()
        try spec.namespace("payments", resourceGroup: "8a1b")
        try spec.owner(files: "spec.yaml", may: ["us/payments/**"])
        let planned = try world(account).plan(spec)
        #expect(planned.refusals.map(\.code) == ["not-owner"])
        #expect(planned.refusals.first?.subjects == ["us.icr.io/old"])
    }

    @Test func `filters leave namespaces out`() throws {
        var (spec, account) = try removal()
        try spec.namespace("payments", resourceGroup: "8a1b")
        try spec.target("us/payments/**")
        #expect(try world(account).plan(spec).ids == ["namespace us.icr.io/payments"])
    }

    @Test func `a namespace that a policy names is not deleted, however empty it looks`() throws {
        var account = Account()
        account.add("old")
        var spec = SpecBuilder()
        try spec.absent(namespace: "old")
        spec.policy.limits.namespaceDeletions = 1
        #expect(try world(account).plan(spec).refusals == [])
        try spec.protect("us/old/**")
        #expect(try world(account).plan(spec).refusals.map(\.code) == ["protected"])
    }

    @Test func `a namespace does not go with what the filters leave out`() throws {
        var account = Account()
        account.add("old")
        let image = InventoryImage(
            digest: try Samples.image(seed: 1).digest,
            tags: [try TagName("prod")],
            mediaType: MediaType.ociManifest,
            created: 1,
            size: 1
        )
        account.images["old"] = [try RepositoryName("old/api"): [image]]
        var spec = SpecBuilder()
        try spec.absent(namespace: "old")
        spec.policy.limits.namespaceDeletions = 1
        #expect(try world(account).plan(spec).refusals == [])
        try spec.exclude("us/old/api:prod")
        let planned = try world(account).plan(spec)
        #expect(planned.refusals.map(\.code) == ["out-of-scope"] && planned.ids.isEmpty)
    }
}
