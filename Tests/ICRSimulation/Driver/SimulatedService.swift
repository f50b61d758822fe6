internal import OCI
internal import RegistryTestSupport
internal import Synchronization

/// What answers behind one port of the simulator.
struct SimulatedService: LoopbackService {
    let simulator: ICRSimulator
    let place: ICRSimulator.Place

    func connectionBegan() {}

    func received(_ request: LoopbackRequest) -> (request: LoopbackRequest, answer: ScriptedAnswer?) {
        var request = request
        let answer = simulator.state.withLock { state -> ScriptedAnswer? in
            state.count += 1
            request.number = state.count
            guard place != .control, let index = state.faults.firstIndex(where: { $0.concerns(request, at: place) }) else { return nil }
            let fault = state.faults[index]
            if fault.skips > 0 {
                state.faults[index].skips -= 1
                return nil
            }
            state.faults[index].times -= 1
            if state.faults[index].times <= 0 { state.faults.remove(at: index) }
            return fault.answer
        }
        return (request, answer)
    }

    func answered(_ request: LoopbackRequest, bodySize: Int, status: Int?) {
        guard place != .control else { return }
        var shown = request
        if let value = shown.headers["authorization"] { shown.headers["authorization"] = value.prefix { $0 != " " } + " <redacted>" }
        let isSecret = request.path == "/identity/token" || request.path == "/oauth/token"
        simulator.state.withLock { state in
            let body = state.bodies.removeValue(forKey: request.number) ?? []
            state.log.append(.init(place: place, request: shown, body: isSecret ? [] : body, status: status))
        }
    }

    func reply(to request: LoopbackRequest, body: [UInt8]) async -> LoopbackReply {
        if request.path.hasPrefix("/api/") { simulator.state.withLock { $0.bodies[request.number] = body } }
        let notFound = LoopbackReply.text(404, "404 page not found\n")
        switch place {
        case .control: return simulator.control(request, body: body)
        case .iam: return request.path == "/identity/token" ? iamToken(request, body) : notFound
        case .cdn(let host): return await blob(request, of: host)
        case .open(let host):
            if request.path == "/identity/token" { return iamToken(request, body) }
            if request.path.hasPrefix("/api/") {
                return simulator.update { account, now in account.manage(request, body: body, host: host, at: now) }
            }
            return await content(request, body, host, isPrivateNetwork: false)
        case .closed(let host): return await content(request, body, host, isPrivateNetwork: true)
        }
    }

    private func iamToken(_ request: LoopbackRequest, _ body: [UInt8]) -> LoopbackReply {
        simulator.update { account, now in account.iamToken(request, body: body, at: now) }
    }

    // MARK: Content

    private func content(
        _ request: LoopbackRequest,
        _ body: [UInt8],
        _ host: String,
        isPrivateNetwork: Bool
    ) async -> LoopbackReply {
        // Nobody has signed anything the way OpenShift does.
        if request.method == "GET", request.path.hasPrefix("/extensions/v2/"), request.path.contains("/signatures/") {
            return .value(.object(["signatures": .array([])]))
        }
        if request.path == "/oauth/token" {
            return simulator.update { account, now in account.registryToken(request, body: body, host: host, at: now) }
        }
        let scheme = simulator.options.tls == nil ? "http" : "https"
        let realm = "\(scheme)://\(request.headers["host"] ?? "127.0.0.1")/oauth/token"
        let (early, adapted) = simulator.update { account, _ in
            let refusal = account.contentRefusal(of: request, host: host, realm: realm, isPrivateNetwork: isPrivateNetwork)
            return (refusal ?? redirect(request, host, &account, isPrivateNetwork), account.adapted(request))
        }
        var reply: LoopbackReply
        if let early { reply = early } else { reply = await simulator.service(of: host)?.reply(to: adapted, body: body) ?? .text(404, "") }
        reply.headers["Docker-Distribution-Api-Version"] = "registry/2.0"
        reply.headers["X-Registry-Supports-Signatures"] = "1"
        return reply
    }

    /// To the host that has the blobs, whose addresses need no login. What goes out over the public network counts as traffic.
    private func redirect(
        _ request: LoopbackRequest,
        _ host: String,
        _ account: inout ICRAccount,
        _ isPrivateNetwork: Bool
    ) -> LoopbackReply? {
        guard request.method == "GET", case .blob(let name, let digest)? = Route(request.path),
            let bytes = account.registries[host]?.contents.blob(digest, in: name)
        else { return nil }
        if !isPrivateNetwork, account.registries[host]?.isPublic(name.namespace) == false {
            account.registries[host]?.traffic += Int64(bytes.count)
        }
        guard account.switches.redirectsBlobs else { return nil }
        let address = "\(simulator.url(.cdn(host)))/v2/\(name)/blobs/\(digest)?signature=simulated"
        return LoopbackReply(307, headers: ["Location": address, "Docker-Content-Digest": digest.description])
    }

    private func blob(_ request: LoopbackRequest, of host: String) async -> LoopbackReply {
        guard request.headers["authorization"] == nil else {
            return .text(400, "Only one authentication mechanism is allowed: the address has its own.\n")
        }
        guard request.method == "GET" || request.method == "HEAD", case .blob? = Route(request.path),
            request.parameter("signature") == "simulated"
        else { return .text(403, "AccessDenied\n") }
        let adapted = simulator.update { account, _ in account.adapted(request) }
        return await simulator.service(of: host)?.reply(to: adapted, body: []) ?? .text(404, "")
    }
}

extension ICRAccount {
    /// A request without what the registry, as its switches stand, does not do: mounts, ranges, unlimited pages.
    fileprivate func adapted(_ request: LoopbackRequest) -> LoopbackRequest {
        var request = request
        if let source = request.parameter("from"), !switches.hasMount || !mayPull(source, request) { request.target = request.path }
        if !switches.hasRanges { request.headers["range"] = nil }
        if switches.tagsPageSize > 0, case .tags? = Route(request.path) {
            let asked = request.parameter("n").flatMap { Int($0) } ?? .max
            let others = LoopbackRequest.parameters(request.query).filter { $0.name != "n" }
            let query = ["n=\(min(asked, switches.tagsPageSize))"] + others.map { "\($0.name)=\($0.value)" }
            request.target = "\(request.path)?\(query.joined(separator: "&"))"
        }
        return request
    }
}

/// The content of one registry of the simulator.
struct SimulatedStore: DistributionStore {
    let simulator: ICRSimulator
    let host: String

    func perform<Result: Sendable>(
        _ operation: Operation,
        _ work: (inout RegistryContents, Set<RegistryFeature>) throws(RegistryError) -> Result
    ) async throws(RegistryError) -> Result {
        try simulator.state.withLock { (state) throws(RegistryError) in
            let switches = state.account.switches
            var features: Set<RegistryFeature> = []
            if switches.hasMount { features.insert(.mountBlob) }
            if switches.hasReferrers { features.insert(.referrersAPI) }
            guard var registry = state.account.registries.removeValue(forKey: host) else {
                throw RegistryError(.notFound, action: "find", object: host, reason: "there is no such registry")
            }
            defer { state.account.registries[host] = registry }
            let readsTags = operation.kind == .tags || operation.reference?.tag != nil && !operation.kind.isWrite
            if readsTags, var former = registry.staleTags.take() { return try work(&former, features) }
            if operation.kind == .putManifest { registry.willChange(switches) }
            let result = try work(&registry.contents, features)
            if operation.kind == .putManifest, let name = operation.repository, let reference = operation.reference,
                let document = registry.contents.manifest(reference, in: name)
            {
                registry.learn(document, in: name, switches)
            }
            return result
        }
    }
}
