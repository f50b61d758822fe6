import Testing

@testable import RegistryHTTP

@Suite struct RequestPaceTests {
    struct Row: Sendable, CustomTestStringConvertible {
        var testDescription: String
        var requestsPerSecond: Int?
        var wanted: [Double]
        var granted: [Double]
    }

    static let rows: [Row] = [
        Row(testDescription: "without a limit nothing waits", requestsPerSecond: nil, wanted: [1, 1, 1], granted: [1, 1, 1]),
        Row(testDescription: "requests at once are spaced", requestsPerSecond: 4, wanted: [1, 1, 1, 1], granted: [1, 1.25, 1.5, 1.75]),
        Row(testDescription: "one a second", requestsPerSecond: 1, wanted: [0, 0.5, 0.5], granted: [0, 1, 2]),
        Row(
            testDescription: "idle time is not saved up for a burst",
            requestsPerSecond: 2,
            wanted: [0, 10, 10, 10],
            granted: [0, 10, 10.5, 11]
        ),
        Row(testDescription: "slow requests do not wait", requestsPerSecond: 2, wanted: [0, 1, 2], granted: [0, 1, 2]),
        Row(testDescription: "a limit below one is one", requestsPerSecond: 0, wanted: [0, 0], granted: [0, 1]),
    ]

    @Test(arguments: rows)
    func momentsAreSpaced(_ row: Row) {
        var pace = RequestPace(requestsPerSecond: row.requestsPerSecond)
        #expect(row.wanted.map { pace.take(from: $0) } == row.granted)
    }

    @Test func aTurnWaitsOutAPauseThatBeganWhileItWaited() async throws {
        let clock = TestClock()
        let gate = HostGate(limit: 1, requestsPerSecond: 1)
        try await gate.awaitTurn(clock.clock)
        let begin = clock.now
        var interrupted = clock.clock
        interrupted.sleep = { seconds throws(CancellationError) in
            gate.pause(until: begin + 30)
            try await clock.clock.sleep(seconds)
        }
        try await gate.awaitTurn(interrupted)
        #expect(clock.now == begin + 30)
        #expect(clock.sleeps == [1, 29])
    }

    @Test func aPausedHostHoldsNoSlot() async throws {
        let clock = TestClock()
        let gate = HostGate(limit: 1)
        gate.pause(until: clock.now + 10)
        var watching = clock.clock
        watching.sleep = { seconds throws(CancellationError) in
            // The only slot is free while the pause lasts.
            let permit = try await gate.acquire(.small)
            permit.release()
            try await clock.clock.sleep(seconds)
        }
        let permit = try await gate.enter(.small, watching)
        #expect(clock.sleeps == [10])
        permit.release()
    }
}
