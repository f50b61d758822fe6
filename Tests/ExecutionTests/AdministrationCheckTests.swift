import OCI
import Planning
import RegistryTestSupport
import Testing

@testable import Execution

@Suite struct AdministrationCheckTests {
    private static let policy = RetentionPolicy(imagesPerRepository: 5, keepUntagged: true)
    private static let other = RetentionPolicy(imagesPerRepository: 3, keepUntagged: false, minimumAgeDays: 7)

    struct Row: Sendable {
        var setting: NamespaceSetting
        var preconditions: [Precondition]
        var state: NamespaceState
        var result: TargetCheck

        init(_ setting: NamespaceSetting, _ preconditions: [Precondition], _ state: NamespaceState, _ result: TargetCheck) {
            self.setting = setting
            self.preconditions = preconditions
            self.state = state
            self.result = result
        }
    }

    private static func there(_ group: String? = nil, _ contents: [String]? = nil) -> NamespaceState {
        NamespaceState(details: NamespaceDetails(name: "birds", resourceGroup: group), contents: contents)
    }

    private static let retention = NamespaceSetting.retention(before: other, after: policy)

    static let rows = [
        Row(.create(resourceGroup: nil), [.absent], NamespaceState(), .mayWrite),
        Row(.create(resourceGroup: nil), [.absent], there(), .atGoal),
        Row(.create(resourceGroup: nil), [.absent], there("g"), .atGoal),
        Row(.create(resourceGroup: "g"), [.absent], there("g"), .atGoal),
        Row(.create(resourceGroup: "g"), [.absent], there("h"), .stale(expected: "absent", found: "there, in the resource group h")),
        Row(.create(resourceGroup: "g"), [.absent], there(), .stale(expected: "absent", found: "there, in no resource group")),
        Row(.create(resourceGroup: nil), [], NamespaceState(), .unknown),
        Row(.create(resourceGroup: nil), [.unassigned], NamespaceState(), .unknown),
        Row(.assign(resourceGroup: "g"), [.unassigned], there(), .mayWrite),
        Row(.assign(resourceGroup: "g"), [.unassigned], there("g"), .atGoal),
        Row(.assign(resourceGroup: "g"), [.unassigned], there("h"), .stale(expected: "no resource group", found: "the resource group h")),
        Row(.assign(resourceGroup: "g"), [.unassigned], NamespaceState(), .stale(expected: "no resource group", found: "absent")),
        Row(.remove, [.contents([])], NamespaceState(), .atGoal),
        Row(.remove, [.contents([])], there(nil, []), .mayWrite),
        Row(.remove, [.contents(["b", "a"])], there(nil, ["a", "b"]), .mayWrite),
        Row(.remove, [.contents(["a"])], there(nil, ["b"]), .stale(expected: "the image of the plan", found: "also b; no longer a")),
        Row(
            .remove,
            [.contents([])],
            there(nil, ["1", "2", "3", "4", "5"]),
            .stale(expected: "the 0 images of the plan", found: "also 1, 2, 3 and 2 more")
        ),
        Row(.remove, [.contents(["a"])], there(), .stale(expected: "the image of the plan", found: "absent")),
        Row(.remove, [.absent], there(), .unknown),
        Row(retention, [.retention(other), .retentionVictims(["a"])], NamespaceState(retention: other, victims: ["a"]), .mayWrite),
        Row(retention, [.retention(other), .retentionVictims(["a"])], NamespaceState(retention: policy), .atGoal),
        Row(
            retention,
            [.retention(other), .retentionVictims(["a"])],
            NamespaceState(retention: other, victims: []),
            .stale(expected: "the image of the plan", found: "no longer a")
        ),
        Row(
            retention,
            [.retention(other), .retentionVictims([])],
            NamespaceState(retention: RetentionPolicy.none, victims: []),
            .stale(
                expected: "the policy '3 images per repository, untagged not kept, at least 7 days'",
                found: "the policy 'all images, untagged kept'"
            )
        ),
        Row(
            retention,
            [.retention(other), .retentionVictims([])],
            NamespaceState(),
            .stale(expected: "the policy '3 images per repository, untagged not kept, at least 7 days'", found: "absent")
        ),
    ]

    @Test(arguments: rows) func `a namespace is set only when it is as the plan saw it`(row: Row) throws {
        let target = ChangeTarget.namespace(try Changes.address("us.example/birds").registry, "birds")
        var change = Changes.change(.namespace, target, .management, row.preconditions)
        change.setting = row.setting
        #expect(TargetCheck(change, row.state) == row.result)
    }

    private static let goal = Digest.sha256(of: [1])
    private static let second = Digest.sha256(of: [2])

    struct Restore: Sendable {
        var tag: String?
        var live: Digest?
        /// What the trash of the repository has, with its tags.
        var trash: [Digest: [String]]
        var result: TargetCheck

        init(_ tag: String?, _ live: Digest?, _ trash: [Digest: [String]], _ result: TargetCheck) {
            self.tag = tag
            self.live = live
            self.trash = trash
            self.result = result
        }
    }

    static let restores = [
        Restore(nil, nil, [goal: []], .mayWrite),
        Restore(nil, goal, [:], .atGoal),
        Restore(nil, nil, [second: ["1"]], .stale(expected: "\(goal) in the trash", found: "the trash does not hold it")),
        Restore("1", nil, [goal: ["1", "2"]], .mayWrite),
        Restore("1", nil, [goal: ["1"], second: ["2"]], .mayWrite),
        Restore("1", goal, [:], .atGoal),
        Restore("1", second, [goal: ["1"]], .stale(expected: "absent", found: "\(second)")),
        Restore("1", nil, [goal: ["2"]], .stale(expected: "\(goal) in the trash", found: "in the trash, but without the tag 1")),
        Restore(
            "1",
            nil,
            [goal: ["1"], second: ["1"]],
            .stale(expected: "\(goal) in the trash", found: "the tag 1 in the trash on \(second) too")
        ),
    ]

    @Test(arguments: restores) func `only what the trash would give back is restored`(row: Restore) throws {
        let address = try Changes.address("us.example/birds/a")
        let reference: ManifestReference = if let tag = row.tag { .tag(try TagName(tag)) } else { .digest(Self.goal) }
        let preconditions: [Precondition] = [.absent, .inTrash(Self.goal)]
        let change = Changes.change(.restore, .manifest(address, reference), new: Self.goal, .management, preconditions)
        let trash = try row.trash.map { digest, tags in
            let names = try tags.map { try TagName($0) }
            return TrashedImage(repository: address.repository, digest: digest, tags: names, daysLeft: 3)
        }
        #expect(TargetCheck(restoring: change, live: row.live, trash: trash, free: []) == row.result)
    }

    @Test func `a restore that does not name what it brings back cannot be checked`() throws {
        let target = try Changes.tag("us.example/birds/a", "1")
        for preconditions in [[], [Precondition.absent], [.inTrash(Self.second)], [.inTrash(Self.goal), .unassigned]] {
            let change = Changes.change(.restore, target, new: Self.goal, .management, preconditions)
            let trash = TrashedImage(
                repository: try Changes.address("us.example/birds/a").repository,
                digest: Self.goal,
                tags: [try TagName("1")],
                daysLeft: 1
            )
            #expect(TargetCheck(restoring: change, live: nil, trash: [trash], free: []) == .unknown)
        }
        let elsewhere = ChangeTarget.manifest(try Changes.address("us.example/birds/a"), .digest(Self.second))
        let change = Changes.change(.restore, elsewhere, new: Self.goal, .management, [.inTrash(Self.goal)])
        #expect(TargetCheck(restoring: change, live: nil, trash: [], free: []) == .unknown)
    }

    @Test func `an image is restored by its digest only with the tags of the plan`() throws {
        let address = try Changes.address("us.example/birds/a")
        let (one, two) = (try TagName("1"), try TagName("2"))
        let preconditions: [Precondition] = [.inTrash(Self.goal), .absent, .tagsOnDigest([one])]
        let change = Changes.change(.restore, .manifest(address, .digest(Self.goal)), new: Self.goal, .management, preconditions)
        let trash = [TrashedImage(repository: address.repository, digest: Self.goal, tags: [one, two], daysLeft: 3)]
        #expect(TargetCheck(restoring: change, live: nil, trash: trash, free: [one]) == .mayWrite)
        let found = TargetCheck(restoring: change, live: nil, trash: trash, free: [one, two])
        #expect(found == .stale(expected: "1 to come back", found: "1, 2 to come back"))
    }
}
