import NIOHTTP1
import Testing

@testable import RegistryHTTP

@Suite struct RegistryQuotaTests {
    struct Row: Sendable, CustomTestStringConvertible {
        var text: String
        var remaining: Int?
        var window: Int?
        var wait: Double?

        var testDescription: String { text }
    }

    static let rows: [Row] = [
        Row(text: "187;w=21600", remaining: 187, window: 21600), Row(text: "187", remaining: 187),
        Row(text: " 5 ; w=60", remaining: 5, window: 60, wait: 60),
        Row(text: "0;w=60", remaining: 0, window: 60, wait: 60), Row(text: "0;w=21600", remaining: 0, window: 21600),
        Row(text: "0;w=99999999999999999999", remaining: 0), Row(text: "0;w=-1", remaining: 0), Row(text: "-1;w=60"), Row(text: ""),
        Row(text: "many"),
    ]

    @Test(arguments: rows)
    func theHeaderIsReadAndItsWaitBounded(_ row: Row) {
        let quota = RegistryQuota(["ratelimit-remaining": row.text])
        #expect(quota?.remaining == row.remaining)
        #expect(quota?.window == row.window)
        #expect(quota?.wait == row.wait)
    }

    @Test func exhaustionIsSaidWithItsWindow() {
        let hours = RegistryQuota(["RateLimit-Remaining": "0;w=21600"])
        #expect(hours?.exhaustion == "it says that none of the requests it allows in 6 hours are left")
        #expect(RegistryQuota(["RateLimit-Remaining": "1;w=21600"])?.exhaustion == nil)
    }
}
