import OCI
import Planning
import Testing

@testable import Reporting

@Suite struct PullForecastTests {
    struct Row: Sendable, CustomTestStringConvertible {
        var count = 9600
        var isLeast = false
        var allowed: Int?
        var remaining: Int?
        var spent = 0
        var line: String?

        var testDescription: String { line ?? "nothing" }
    }

    static let rows: [Row] = [
        Row(remaining: 187, line: "docker.io: about 9,600 pulls, 187 left"),
        Row(allowed: 150, line: "docker.io: about 9,600 pulls, 150 in this apply"),
        Row(allowed: 150, remaining: 1187, line: "docker.io: about 9,600 pulls, 150 in this apply, 1,187 left"),
        Row(count: 1, isLeast: true, allowed: 3, spent: 2, line: "docker.io: at least 1 pull, 3 in this apply; planning took 2"),
        Row(line: nil), Row(count: 0, allowed: 3, line: nil),
    ]

    @Test(arguments: rows)
    func `pulls are told where something limits them`(_ row: Row) {
        let estimate = PullEstimate(registry: .dockerHub, count: row.count, isLeast: row.isLeast)
        let forecast = PullForecast(estimate, allowed: row.allowed, remaining: row.remaining, spent: row.spent)
        #expect(forecast.line == row.line)
        let text = PlanText.render(Plan(source: .workspace), pulls: [forecast])
        #expect(text.contains("\n\(row.line ?? "docker.io")\n") == (row.line != nil))
    }
}
