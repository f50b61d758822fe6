internal import FoundationEssentials
package import OCI
internal import RegistryTestSupport
internal import Synchronization

/// The control address: JSON below `/_simulator/`, for tests in other processes and languages.
///
///     GET    state                the whole state
///     GET    log                  the requests so far; DELETE forgets them
///     GET    switches             PATCH changes those that it names
///     POST   clock                {"now": SECONDS} or {"advance": SECONDS}; the clock stands still from then on
///     PUT    identities/ID        an `ICRIdentity` without what stays as it is by default
///     POST   images               a list of `SimulatedSeed`; answers the digests of each
///     PATCH  registries/HOST      plan, storage and traffic limits in bytes, traffic, message, foreign namespaces, refused deletions
///     POST   faults               a `SimulatedFault`; DELETE forgets them all
///     POST   expire-tokens
extension ICRSimulator {
    private struct Refusal: Error {
        var message: String
    }

    func control(_ request: LoopbackRequest, body: [UInt8]) -> LoopbackReply {
        guard request.path.hasPrefix("/_simulator/") else { return .text(404, "404 page not found\n") }
        let path = request.path.dropFirst("/_simulator/".count).split(separator: "/", maxSplits: 1).map { percentDecoded(String($0)) }
        do {
            return try control(request.method, path, Data(body))
        } catch let refusal as Refusal {
            return LoopbackReply(400, json: JSONValue.object(["error": .string(refusal.message)]).canonicalText)
        } catch {
            return LoopbackReply(400, json: JSONValue.object(["error": .string("\(error)")]).canonicalText)
        }
    }

    private func control(_ method: String, _ path: [String], _ body: Data) throws -> LoopbackReply {
        switch (method, path.first, path.dropFirst().first) {
        case ("GET", "state", nil): return .value(update { account, now in account.description(at: now) })
        case ("GET", "log", nil): return .value(.array(log.map(\.json)))
        case ("DELETE", "log", nil): forgetLog()
        case ("GET", "switches", nil): return .value(try JSONValue(encoding: update { account, _ in account.switches }))
        case ("PATCH", "switches", nil): try change(body)
        case ("POST", "clock", nil): return .value(.object(["now": .number(try moveClock(body))]))
        case ("PUT", "identities", let id?): try setIdentity(id, body)
        case ("POST", "images", nil):
            let seeds = try JSONDecoder().decode([SimulatedSeed].self, from: body)
            let digests = try update { account, now in try seeds.map { try account.seed($0, at: now) } }
            return .value(.array(digests.map { .array($0.map { .string($0.description) }) }))
        case ("PATCH", "registries", let host?): try changeRegistry(host, body)
        case ("POST", "faults", nil): fail(try JSONDecoder().decode(SimulatedFault.self, from: body))
        case ("DELETE", "faults", nil): state.withLock { $0.faults = [] }
        case ("POST", "expire-tokens", nil): update { account, _ in account.expireTokens() }
        default: return .text(404, "404 page not found\n")
        }
        return LoopbackReply(204)
    }

    /// Names that are no switch are refused.
    private func change(_ body: Data) throws {
        guard let changes = try JSONValue(parsing: Array(body)).object else { throw Refusal(message: "the body is not a JSON object") }
        try update { account, _ in
            var members = try JSONValue(encoding: account.switches).object ?? [:]
            for (name, value) in changes {
                guard members[name] != nil else { throw Refusal(message: "there is no switch '\(name)'") }
                members[name] = value
            }
            account.switches = try JSONDecoder().decode(ICRSwitches.self, from: Data(JSONValue.object(members).canonicalText.utf8))
        }
    }

    private func moveClock(_ body: Data) throws -> Double {
        struct Move: Decodable {
            var now: Double?
            var advance: Double?
        }
        let move = try JSONDecoder().decode(Move.self, from: body)
        if let now = move.now { setClock(now) }
        if let advance = move.advance { advanceClock(by: advance) }
        return update { _, now in now }
    }

    private func setIdentity(_ id: String, _ body: Data) throws {
        struct Given: Decodable {
            var name: String?
            var account: String?
            var condition: ICRIdentity.Condition?
            var apiKeys: Set<String>?
            var computeTokens: Set<String>?
            var profiles: Set<String>?
            var grants: [ICRGrant]?
        }
        let given = try JSONDecoder().decode(Given.self, from: body)
        update { account, _ in
            var identity = account.identities[id] ?? ICRIdentity(id: id, account: account.id)
            identity.name = given.name ?? identity.name
            identity.account = given.account ?? identity.account
            identity.condition = given.condition ?? identity.condition
            identity.apiKeys = given.apiKeys ?? identity.apiKeys
            identity.computeTokens = given.computeTokens ?? identity.computeTokens
            identity.profiles = given.profiles ?? identity.profiles
            identity.grants = given.grants ?? identity.grants
            account.identities[id] = identity
        }
    }

    private struct RegistryChange: Decodable {
        struct Problem: Decodable {
            var status: Int?
            var code: String
            var message: String

            var problem: ICRProblem { ICRProblem(status ?? 403, code, message) }
        }

        var plan: String?
        var storageLimit: Int64?
        var trafficLimit: Int64?
        var traffic: Int64?
        var message: String?
        var privateOnly: Bool?
        var foreignNamespaces: Set<String>?
        var refusedDeletions: [String: Problem]?
        var refusedTaggings: [String: Problem]?
    }

    private func changeRegistry(_ host: String, _ body: Data) throws {
        let given = try JSONDecoder().decode(RegistryChange.self, from: body)
        func byDigest(_ problems: [String: RegistryChange.Problem]) throws -> [Digest: ICRProblem] {
            Dictionary(try problems.map { (try Digest($0.key), $0.value.problem) }) { first, _ in first }
        }
        try update { account, _ in
            guard var registry = account.registries[host] else { throw Refusal(message: "there is no registry '\(host)'") }
            if let plan = given.plan {
                registry.plan = plan
                registry.limits = plan == "Free" ? ICRInstance.freeLimits : .init(storage: -1, traffic: -1)
            }
            registry.limits.storage = given.storageLimit ?? registry.limits.storage
            registry.limits.traffic = given.trafficLimit ?? registry.limits.traffic
            registry.traffic = given.traffic ?? registry.traffic
            registry.message = given.message ?? registry.message
            registry.isPrivateOnly = given.privateOnly ?? registry.isPrivateOnly
            registry.foreignNamespaces = given.foreignNamespaces ?? registry.foreignNamespaces
            registry.refusedDeletions = try given.refusedDeletions.map(byDigest) ?? registry.refusedDeletions
            registry.refusedTaggings = try given.refusedTaggings.map(byDigest) ?? registry.refusedTaggings
            account.registries[host] = registry
        }
    }
}

extension ICRSimulator {
    /// Where it serves, and what its key is.
    package var announcement: JSONValue {
        let registries = options.hosts.map { host in
            let addresses = ["public": url(.open(host)), "private": url(.closed(host)), "cdn": url(.cdn(host))]
            return (host, JSONValue.object(addresses.mapValues { .string($0) }))
        }
        return .object([
            "account": .string(options.account), "apiKey": .string(options.apiKey), "iam": .string(url(.iam)),
            "control": .string(url(.control) + "/_simulator"), "registries": .object(Dictionary(registries) { first, _ in first }),
        ])
    }
}

extension ICRSimulator.Logged {
    var json: JSONValue {
        .object([
            "number": .integer(Int64(request.number)), "place": .string(place.name), "host": place.host.map { .string($0) } ?? .null,
            "method": .string(request.method), "target": .string(request.target),
            "headers": .object(request.headers.mapValues { .string($0) }), "body": .string(String(decoding: body, as: UTF8.self)),
            "status": status.map { .integer(Int64($0)) } ?? .null,
        ])
    }
}

extension ICRAccount {
    /// Everything that tests look at, as JSON.
    func description(at now: Double) -> JSONValue {
        .object([
            "account": .string(id), "now": .number(now), "registries": .object(registries.mapValues { $0.description(at: now) }),
        ])
    }
}

extension ICRInstance {
    fileprivate func description(at now: Double) -> JSONValue {
        let repositories = contents.repositories.filter { !$0.value.manifests.isEmpty }.map { name, held in
            let tags = JSONValue.object(
                Dictionary(held.tags.map { ($0.key.description, .string($0.value.description)) }) { first, _ in first }
            )
            let digests = JSONValue.array(held.manifests.keys.sorted().map { .string($0.description) })
            return (name.description, JSONValue.object(["tags": tags, "digests": digests]))
        }
        let trash = trash.map { key, entry in
            let tags = JSONValue.array(entry.tags.sorted().map { .string($0.description) })
            let days = JSONValue.integer(Int64(Self.daysLeft(entry, at: now)))
            return (name(key.repository, key.digest), JSONValue.object(["tags": tags, "daysUntilExpiry": days]))
        }
        return .object([
            "namespaces": .object(
                namespaces.mapValues { namespace in
                    .object([
                        "account": .string(namespace.account), "resourceGroup": namespace.resourceGroup.map { .string($0) } ?? .null,
                        "imagesPerRepository": .integer(Int64(namespace.policy.imagesPerRepository)),
                        "keepsUntagged": .bool(namespace.policy.keepsUntagged),
                        "thresholdDays": .integer(Int64(namespace.policy.thresholdDays)),
                    ])
                }
            ),
            "repositories": .object(Dictionary(repositories) { first, _ in first }),
            "trash": .object(Dictionary(trash) { first, _ in first }), "plan": .string(plan), "storage": .integer(storage),
            "traffic": .integer(traffic), "storageLimit": .integer(limits.storage), "trafficLimit": .integer(limits.traffic),
        ])
    }
}
