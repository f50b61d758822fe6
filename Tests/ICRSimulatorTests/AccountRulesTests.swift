import OCI
import RegistryTestSupport
import Testing

@testable import ICRSimulation

/// The rules of sections C.5 and E of the reference of ICR, on the simulator's values alone.
@Suite struct AccountRulesTests {
    private static let host = "us.icr.io"
    private static let now = 1_788_000_000.0
    private static let day = 86_400.0

    private var registry = ICRInstance(host: host)
    private let switches = ICRSwitches()
    private let digest: Digest

    init() throws {
        var account = ICRAccount(id: "account", hosts: [Self.host])
        digest = try account.seed(SimulatedSeed("birds/a", tags: ["1", "2"]), at: Self.now)[0]
        try account.seed(SimulatedSeed("birds/b", tags: ["1"]), at: Self.now)
        registry = try #require(account.registries[Self.host])
    }

    private func reference(_ text: String) throws -> ImageReference {
        try #require(ImageReference("\(Self.host)/\(text)", host: Self.host))
    }

    private func tags(_ repository: String = "birds/a") throws -> [String]? {
        registry.contents.tags(in: try RepositoryName(repository))?.map(\.description)
    }

    // MARK: Deleting

    @Test("deleting by tag takes all tags of the digest, in that repository alone")
    mutating func deleteByTag() throws {
        _ = try registry.delete(try reference("birds/a:1"), at: Self.now, switches)
        #expect(try tags() == nil)
        #expect(try tags("birds/b") == ["1"])
        #expect(registry.trash.values.map { $0.tags.map(\.description).sorted() } == [["1", "2"]])
    }

    @Test("untagging leaves the image, also without its last tag, and fills no trash")
    mutating func untag() throws {
        _ = try registry.untag(try reference("birds/a:1"), switches)
        _ = try registry.untag(try reference("birds/a:2"), switches)
        #expect(registry.contents.digests(in: try RepositoryName("birds/a")) == [digest])
        #expect(registry.trash.isEmpty)
        #expect(throws: ICRProblem.self) { try registry.untag(try reference("birds/a"), switches) }
    }

    // MARK: Trash

    @Test("the trash says whole days, rounded up, and forgets after 30")
    mutating func expiry() throws {
        _ = try registry.delete(try reference("birds/a:1"), at: Self.now, switches)
        let entry = try #require(registry.trash.values.first)
        #expect(ICRInstance.daysLeft(entry, at: Self.now) == 30)
        #expect(ICRInstance.daysLeft(entry, at: Self.now + 1) == 30)
        #expect(ICRInstance.daysLeft(entry, at: Self.now + Self.day) == 29)
        registry.advance(to: Self.now + 30 * Self.day - 1, switches)
        #expect(registry.trash.count == 1)
        registry.advance(to: Self.now + 30 * Self.day, switches)
        #expect(registry.trash.isEmpty)
    }

    @Test("restoring a digest brings back the tags that are free, and the entry stays")
    mutating func restoreTags() throws {
        _ = try registry.delete(try reference("birds/a:1"), at: Self.now, switches)
        try registry.tag(try reference("birds/b:1"), as: try reference("birds/a:2"), switches)
        let result = try registry.restoreTags(try reference("birds/a@\(digest)"), switches)
        #expect(result.successful.map(\.description) == ["1"])
        #expect(result.unsuccessful.map(\.description) == ["2"])
        #expect(registry.trash.count == 1)
    }

    @Test("restoring a tag brings that one back, and is refused while it is live")
    mutating func restoreTag() throws {
        _ = try registry.delete(try reference("birds/a:1"), at: Self.now, switches)
        try registry.restore(try reference("birds/a:2"), switches)
        #expect(try tags() == ["2"])
        #expect(throws: ICRProblem.unknown("The image in the trash")) { try registry.restore(try reference("birds/a:2"), switches) }
        _ = try registry.tag(try reference("birds/b:1"), as: try reference("birds/a:1"), switches)
        let problem = #expect(throws: ICRProblem.self) { try registry.restore(try reference("birds/a:1"), switches) }
        #expect(problem?.status == 409 && problem?.code == "CRT0500E")
    }

    // MARK: Tagging

    @Test("a tagged index brings its children, and one that lacks a child is refused")
    mutating func tagIndex() throws {
        let index = try Samples.multiPlatform()
        let repository = try RepositoryName("birds/multi")
        registry.contents.seed(index, tags: [try TagName("1")], in: repository)
        try registry.tag(try reference("birds/multi:1"), as: try reference("birds/copy:1"), switches)
        #expect(registry.contents.defects(below: .tag(try TagName("1")), in: try RepositoryName("birds/copy")) == [])
        _ = registry.contents.deleteManifest(try #require(index.root.index?.manifests.first?.digest), in: repository)
        let problem = #expect(throws: ICRProblem.self) {
            try registry.tag(try reference("birds/multi:1"), as: try reference("birds/other:1"), switches)
        }
        #expect(problem?.code == "CRI0304E")
    }

    // MARK: Quota

    @Test("shared layers are stored once, and what is in the trash is free")
    mutating func storage() throws {
        let one = registry.storage
        #expect(one > 0, "the same image in two repositories")
        _ = try registry.delete(try reference("birds/a:1"), at: Self.now, switches)
        #expect(registry.storage == one)
        _ = try registry.delete(try reference("birds/b:1"), at: Self.now, switches)
        #expect(registry.storage == 0)
    }

    @Test("traffic starts anew each month")
    mutating func traffic() {
        registry.advance(to: 1_788_000_000, switches)
        registry.traffic = 5
        registry.advance(to: 1_788_000_001, switches)
        #expect(registry.traffic == 5)
        registry.advance(to: 1_788_000_000 + 31 * Self.day, switches)
        #expect(registry.traffic == 0)
    }

    // MARK: Roles

    struct Rights: Sendable, CustomTestStringConvertible {
        var grant: ICRGrant
        var may: Set<ICRAction>
        var testDescription: String
    }

    private static let reader: Set<ICRAction> = [.namespaceList, .accountRead, .imageList, .imagePull, .retentionRead]
    private static let writer: Set<ICRAction> = [.accountRead, .imageDelete, .imagePush, .imagePull, .retentionSet]
    private static let all: Set<ICRAction> = reader.union(writer).union([.namespaceConfigure, .accountConfigure, .planRead])
    private static let accountWide: Set<ICRAction> = [.namespaceConfigure, .accountConfigure, .planRead]

    static let rights: [Rights] = [
        Rights(grant: ICRGrant(.reader), may: reader, testDescription: "Reader"),
        Rights(grant: ICRGrant(.writer), may: writer, testDescription: "Writer, who cannot list"),
        Rights(grant: ICRGrant(.manager), may: all, testDescription: "Manager"),
        Rights(
            grant: ICRGrant(.manager, resourceGroup: "group"),
            may: all.subtracting(accountWide),
            testDescription: "Manager of the namespace's resource group"
        ),
        Rights(grant: ICRGrant(.manager, resourceGroup: "other"), may: [], testDescription: "Manager of another resource group"),
        Rights(grant: ICRGrant(.reader, namespace: "birds"), may: reader, testDescription: "Reader of the namespace"),
        Rights(grant: ICRGrant(.reader, namespace: "bees"), may: [], testDescription: "Reader of another namespace"),
        Rights(grant: ICRGrant(.manager, host: "de.icr.io"), may: [], testDescription: "Manager in another region"),
    ]

    @Test("what a role allows, and where", arguments: rights)
    func roles(_ row: Rights) {
        let identity = ICRIdentity(id: "i", account: "a", grants: [row.grant])
        let actions: [ICRAction] = [
            .namespaceList, .namespaceConfigure, .accountRead, .accountConfigure, .planRead, .imageList, .imageDelete, .imagePush,
            .imagePull,
            .retentionRead, .retentionSet,
        ]
        for action in actions {
            let may = identity.may(action, host: Self.host, namespace: ("birds", "group"))
            #expect(may == row.may.contains(action), "\(action)")
        }
    }

    // MARK: Names

    @Test(
        "names of namespaces",
        arguments: [
            ("birds", true), ("a-_b", true), ("abc", false), ("Birds", false), ("-birds", false), ("birds_", false),
            (String(repeating: "a", count: 30), true), (String(repeating: "a", count: 31), false),
        ]
    )
    func namespaceNames(_ name: String, _ isValid: Bool) { #expect(ICRInstance.isNamespaceName(name) == isValid) }
}
