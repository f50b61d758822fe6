import Testing

@testable import RegistryHTTP

@Suite struct ContentRangeTests {
    @Test(
        arguments: [
            ("bytes 100-199/200", 100, 200), ("Bytes 0-0/1", 0, 1), ("bytes 5-9/*", 5, nil),
        ] as [(String, Int64, Int64?)]
    )
    func aRangeIsRead(_ text: String, _ start: Int64, _ total: Int64?) throws {
        let range = try #require(ContentRange(text))
        #expect(range.start == start && range.total == total)
    }

    @Test(arguments: [
        "", "bytes", "bytes */200", "bytes 5-", "bytes 5-/9", "bytes -5-9/10", "bytes 9-5/10", "bytes 0-10/10", "bytes 0-1/x",
        "items 0-1/2",
        "bytes 0-1", "bytes 0-99999999999999999999/5",
    ])
    func whatIsNoRangeIsNotGuessed(_ text: String) {
        #expect(ContentRange(text) == nil)
    }
}
