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
        try PlanCheck.check(plan)
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
