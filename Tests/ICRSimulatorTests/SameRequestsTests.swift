import ICRSimulation
import OCI
import Registry
import RegistryTestSupport
import Testing

@testable import RegistryICR

/// What crplan sends for an operation, and what IBM's SDK sends for the same one.
@Suite(.timeLimit(.minutes(5))) struct SameRequestsTests {
    struct Row: Sendable {
        var name: String
        /// The SDK's method, and its arguments by name.
        var method: String
        var arguments: [String: JSONValue]
        var call: @Sendable (ICRRegistry) async throws -> Void
    }

    private static let host = "us.icr.io"

    private static func names() throws -> (seed: SimulatedSeed, repository: RepositoryName, digest: Digest, tag: TagName) {
        let seed = SimulatedSeed("birds/blue/bird", host: host, tags: ["1", "2"])
        return (seed, try RepositoryName("birds/blue/bird"), try seed.sample().digest, try TagName("1"))
    }

    private static func rows() throws -> [Row] { namespaceRows + retentionRows + (try imageRows()) }

    private static let any = ManagementClient.Purpose(action: "read", object: host, right: .any)

    private static var namespaceRows: [Row] {
        let publicImages: [String: JSONValue] = [
            "include_ibm": .bool(true), "include_private": .bool(false), "include_manifest_lists": .bool(true),
            "vulnerabilities": .bool(false),
        ]
        let inventory: [String: JSONValue] = [
            "exclude_tagged": .bool(false), "exclude_va": .bool(true), "include_ibm": .bool(false),
            "repositories": .array([.string("birds")]),
        ]
        return [
            Row(name: "namespaces", method: "list_namespace_details", arguments: [:]) { _ = try await $0.namespaces() },
            Row(name: "create", method: "create_namespace", arguments: ["name": .string("bees")]) {
                try await $0.createNamespace("bees", resourceGroup: nil)
            },
            Row(
                name: "create in a group",
                method: "create_namespace",
                arguments: ["name": .string("wasps"), "x_auth_resource_group": .string("g1")]
            ) {
                try await $0.createNamespace("wasps", resourceGroup: "g1")
            },
            Row(name: "assign", method: "assign_namespace", arguments: ["name": .string("bees"), "x_auth_resource_group": .string("g1")]) {
                try await $0.assignNamespace("bees", resourceGroup: "g1")
            },
            Row(name: "inventory", method: "list_image_digests", arguments: inventory) { _ = try await $0.inventory(of: "birds") },
            Row(name: "public images", method: "list_images", arguments: publicImages) {
                _ = try await $0.management.call(.publicImages, for: any)
            },
        ]
    }

    private static var retentionRows: [Row] {
        let policy = RetentionPolicy(imagesPerRepository: 3, keepUntagged: true)
        let sentPolicy: [String: JSONValue] = [
            "namespace": .string("birds"), "images_per_repo": .integer(3), "retain_untagged": .bool(true),
        ]
        return [
            Row(name: "retentions", method: "list_retention_policies", arguments: [:]) {
                _ = try await $0.management.call(.retentions, for: any)
            },
            Row(name: "retention", method: "get_retention_policy", arguments: ["namespace": .string("birds")]) {
                _ = try await $0.retention(of: "birds")
            },
            Row(name: "set retention", method: "set_retention_policy", arguments: sentPolicy) {
                _ = try await $0.management.call(.setRetention(policy, of: "birds"), for: any)
            },
            Row(name: "analyze", method: "analyze_retention_policy", arguments: sentPolicy) {
                _ = try await $0.retentionVictims(policy, of: "birds")
            },
            Row(name: "quota", method: "get_quota", arguments: [:]) { _ = try await $0.quota() },
        ]
    }

    private static func imageRows() throws -> [Row] {
        let (_, repository, digest, tag) = try names()
        let image = "\(host)/\(repository)@\(digest)"
        return [
            Row(name: "tag", method: "tag_image", arguments: ["fromimage": .string(image), "toimage": .string("\(host)/birds/other:1")]) {
                try await $0.tag(digest, of: repository, as: tag, in: try RepositoryName("birds/other"))
            },
            Row(name: "untag", method: "delete_image_tag", arguments: ["image": .string("\(host)/\(repository):1")]) {
                try await $0.deleteTag(tag, in: repository)
            },
            Row(name: "bulk delete", method: "bulk_delete_images", arguments: ["bulk_delete": .array([.string(image)])]) {
                _ = await $0.deleteImages([ImageName(repository, digest)])
            },
            Row(name: "trash", method: "list_deleted_images", arguments: ["namespace": .string("birds")]) {
                _ = try await $0.trash(of: "birds")
            },
            Row(name: "restore", method: "restore_tags", arguments: ["digest": .string(image)]) {
                _ = try await $0.restore(digest, in: repository)
            },
            Row(name: "delete again", method: "bulk_delete_images", arguments: ["bulk_delete": .array([.string(image)])]) {
                _ = await $0.deleteImages([ImageName(repository, digest)])
            },
            Row(name: "restore a tag", method: "restore_image", arguments: ["image": .string("\(host)/\(repository):2")]) {
                try await $0.restoreTag(try TagName("2"), in: repository)
            },
            Row(name: "delete namespace", method: "delete_namespace", arguments: ["name": .string("wasps")]) {
                try await $0.deleteNamespace("wasps")
            },
        ]
    }

    /// What must be the same: all but authentication, and what belongs to the connection.
    private struct Sent: Equatable, CustomStringConvertible {
        var line: String
        var headers: [String: String]
        var body: JSONValue?
        var status: Int?

        init(_ logged: ICRSimulator.Logged) {
            line = logged.line
            let kept = ["account", "x-auth-resource-group", "content-type", "accept"]
            headers = logged.request.headers.filter { kept.contains($0.key) }
            // The SDK leaves it out where no answer is expected, and its transport then says this.
            if headers["accept"] == "*/*" { headers["accept"] = nil }
            body = try? JSONValue(parsing: logged.body)
            status = logged.status
        }

        var description: String { "\(line) \(headers.sorted { $0.key < $1.key }) \(body?.canonicalText ?? "-") → \(status ?? 0)" }
    }

    @Test("for each operation that crplan uses, it sends what IBM's SDK sends, and is answered alike")
    func sameRequests() async throws {
        let rows = try Self.rows()
        let ours = try await withCloud(Self.host) { cloud in
            try cloud.seed(try Self.names().seed)
            for row in rows { try await row.call(cloud.registry) }
            return Self.sent(cloud.simulator)
        }
        let theirs = try await withCloud(Self.host) { cloud in
            try cloud.seed(try Self.names().seed)
            var input = try #require(cloud.simulator.announcement.object)
            input["host"] = .string(Self.host)
            input["calls"] = .array(rows.map { .array([.string($0.method), .object($0.arguments)]) })
            _ = try await PythonSDK.run("calls", .object(input))
            return Self.sent(cloud.simulator)
        }
        #expect(ours.count == rows.count && theirs.count == rows.count)
        for (row, (our, their)) in zip(rows, zip(ours, theirs)) {
            #expect(our == their, "\(row.name)")
            #expect((200..<300).contains(their.status ?? 0), "\(row.name): \(their)")
        }
    }

    private static func sent(_ simulator: ICRSimulator) -> [Sent] {
        simulator.log.filter { $0.request.path.hasPrefix("/api/") }.map(Sent.init)
    }
}
