import OCI
import Testing

@testable import RegistryICR

@Suite struct ManagementAnswerTests {
    static let one = "sha256:" + String(repeating: "1", count: 64)
    static let two = "sha256:" + String(repeating: "2", count: 64)

    private func inventory(_ text: String) throws -> [RepositoryName: [InventoryImage]] {
        try ManagementAnswer.inventory(Array(text.utf8), host: "us.icr.io", namespace: "birds")
    }

    struct Shape: Sendable, CustomTestStringConvertible {
        var testDescription: String
        var repoTags: String
        var tags: [String]?
    }

    static let shapes: [Shape] = [
        Shape(testDescription: "tags with findings", repoTags: #"{"us.icr.io/birds/a":{"2":{"issueCount":0},"1":{}}}"#, tags: ["1", "2"]),
        Shape(testDescription: "tags with null", repoTags: #"{"us.icr.io/birds/a":{"1":null}}"#, tags: ["1"]),
        Shape(testDescription: "an untagged image with an empty map", repoTags: #"{"us.icr.io/birds/a":{}}"#, tags: []),
        Shape(testDescription: "an untagged image with null", repoTags: #"{"us.icr.io/birds/a":null}"#, tags: []),
        Shape(testDescription: "another namespace", repoTags: #"{"us.icr.io/birds2/a":{"1":{}}}"#, tags: nil),
    ]

    @Test(
        "what is not understood is no empty namespace",
        arguments: [#"{"de.icr.io/birds/a":{"1":{}}}"#, #"{"birds/a":{"1":{}}}"#, "{}", "null"]
    )
    func unclearInventory(_ repoTags: String) {
        #expect(throws: ManagementAnswer.Invalid.self) { try inventory(#"[{"id":"\#(Self.one)","repoTags":\#(repoTags)}]"#) }
    }

    @Test("an inventory is read in every shape that it may have", arguments: shapes)
    func inventoryShapes(_ shape: Shape) throws {
        let found = try inventory(#"[null,{"id":"\#(Self.one)","created":5,"size":7,"unknown":[1],"repoTags":\#(shape.repoTags)}]"#)
        guard let tags = shape.tags else { return #expect(found.isEmpty) }
        let expected = InventoryImage(
            digest: try Digest(Self.one),
            tags: try tags.map { try TagName($0) },
            mediaType: nil,
            created: 5,
            size: 7
        )
        #expect(found == [try RepositoryName("birds/a"): [expected]])
    }

    @Test(
        "an image's type is known by its words, or not at all",
        arguments: [
            ("Docker Manifest List", MediaType.dockerManifestList), ("OCI Image Index v1", MediaType.ociIndex),
            ("Docker Image Manifest V2, Schema 2", MediaType.dockerManifest), ("OCI Image Manifest v1", MediaType.ociManifest), ("", nil),
            ("Something new", nil),
        ]
    )
    func types(_ words: String, _ mediaType: String?) throws {
        let found = try inventory(#"[{"id":"\#(Self.one)","created":0,"manifestType":"\#(words)","repoTags":{"us.icr.io/birds/a":{}}}]"#)
        let image = try #require(found[try RepositoryName("birds/a")]?.first)
        #expect(image.mediaType == mediaType)
        #expect(image.created == nil)
    }

    @Test("a digest in several repositories counts in each of them, sorted by digest")
    func severalRepositories() throws {
        let places = #"{"us.icr.io/birds/a":{"1":{}},"us.icr.io/birds/b/c":{}}"#
        let found = try inventory(#"[{"id":"\#(Self.two)","repoTags":\#(places)},{"id":"\#(Self.one)","repoTags":\#(places)}]"#)
        #expect(found.keys.map(\.description).sorted() == ["birds/a", "birds/b/c"])
        for images in found.values { #expect(images.map(\.digest.description) == [Self.one, Self.two]) }
    }

    @Test(
        "what cannot be read is an error, never an empty inventory",
        arguments: [
            "", "{}", "[1]", "<html>", #"{"code":"CRG0009E"}"#,
            #"[{"id":"sha256:../../x","repoTags":{"us.icr.io/birds/a":{"1":{}}}}]"#,
            #"[{"repoTags":{"us.icr.io/birds/a":{"1":{}}}}]"#,
            #"[{"id":"\#(one)","repoTags":{"us.icr.io/birds/../a":{"1":{}}}}]"#,
            #"[{"id":"\#(one)","repoTags":{"us.icr.io/birds/a":{"-bad\u001b":{}}}}]"#,
        ]
    )
    func unreadableInventory(_ text: String) throws {
        let error = #expect(throws: ManagementAnswer.Invalid.self) { try inventory(text) }
        #expect(error?.description.contains("\u{1b}") == false)
    }

    @Test("namespaces are sorted, and an empty resource group is none")
    func namespaces() throws {
        let text = #"[{"name":"b","resource_group":""},{"name":"a","resource_group":"g","crn":"x"},{"account":"y"},null]"#
        #expect(
            try ManagementAnswer.namespaces(Array(text.utf8)) == [
                NamespaceDetails(name: "a", resourceGroup: "g"), NamespaceDetails(name: "b"),
            ]
        )
    }

    @Test("a policy of minus one keeps all")
    func retention() throws {
        let none = try ManagementAnswer.retention(Array(#"{"namespace":"a","images_per_repo":-1,"retain_untagged":true}"#.utf8))
        #expect(none == .none)
        let text = #"{"a":{"images_per_repo":3,"deletion_threshold_days":7,"account":""},"b":null}"#
        #expect(
            try ManagementAnswer.retentions(Array(text.utf8)) == [
                "a": RetentionPolicy(imagesPerRepository: 3, keepUntagged: false, minimumAgeDays: 7)
            ]
        )
    }

    @Test("tags come bare or in full", arguments: [#"["1","x"]"#, #"["us.icr.io/birds/a:1","us.icr.io/birds/a:x",null]"#])
    func trashTags(_ tags: String) throws {
        let name = "us.icr.io/birds/a@\(Self.one)"
        let repository = try RepositoryName("birds/a")
        let expected = try ["1", "x"].map { try TagName($0) }
        let trash = try ManagementAnswer.trash(
            Array(#"{"\#(name)":{"daysUntilExpiry":30,"tags":\#(tags)}}"#.utf8),
            host: "us.icr.io",
            namespace: "birds"
        )
        #expect(trash == [TrashedImage(repository: repository, digest: try Digest(Self.one), tags: expected, daysLeft: 30)])
        let victims = try ManagementAnswer.victims(Array(#"{"\#(name)":\#(tags)}"#.utf8), host: "us.icr.io", namespace: "birds")
        #expect(victims == [.init(repository: repository, digest: try Digest(Self.one), tags: expected)])
        #expect(try ManagementAnswer.restoredTags(Array(#"{"successful":\#(tags),"unsuccessful":["y"]}"#.utf8)) == expected)
    }

    @Test("quotas of minus one are unlimited")
    func quota() throws {
        let text = #"{"limit":{"storage_bytes":100,"traffic_bytes":-1},"usage":{"storage_bytes":120,"traffic_bytes":7}}"#
        let quota = try ManagementAnswer.quota(Array(text.utf8))
        #expect(quota == Quota(storage: .init(limit: 100, usage: 120), traffic: .init(limit: nil, usage: 7)))
        #expect(quota.storage.left == 0)
        #expect(quota.traffic.left == nil)
    }

    @Test("each deleted image has a result of its own, by full name or by digest, and an unnamed one is unknown")
    func deletions() throws {
        let (first, second) = ("us.icr.io/birds/a@\(Self.one)", "us.icr.io/birds/a@\(Self.two)")
        let third = "us.icr.io/birds/a@sha256:" + String(repeating: "3", count: 64)
        let problem = #"{"code":"CRI0001E","message":"no"}"#
        for (done, failed) in [(first, second), (Self.one, Self.two)] {
            let text = #"{"success":["\#(done)"],"error":{"\#(failed)":\#(problem)}}"#
            let results = try ManagementAnswer.deletions(Array(text.utf8), of: [first, second, third])
            #expect(results == [first: nil, second: ManagementProblem(code: "CRI0001E", message: "no")])
        }
    }
}
