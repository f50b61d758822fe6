internal import OCI
internal import RegistryTestSupport

/// The calls that change images, the trash and retention (reference of ICR, sections D.3 to D.5).
extension ICRInstance {
    mutating func changeImages(_ call: ManagementCall, _ switches: ICRSwitches) throws(ICRProblem) -> LoopbackReply {
        switch call.operation {
        case .deleteImages: return try deleteImages(call, switches)
        case .tagImage:
            guard let from = call.request.parameter("fromimage"), let to = call.request.parameter("toimage") else {
                throw .badRequest("fromimage and toimage must be specified.")
            }
            let (source, target) = (try reference(from), try reference(to))
            if !isPublic(source.namespace) { try check(.imagePull, call, namespace: source.namespace) }
            try check(.imagePush, call, namespace: target.namespace)
            try tag(source, as: target, switches)
            return LoopbackReply(201)
        case .deleteImage(let text):
            let reference = try reference(text)
            try check(.imageDelete, call, namespace: reference.namespace)
            let digest = try delete(reference, at: call.now, switches)
            return .value(.object(["Untagged": .string(worded(reference, digest, switches.untaggedWording))]))
        case .untag(let text):
            let reference = try reference(text)
            try check(.imageDelete, call, namespace: reference.namespace)
            let digest = try untag(reference, switches)
            return .value(.object(["Untagged": .string(worded(reference, digest, switches.untaggedWording))]))
        default: throw .unknown("The operation")
        }
    }

    /// Answers 200 whatever becomes of each.
    private mutating func deleteImages(_ call: ManagementCall, _ switches: ICRSwitches) throws(ICRProblem) -> LoopbackReply {
        guard let texts = try call.json().array?.compactMap(\.string), !texts.isEmpty else {
            throw .badRequest("A list of images must be specified.")
        }
        guard switches.largestBulkDeletion == 0 || texts.count <= switches.largestBulkDeletion else {
            throw .badRequest("The list of images is too long.")
        }
        var done: [JSONValue] = []
        var failed: [String: JSONValue] = [:]
        for text in texts {
            let digest = text.split(separator: "@").last.map(String.init) ?? text
            let worded = switches.bulkResultWording == .bare ? digest : text
            do throws(ICRProblem) {
                let reference = try reference(text)
                try check(.imageDelete, call, namespace: reference.namespace)
                _ = try delete(reference, at: call.now, switches)
                done.append(.string(worded))
            } catch {
                failed[worded] = .object(["code": .string(error.code), "message": .string(error.message)])
            }
        }
        return .value(.object(["success": .array(done), "error": .object(failed)]))
    }

    // MARK: Trash

    mutating func answerTrash(_ call: ManagementCall, _ switches: ICRSwitches) throws(ICRProblem) -> LoopbackReply {
        switch call.operation {
        case .listTrash:
            let action = switches.trashRight == .list ? ICRAction.imageList : .imageDelete
            try check(action, call)
            let namespace = call.request.parameter("namespace").flatMap { $0.isEmpty ? nil : $0 }
            var entries: [String: JSONValue] = [:]
            for (key, entry) in trash where namespace == nil || key.repository.namespace == namespace {
                guard call.caller.may(action, host: host, namespace: scope(key.repository.namespace)) else { continue }
                entries[name(key.repository, key.digest)] = .object([
                    "daysUntilExpiry": .integer(Int64(Self.daysLeft(entry, at: call.now))),
                    "tags": .array(entry.tags.sorted().map { worded($0, in: key.repository, switches.trashTagWording) }),
                ])
            }
            return .value(.object(entries))
        case .restoreTags(let text):
            let reference = try reference(text)
            try check(.imagePush, call, namespace: reference.namespace)
            let result = try restoreTags(reference, switches)
            func list(_ tags: [TagName]) -> JSONValue {
                .array(tags.map { worded($0, in: reference.repository, switches.restoredTagWording) })
            }
            return .value(.object(["successful": list(result.successful), "unsuccessful": list(result.unsuccessful)]))
        case .restoreImage(let text):
            let reference = try reference(text)
            try check(.imagePush, call, namespace: reference.namespace)
            try restore(reference, switches)
            return LoopbackReply(200)
        default: throw .unknown("The operation")
        }
    }

    // MARK: Retention

    mutating func answerRetention(_ call: ManagementCall, _ switches: ICRSwitches) throws(ICRProblem) -> LoopbackReply {
        switch call.operation {
        case .listRetentions:
            try check(.retentionRead, call)
            let names = namespaces.keys.filter { name in
                !isPublic(name) && call.caller.may(.retentionRead, host: host, namespace: scope(name))
            }
            return .value(.object(Dictionary(names.map { ($0, policy(of: $0)) }) { first, _ in first }))
        case .getRetention(let namespace):
            try check(.retentionRead, call, namespace: namespace)
            try requireOwn(namespace)
            return .value(policy(of: namespace))
        case .setRetention:
            let (namespace, policy, _) = try policy(in: call, .retentionSet, switches)
            setPolicy(policy, of: namespace, at: call.now, switches)
            return LoopbackReply(201)
        case .analyzeRetention:
            var (namespace, policy, hasThreshold) = try policy(in: call, .retentionRead, switches)
            if !switches.analysisHonoursThreshold || !hasThreshold { policy.thresholdDays = 0 }
            var found: [String: JSONValue] = [:]
            for (repository, digests) in victims(of: policy, in: namespace, at: call.now, switches) {
                let tags = Self.tagsByDigest(contents.repositories[repository] ?? .init())
                for digest in digests {
                    let own = tags[digest] ?? []
                    found[name(repository, digest)] = .array(own.map { worded($0, in: repository, switches.analysisTagWording) })
                }
            }
            return .value(.object(found))
        default: throw .unknown("The operation")
        }
    }

    private func requireOwn(_ namespace: String) throws(ICRProblem) {
        guard namespaces[namespace] != nil, !isPublic(namespace) else { throw .unknown("The namespace") }
    }

    private func policy(of namespace: String) -> JSONValue {
        let policy = namespaces[namespace]?.policy ?? Policy()
        var members: [String: JSONValue] = [
            "namespace": .string(namespace), "images_per_repo": .integer(Int64(policy.imagesPerRepository)),
            "retain_untagged": .bool(policy.keepsUntagged), "account": .string(""),
        ]
        if policy.thresholdDays > 0 { members["deletion_threshold_days"] = .integer(Int64(policy.thresholdDays)) }
        return .object(members)
    }

    private func policy(
        in call: ManagementCall,
        _ action: ICRAction,
        _ switches: ICRSwitches
    ) throws(ICRProblem) -> (namespace: String, policy: Policy, hasThreshold: Bool) {
        let body = try call.json()
        guard let namespace = body["namespace"]?.string else { throw .badRequest("A namespace must be specified.") }
        try check(action, call, namespace: namespace)
        try requireOwn(namespace)
        let count = body["images_per_repo"]?.integer ?? -1
        guard count == -1 || count > 0 else {
            throw ICRProblem(switches.oddRetentionStatus, "CRX0400E", "The number of images is not valid.")
        }
        let threshold = body["deletion_threshold_days"]?.integer
        let former = switches.retentionIsReplacedWhole ? 0 : namespaces[namespace]?.policy.thresholdDays ?? 0
        let policy = Policy(
            imagesPerRepository: count,
            keepsUntagged: body["retain_untagged"]?.bool ?? false,
            thresholdDays: threshold ?? former
        )
        return (namespace, policy, threshold != nil)
    }
}
