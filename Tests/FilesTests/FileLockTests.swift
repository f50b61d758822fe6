import Files
import Synchronization
import Testing

/// Never waits: each sleep is counted, and the body of a test decides what happens meanwhile.
private final class SteppingClock: Clock {
    struct Instant: InstantProtocol {
        var offset: Duration
        func advanced(by duration: Duration) -> Instant { Instant(offset: offset + duration) }
        func duration(to other: Instant) -> Duration { other.offset - offset }
        static func < (left: Instant, right: Instant) -> Bool { left.offset < right.offset }
    }

    private let state = Mutex((now: Instant(offset: .zero), sleeps: 0))
    private let onSleep: @Sendable (Int) -> Void

    init(onSleep: @escaping @Sendable (Int) -> Void) {
        self.onSleep = onSleep
    }

    var now: Instant { state.withLock { $0.now } }
    var minimumResolution: Duration { .nanoseconds(1) }

    func sleep(until deadline: Instant, tolerance: Duration?) async throws {
        try Task.checkCancellation()
        let sleeps = state.withLock { state in
            state.now = deadline
            state.sleeps += 1
            return state.sleeps
        }
        onSleep(sleeps)
    }
}

@Suite struct FileLockTests {
    private let scratch: TemporaryFolder

    init() throws {
        scratch = try TemporaryFolder()
    }

    @Test func `shared locks go together, an exclusive one goes alone`() throws {
        let first = try #require(try FileLock.attempt(.shared, "lock", in: scratch.folder))
        let second = try #require(try FileLock.attempt(.shared, "lock", in: scratch.folder))
        #expect(try FileLock.attempt(.exclusive, "lock", in: scratch.folder) == nil)
        first.release()
        #expect(try FileLock.attempt(.exclusive, "lock", in: scratch.folder) == nil)
        second.release()
        let alone = try #require(try FileLock.attempt(.exclusive, "lock", in: scratch.folder))
        #expect(try FileLock.attempt(.shared, "lock", in: scratch.folder) == nil)
        alone.release()
    }

    @Test func `a waiter gets the lock once it is released`() async throws {
        let held = try #require(try FileLock.attempt(.exclusive, "lock", in: scratch.folder))
        let clock = SteppingClock { if $0 == 5 { held.release() } }
        let lock = try await FileLock.acquire(.shared, "lock", in: scratch.folder, clock: clock)
        lock.release()
        #expect(clock.now.offset == .milliseconds(2 + 4 + 8 + 16 + 32))
    }

    @Test func `patience ends with an error that says so`() async throws {
        let held = try #require(try FileLock.attempt(.exclusive, "lock", in: scratch.folder))
        let clock = SteppingClock { _ in }
        await #expect { try await FileLock.acquire(.exclusive, "lock", in: scratch.folder, patience: .seconds(1), clock: clock) } throws: {
            ($0 as? FileError)?.code == .busy
        }
        held.release()
    }

    @Test func `a cancelled waiter stops waiting`() async throws {
        let held = try #require(try FileLock.attempt(.exclusive, "lock", in: scratch.folder))
        let folder = scratch.folder
        let code = await withTaskGroup(of: FileError.Code?.self) { group in
            group.addTask {
                do throws(FileError) {
                    try await FileLock.acquire(.exclusive, "lock", in: folder).release()
                    return nil
                } catch { return error.code }
            }
            group.cancelAll()
            return await group.next() ?? nil
        }
        #expect(code == .cancelled)
        held.release()
    }
}
