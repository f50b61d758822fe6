import OCI
import RegistryTestSupport
import Testing

@testable import ICRSimulation

/// The rules of section E of the reference of ICR, on the simulator's values alone.
@Suite struct RetentionRulesTests {
    private static let now = 1_788_000_000.0
    private static let day = 86_400.0

    /// An image of a repository in a table: its name, its age in days (nil: no date), and its tags.
    struct Held: Sendable {
        var name: String
        var age: Int?
        var tags: [String]
        var isIndex = false
        var children: [String] = []
        /// Seconds since 1970, instead of an age.
        var created: Int64?
    }

    struct Row: Sendable, CustomTestStringConvertible {
        var testDescription: String
        var images: [Held]
        var keep: Int
        var keepsUntagged = false
        var thresholdDays = 0
        var protectsChildren = false
        var goes: [String]
    }

    private static let three = [
        Held(name: "a", age: 1, tags: ["a"]), Held(name: "b", age: 2, tags: ["b"]), Held(name: "c", age: 3, tags: ["c"]),
    ]
    private static let untagged = Held(name: "u", age: 0, tags: [])

    static let rows: [Row] = [
        Row(testDescription: "the newest by build date stay", images: three, keep: 1, goes: ["b", "c"]),
        Row(testDescription: "minus one keeps all", images: three, keep: -1, goes: []),
        Row(testDescription: "more than there are keeps all", images: three, keep: 4, goes: []),
        Row(
            testDescription: "an image with several tags counts once",
            images: [Held(name: "a", age: 1, tags: ["1", "2", "3"]), Held(name: "b", age: 2, tags: ["b"])],
            keep: 2,
            goes: []
        ),
        Row(testDescription: "untagged images count", images: three + [untagged], keep: 3, goes: ["c"]),
        Row(
            testDescription: "untagged images go",
            images: [three[0], Held(name: "u", age: 5, tags: [])],
            keep: 1,
            goes: ["u"]
        ),
        Row(
            testDescription: "kept untagged images neither count nor go",
            images: three + [untagged],
            keep: 3,
            keepsUntagged: true,
            goes: []
        ),
        Row(
            testDescription: "images without a date are kept and do not count",
            images: three + [Held(name: "n", age: nil, tags: ["n"])],
            keep: 3,
            goes: []
        ),
        Row(
            testDescription: "a date before 2013-01-19T00:13:39Z is none",
            images: [three[0], Held(name: "o", age: nil, tags: ["o"], created: 1_358_554_418)],
            keep: 1,
            goes: []
        ),
        Row(
            testDescription: "2013-01-19T00:13:39Z is a date",
            images: [three[0], Held(name: "o", age: nil, tags: ["o"], created: 1_358_554_419)],
            keep: 1,
            goes: ["o"]
        ),
        Row(
            testDescription: "indexes are never counted and never go, their children are and do",
            images: [three[0], Held(name: "i", age: nil, tags: ["i"], isIndex: true, children: ["k"]), Held(name: "k", age: 2, tags: [])],
            keep: 1,
            goes: ["k"]
        ),
        Row(
            testDescription: "a registry that protects children keeps them",
            images: [three[0], Held(name: "i", age: nil, tags: ["i"], isIndex: true, children: ["k"]), Held(name: "k", age: 2, tags: [])],
            keep: 1,
            protectsChildren: true,
            goes: []
        ),
        Row(testDescription: "what is younger than the threshold stays", images: three, keep: 1, thresholdDays: 3, goes: ["c"]),
    ]

    @Test("what a policy removes", arguments: rows)
    func victims(_ row: Row) throws {
        var registry = ICRInstance(host: "us.icr.io")
        var repository = RegistryContents.Repository()
        func digest(_ name: String) -> Digest { Digest.sha256(of: Array(name.utf8)) }
        let document = try Samples.image().root
        for image in row.images {
            let created = image.created ?? image.age.map { Int64(Self.now - Double($0) * Self.day) }
            var facts = ImageFacts(document, config: nil, indexType: "")
            facts.created = created
            facts.isIndex = image.isIndex
            facts.children = image.children.map(digest)
            registry.facts[digest(image.name)] = facts
            repository.set(document, as: digest(image.name))
            for tag in image.tags { repository.tags[try TagName(tag)] = digest(image.name) }
        }
        let policy = ICRInstance.Policy(
            imagesPerRepository: row.keep,
            keepsUntagged: row.keepsUntagged,
            thresholdDays: row.thresholdDays
        )
        let found = registry.victims(of: policy, in: repository, at: Self.now, protectsChildren: row.protectsChildren)
        #expect(Set(found) == Set(row.goes.map(digest)))
    }

    private func account() throws -> (account: ICRAccount, digests: [Digest]) {
        var account = ICRAccount(id: "account", hosts: ["us.icr.io"])
        account.advance(to: Self.now)
        var digests: [Digest] = []
        for (number, date) in ["2026-01-01T00:00:00Z", "2026-02-01T00:00:00Z"].enumerated() {
            var seed = SimulatedSeed("birds/a", tags: ["\(number)"], seed: UInt64(number + 1))
            seed.created = date
            digests += try account.seed(seed, at: Self.now)
        }
        return (account, digests)
    }

    @Test("a policy runs when it is set, and each day from then on")
    func daily() throws {
        var (account, digests) = try account()
        let policy = ICRInstance.Policy(imagesPerRepository: 1, keepsUntagged: false)
        account.registries["us.icr.io"]?.setPolicy(policy, of: "birds", at: Self.now, account.switches)
        let repository = try RepositoryName("birds/a")
        #expect(account.registries["us.icr.io"]?.contents.digests(in: repository) == [digests[1]])
        var newer = SimulatedSeed("birds/a", tags: ["2"], seed: 3)
        newer.created = "2026-03-01T00:00:00Z"
        let newest = try account.seed(newer, at: Self.now)
        account.advance(to: Self.now + 60)
        #expect(account.registries["us.icr.io"]?.contents.digests(in: repository).count == 2)
        account.advance(to: Self.now + Self.day)
        #expect(account.registries["us.icr.io"]?.contents.digests(in: repository) == newest)
        #expect(account.registries["us.icr.io"]?.trash.count == 2)
    }
}
