import OCI
import RegistryTestSupport
import Testing

@testable import ICRSimulation

/// A user's machine and, beside it, IBM's cloud, simulated: an account with registries in two regions and the global one. What became of
/// them is looked at with IBM's own SDK.
struct CloudScenario: Sendable {
    let scenario: Scenario
    let simulator: ICRSimulator

    static let hosts = ["us.icr.io", "de.icr.io", "icr.io"]

    /// Writes `crplan.yaml`: the registries `us`, `de` and `global`, then `entries`.
    func write(_ entries: String, registries more: String = "") throws {
        let registries = zip(["us", "de", "global"], Self.hosts).map { alias, host in
            "  \(alias): {host: \(host), endpoint: \"\(simulator.url(.open(host)))\"\(more)}"
        }
        try scenario.write("registries:\n\(registries.joined(separator: "\n"))\n\(entries)")
    }

    /// Runs crplan with the account's API key.
    @discardableResult
    func crplan(
        _ arguments: String...,
        exits status: Int32? = 0,
        environment: [String: String] = [:],
        sourceLocation: SourceLocation = #_sourceLocation
    ) async throws -> ToolResult {
        let result = try await run(
            try Program.path(),
            arguments,
            environment: scenario.environment.merging(["IBMCLOUD_API_KEY": simulator.options.apiKey]) { $1 }.merging(environment) { $1 },
            in: scenario.workspace,
            timeLimit: .seconds(150)
        )
        if let status {
            #expect(result.status == status, "crplan \(arguments.joined(separator: " "))\n\(result.said)", sourceLocation: sourceLocation)
        }
        return result
    }

    /// Applies, and then plans: there must be nothing left to do. The answer is what apply said.
    @discardableResult
    func applyAll(_ options: String..., sourceLocation: SourceLocation = #_sourceLocation) async throws -> ToolResult {
        let arguments = ["apply", "--auto-approve"] + options
        let result = try await run(
            try Program.path(),
            arguments,
            environment: scenario.environment.merging(["IBMCLOUD_API_KEY": simulator.options.apiKey]) { $1 },
            in: scenario.workspace,
            timeLimit: .seconds(150)
        )
        #expect(result.status == 0, "crplan \(arguments.joined(separator: " "))\n\(result.said)", sourceLocation: sourceLocation)
        let plan = try await crplan("plan", "--detailed-exitcode", sourceLocation: sourceLocation)
        #expect(plan.stdout.contains("No changes."), "\(plan.said)", sourceLocation: sourceLocation)
        return result
    }

    /// Puts an image of the simulator's making at one host; the first digest is its root's.
    @discardableResult
    func seed(_ repository: String, tags: [String], seed number: UInt64 = 1, host: String = "us.icr.io") throws -> Digest {
        let digests = try simulator.update { account, now in
            try account.seed(SimulatedSeed(repository, host: host, tags: tags, seed: number), at: now)
        }
        guard let digest = digests.first else { throw TestSupportError("nothing was seeded") }
        return digest
    }

    /// A member of what IAM answers to the account's API key, such as `refresh_token`.
    func session(_ member: String) throws -> String {
        let form = "grant_type=urn:ibm:params:oauth:grant-type:apikey&apikey=\(simulator.options.apiKey)"
        let request = LoopbackRequest(number: 0, method: "POST", target: "/identity/token", headers: [:])
        let reply = simulator.update { account, now in account.iamToken(request, body: Array(form.utf8), at: now) }
        guard let value = try JSONValue(parsing: reply.body)[member]?.string else { throw TestSupportError("no \(member)") }
        return value
    }

    // MARK: What IBM's SDK sees

    /// One call of the SDK, which must succeed.
    func sdk(_ method: String, _ arguments: [String: JSONValue] = [:], host: String = "us.icr.io") async throws -> JSONValue {
        let answers = try await PythonSDK.call([(method, arguments)], host: host, of: simulator.announcement)
        guard let answer = answers.first, (200..<300).contains(answer.status) else {
            throw TestSupportError("\(method): \(answers)")
        }
        return answer.result
    }

    func namespaces(host: String = "us.icr.io") async throws -> [String] {
        try await sdk("list_namespaces", host: host).array?.compactMap(\.string).sorted() ?? []
    }

    /// Tags and namespaces of one host, with the SDK started once.
    func look(host: String) async throws -> (tags: [String: String], namespaces: [String]) {
        let calls: [(String, [String: JSONValue])] = [
            ("list_images", ["include_manifest_lists": .bool(true)]), ("list_namespaces", [:]),
        ]
        let answers = try await PythonSDK.call(calls, host: host, of: simulator.announcement)
        guard answers.count == 2, answers.allSatisfy({ $0.status == 200 }) else { throw TestSupportError("\(answers)") }
        return (Self.tags(answers[0].result, host), answers[1].result.array?.compactMap(\.string).sorted() ?? [])
    }

    /// Each tag, without the host, with its digest.
    func tags(host: String = "us.icr.io") async throws -> [String: String] {
        Self.tags(try await sdk("list_images", ["include_manifest_lists": .bool(true)], host: host), host)
    }

    private static func tags(_ images: JSONValue, _ host: String) -> [String: String] {
        var found: [String: String] = [:]
        for image in images.array ?? [] {
            for (digest, tags) in image["DigestTags"]?.object ?? [:] {
                for tag in tags.array ?? [] { found[String((tag.string ?? "").dropFirst(host.count + 1))] = digest }
            }
        }
        return found
    }

    /// Each image, tagged or not, as `namespace/repository@digest`.
    func images(host: String = "us.icr.io") async throws -> Set<String> {
        var found: Set<String> = []
        for image in try await sdk("list_image_digests", ["exclude_va": .bool(true)], host: host).array ?? [] {
            for place in image["repoTags"]?.object?.keys.map(\.self) ?? [] {
                found.insert("\(place.dropFirst(host.count + 1))@\(image["id"]?.string ?? "")")
            }
        }
        return found
    }

    /// What is in the trash, as `namespace/repository@digest`.
    func trash(host: String = "us.icr.io") async throws -> Set<String> {
        Set(try await sdk("list_deleted_images", host: host).object?.keys.map { String($0.dropFirst(host.count + 1)) } ?? [])
    }
}

/// `namespaces` are there at every host when `body` begins.
func withCloudScenario<Result: Sendable>(
    namespaces: [String] = [],
    _ body: @escaping @Sendable (CloudScenario) async throws -> Result
) async throws -> Result {
    try await withICRSimulator(ICRSimulator.Options(hosts: CloudScenario.hosts)) { simulator in
        try await withScenario { scenario in
            let cloud = CloudScenario(scenario: scenario, simulator: simulator)
            simulator.update { account, now in
                for (host, name) in CloudScenario.hosts.flatMap({ host in namespaces.map { (host, $0) } }) {
                    account.registries[host]?.namespaces[name] = ICRInstance.Namespace(account: account.id, created: now)
                }
            }
            return try await body(cloud)
        }
    }
}
