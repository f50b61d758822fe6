import Testing

@testable import Reporting

@Suite struct AmountsTests {
    @Test(arguments: [(0, "0"), (999, "999"), (1204, "1,204"), (1_000_000, "1,000,000"), (-1204, "-1,204")])
    func `thousands are separated`(number: Int, text: String) { #expect(Amounts.count(number) == text) }

    @Test(arguments: [
        (0 as Int64, "0 B"), (1023, "1023 B"), (1024, "1.0 KiB"), (1536, "1.5 KiB"), (1_048_575, "1.0 MiB"), (21_390_950, "20.4 MiB"),
        (1 << 30, "1.0 GiB"), (50 << 30, "50.0 GiB"), (2048 << 40, "2,048.0 TiB"),
    ])
    func `sizes have one decimal`(bytes: Int64, text: String) { #expect(Amounts.bytes(bytes) == text) }

    @Test(arguments: [
        (64_172_851 as Int64, 21_390_950 as Int64, "61.2 MiB (20.4 to send)"), (64_172_851, 64_172_851, "61.2 MiB"),
        (64_172_851, 0, "61.2 MiB (none to send)"), (64_172_851, 2048, "61.2 MiB (2.0 KiB to send)"),
    ])
    func `what is to send is a part of the whole`(total: Int64, toSend: Int64, text: String) {
        #expect(Amounts.bytes(total, toSend: toSend) == text)
    }

    @Test(arguments: [
        ("1.9", "1.10"), ("v1", "v2"), ("a", "b"), ("1.0", "1.0.1"), ("1", "a"), ("1.01", "1.2"), ("99999999999999999999", "x"),
    ])
    func `numbers in names count as numbers`(left: String, right: String) {
        #expect(NaturalOrder.precedes(left, right))
        #expect(!NaturalOrder.precedes(right, left))
    }
}
