import RegistryTestSupport
import Synchronization
import Testing

@testable import RegistryHTTP

/// Counts what is in flight.
private final class Flight: Sendable {
    private let state = Mutex((now: 0, most: 0))

    var most: Int { state.withLock { $0.most } }

    func began() {
        state.withLock {
            $0.now += 1
            $0.most = max($0.most, $0.now)
        }
    }

    func ended() { state.withLock { $0.now -= 1 } }
}

@Suite struct HostGateTests {
    @Test func `a cancelled task gets no permit, though one is free`() async {
        let gate = HostGate(limit: 1)
        let task = Task {
            withUnsafeCurrentTask { $0?.cancel() }
            return (try? await gate.acquire(.small)) != nil
        }
        #expect(await task.value == false)
    }

    @Test func noMoreThanTheLimitIsInFlight() async throws {
        let gate = HostGate(limit: 3)
        let flight = Flight()
        try await withThrowingTaskGroup(of: Void.self) { group in
            for _ in 0..<50 {
                group.addTask {
                    let permit = try await gate.acquire(.small)
                    flight.began()
                    await Task.yield()
                    flight.ended()
                    permit.release()
                }
            }
            try await group.waitForAll()
        }
        #expect(flight.most == 3)
    }

    @Test func uploadsLeaveRoomForTheDownloadsThatFeedThem() {
        var slots = HostGate.Slots(limit: 4)
        for _ in 0..<2 { slots.take(.upload) }
        #expect(!slots.isFree(.upload) && slots.isFree(.download))
        for _ in 0..<2 { slots.take(.download) }
        #expect(!slots.isFree(.download) && !slots.isFree(.small))
        slots.giveBack(.upload)
        #expect(slots.isFree(.small) && slots.isFree(.upload) && !slots.isFree(.download))
    }

    @Test func aSingleConnectionStillCopiesWithinTheRegistry() {
        var slots = HostGate.Slots(limit: 1)
        slots.take(.upload)
        #expect(!slots.isFree(.small) && !slots.isFree(.upload) && slots.isFree(.download))
    }

    @Test func droppingAPermitGivesItBack() async throws {
        let gate = HostGate(limit: 1)
        do { _ = try await gate.acquire(.small) }
        let permit = try await gate.acquire(.small)
        permit.release()
        permit.release()
        let first = try await gate.acquire(.small)
        await confirmThatItWaits(gate)
        first.release()
    }

    /// A cancelled wait ends, and takes no slot.
    private func confirmThatItWaits(_ gate: HostGate) async {
        let outcome = await withTaskGroup(of: Bool.self) { group in
            group.addTask { (try? await gate.acquire(.small)) == nil }
            group.cancelAll()
            return await group.next()
        }
        #expect(outcome == true)
    }

    @Test func aPauseHoldsUntilItsEnd() {
        let gate = HostGate(limit: 1)
        gate.pause(until: 10)
        gate.pause(until: 5)
        #expect(gate.pauseLeft(at: 4) == 6)
        #expect(gate.pauseLeft(at: 11) == 0)
    }
}
