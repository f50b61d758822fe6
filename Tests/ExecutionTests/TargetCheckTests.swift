import OCI
import Planning
import RegistryTestSupport
import Testing

@testable import Execution

@Suite struct TargetCheckTests {
    private static let old = Digest.sha256(of: [1])
    private static let new = Digest.sha256(of: [2])
    private static let other = Digest.sha256(of: [3])

    struct Row: Sendable {
        var preconditions: [Precondition]
        var goal: Digest?
        var found: Digest?
        var standsFor: Digest?
        var result: TargetCheck
    }

    static let rows = [
        Row(preconditions: [.absent], goal: new, found: nil, result: .mayWrite),
        Row(preconditions: [.absent], goal: new, found: new, result: .atGoal),
        Row(preconditions: [.absent], goal: new, found: other, result: .stale(expected: "absent", found: "\(other)")),
        Row(preconditions: [.at(old)], goal: new, found: old, result: .mayWrite),
        Row(preconditions: [.at(old)], goal: new, found: new, result: .atGoal),
        Row(preconditions: [.at(old)], goal: new, found: nil, result: .stale(expected: "\(old)", found: "absent")),
        Row(preconditions: [.at(old)], goal: nil, found: old, result: .mayWrite),
        Row(preconditions: [.at(old)], goal: nil, found: nil, result: .atGoal),
        Row(preconditions: [.at(old)], goal: nil, found: other, result: .stale(expected: "\(old)", found: "\(other)")),
        Row(preconditions: [.at(old)], goal: nil, found: other, standsFor: old, result: .mayWrite),
        Row(preconditions: [.at(old)], goal: new, found: other, standsFor: old, result: .mayWrite),
        Row(preconditions: [.at(other)], goal: old, found: other, standsFor: old, result: .mayWrite),
        Row(preconditions: [.at(old)], goal: nil, found: other, standsFor: new, result: .stale(expected: "\(old)", found: "\(other)")),
        Row(preconditions: [.absent], goal: new, found: other, standsFor: old, result: .stale(expected: "absent", found: "\(other)")),
        Row(preconditions: [], goal: new, found: old, result: .unknown),
        Row(preconditions: [.at(old), .fingerprint("x")], goal: new, found: old, result: .unknown),
        Row(preconditions: [.contents([])], goal: new, found: nil, result: .unknown),
    ]

    @Test(arguments: rows) func `only what the plan saw may be overwritten`(row: Row) throws {
        let target = try Changes.tag("us.example/team/app", "1")
        let change = Changes.change(row.goal == nil ? .untag : .put, target, new: row.goal, .copy, row.preconditions)
        #expect(TargetCheck(change, found: row.found, standsFor: row.standsFor) == row.result)
    }
}
