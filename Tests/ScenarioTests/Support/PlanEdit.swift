import OCI
import RegistryTestSupport

/// Changes a saved plan, as somebody would who wants another thing to happen.
enum PlanEdit {
    /// Replaces `old` wherever it stands. With `sealed`, `planDigest` is computed anew: sha256 over the canonical JSON of all else.
    static func replace(_ old: String, by new: String, in path: String, to target: String, sealed: Bool) throws {
        let text = String(decoding: try readFile(path), as: UTF8.self)
        guard text.contains(old), old != new else { throw TestSupportError("the plan does not hold '\(old)':\n\(text)") }
        let edited = text.split(separator: old, omittingEmptySubsequences: false).joined(separator: new)
        guard sealed else { return try writeFile(edited, to: target) }
        guard case .object(var members) = try JSONValue(parsing: Array(edited.utf8)) else {
            throw TestSupportError("not a plan: \(edited)")
        }
        members["planDigest"] = nil
        members["planDigest"] = .string(Digest.sha256(of: Array(JSONValue.object(members).canonicalText.utf8)).description)
        try writeFile(JSONValue.object(members).prettyText, to: target)
    }

    /// The digest that a saved plan states.
    static func digest(of path: String) throws -> String {
        guard let text = try JSONValue(parsing: try readFile(path))["planDigest"]?.string else { throw TestSupportError("no planDigest") }
        return text
    }
}
