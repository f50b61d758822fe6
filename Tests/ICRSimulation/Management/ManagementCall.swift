internal import OCI
package import RegistryTestSupport

/// One request to the management API of one registry, by somebody who is known.
struct ManagementCall: Sendable {
    var operation: ManagementOperation
    var request: LoopbackRequest
    var body: [UInt8]
    var caller: ICRIdentity
    var now: Double

    func json() throws(ICRProblem) -> JSONValue {
        guard let value = try? JSONValue(parsing: body) else { throw .badRequest("The request body is not JSON.") }
        return value
    }

    /// `true` or `false`; the last one counts.
    func flag(_ name: String) -> Bool? { request.parameters(name).last.map { $0 == "true" } }

    var resourceGroup: String? { request.headers["x-auth-resource-group"].flatMap { $0.isEmpty ? nil : $0 } }
}

extension JSONValue {
    var bool: Bool? { if case .bool(let value) = self { value } else { nil } }
    var integer: Int? { if case .integer(let value) = self { Int(value) } else { nil } }
}

extension LoopbackReply {
    static func value(_ value: JSONValue, status: Int = 200) -> LoopbackReply { LoopbackReply(status, json: value.canonicalText) }
}

extension ICRAccount {
    /// Answers a request to the management API of `host`. The time has been told to the account before (`advance`).
    package mutating func manage(_ request: LoopbackRequest, body: [UInt8], host: String, at now: Double) -> LoopbackReply {
        do throws(ICRProblem) {
            return try reply(request, body, host, now)
        } catch {
            return error.reply(requestID: "1044-\(nextNumber()).640-825591", contentType: switches.errorContentType)
        }
    }

    private mutating func reply(
        _ request: LoopbackRequest,
        _ body: [UInt8],
        _ host: String,
        _ now: Double
    ) throws(ICRProblem) -> LoopbackReply {
        let operation: ManagementOperation
        do throws(ManagementOperation.Refusal) {
            operation = try ManagementOperation(request.method, path: request.path)
        } catch {
            throw ICRProblem(error == .noSuchPath ? 404 : 405, "CRX0405E", "There is no such operation.")
        }
        guard var registry = registries[host] else { throw .unknown("The registry") }
        if operation == .getMessages {
            return registry.message.map { .value(.string($0)) } ?? LoopbackReply(204)
        }
        let presented = request.headers["authorization"].flatMap { $0.hasPrefix("Bearer ") ? String($0.dropFirst(7)) : nil }
        guard let caller = presented.flatMap({ identity(accessToken: $0, at: now) }) else { throw .notAuthenticated }
        guard request.headers["account"] == id, caller.account == id else { throw .wrongAccount(switches.wrongAccountStatus) }
        let call = ManagementCall(operation: operation, request: request, body: body, caller: caller, now: now)
        // Taken out while it changes, so that it is changed in place.
        registries[host] = nil
        defer { registries[host] = registry }
        return try registry.answer(call, account: id, switches)
    }
}

extension ICRInstance {
    mutating func answer(_ call: ManagementCall, account: String, _ switches: ICRSwitches) throws(ICRProblem) -> LoopbackReply {
        switch call.operation {
        case .getAuth, .setAuth, .getMessages, .getPlan, .setPlan, .getQuota, .setQuota, .getSettings, .setSettings:
            return try administer(call, switches)
        case .listNamespaces, .describeNamespaces, .createNamespace, .assignNamespace, .deleteNamespace:
            return try answerNamespaces(call, account, switches)
        case .listImages: return try listImages(call, switches)
        case .listDigests: return try listDigests(call, switches)
        case .inspectImage(let name): return try inspect(name, call, switches)
        case .getManifest(let name): return try manifest(name, call, switches)
        case .deleteImages, .tagImage, .deleteImage, .untag: return try changeImages(call, switches)
        case .listRetentions, .setRetention, .analyzeRetention, .getRetention: return try answerRetention(call, switches)
        case .listTrash, .restoreTags, .restoreImage: return try answerTrash(call, switches)
        }
    }

    /// `namespace`: nil for what belongs to the whole account, or where any will do.
    func check(_ action: ICRAction, _ call: ManagementCall, namespace: String? = nil) throws(ICRProblem) {
        guard call.caller.may(action, host: host, namespace: namespace.map(scope)) else { throw .notAuthorized }
    }

    func reference(_ text: String) throws(ICRProblem) -> ImageReference {
        guard let reference = ImageReference(text, host: host) else { throw .badRequest("The image name '\(text)' is not valid.") }
        return reference
    }

    /// As the service words the outcome for one image.
    func worded(_ reference: ImageReference, _ digest: Digest, _ wording: ICRSwitches.Wording) -> String {
        switch wording {
        case .bare: digest.description
        case .full: "\(host)/\(reference.repository)\(reference.manifest.suffix)"
        }
    }

    func worded(_ tag: TagName, in repository: RepositoryName, _ wording: ICRSwitches.Wording) -> JSONValue {
        .string(wording == .bare ? tag.description : "\(host)/\(repository):\(tag)")
    }
}
