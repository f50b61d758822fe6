import Diagnostics
import OCI
import Planning
import Reporting
import Testing

@Suite struct PlanJSONTests {
    private let refusal = Refusal(
        code: "protected",
        message: "no",
        subjects: ["us.icr.io/a:1"],
        origin: Origin(file: "a", line: 2),
        help: "h"
    )

    @Test func `a plan that may be applied is its file`() throws {
        let plan = try PlanBuilder().built()
        let text = try PlanJSON.render(plan, diagnostics: [.warning("w", "only a warning")])
        #expect(try PlanFile.decode(Array(text.utf8)).plan == plan)
    }

    @Test func `a refused plan is shown and cannot be applied`() throws {
        let text = try PlanJSON.render(PlanBuilder().built(), refusals: [refusal])
        #expect(throws: PlanFile.Invalid.self) { try PlanFile.decode(Array(text.utf8)) }
        let value = try JSONValue(parsing: Array(text.utf8))
        #expect(value["resultVersion"] == .integer(1))
        #expect(value["plan"]?["formatVersion"] == .integer(1))
        #expect(value["plan"]?["planDigest"] == nil)
        #expect(value["refusals"]?.array?.first?["subjects"] == .array([.string("us.icr.io/a:1")]))
        #expect(value["refusals"]?.array?.first?["origin"]?["line"] == .integer(2))
    }

    @Test func `errors stand where there is no plan`() throws {
        let value = try JSONValue(parsing: Array(PlanJSON.render(nil, diagnostics: [.error("e", "wrong")]).utf8))
        #expect(value["plan"] == .null)
        #expect(value["diagnostics"]?.array?.first?["message"] == .string("wrong"))
    }
}
