import OCI
import Planning
import Testing

@testable import Inspection

@Suite struct TimestampTests {
    @Test(arguments: [
        ("1970-01-01T00:00:00Z", 0),
        ("2026-01-02T03:04:05Z", 1_767_323_045),
        ("2026-01-02T03:04:05.123456789Z", 1_767_323_045),
        ("2026-01-02t03:04:05z", 1_767_323_045),
        ("2026-01-02T05:04:05+02:00", 1_767_323_045),
        ("2026-01-01T22:34:05.5-04:30", 1_767_323_045),
        ("2024-02-29T00:00:00Z", 1_709_164_800),
        ("2000-03-01T00:00:00Z", 951_868_800),
        ("1969-12-31T23:59:59Z", -1),
    ])
    func `a date is seconds since 1970`(text: String, seconds: Int64) {
        #expect(Timestamp.seconds(since1970In: text) == seconds)
    }

    @Test(arguments: [
        "", "yesterday", "2026-01-02", "2026-13-02T03:04:05Z", "2026-02-29T03:04:05Z", "2026-01-02T24:04:05Z", "2026-01-02T03:04:05",
        "2026-01-02T03:04:05.Z", "2026-01-02T03:04:05Zulu", "0001-01-01T00:00:00Z", "+026-01-02T03:04:05Z",
    ])
    func `anything else is no date`(text: String) {
        #expect(Timestamp.seconds(since1970In: text) == nil)
    }

    @Test func `a config says platform and date`() {
        let config = #"{"os":"linux","architecture":"arm","variant":"v7","created":"1970-01-01T00:01:00Z"}"#
        let read = ImageConfiguration(decoding: Array(config.utf8))
        #expect(read == ImageConfiguration(platform: Platform(os: "linux", architecture: "arm", variant: "v7"), created: 60))
    }

    @Test(arguments: ["{}", "not JSON", #"{"os":"linux"}"#, "[]", #"{"os":7,"architecture":"","created":12}"#])
    func `a config of something else says nothing`(text: String) {
        #expect(ImageConfiguration(decoding: Array(text.utf8)) == ImageConfiguration(platform: nil, created: nil))
    }
}
