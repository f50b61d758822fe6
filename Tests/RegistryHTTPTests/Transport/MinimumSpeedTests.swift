import AsyncHTTPClient
import NIOCore
import RegistryTestSupport
import Testing

@testable import RegistryHTTP

@Suite struct MinimumSpeedTests {
    struct Row: Sendable, CustomTestStringConvertible {
        var testDescription: String
        /// How often a piece of so many bytes comes after so many seconds.
        var pieces: [(times: Int, bytes: Int, seconds: Double)]
        var isKept: Bool
    }

    static let rows: [Row] = [
        Row(testDescription: "one byte a second", pieces: [(119, 1, 1)], isKept: true),
        Row(testDescription: "one byte a second for two minutes", pieces: [(120, 1, 1)], isKept: false),
        Row(testDescription: "1 KiB/s", pieces: [(1000, 1024, 1)], isKept: true),
        Row(testDescription: "a little less than 1 KiB/s", pieces: [(1000, 1023, 1)], isKept: false),
        Row(testDescription: "pieces that came while nobody waited", pieces: [(1000, 1, 0)], isKept: true),
        Row(testDescription: "fast, then slow", pieces: [(120, 1 << 20, 1), (120, 10, 1)], isKept: false),
        Row(testDescription: "one long silence below the idle time-out", pieces: [(1, 1, 59), (100, 1 << 20, 1)], isKept: true),
        Row(testDescription: "a clock that goes back", pieces: [(1000, 1, -1)], isKept: true),
    ]

    @Test(arguments: rows)
    func lessThanOneKiBASecondOverTwoMinutesIsTooSlow(_ row: Row) {
        var speed = MinimumSpeed()
        var isKept = true
        for piece in row.pieces {
            for _ in 0..<piece.times where !speed.isKept(by: piece.bytes, after: piece.seconds) { isKept = false }
        }
        #expect(isKept == row.isKept)
    }

    @Test(arguments: [(0.5, true), (2.0, false)])
    func anAnswerThatDripsIsBrokenOff(_ secondsForAByte: Double, _ isKept: Bool) async throws {
        let time = TestClock()
        let bytes = (0..<100).map { UInt8($0) }
        let drip = AsyncStream<ByteBuffer> { stream in
            for byte in bytes { stream.yield(ByteBuffer(bytes: [byte])) }
            stream.finish()
        }
        var clock = time.clock
        // Every look at the clock finds it later: one before each byte, one after it.
        clock.uptime = {
            time.advance(secondsForAByte)
            return time.now
        }
        let body = HTTPClientResponse.Body.stream(drip)
        do {
            #expect(try await body.collect(upTo: 100, clock: clock) == bytes)
            #expect(isKept)
        } catch {
            #expect(!isKept)
            #expect(error as? TransportFailure == .broken("it sends less than 1 KiB/s"))
        }
    }
}
