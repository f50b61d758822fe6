internal import FoundationEssentials
package import OCI

/// The plan as a file: JSON whose bytes depend on the plan alone. `planDigest` is the sha256 of the canonical form of everything else.
package enum PlanFile {
    /// Why a file is not a plan that may be applied. The description is a sentence without a full stop.
    package struct Invalid: Error, Hashable, Sendable, CustomStringConvertible {
        package let description: String

        package init(_ description: String) {
            self.description = description
        }
    }

    package static func encode(_ plan: Plan) throws(Invalid) -> (bytes: [UInt8], planDigest: Digest) {
        guard case .object(var members) = try value(of: plan) else { throw Invalid("the plan cannot be written as JSON") }
        let digest = Self.digest(of: members)
        members["planDigest"] = .string(digest.description)
        return (Array(JSONValue.object(members).prettyText.utf8), digest)
    }

    package static func digest(of plan: Plan) throws(Invalid) -> Digest {
        guard case .object(let members) = try value(of: plan) else { throw Invalid("the plan cannot be written as JSON") }
        return digest(of: members)
    }

    /// Reads a plan and trusts nothing in it: `planDigest` must match, every name is validated again, and what this version does not
    /// know is refused rather than skipped. `pinned` is the digest that a reviewer saw.
    package static func decode(_ bytes: [UInt8], pinned: Digest? = nil) throws(Invalid) -> (plan: Plan, planDigest: Digest) {
        let value: JSONValue
        do throws(JSONValue.Invalid) {
            value = try JSONValue(parsing: bytes)
        } catch {
            throw Invalid("it is not a plan: \(error.description)")
        }
        guard case .object(var members) = value, case .integer(let version)? = members["formatVersion"] else {
            throw Invalid("it is not a plan that crplan wrote")
        }
        guard version == Plan.formatVersion else {
            throw Invalid("its format is version \(version), and this crplan reads version \(Plan.formatVersion); plan again")
        }
        guard let stated = members.removeValue(forKey: "planDigest")?.string else { throw Invalid("it has no planDigest") }
        let actual = digest(of: members)
        guard stated == actual.description else {
            throw Invalid("its planDigest does not match its contents: the file was changed after it was written; plan again")
        }
        if let pinned, pinned != actual {
            throw Invalid("its digest is \(actual), not the \(pinned) that --plan-digest names; this is not the plan that was reviewed")
        }
        let plan: Plan
        do {
            plan = try JSONDecoder().decode(Plan.self, from: Data(JSONValue.object(members).canonicalText.utf8))
        } catch {
            throw Invalid("it cannot be read: \(explain(error))")
        }
        if let surplus = difference(.object(members), try Self.value(of: plan), at: "") {
            throw Invalid(
                "it holds '\(surplus.withVisibleControls)', which this crplan does not know; use the version that wrote it, or plan again"
            )
        }
        try check(plan)
        return (plan, actual)
    }

    private static func value(of plan: Plan) throws(Invalid) -> JSONValue {
        do throws(JSONValue.Invalid) {
            return try JSONValue(encoding: plan)
        } catch {
            throw Invalid(error.description)
        }
    }

    private static func digest(of members: [String: JSONValue]) -> Digest {
        Digest.sha256(of: Array(JSONValue.object(members).canonicalText.utf8))
    }

    /// What the parts must be to each other; each part is valid by its type.
    private static func check(_ plan: Plan) throws(Invalid) {
        var ids: Set<ChangeID> = []
        for change in plan.changes where !ids.insert(change.id).inserted { throw Invalid("it names the change '\(change.id)' twice") }
        let registries = Set(plan.registries.map(\.id))
        let contents = Dictionary(plan.contents.map { ($0.id, $0) }, uniquingKeysWith: { first, _ in first })
        for content in contents.values {
            if case .registry(let address) = content.origin, !registries.contains(address.registry) {
                throw Invalid("it reads from \(address.registry), which its registries do not list")
            }
            if let manifest = content.manifest, Digest.of(Array(manifest.utf8), with: content.digest.algorithm) != content.digest {
                throw Invalid("the bytes of the manifest \(content.digest) do not have that digest")
            }
        }
        for change in plan.changes {
            guard registries.contains(change.target.registry) else {
                throw Invalid("'\(change.id)' writes to \(change.target.registry), which its registries do not list")
            }
            for id in change.after where !ids.contains(id) { throw Invalid("'\(change.id)' comes after '\(id)', which is not there") }
            try check(change, contents)
        }
        if ChangeOrder.hasCycle(plan.changes) { throw Invalid("its changes wait for each other") }
    }

    private static func check(_ change: Change, _ contents: [PlannedContent.ID: PlannedContent]) throws(Invalid) {
        guard !change.preconditions.isEmpty else { throw Invalid("'\(change.id)' has no precondition") }
        switch change.kind {
        case .put, .restore:
            guard let id = change.content, let content = contents[id], content.digest == change.newDigest else {
                throw Invalid("'\(change.id)' does not name the content that it puts")
            }
            if case .digest(let digest)? = change.target.reference, digest != content.digest {
                throw Invalid("'\(change.id)' puts another digest than its target's")
            }
        case .untag:
            guard change.target.reference?.tag != nil, change.oldDigest != nil, change.newDigest == nil else {
                throw Invalid("'\(change.id)' does not say which digest the tag holds")
            }
        case .delete:
            guard let digest = change.target.reference?.digest, change.oldDigest == digest, change.newDigest == nil else {
                throw Invalid("'\(change.id)' does not name the digest that it deletes")
            }
        case .namespace, .retention: break
        }
    }

    /// The path of the first member or element that `known` does not have in the same form.
    private static func difference(_ given: JSONValue, _ known: JSONValue, at path: String) -> String? {
        switch (given, known) {
        case (.object(let given), .object(let known)):
            for (key, value) in given.sorted(by: { $0.key < $1.key }) {
                guard let other = known[key] else { return path.isEmpty ? key : "\(path).\(key)" }
                if let inner = difference(value, other, at: path.isEmpty ? key : "\(path).\(key)") { return inner }
            }
            return nil
        case (.array(let given), .array(let known)):
            guard given.count == known.count else { return path }
            for (position, pair) in zip(given, known).enumerated() {
                if let inner = difference(pair.0, pair.1, at: "\(path)[\(position)]") { return inner }
            }
            return nil
        default: return given == known ? nil : path
        }
    }

    private static func explain(_ error: any Error) -> String {
        guard let error = error as? DecodingError else { return "its form is unknown" }
        let context: DecodingError.Context
        var reason = "a value has the wrong type"
        switch error {
        case .dataCorrupted(let found):
            context = found
            reason = found.debugDescription.hasPrefix("Cannot initialize") ? "an unknown value" : found.debugDescription
        case .keyNotFound(let key, let found):
            context = found
            reason = "'\(key.stringValue)' is missing"
        case .typeMismatch(_, let found), .valueNotFound(_, let found): context = found
        @unknown default: return "its form is unknown"
        }
        let place = context.codingPath.map { $0.intValue.map { "[\($0)]" } ?? $0.stringValue }.joined(separator: ".")
        return (place.isEmpty ? reason : "\(place): \(reason)").withVisibleControls
    }
}
