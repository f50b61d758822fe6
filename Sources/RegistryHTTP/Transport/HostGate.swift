internal import OCI
internal import Synchronization

/// Limits the requests that are in flight to one host and those that begin in a second, and holds all of them back after the host asked
/// for a pause.
///
/// Transfers wait for each other (an upload waits for the download that feeds it), so uploads and downloads may take at most half of the
/// slots each; else uploads could hold every slot that their own sources need.
final class HostGate: Sendable {
    enum Slot: Hashable, Sendable {
        case small, upload, download
    }

    /// Held while a request is in flight; giving it up, or dropping it, lets the next one go.
    final class Permit: Sendable {
        private let gate: HostGate
        private let slot: Slot
        private let isReleased = Mutex(false)

        fileprivate init(_ gate: HostGate, _ slot: Slot) {
            self.gate = gate
            self.slot = slot
        }

        func release() {
            let isFirst = isReleased.withLock { released in
                defer { released = true }
                return !released
            }
            if isFirst { gate.release(slot) }
        }

        deinit { release() }
    }

    /// The counting alone.
    struct Slots: Sendable {
        let limit: Int
        private var total = 0
        private var uploads = 0
        private var downloads = 0

        init(limit: Int) {
            self.limit = max(1, limit)
        }

        func isFree(_ slot: Slot) -> Bool {
            let transferLimit = max(1, limit / 2)
            switch slot {
            case .small: return total < limit
            case .upload: return total < limit && uploads < transferLimit
            case .download:
                // With a single slot the download that feeds an upload has to go beside it.
                return downloads < transferLimit && (total < limit || (limit == 1 && downloads == 0))
            }
        }

        mutating func take(_ slot: Slot) { change(slot, by: 1) }
        mutating func giveBack(_ slot: Slot) { change(slot, by: -1) }

        private mutating func change(_ slot: Slot, by difference: Int) {
            total += difference
            switch slot {
            case .small: break
            case .upload: uploads += difference
            case .download: downloads += difference
            }
        }
    }

    private struct Waiter: Sendable {
        var id: Int
        var slot: Slot
        var continuation: CheckedContinuation<Bool, Never>
    }

    private struct State: Sendable {
        var slots: Slots
        var waiters: [Waiter] = []
        var cancelled: Set<Int> = []
        var nextID = 0
        var pausedUntil = 0.0
        var pace: RequestPace

        /// Takes a slot if nobody has to wait for one.
        mutating func takeIfFree(_ slot: Slot) -> Bool {
            guard slots.isFree(slot), !waiters.contains(where: { $0.slot == slot }) else { return false }
            slots.take(slot)
            return true
        }
    }

    private let state: Mutex<State>

    init(limit: Int, requestsPerSecond: Int? = nil) {
        state = Mutex(State(slots: Slots(limit: limit), pace: RequestPace(requestsPerSecond: requestsPerSecond)))
    }

    /// Nothing is sent before `time` (on the clock of `RegistryClock.uptime`).
    func pause(until time: Double) {
        state.withLock { $0.pausedUntil = max($0.pausedUntil, time) }
    }

    /// Seconds left of the pause; 0 when there is none.
    func pauseLeft(at now: Double) -> Double {
        state.withLock { max(0, $0.pausedUntil - now) }
    }

    /// Waits for the moment at which one request, whatever it is for, may be sent: after a pause, and not too soon after the one before.
    func awaitTurn(_ clock: RegistryClock) async throws(CancellationError) {
        while true {
            let now = clock.uptime()
            let moment = state.withLock { state in state.pace.take(from: max(now, state.pausedUntil)) }
            if moment > now { try await clock.sleep(moment - now) }
            // A pause that was asked for meanwhile holds this one back too.
            if state.withLock({ $0.pausedUntil <= moment }) { return }
        }
    }

    /// A slot, once the host's pause is over: a request that may not go yet holds none.
    func enter(_ slot: Slot, _ clock: RegistryClock) async throws(CancellationError) -> Permit {
        while true {
            let left = pauseLeft(at: clock.uptime())
            if left > 0 { try await clock.sleep(left) }
            let permit = try await acquire(slot)
            guard pauseLeft(at: clock.uptime()) > 0 else { return permit }
            permit.release()
        }
    }

    func acquire(_ slot: Slot) async throws(CancellationError) -> Permit {
        if !Task.isCancelled, state.withLock({ $0.takeIfFree(slot) }) { return Permit(self, slot) }
        let id = state.withLock { state in
            state.nextID += 1
            return state.nextID
        }
        let isGranted = await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                let answer: Bool? = state.withLock { state in
                    if state.cancelled.remove(id) != nil { return false }
                    if state.takeIfFree(slot) { return true }
                    state.waiters.append(Waiter(id: id, slot: slot, continuation: continuation))
                    return nil
                }
                if let answer { continuation.resume(returning: answer) }
            }
        } onCancel: {
            let waiter: Waiter? = state.withLock { state in
                guard let index = state.waiters.firstIndex(where: { $0.id == id }) else {
                    state.cancelled.insert(id)
                    return nil
                }
                return state.waiters.remove(at: index)
            }
            waiter?.continuation.resume(returning: false)
        }
        _ = state.withLock { $0.cancelled.remove(id) }
        guard isGranted else { throw CancellationError() }
        return Permit(self, slot)
    }

    private func release(_ slot: Slot) {
        let granted: [Waiter] = state.withLock { state in
            state.slots.giveBack(slot)
            var granted: [Waiter] = []
            state.waiters.removeAll { waiter in
                guard state.slots.isFree(waiter.slot) else { return false }
                state.slots.take(waiter.slot)
                granted.append(waiter)
                return true
            }
            return granted
        }
        for waiter in granted { waiter.continuation.resume(returning: true) }
    }
}
