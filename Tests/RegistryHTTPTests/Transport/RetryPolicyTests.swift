import Testing

@testable import RegistryHTTP

@Suite struct RetryPolicyTests {
    struct Header: Sendable, CustomTestStringConvertible {
        var text: String
        var seconds: Double?

        var testDescription: String { text }
    }

    /// It is Wed, 21 Oct 2026 07:27:30 GMT.
    static let headers: [Header] = [
        Header(text: "5", seconds: 5), Header(text: "1.5", seconds: 1.5), Header(text: "-1", seconds: 0),
        Header(text: "9999999999999", seconds: 300), Header(text: "Wed, 21 Oct 2026 07:28:00 GMT", seconds: 30),
        Header(text: "Wednesday, 21-Oct-26 07:28:00 GMT", seconds: 30), Header(text: "Wed Oct 21 07:28:00 2026", seconds: 30),
        Header(text: "Wed, 21 Oct 2026 07:00:00 GMT", seconds: 0), Header(text: "Wed, 21 Oct 2036 07:28:00 GMT", seconds: 300),
        Header(text: "x", seconds: nil), Header(text: "", seconds: nil), Header(text: "nan", seconds: nil),
        Header(text: "inf", seconds: nil),
    ]

    static let now = 1_792_567_650.0

    @Test(arguments: headers)
    func retryAfterIsReadInAllItsForms(_ header: Header) {
        #expect(RetryPolicy.retryAfter(header.text, date: nil, now: Self.now) == header.seconds)
    }

    @Test func aDateCountsFromTheAnswersOwnDate() {
        let wait = RetryPolicy.retryAfter("Wed, 21 Oct 2026 07:28:00 GMT", date: "Wed, 21 Oct 2026 07:27:50 GMT", now: Self.now + 9000)
        #expect(wait == 10)
        #expect(RetryPolicy.retryAfter(nil, date: nil, now: 0) == nil)
    }

    private func waits(_ outcome: RetryPolicy.Outcome, jitter: Double = 1, step: Double = 0) -> [Double] {
        var policy = RetryPolicy(startedAt: 0)
        var waits: [Double] = []
        var now = 0.0
        while case .wait(let seconds, _) = policy.decide(outcome, now: now, jitter: jitter) {
            waits.append(seconds)
            now += seconds + step
        }
        return waits
    }

    @Test(arguments: [408, 429, 499, 502, 503, 504, 520, 524])
    func whatPassesIsTriedFiveTimes(_ status: Int) {
        #expect(waits(.status(status, permanent: false, retryAfter: nil)) == [1, 2, 4, 8])
    }

    @Test func aBrokenConnectionIsTriedFiveTimes() {
        #expect(waits(.broken) == [1, 2, 4, 8])
        #expect(waits(.unreachable) == [1, 2])
    }

    @Test func an500IsTriedTwiceAndAPermanentOneOnce() {
        #expect(waits(.status(500, permanent: false, retryAfter: nil)) == [1])
        #expect(waits(.status(500, permanent: true, retryAfter: nil)) == [])
    }

    @Test(arguments: [400, 401, 403, 404, 405, 409, 413, 501, 505])
    func whatIsFinalIsNotTriedAgain(_ status: Int) {
        #expect(waits(.status(status, permanent: false, retryAfter: nil)) == [])
    }

    @Test func theRegistrysOwnWaitHoldsForTheWholeHostAndIsNeverShortened() {
        var policy = RetryPolicy(startedAt: 0)
        #expect(policy.decide(.status(429, permanent: false, retryAfter: 20), now: 0, jitter: 0) == .wait(20, wholeHost: true))
        #expect(policy.decide(.status(503, permanent: false, retryAfter: 20), now: 20, jitter: 1) == .wait(21, wholeHost: true))
        #expect(policy.decide(.status(503, permanent: false, retryAfter: nil), now: 41, jitter: 0.5) == .wait(2, wholeHost: false))
        #expect(policy.decide(.status(429, permanent: false, retryAfter: nil), now: 43, jitter: 0.5) == .wait(4, wholeHost: true))
    }

    @Test func fiveMinutesAreEnough() {
        #expect(waits(.status(429, permanent: false, retryAfter: 200), jitter: 0) == [200])
        #expect(waits(.broken, step: 150) == [1, 2])
    }
}

@Suite struct TimestampTests {
    @Test func theCalendarIsRight() {
        #expect(Timestamp.http("Thu, 01 Jan 1970 00:00:00 GMT") == 0)
        #expect(Timestamp.http("Tue, 29 Feb 2000 12:00:00 GMT") == 951_825_600)
        #expect(Timestamp.http("Sun, 06 Nov 1994 08:49:37 GMT") == 784_111_777)
        #expect(Timestamp.http("Sunday, 06-Nov-94 08:49:37 GMT") == 784_111_777)
        #expect(Timestamp.http("Sun Nov  6 08:49:37 1994") == 784_111_777)
        #expect(Timestamp.rfc3339("1994-11-06T08:49:37.500Z") == 784_111_777.5)
        #expect(Timestamp.rfc3339("1994-11-06T03:49:37-05:00") == 784_111_777)
    }

    @Test(arguments: [
        "", "yesterday", "Wed, 99 Oct 2026 07:28:00 GMT", "Wed, 21 Foo 2026 07:28:00 GMT", "12:00:00", "Wed, 21 Oct 2026 99:28:00 GMT",
    ])
    func whatIsNoDateIsNone(_ text: String) {
        #expect(Timestamp.http(text) == nil)
        #expect(Timestamp.rfc3339(text) == nil)
    }
}
