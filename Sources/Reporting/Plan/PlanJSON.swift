package import Diagnostics
internal import OCI
package import Planning

/// A plan for tools.
package enum PlanJSON {
    package static let resultVersion: Int64 = 1

    /// The plan file's own JSON, when the plan may be applied. With refusals or errors, an object that `apply` does not take for a plan:
    /// `resultVersion`, `plan` (without its digest; null when there is none), `refusals`, `diagnostics`.
    package static func render(_ plan: Plan?, refusals: [Refusal] = [], diagnostics: [Diagnostic] = []) throws(PlanFile.Invalid) -> String {
        if let plan, refusals.isEmpty, !diagnostics.hasErrors {
            return String(decoding: try PlanFile.encode(plan).bytes, as: UTF8.self)
        }
        let result: [String: JSONValue] = [
            "resultVersion": .integer(resultVersion),
            "plan": try plan.map(value) ?? .null,
            "refusals": .array(refusals.map(value)),
            "diagnostics": DiagnosticJSON.value(diagnostics),
        ]
        return JSONValue.object(result).prettyText
    }

    private static func value(_ plan: Plan) throws(PlanFile.Invalid) -> JSONValue {
        do throws(JSONValue.Invalid) {
            return try JSONValue(encoding: plan)
        } catch {
            throw PlanFile.Invalid(error.description)
        }
    }

    private static func value(_ refusal: Refusal) -> JSONValue {
        var members: [String: JSONValue] = [
            "code": .string(refusal.code), "message": .string(refusal.message), "subjects": .array(refusal.subjects.map(JSONValue.string)),
        ]
        if let origin = refusal.origin {
            members["origin"] = .object(["file": .string(origin.file), "line": .integer(Int64(origin.line))])
        }
        if let help = refusal.help { members["help"] = .string(help) }
        return .object(members)
    }
}
